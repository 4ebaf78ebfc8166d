"""lm-evaluation-harness samples (``--log_samples``): one line a document and filter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from evalharness.core.errors import EvalSetError
from evalharness.core.files import shown
from evalharness.moving.answers import Answers
from evalharness.moving.documents import read_records
from evalharness.moving.fields import mapping, sequence, written
from evalharness.moving.moved import CaseBook, Ledger, Moved

_OWN: Final = frozenset(
    {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"}
    | {"doc_hash", "prompt_hash", "target_hash"}
)


def read_lm_eval(path: Path) -> Moved:
    """Read a samples file; each filter's answers are a system of their own.

    Args:
        path: JSONL file ``samples_TASK_*.jsonl``.

    Raises:
        EvalSetError: If it is none.
    """
    records = read_records(path)
    ledger = Ledger()
    if records.nulls:
        ledger.change("numbers", "NaN and Infinity became null", f"{records.nulls} of them")
    book, answers = CaseBook(ledger), Answers()
    known: dict[str, str] = {}
    for place, row in records.rows:
        if "doc_id" not in row or "resps" not in row:
            raise EvalSetError("seen no doc_id and resps, expected lm-eval samples", where=f"{shown(path)}: {place}")
        number = str(row["doc_id"])
        if number not in known:
            asking = _prompt(row)
            if asking is None:
                ledger.drop("sample", "its arguments hold no prompt", place)
                continue
            known[number] = _case(row, asking, place, book=book, ledger=ledger)
        name = str(row.get("filter") or "none")
        answers.add(name, known[number], output=_reply(row))
        ledger.keep(f"answer of filter {name}", place)
        for metric in sorted(row.keys() - _OWN):
            ledger.drop(f"metric {metric}", "scores are computed again here: the answers are kept", place)
    return Moved(
        kind="lm-eval",
        sha256=records.sha256,
        cases=tuple(book.cases.values()),
        answers=answers.done(),
        entries=ledger.entries(),
        rows=len(records.rows),
        counted=records.counted,
        counted_by=records.counted_by,
    )


def _case(row: Mapping[str, Any], asking: str, place: str, *, book: CaseBook, ledger: Ledger) -> str:
    target = row.get("target")
    choices = _choices(row)
    if choices and isinstance(target, int) and 0 <= target < len(choices):
        ledger.change("target", "the number of a choice became its text", place)
        target = choices[target].strip()
    facts: dict[str, Any] = {"doc": dict(mapping(row.get("doc")))} if row.get("doc") else {}
    if choices:
        facts["choices"] = choices
        ledger.change("choices", "kept in metadata; the answer is the likeliest one", place)
    ledger.keep("sample", place)
    goal = [written(one) for one in target] if isinstance(target, list) else target
    data = {"input": asking, "target": None if goal in ("", []) else goal, "metadata": facts or None}
    return book.add(data, place=place, source_id=f"doc-{row['doc_id']}")


def _arguments(row: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """(prompt, continuation or settings) of each request, from both ways in which they are written."""
    value = row.get("arguments")
    if isinstance(value, Mapping):
        tables = [mapping(item) for item in value.values()]
        return [(table.get("arg_0"), table.get("arg_1")) for table in tables]
    pairs = [item for item in sequence(value) if isinstance(item, list) and item]
    return [(pair[0], pair[1] if len(pair) > 1 else None) for pair in pairs]


def _prompt(row: Mapping[str, Any]) -> str | None:
    asked = next((prompt for prompt, _ in _arguments(row)), None)
    return asked if isinstance(asked, str) and asked else None


def _choices(row: Mapping[str, Any]) -> list[str]:
    """The continuations of a multiple choice; empty for free answers."""
    texts = [text for _, text in _arguments(row)]
    return [text for text in texts if isinstance(text, str)] if all(isinstance(t, str) for t in texts) else []


def _reply(row: Mapping[str, Any]) -> str | None:
    """The filtered answer; of log-likelihoods, the likeliest choice."""
    found = sequence(row.get("filtered_resps")) or sequence(row.get("resps"))
    choices = _choices(row)
    scores = [_score(item) for item in found]
    if choices and len(scores) == len(choices) and all(score is not None for score in scores):
        best = max(range(len(choices)), key=lambda index: scores[index] or 0.0)
        return choices[best].strip()
    value = found[0] if found else None
    while isinstance(value, list):
        value = value[0] if value else None
    return None if value is None else written(value)


def _score(value: Any) -> float | None:
    """The log-likelihood in ``[score, is_greedy]``, which may be written as texts and nested once more."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, list) or len(value) != 2:
        return None
    try:
        return float(value[0])
    except (TypeError, ValueError):
        return None
