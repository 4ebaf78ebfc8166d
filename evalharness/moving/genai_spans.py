"""OpenTelemetry's conventions for generative AI: from attributes, from events, and from the numbered older ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from evalharness.moving.calls import Call, Feedback, Log, thumb_of
from evalharness.moving.fields import amount, asked, first, message, moment, parsed, seconds_between, sequence, usage
from evalharness.moving.otlp import Span, read_spans

_ANSWERING: Final = frozenset({"chat", "text_completion", "generate_content", "completion", "invoke_agent"})
_ROLE_EVENTS: Final[Mapping[str, str]] = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_DETAILS: Final = "gen_ai.client.inference.operation.details"


def read_otel(path: Path) -> Log:
    """The calls among the spans of a file.

    Args:
        path: As :func:`otlp.read_spans` takes it.

    Raises:
        EvalSetError: If it holds no spans.
    """
    found = read_spans(path)
    calls = [_call(span) for span in found.spans if _is_call(span)]
    return Log(
        kind="otel",
        calls=tuple(calls),
        sha256=found.sha256,
        rows=len(found.spans),
        counted=found.counted,
        counted_by="start times in the bytes",
        others=len(found.spans) - len(calls),
    )


def _is_call(span: Span) -> bool:
    operation = span.attributes.get("gen_ai.operation.name")
    if operation is not None:
        return operation in _ANSWERING
    return any(name in span.attributes for name in ("gen_ai.request.model", "gen_ai.completion.0.content"))


def _call(span: Span) -> Call:
    own = {**dict(_details(span)), **span.attributes}
    before, after = _messages(span, own)
    said = after[0] if after else None
    reasons = sequence(own.get("gen_ai.response.finish_reasons"))
    finish = first(own, "gen_ai.completion.0.finish_reason") or next(iter(reasons), None) or _reason(own)
    tokens = (
        first(own, "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        first(own, "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    )
    model = first(own, "gen_ai.response.model", "gen_ai.request.model")
    return Call(
        place=span.place,
        fields={**span.resource, **own, **span.ids, "name": span.name},
        input=asked(before),
        output=said["content"] if said is not None else None,
        messages=(said,) if said is not None and said.get("tool_calls") else (),
        model=str(model) if model is not None else None,
        usage=usage(*tokens),
        latency_s=seconds_between(span.start, span.end),
        cost_usd=amount(first(own, "gen_ai.usage.cost", "gen_ai.cost.total_cost")),
        finish_reason=str(finish) if finish is not None else None,
        error=span.error,
        at=moment(span.start),
        feedback=tuple(_feedback(span)),
    )


def _details(span: Span) -> Iterator[tuple[str, Any]]:
    for name, attributes in span.events:
        if name == _DETAILS:
            yield from attributes.items()


def _messages(span: Span, own: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What was sent and what came back, from whichever of four ways the instrumentation wrote it."""
    before, after = _parts(own.get("gen_ai.input.messages")), _parts(own.get("gen_ai.output.messages"))
    if before or after:
        return before, after
    before = [made for made in _numbered(own, "gen_ai.prompt") if made]
    after = [made for made in _numbered(own, "gen_ai.completion") if made]
    if before or after:
        return before, after
    for name, attributes in span.events:
        if name in _ROLE_EVENTS:
            made = message({"role": _ROLE_EVENTS[name], **_event_body(attributes)})
            before += [made] if made else []
        elif name == "gen_ai.choice":
            made = message({"role": "assistant", **_mapping(parsed(_event_body(attributes).get("message")))})
            after += [made] if made else []
        elif name == "gen_ai.content.prompt":
            before += _listed(attributes.get("gen_ai.prompt"), "user")
        elif name == "gen_ai.content.completion":
            after += _listed(attributes.get("gen_ai.completion"), "assistant")
    return before, after


def _parts(value: Any) -> list[dict[str, Any]]:
    """Messages made of parts; tool calls among them in OpenAI's form."""
    made = []
    for item in sequence(parsed(value)):
        table = _mapping(item)
        calls = [
            {
                "id": str(part.get("id", "")),
                "type": "function",
                "function": {"name": str(part.get("name", "")), "arguments": _arguments(part.get("arguments"))},
            }
            for part in map(_mapping, sequence(table.get("parts")))
            if part.get("type") == "tool_call"
        ]
        answers = [
            _mapping(part)
            for part in sequence(table.get("parts"))
            if _mapping(part).get("type") == "tool_call_response"
        ]
        if answers:
            table = {
                **table,
                "parts": [{"type": "text", "content": _arguments(first(answers[0], "response", "result"))}],
            }
        found = message({**table, "tool_calls": calls})
        made += [found] if found else []
    return made


def _arguments(value: Any) -> str:
    from evalharness.moving.fields import written

    return written({} if value is None else value)


def _numbered(own: Mapping[str, Any], stem: str) -> Iterator[dict[str, Any] | None]:
    """``gen_ai.prompt.0.role`` and its kin."""
    index = 0
    while f"{stem}.{index}.role" in own or f"{stem}.{index}.content" in own:
        role = own.get(f"{stem}.{index}.role", "user" if stem.endswith("prompt") else "assistant")
        yield message({"role": role, "content": parsed(own.get(f"{stem}.{index}.content"))})
        index += 1


def _event_body(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    body = parsed(first(attributes, "body", "event.body"))
    return _mapping(body) if body is not None else attributes


def _listed(value: Any, role: str) -> list[dict[str, Any]]:
    found = parsed(value)
    items = found if isinstance(found, list) else [found]
    made = [
        message({"role": role, **_mapping(item)})
        if isinstance(item, Mapping)
        else message({"role": role, "content": item})
        for item in items
    ]
    return [one for one in made if one]


def _reason(own: Mapping[str, Any]) -> Any:
    outputs = sequence(parsed(own.get("gen_ai.output.messages")))
    return _mapping(outputs[0]).get("finish_reason") if outputs else None


def _feedback(span: Span) -> Iterator[Feedback]:
    for name, attributes in span.events:
        if name not in ("gen_ai.evaluation.result", "gen_ai.user.feedback"):
            continue
        said = first(attributes, "gen_ai.evaluation.score.label", "gen_ai.evaluation.score.value", "feedback", "value")
        title = str(first(attributes, "gen_ai.evaluation.name") or "feedback")
        thumb = thumb_of(said)
        if thumb is not None and any(word in title.lower() for word in ("feedback", "thumb", "rating")):
            comment = attributes.get("gen_ai.evaluation.explanation")
            yield Feedback(thumb=thumb, source=f"otel {title}", comment=comment if isinstance(comment, str) else None)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
