"""Langfuse's exports: observations (of the newer and the older form), traces, and traces with observations inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from evalharness.evalset.tables import read_csv
from evalharness.moving.calls import FEEDBACK_NAMES, Call, Feedback, Log, feedback_in, thumb_of
from evalharness.moving.documents import Records, read_records
from evalharness.moving.fields import (
    amount,
    asked,
    first,
    mapping,
    message,
    messages,
    moment,
    parsed,
    seconds_between,
    sequence,
    usage,
)

_ANSWERING: Final = frozenset({"GENERATION", "AGENT"})


def read_langfuse(path: Path) -> Log:
    """The generations of an export, or its traces where it holds nothing else.

    Args:
        path: ``.json``, ``.jsonl`` or ``.csv``.

    Raises:
        EvalSetError: If it cannot be read.
    """
    records = _records(path)
    calls = [_call(row, place) for place, row in records.rows if _is_call(row)]
    return Log(
        kind="langfuse",
        calls=tuple(calls),
        sha256=records.sha256,
        rows=len(records.rows),
        counted=records.counted,
        counted_by=records.counted_by,
        others=len(records.rows) - len(calls),
    )


def _records(path: Path) -> Records:
    if path.suffix != ".csv":
        return read_records(path)
    table = read_csv(path)
    rows = tuple(
        (f"row {number}", {name: parsed(cell) for name, cell in row.items() if cell != ""})
        for number, row in enumerate(table.rows, 1)
    )
    counted = len(rows) if table.counted is None else table.counted
    return Records(rows=rows, sha256=table.sha256, counted=counted, counted_by="quotation marks")


def _is_call(row: Mapping[str, Any]) -> bool:
    kind = row.get("type")
    return kind is None or str(kind).upper() in _ANSWERING  # a trace has no type


def _call(row: Mapping[str, Any], place: str) -> Call:
    generation = _generation(row)
    own = {**row, **generation} if generation else row
    facts = mapping(parsed(first(row, "metadata")))
    used = mapping(parsed(first(own, "usageDetails", "usage_details"))) or mapping(parsed(own.get("usage")))
    costs = mapping(parsed(first(own, "costDetails", "cost_details")))
    output, trace = _answer(parsed(first(row, "output") if row.get("output") is not None else own.get("output")))
    latency = first(own, "latency")
    start = first(own, "startTime", "start_time", "timestamp")
    model = first(own, "model", "providedModelName", "provided_model_name")
    failed = str(own.get("level", "")).upper() == "ERROR"
    return Call(
        place=place,
        fields={**own, "metadata": facts},
        input=_asking(parsed(first(row, "input"))),
        output=output,
        messages=trace,
        model=str(model) if model is not None else None,
        usage=usage(first(used, "input", "promptTokens"), first(used, "output", "completionTokens")),
        latency_s=amount(latency) if latency is not None else seconds_between(start, first(own, "endTime", "end_time")),
        cost_usd=amount(first(own, "totalCost", "total_cost", "calculatedTotalCost") or costs.get("total")),
        finish_reason=None,
        error=str(first(own, "statusMessage", "status_message") or "level ERROR")[:500] if failed else None,
        at=moment(start),
        feedback=(*_scores(row), *feedback_in(facts, "langfuse")),
        metadata=facts,
    )


def _generation(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The last generation inside a trace: what answered the user."""
    inside = [mapping(item) for item in sequence(parsed(row.get("observations")))]
    found = [item for item in inside if str(item.get("type", "")).upper() in _ANSWERING]
    return {k: v for k, v in found[-1].items() if k not in ("id", "input", "metadata", "name")} if found else {}


def _asking(value: Any) -> Any:
    if isinstance(value, Mapping):
        turns = messages(value.get("messages"))
        return asked(turns) if turns else dict(value) or None
    if isinstance(value, list):
        return asked(messages(value))
    return value if isinstance(value, str) and value else None


def _answer(value: Any) -> tuple[Any, tuple[Mapping[str, Any], ...]]:
    """Text (or an object) and, where tools were called, the assistant's turn."""
    if isinstance(value, list):
        value = value[-1] if value else None
    if isinstance(value, Mapping) and ("role" in value or "content" in value):
        made = message({"role": "assistant", **value})
        if made is not None:
            return made["content"], (made,) if made.get("tool_calls") else ()
    if isinstance(value, (str, Mapping)):
        return value, ()
    return None if value is None else str(value), ()


def _scores(row: Mapping[str, Any]) -> Iterator[Feedback]:
    """Thumbs among the scores of a trace; a program's scores (source EVAL) are none."""
    found = parsed(row.get("scores"))
    pairs = found.items() if isinstance(found, Mapping) else ()
    listed = (
        [mapping(score) for score in found]
        if isinstance(found, list)
        else [
            {"name": name, "value": value[0] if isinstance(value, list) and value else value} for name, value in pairs
        ]
    )
    for score in listed:
        name = str(score.get("name", ""))
        source = str(score.get("source", "API"))
        thumb = thumb_of(first(score, "stringValue", "string_value") or score.get("value"))
        if thumb is None or source.upper() == "EVAL" or name.lower() not in FEEDBACK_NAMES:
            continue
        comment = score.get("comment")
        yield Feedback(
            thumb=thumb, source=f"langfuse {name} ({source})", comment=comment if isinstance(comment, str) else None
        )
