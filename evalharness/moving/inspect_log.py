"""Inspect's logs: ``.eval`` (a zip archive of JSON, its members often packed by Zstandard) and ``.json``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from evalharness.core.errors import EvalSetError
from evalharness.core.files import shown
from evalharness.moving.answers import Answers
from evalharness.moving.archive import Archive
from evalharness.moving.documents import parse, read_source, text_of
from evalharness.moving.fields import amount, asked, first, mapping, messages, sequence, usage, written
from evalharness.moving.moved import CaseBook, Ledger, Moved

_ATTACHMENT: Final = re.compile(r"attachment://([0-9a-f]{8,64})")
_REASONS: Final[Mapping[str, str]] = {"max_tokens": "length", "model_length": "length"}


def read_inspect(path: Path) -> Moved:
    """Read a log.

    Args:
        path: ``.eval`` or ``.json``.

    Raises:
        EvalSetError: If it is none, a member is too large or damaged, or its name leads out of the archive.
        ExtraMissing: If its members need Zstandard and that is not installed.
    """
    return _read_archive(path) if path.suffix == ".eval" else _read_json(path)


def _read_json(path: Path) -> Moved:
    data = read_source(path)
    log, nulls = parse(text_of(data, shown(path)), shown(path))
    samples = sequence(mapping(log).get("samples"))
    header = mapping(log)
    results = mapping(header.get("results"))
    total = first(results, "completed_samples", "total_samples")
    found = ((f"sample {index}", mapping(sample)) for index, sample in enumerate(samples))
    return _moved(path, data, header, found, nulls=nulls, counted=total, counted_by="Inspect's own total")


def _read_archive(path: Path) -> Moved:
    archive = Archive(path)
    names = sorted(archive.names("samples/", ".json"), key=_in_number_order)
    if not names or not (archive.names("header.json") or archive.names("_journal/start.json")):
        raise EvalSetError("seen no samples and header, expected an Inspect log", where=shown(path))
    header = _member(archive, "header.json" if archive.names("header.json") else "_journal/start.json", path)
    counted, counted_by = len(names), "the archive's list"
    if archive.names("summaries.json"):
        summaries = _member(archive, "summaries.json", path)
        counted, counted_by = len(sequence(summaries)), "the log's summaries"
    found = ((name, mapping(_member(archive, name, path))) for name in names)
    return _moved(path, archive.data, mapping(header), found, nulls=0, counted=counted, counted_by=counted_by)


def _in_number_order(name: str) -> list[tuple[int, str]]:
    """``x_epoch_2`` before ``x_epoch_10``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _member(archive: Archive, name: str, path: Path) -> Any:
    where = f"{shown(path)}: {name}"
    return parse(text_of(archive.read(name), where), where)[0]


def _moved(
    path: Path,
    data: bytes,
    header: Mapping[str, Any],
    samples: Iterator[tuple[str, Mapping[str, Any]]],
    *,
    nulls: int,
    counted: Any,
    counted_by: str,
) -> Moved:
    ledger = Ledger()
    if nulls:
        ledger.change("numbers", "NaN and Infinity became null", f"{nulls} of them")
    book, answers = CaseBook(ledger), Answers()
    system = str(mapping(header.get("eval")).get("model") or "model")
    rows = 0
    known: dict[str, str] = {}
    for place, sample in samples:
        rows += 1
        _sample(sample, place, system, book=book, answers=answers, ledger=ledger, known=known)
    if not rows:
        raise EvalSetError("seen no samples, expected an Inspect log with them", where=shown(path))
    return Moved(
        kind="inspect",
        sha256=hashlib.sha256(data).hexdigest(),
        cases=tuple(book.cases.values()),
        answers=answers.done(),
        entries=ledger.entries(),
        rows=rows,
        counted=counted if isinstance(counted, int) else None,
        counted_by=counted_by,
    )


def _sample(
    sample: Mapping[str, Any],
    place: str,
    system: str,
    *,
    book: CaseBook,
    answers: Answers,
    ledger: Ledger,
    known: dict[str, str],
) -> None:
    notes = mapping(sample.get("attachments"))
    own = str(sample.get("id"))
    if own not in known:
        data = _case(_resolved(sample.get("input"), notes), sample, ledger, place)
        if data is None:
            ledger.drop("sample", "its input holds no text", place)
            return
        known[own] = book.add(data, place=place, source_id=sample.get("id"))
    answers.add(system, known[own], **_answer(sample, notes))
    ledger.keep("answer", place)
    for name in sorted(mapping(sample.get("scores"))):
        ledger.drop(f"score {name}", "scores are computed again here: the answers are kept", place)


def _case(value: Any, sample: Mapping[str, Any], ledger: Ledger, place: str) -> dict[str, Any] | None:
    asking = asked(messages(value)) if isinstance(value, list) else value
    if not isinstance(asking, (str, list)) or not asking:
        return None
    facts = dict(mapping(sample.get("metadata")))
    for name in ("choices", "files", "setup", "sandbox"):
        if sample.get(name):
            facts[name] = sample[name]
            ledger.change(f"sample {name}", "kept in metadata: no candidate here acts on it", place)
    target = sample.get("target")
    if isinstance(target, list):
        target = [written(one) for one in target if one != ""] or None
    ledger.keep("sample", place)
    return {"input": asking, "target": target if target != "" else None, "metadata": facts or None}


def _answer(sample: Mapping[str, Any], notes: Mapping[str, Any]) -> dict[str, Any]:
    output = mapping(_resolved(sample.get("output"), notes))
    error = mapping(sample.get("error")).get("message") or output.get("error")
    choice = mapping(next(iter(sequence(output.get("choices"))), None))
    said = messages([mapping(choice.get("message"))]) if choice else []
    text = output.get("completion") or (said[0]["content"] if said else None)
    if error and not text:
        return {"error": str(error)[:500]}
    tokens = mapping(output.get("usage"))
    reason, model = choice.get("stop_reason"), output.get("model")
    trace = messages(_resolved(sample.get("messages"), notes))
    return {
        "output": text if isinstance(text, str) else "",
        "messages": trace if any(turn.get("tool_calls") for turn in trace) else None,
        "usage": usage(tokens.get("input_tokens"), tokens.get("output_tokens")),
        "latency_s": amount(first(output, "time") or sample.get("working_time") or sample.get("total_time")),
        "finish_reason": _REASONS.get(reason, reason) if isinstance(reason, str) else None,
        "model": model if isinstance(model, str) and model else None,
    }


def _resolved(value: Any, notes: Mapping[str, Any]) -> Any:
    """Long texts stand apart as attachments; they are put back where they belong."""
    if isinstance(value, str):
        whole = _ATTACHMENT.fullmatch(value)
        return notes.get(whole[1], value) if whole else value
    if isinstance(value, list):
        return [_resolved(item, notes) for item in value]
    if isinstance(value, Mapping):
        return {key: _resolved(item, notes) for key, item in value.items()}
    return value
