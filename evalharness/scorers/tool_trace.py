"""The tool calls that an answer made, in order, out of its messages (or a text that is JSON for them).

Read are OpenAI's ``tool_calls`` (and the older ``function_call``), Anthropic's ``tool_use`` parts, Google's
``functionCall`` and plain ``{name, args}``. Messages that the case itself brought (earlier turns of a conversation) are
not the candidate's doing and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from evalharness.core import strictjson
from evalharness.core.cases import Case
from evalharness.core.results import Output
from evalharness.core.specs import canonical_json
from evalharness.scorers.base import shown
from evalharness.scorers.references import json_equal

_ARGUMENTS: Final = ("arguments", "args", "input", "parameters")
_HOLDERS: Final = ("tool_calls", "function_call", "functionCall", "content", "parts")
"""Where a message or a reply keeps its calls; texts in them hold none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call."""

    name: str
    args: Mapping[str, Any] | None
    """The parsed arguments; None when they are no JSON object."""
    fault: str = ""
    """Why they could not be read."""

    def __str__(self) -> str:
        return self.name if self.args is None else f"{self.name}({shown(canonical_json(self.args), 80)[1:-1]})"


def calls_made(output: Output, case: Case) -> list[ToolCall]:
    """The calls of an answer, first to last."""
    own = _own_messages(output.messages, case)
    calls = [call for message in own for call in _calls_in(message, depth=0)]
    if calls or not output.text or output.text.lstrip()[:1] not in ("{", "["):
        return calls
    try:
        return list(_calls_in(strictjson.loads(output.text), depth=0))
    except strictjson.StrictJSONError:
        return []


def _own_messages(messages: Sequence[Mapping[str, Any]], case: Case) -> Iterator[Mapping[str, Any]]:
    given = list(case.input) if isinstance(case.input, tuple) else []
    for message in messages:
        if given and json_equal(message, given[0]):
            del given[0]
        elif message.get("role") in ("assistant", "model", None):
            yield message


def _calls_in(value: Any, depth: int) -> Iterator[ToolCall]:
    if depth > 8:
        return
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _calls_in(item, depth + 1)
    elif isinstance(value, Mapping):
        call = _call(value)
        if call is not None:
            yield call
            return
        for holder in _HOLDERS:
            yield from _calls_in(value.get(holder), depth + 1)


def _call(value: Mapping[str, Any]) -> ToolCall | None:
    function = value.get("function")
    source = function if isinstance(function, Mapping) else value
    name = source.get("name")
    key = next((key for key in _ARGUMENTS if key in source), None)
    if not isinstance(name, str) or (key is None and source is value):
        return None
    return read_call(name, source.get(key) if key else None)


def read_call(name: str, arguments: Any) -> ToolCall:
    """A call from its name and its arguments: an object, the JSON text of one, or nothing."""
    if arguments is None or arguments == "":
        return ToolCall(name=name, args={})
    if isinstance(arguments, str):
        try:
            arguments = strictjson.loads(arguments)
        except strictjson.StrictJSONError as error:
            return ToolCall(name=name, args=None, fault=str(error))
    if not isinstance(arguments, Mapping):
        return ToolCall(name=name, args=None, fault="the arguments are no JSON object")
    return ToolCall(name=name, args=arguments)
