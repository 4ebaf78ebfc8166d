"""OpenInference's conventions: spans of kind LLM, their messages numbered among the attributes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from evalharness.moving.calls import Call, Feedback, Log, feedback_in, thumb_of
from evalharness.moving.fields import (
    amount,
    asked,
    first,
    mapping,
    message,
    moment,
    parsed,
    seconds_between,
    sequence,
    usage,
    written,
)
from evalharness.moving.otlp import Span, flattened, read_spans

_INDEX: Final = re.compile(r"(\d+)\.(.+)")


def read_openinference(path: Path) -> Log:
    """The calls of models among the spans of a file.

    Args:
        path: As :func:`otlp.read_spans` takes it.

    Raises:
        EvalSetError: If it holds no spans.
    """
    found = read_spans(path)
    calls = [_call(span) for span in found.spans if span.attributes.get("openinference.span.kind") == "LLM"]
    return Log(
        kind="openinference",
        calls=tuple(calls),
        sha256=found.sha256,
        rows=len(found.spans),
        counted=found.counted,
        counted_by="start times in the bytes",
        others=len(found.spans) - len(calls),
    )


def _call(span: Span) -> Call:
    own = dict(span.attributes)
    facts = mapping(parsed(own.get("metadata"))) or {
        name.removeprefix("metadata."): value for name, value in own.items() if name.startswith("metadata.")
    }
    before = list(_messages(own, "llm.input_messages."))
    after = list(_messages(own, "llm.output_messages."))
    said = after[0] if after else None
    output = said["content"] if said is not None else _plain(own.get("output.value"))
    model = first(own, "llm.response.model_name", "llm.model_name", "llm.request.model_name")
    finish = first(own, "llm.finish_reason", "llm.output_messages.0.message.finish_reason")
    return Call(
        place=span.place,
        fields={**span.resource, **own, "metadata": facts, **span.ids, "name": span.name},
        input=asked(before) if before else _plain(own.get("input.value")),
        output=output,
        messages=(said,) if said is not None and said.get("tool_calls") else (),
        model=str(model) if model is not None else None,
        usage=usage(own.get("llm.token_count.prompt"), own.get("llm.token_count.completion")),
        latency_s=seconds_between(span.start, span.end),
        cost_usd=amount(own.get("llm.cost.total")),
        finish_reason=str(finish) if finish is not None else None,
        error=span.error,
        at=moment(span.start),
        feedback=(*feedback_in(facts, "openinference"), *_annotations(span)),
        metadata=facts,
    )


def _messages(own: Mapping[str, Any], prefix: str) -> Iterator[dict[str, Any]]:
    """Numbered attributes put together again, in the order of their numbers."""
    tables: dict[int, dict[str, Any]] = {}
    for name, value in own.items():
        match = _INDEX.fullmatch(name.removeprefix(prefix)) if name.startswith(prefix) else None
        if match:
            tables.setdefault(int(match[1]), {})[match[2].removeprefix("message.")] = value
    for _, table in sorted(tables.items()):
        made = message({"role": table.get("role"), "content": _content(table), "tool_calls": list(_calls(table))})
        if made:
            yield made


def _content(table: Mapping[str, Any]) -> Any:
    if isinstance(table.get("content"), str):
        return table["content"]
    texts = {int(m[1]): value for name, value in table.items() if (m := re.fullmatch(r"contents\.(\d+)\..*text", name))}
    return "".join(str(texts[index]) for index in sorted(texts)) if texts else None


def _calls(table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    names = {
        int(m[1]): value for name, value in table.items() if (m := re.fullmatch(r"tool_calls\.(\d+)\..*name", name))
    }
    for index in sorted(names):
        stem = f"tool_calls.{index}.tool_call.function.arguments"
        arguments = table.get(stem)
        yield {"type": "function", "function": {"name": str(names[index]), "arguments": written(arguments or {})}}


def _plain(value: Any) -> Any:
    """``input.value`` and ``output.value``: a text, or JSON in a text."""
    found = parsed(value)
    if isinstance(found, Mapping):
        inside = first(found, "messages", "input")
        turns = [made for item in sequence(inside) if (made := message(item))]
        return asked(turns) if turns else dict(found)
    return found if isinstance(found, str) and found else None if not isinstance(found, list) else written(found)


def _annotations(span: Span) -> Iterator[Feedback]:
    """Feedback of people; a program's evaluations are no thumbs."""
    tables: dict[str, dict[str, Any]] = {}
    for name, value in dict(flattened(span.attributes)).items():
        match = re.fullmatch(r"(?:annotations|evaluations)\.(\d+)\.(?:annotation|evaluation)\.(.+)", name)
        if match:
            tables.setdefault(match[1], {})[match[2]] = value
    for table in tables.values():
        if str(table.get("annotator_kind", "HUMAN")).upper() != "HUMAN":
            continue
        thumb = thumb_of(first(table, "label", "score"))
        if thumb is not None:
            comment = table.get("explanation")
            source = f"openinference {table.get('name', 'annotation')}"
            yield Feedback(thumb=thumb, source=source, comment=comment if isinstance(comment, str) else None)
