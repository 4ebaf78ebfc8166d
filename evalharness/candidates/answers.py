"""What programs and functions hand back, read as an ``Output``; and JSON pointers into replies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from evalharness.core.cases import Case
from evalharness.core.results import MOST_AMOUNT, Document, Failure, Output
from evalharness.core.specs import canonical_json, thaw

FIELDS: Final = frozenset(
    {"text", "documents", "messages", "usage", "latency_s", "cost_usd", "finish_reason", "model", "error"}
)
"""Fields of an output that an object may have; ``output`` is another name for ``text``."""


def case_json(case: Case) -> dict[str, Any]:
    """What a program is told of a case: id, input, context and metadata; never the reference."""
    facts = {"id": case.id, "input": case.input, "context": case.context, "metadata": case.metadata}
    return {name: thaw(value) for name, value in facts.items()}


def read_output(value: Any, what: str) -> Output | Failure:
    """An answer: a text, an ``Output``, or an object with the fields of one.

    Args:
        value: What came back.
        what: Where from, for the message.

    Returns:
        The output; a Failure that the candidate is to blame for when it is none of these.
    """
    if isinstance(value, Output):
        return value
    if isinstance(value, str):
        return Output(text=value)
    if isinstance(value, Mapping):
        fields = dict(value)
        if "output" in fields and "text" not in fields:
            fields["text"] = fields.pop("output")
        if fields and not set(fields) - FIELDS:
            return _output(fields, what)
    if isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return Output(text=canonical_json(value))
    return bad_body(f"{what} gave {_seen(value)}; expected a text or an object with the fields of an Output")


def read_documents(value: Any, what: str) -> Output | Failure:
    """Ranked documents: a list of ids or of ``{id, text, score}``."""
    if isinstance(value, Output):
        return value
    if not isinstance(value, (list, tuple)):
        return bad_body(f"{what} gave {_seen(value)}; expected a list of ids or of {{id, text, score}}")
    try:
        documents = tuple(Document.of(item) for item in value)
    except TypeError as error:
        return bad_body(f"{what}: {error}")
    if len({document.id for document in documents}) != len(documents):
        return bad_body(f"{what} gave a document twice")
    return Output(documents=documents)


def bad_body(message: str) -> Failure:
    """An answer that cannot be read: the candidate's own doing."""
    return Failure(stage="candidate", kind="bad_answer", message=message, blame="candidate")


def _output(fields: Mapping[str, Any], what: str) -> Output | Failure:
    fault = next((f"{name} is {_seen(value)}" for name, value in fields.items() if not _fits(name, value)), None)
    if fault is not None:
        return bad_body(f"{what}: {fault}")
    try:
        return Output(**fields)
    except (TypeError, ValueError) as error:
        return bad_body(f"{what}: {error}")


def _fits(name: str, value: Any) -> bool:
    if value is None:
        return name not in ("documents", "messages", "usage")
    if name in ("text", "finish_reason", "model", "error"):
        return isinstance(value, str)
    if name in ("latency_s", "cost_usd"):
        return type(value) in (int, float) and 0 <= value <= MOST_AMOUNT
    return isinstance(value, Mapping if name == "usage" else (list, tuple))


def pick(value: Any, pointer: str) -> Any:
    """The part of a JSON value that a pointer names.

    Args:
        value: JSON value.
        pointer: RFC 6901, where ``*`` stands for every item of a list: ``/hits/*/_id`` gives a list.

    Raises:
        LookupError: If there is no such part.
    """
    return _pick(value, [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]], "")


def _pick(value: Any, parts: list[str], path: str) -> Any:
    if not parts:
        return value
    part, rest = parts[0], parts[1:]
    if part == "*":
        if not isinstance(value, list):
            raise LookupError(f"{path or '/'} is not a list")
        return [_pick(item, rest, f"{path}/{place}") for place, item in enumerate(value)]
    if isinstance(value, dict) and part in value:
        return _pick(value[part], rest, f"{path}/{part}")
    if isinstance(value, list) and part.isdecimal() and len(part) < 7 and int(part) < len(value):
        return _pick(value[int(part)], rest, f"{path}/{part}")
    raise LookupError(f"there is no {path}/{part}")


def _seen(value: Any) -> str:
    return "null" if value is None else f"a {type(value).__name__}"
