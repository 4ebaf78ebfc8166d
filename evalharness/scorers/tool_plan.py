"""What a case expects of an agent's calls beside the calls themselves, and the definitions of the tools that were offered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from evalharness.core import strictjson
from evalharness.core.results import Failure
from evalharness.core.specs import canonical_json
from evalharness.scorers.parameters import Params
from evalharness.scorers.tool_match import BadExpectationError, Expected, argument_schema, read_expected
from evalharness.scorers.tool_trace import ToolCall

MOST: Final = 200
"""Calls of an answer, and expected calls of a case, that are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one case expects."""

    expected: tuple[Expected, ...] = ()
    order: str = "any"
    extra: str = "forbid"
    forbid: tuple[str, ...] = ()
    max_steps: int | None = None
    free: bool = False
    """True without a target: any call that was offered will do, and one is needed."""

    @property
    def reads_arguments(self) -> bool:
        """Whether any argument is compared."""
        return any(tool.match != "ignore" for tool in self.expected)


def plan_of_target(target: Mapping[str, Any], usual: Plan, *, match: str, orders: Sequence[str]) -> Plan:
    """The plan of a case: ``tools`` and the limits beside them go before the scorer's own.

    Raises:
        BadExpectationError: If a value is wrong, or there is something else in the target.
    """
    for key, value in target.items():
        if key in _LIMITS and not _LIMITS[key](value):
            raise BadExpectationError(f"{key}: {canonical_json(value)[:60]} is not understood")
        if key not in _LIMITS and key != "tools":
            raise BadExpectationError(f"{key}: unknown; beside tools there may be {', '.join(_LIMITS)}")
    plan = with_expected(usual, read_expected(target["tools"], match=match))
    order = target.get("order", usual.order)
    return replace(
        plan,
        order=order if order in orders else usual.order,
        extra=target.get("extra", usual.extra),
        forbid=tuple(target.get("forbid", usual.forbid)),
        max_steps=target.get("max_steps", usual.max_steps),
    )


def with_expected(usual: Plan, expected: tuple[Expected, ...]) -> Plan:
    """The scorer's plan with the expected calls in it.

    Raises:
        BadExpectationError: If there are too many to compare.
    """
    if len(expected) > MOST:
        raise BadExpectationError(f"tools: {len(expected)} calls, more than the {MOST} that are compared")
    return replace(usual, expected=expected)


_LIMITS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "order": lambda value: value in ("any", "in_order", "strict"),
    "extra": lambda value: value in ("forbid", "allow"),
    "forbid": lambda value: isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value),
    "max_steps": lambda value: type(value) is int and value >= 0,
}


def definitions(params: Params) -> Mapping[str, str] | None:
    """Tool name -> text of the schema of its arguments; None when the table offers none."""
    if not params.has("tools"):
        params.note("tools", None)
        return None
    value = params.value("tools")
    entries = value if isinstance(value, (list, tuple)) else (None,)
    found: dict[str, str] = {}
    for entry in entries:
        function = entry.get("function", entry) if isinstance(entry, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            params.refuse("tools", "a list of tool definitions {type, function: {name, parameters}}", value)
        schema = canonical_json(function.get("parameters", {}))
        try:
            argument_schema(schema)
        except ValueError as error:
            params.refuse("tools", f"a JSON Schema as the parameters of {function['name']!r}", value, tip=str(error))
        found[function["name"]] = schema
    params.note("tools", found)
    return found


def misfit(call: ToolCall, offered: Mapping[str, str]) -> str | None:
    """What is wrong with a call under the definitions (name -> schema); None when nothing is."""
    if call.name not in offered:
        return f"{call.name!r:.80} was not offered"
    if call.args is None:
        return f"{call.name}: {call.fault}"
    text = canonical_json(call.args)
    problem = argument_schema(offered[call.name]).problem(strictjson.loads(text), text)
    if isinstance(problem, Failure):
        problem = problem.message
    return None if problem is None else f"{call.name}: {problem}"
