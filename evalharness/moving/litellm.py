"""LiteLLM's logs: its standard logging payload, and the rows of its spend logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from evalharness.moving.calls import Call, Log, feedback_in
from evalharness.moving.documents import read_records
from evalharness.moving.fields import (
    amount,
    asked,
    first,
    mapping,
    messages,
    moment,
    parsed,
    seconds_between,
    sequence,
    text_of_content,
    usage,
)

_ANSWERING: Final = frozenset(
    {
        "completion",
        "acompletion",
        "text_completion",
        "atext_completion",
        "responses",
        "aresponses",
        "anthropic_messages",
    }
)


def read_litellm(path: Path) -> Log:
    """The completions of a log.

    Args:
        path: ``.json`` or ``.jsonl``; a row may hold its payload under ``standard_logging_object``.

    Raises:
        EvalSetError: If it cannot be read.
    """
    records = read_records(path)
    rows = [(place, mapping(row.get("standard_logging_object")) or row) for place, row in records.rows]
    calls = [_call(row, place) for place, row in rows if row.get("call_type", "completion") in _ANSWERING]
    return Log(
        kind="litellm",
        calls=tuple(calls),
        sha256=records.sha256,
        rows=len(rows),
        counted=records.counted,
        counted_by=records.counted_by,
        others=len(rows) - len(calls),
    )


def _call(row: Mapping[str, Any], place: str) -> Call:
    facts = {**mapping(parsed(row.get("metadata"))), **dict(_requester(row))}
    response = parsed(row.get("response"))
    choice = mapping(next(iter(sequence(mapping(response).get("choices"))), None))
    said = mapping(choice.get("message"))
    text = text_of_content(said.get("content")) if said else _plain(response)
    status = str(row.get("status") or "success")
    finish = choice.get("finish_reason")
    model = row.get("model")
    return Call(
        place=place,
        fields={**row, "metadata": facts},
        input=_asking(row),
        output=text,
        messages=(dict(said),) if said.get("tool_calls") else (),
        model=str(model) if model is not None else None,
        usage=usage(row.get("prompt_tokens"), row.get("completion_tokens")),
        latency_s=seconds_between(row.get("startTime"), row.get("endTime")),
        cost_usd=amount(first(row, "response_cost", "spend")),
        finish_reason=finish if isinstance(finish, str) else None,
        error=_error(row) if status == "failure" else None,
        at=moment(row.get("startTime")),
        feedback=tuple(feedback_in(facts, "litellm")),
        metadata=facts,
    )


def _requester(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What the caller sent along, which stands one level down."""
    facts = mapping(parsed(row.get("metadata")))
    for name in ("requester_metadata", "spend_logs_metadata"):
        yield from mapping(facts.get(name)).items()


def _asking(row: Mapping[str, Any]) -> Any:
    value = parsed(row.get("messages"))
    if not value or value == {}:
        request = mapping(parsed(row.get("proxy_server_request")))
        value = first(request, "messages", "input", "prompt")
    if isinstance(value, list):
        return asked(messages(value))
    return value if isinstance(value, (str, Mapping)) and value else None


def _plain(response: Any) -> str | None:
    if isinstance(response, str):
        return response or None
    found = mapping(response)
    choice = mapping(next(iter(sequence(found.get("choices"))), None))
    if isinstance(choice.get("text"), str):
        return str(choice["text"])
    parts = [text_of_content(mapping(item).get("content")) for item in sequence(found.get("output"))]
    return "".join(part for part in parts if part) or text_of_content(found.get("content"))


def _error(row: Mapping[str, Any]) -> str:
    details = mapping(row.get("error_information"))
    return str(first(row, "error_str") or first(details, "error_message", "error_class") or "status failure")[:500]
