"""Spans of OpenTelemetry: OTLP's JSON, and one span a line as the SDKs' console exporters and Phoenix write it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evalharness.core.errors import EvalSetError
from evalharness.core.files import shown
from evalharness.moving.documents import read_records, read_source
from evalharness.moving.fields import first, mapping, sequence

_SPAN_MARK: Final = re.compile(rb'(?<!\\)"(?:startTimeUnixNano|start_time_unix_nano|start_time|startTime)"\s*:')


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span, its attributes in plain values."""

    place: str
    name: str
    attributes: Mapping[str, Any]
    events: tuple[tuple[str, Mapping[str, Any]], ...]
    """(name, attributes)."""
    resource: Mapping[str, Any]
    ids: Mapping[str, Any]
    """``trace_id``, ``span_id``, ``parent_id``."""
    start: Any
    end: Any
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """All spans of a file."""

    spans: tuple[Span, ...]
    sha256: str
    counted: int
    """Start times in the bytes, without the parser."""


def read_spans(path: Path) -> Spans:
    """Read the spans of a file.

    Args:
        path: OTLP JSON (one document, or one a line), or JSON / JSON Lines of spans.

    Raises:
        EvalSetError: If it holds none.
    """
    records = read_records(path)
    spans = [span for place, row in records.rows for span in _of_row(row, place)]
    if not spans:
        raise EvalSetError("seen no spans, expected OTLP JSON (resourceSpans) or one span a line", where=shown(path))
    data = read_source(path)
    counted = len(_SPAN_MARK.findall(data))
    return Spans(spans=tuple(spans), sha256=hashlib.sha256(data).hexdigest(), counted=counted)


def _of_row(row: Mapping[str, Any], place: str) -> Iterator[Span]:
    if "resourceSpans" not in row and "resource_spans" not in row:
        yield _plain_span(row, place)
        return
    for group in sequence(first(row, "resourceSpans", "resource_spans")):
        resource = _attributes(mapping(mapping(group).get("resource")).get("attributes"))
        for scope in sequence(first(mapping(group), "scopeSpans", "scope_spans")):
            for index, span in enumerate(sequence(mapping(scope).get("spans"))):
                yield _otlp_span(mapping(span), f"{place} span {index}", resource)


def _otlp_span(span: Mapping[str, Any], place: str, resource: Mapping[str, Any]) -> Span:
    status = mapping(span.get("status"))
    attributes = _attributes(span.get("attributes"))
    return Span(
        place=place,
        name=str(span.get("name", "")),
        attributes=attributes,
        events=tuple(_events(span)),
        resource=resource,
        ids={
            "trace_id": first(span, "traceId", "trace_id"),
            "span_id": first(span, "spanId", "span_id"),
            "parent_id": first(span, "parentSpanId", "parent_span_id"),
        },
        start=first(span, "startTimeUnixNano", "start_time_unix_nano"),
        end=first(span, "endTimeUnixNano", "end_time_unix_nano"),
        error=_error(status, attributes, failed=status.get("code") in (2, "STATUS_CODE_ERROR")),
    )


def _plain_span(row: Mapping[str, Any], place: str) -> Span:
    """A span whose attributes are a plain object, or columns ``attributes.NAME``."""
    context = mapping(row.get("context"))
    columns = {name.removeprefix("attributes."): value for name, value in row.items() if name.startswith("attributes.")}
    attributes = dict(flattened({**columns, **mapping(row.get("attributes"))}))
    if isinstance(row.get("span_kind"), str):  # Phoenix has OpenInference's kind beside the attributes
        attributes.setdefault("openinference.span.kind", row["span_kind"])
    status = mapping(row.get("status")) or {"message": row.get("status_message") or None}
    code = str(first(status, "status_code", "code") or row.get("status_code") or "")
    return Span(
        place=place,
        name=str(row.get("name", "")),
        attributes=attributes,
        events=tuple(_events(row)),
        resource=mapping(mapping(row.get("resource")).get("attributes")),
        ids={
            "trace_id": first(context, "trace_id") or first(row, "context.trace_id", "trace_id", "traceId"),
            "span_id": first(context, "span_id") or first(row, "context.span_id", "span_id", "spanId"),
            "parent_id": first(row, "parent_id", "parentId"),
        },
        start=first(row, "start_time", "startTime"),
        end=first(row, "end_time", "endTime"),
        error=_error(status, attributes, failed=code.endswith("ERROR")),
    )


def _error(status: Mapping[str, Any], attributes: Mapping[str, Any], *, failed: bool) -> str | None:
    if not failed:
        return None
    return str(first(status, "message", "description") or attributes.get("error.type") or "the span ended in an error")[
        :500
    ]


def _events(span: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for event in sequence(span.get("events")):
        table = mapping(event)
        found = table.get("attributes")
        yield str(table.get("name", "")), _attributes(found) if isinstance(found, list) else mapping(found)


def _attributes(pairs: Any) -> dict[str, Any]:
    """OTLP's list of ``{key, value: {stringValue | ..}}`` as a table."""
    return {str(mapping(pair).get("key")): _value(mapping(pair).get("value")) for pair in sequence(pairs)}


def _value(value: Any) -> Any:
    table = mapping(value)
    if "arrayValue" in table:
        return [_value(item) for item in sequence(mapping(table["arrayValue"]).get("values"))]
    if "kvlistValue" in table:
        return _attributes(mapping(table["kvlistValue"]).get("values"))
    if "intValue" in table:  # 64 bits travel as text
        text = str(table["intValue"])
        return int(text) if text.lstrip("-").isdigit() else text
    return first(table, "stringValue", "doubleValue", "boolValue", "bytesValue")


def flattened(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested objects as dotted names, lists of objects as numbered ones: the form in which attributes are looked up."""
    for name, value in table.items():
        whole = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from flattened(value, f"{whole}.")
        elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            yield whole, value
            for index, item in enumerate(value):
                yield from flattened(item, f"{whole}.{index}.")
        else:
            yield whole, value
