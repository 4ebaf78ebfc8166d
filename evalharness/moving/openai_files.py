"""OpenAI's files: rows of its evals (``input``, ``ideal``), and the input and output of its batches."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from evalharness.core.errors import EvalSetError
from evalharness.core.files import shown
from evalharness.moving.answers import Answers
from evalharness.moving.documents import read_records
from evalharness.moving.fields import asked, first, mapping, messages, sequence, text_of_content, usage, written
from evalharness.moving.moved import CaseBook, Ledger, Moved

_TARGETS: Final = ("ideal", "expected", "expected_answer", "ground_truth", "reference")
_INPUTS: Final = ("input", "messages", "question", "prompt")


def read_openai_evals(path: Path) -> Moved:
    """Rows of OpenAI Evals: ``{input, ideal}``, or the newer service's ``{item, sample}`` and the output items of its runs.

    Raises:
        EvalSetError: If it is none.
    """
    records = read_records(path)
    ledger = Ledger()
    book, answers = CaseBook(ledger), Answers()
    for place, row in records.rows:
        item = mapping(first(row, "item", "datasource_item")) or row
        case_id = _row(item, place, book, ledger)
        sample = mapping(row.get("sample"))
        if case_id is not None and sample:
            _sampled(sample, case_id, answers)
    if not book.cases:
        raise EvalSetError("seen no row with input, expected OpenAI Evals rows", where=shown(path))
    return Moved(
        kind="openai-evals",
        sha256=records.sha256,
        cases=tuple(book.cases.values()),
        answers=answers.done(),
        entries=ledger.entries(),
        rows=len(records.rows),
        counted=records.counted,
        counted_by=records.counted_by,
    )


def _sampled(sample: Mapping[str, Any], case_id: str, answers: Answers) -> None:
    """The answer of a sample: its text, the last of its messages, or what went wrong."""
    said = [text for turn in messages(sample.get("output")) if isinstance(text := turn.get("content"), str)]
    output = (
        first(sample, "output_text") or first(mapping(sample.get("outputs")), "text") or (said[-1] if said else None)
    )
    model, finish = sample.get("model"), sample.get("finish_reason")
    error = first(mapping(sample.get("error")), "message", "code")
    if isinstance(output, str):
        tokens = mapping(sample.get("usage"))
        answers.add(
            "sample",
            case_id,
            output=output,
            model=model if isinstance(model, str) else None,
            usage=usage(tokens.get("prompt_tokens"), tokens.get("completion_tokens")),
            finish_reason=finish if isinstance(finish, str) and finish else None,
        )
    elif error:
        answers.add("sample", case_id, error=written(error)[:500])


def _row(item: Mapping[str, Any], place: str, book: CaseBook, ledger: Ledger) -> str | None:
    name = next((name for name in _INPUTS if item.get(name) is not None), None)
    if name is None:
        ledger.drop("row", "it has no input", place)
        return None
    value = item[name]
    asking = asked(messages(value)) if isinstance(value, list) else value
    if isinstance(value, list) and len(messages(value)) > len(sequence(asking)):
        ledger.change("input", "system messages left out: they belong to the candidate", place)
    if asking is None:
        ledger.drop("row", "its input holds no text", place)
        return None
    goal = next((target for target in _TARGETS if item.get(target) is not None), None)
    facts = {key: value for key, value in item.items() if key not in (name, goal) and value is not None}
    for key in facts:
        ledger.change(f"field {key}", "kept in metadata", place)
    ledger.keep(f"field {name}", place)
    target = item[goal] if goal else None
    if goal:
        ledger.keep(f"field {goal}", place)
    target = [written(one) for one in target] if isinstance(target, list) else target
    return book.add({"input": asking, "target": target or None, "metadata": facts or None}, place=place)


def read_openai_batch(path: Path) -> Moved:
    """The input of a batch as cases, or its output as recorded answers (with the custom ids as case ids).

    Raises:
        EvalSetError: If it is neither.
    """
    records = read_records(path)
    ledger = Ledger()
    book, answers = CaseBook(ledger), Answers()
    for place, row in records.rows:
        custom = row.get("custom_id")
        if not isinstance(custom, str) or not custom:
            raise EvalSetError("seen no custom_id, expected a line of a batch", where=f"{shown(path)}: {place}")
        if "body" in row:
            _request(mapping(row["body"]), custom, place, book=book, ledger=ledger)
        else:
            answers.add("batch", _answered(custom, place, ledger), **_reply(row))
    return Moved(
        kind="openai-batch",
        sha256=records.sha256,
        cases=tuple(book.cases.values()),
        answers=answers.done(),
        entries=ledger.entries(),
        rows=len(records.rows),
        counted=records.counted,
        counted_by=records.counted_by,
    )


def _request(body: Mapping[str, Any], custom: str, place: str, *, book: CaseBook, ledger: Ledger) -> None:
    value = first(body, "messages", "input", "prompt")
    asking = asked(messages(value)) if isinstance(value, list) else value
    if not isinstance(asking, (str, list)) or not asking:
        ledger.drop("request", "its body holds no text to answer", place)
        return
    rest = sorted(body.keys() - {"messages", "input", "prompt"})
    for key in rest:
        ledger.change(f"body.{key}", "it belongs to the candidate: set it in evalh.toml", place)
    if isinstance(value, list) and len(messages(value)) > len(sequence(asking)) + (not isinstance(asking, list)):
        ledger.change("system message", "left out: it belongs to the candidate", place)
    book.add({"input": asking}, place=place, source_id=custom)
    ledger.keep("request", place)


def _answered(custom: str, place: str, ledger: Ledger) -> str:
    """The case id that the request of this answer got when the input file was read."""
    from evalharness.core.cases import ID_PATTERN

    if not ID_PATTERN.fullmatch(custom):
        raise EvalSetError(
            f"seen the custom_id {custom[:60]!r}, which no case can have as its id",
            where=place,
            tip="use letters, digits, dot, dash and underscore, at most 64",
        )
    ledger.keep("answer", place)
    return custom


def _reply(row: Mapping[str, Any]) -> dict[str, Any]:
    response = mapping(row.get("response"))
    status = response.get("status_code")
    error = row.get("error") or (f"status {status}" if status not in (None, 200) else None)
    if error is not None:
        message = mapping(error).get("message") or error
        return {"error": written(message)[:500]}
    body = mapping(response.get("body"))
    choice = mapping(next(iter(sequence(body.get("choices"))), None))
    said = mapping(choice.get("message"))
    text = text_of_content(said.get("content")) if said else choice.get("text")
    if text is None and "output" in body:
        parts = [text_of_content(mapping(item).get("content")) for item in sequence(body["output"])]
        text = "".join(part for part in parts if part)
    tokens = mapping(body.get("usage"))
    finish, model = choice.get("finish_reason"), body.get("model")
    return {
        "output": text if isinstance(text, str) else None,
        "messages": [dict(said)] if said.get("tool_calls") else None,
        "usage": usage(
            first(tokens, "prompt_tokens", "input_tokens"), first(tokens, "completion_tokens", "output_tokens")
        ),
        "finish_reason": finish if isinstance(finish, str) else None,
        "model": model if isinstance(model, str) else None,
    }
