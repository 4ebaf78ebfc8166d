"""Tool calls of an agent: the right ones, with the right arguments, in the right order, and no others.

What is expected comes from ``value``, else from the case's ``target = {"tools": [...]}``, whose entries are names or
``{name, args, match, ignore, tol}`` (``tool_match.py``). What was called is read from the answer's messages
(``tool_trace.py``). Calls are compared as multisets, by the best one-to-one assignment: two equal expected calls need two.

| word | parameters | value (m = expected calls that some call matches, one call each) |
| --- | --- | --- |
| ``tool_calls`` | ``value``, ``match``, ``order = "any" | "in_order" | "strict"``, ``extra = "forbid" | "allow"``, ``forbid``, ``writing``, ``max_steps``, ``tools`` | 1 when every expected call was made and nothing speaks against it, else 0 |
| ``tool_call_f1`` | ``value``, ``match``, ``part = "f1" | "precision" | "recall"`` | precision m / calls made, recall m / calls expected, F1 = 2m / (made + expected); none expected and none made is 1 |
| ``tool_args`` | ``value``, ``match`` | mean over expected calls of right arguments / arguments that count, under the assignment that is best for it; 0 for a call that was not made; passes at 1 |
| ``tool_sequence`` | ``value``, ``match``, ``order = "strict" | "in_order"`` | 1 when the calls are the expected ones in this order (``in_order``: others may stand between), else 0 |

``match`` is how arguments are matched where an entry does not say: ``exact`` (default), ``subset``, ``ignore``, ``schema``. An entry
without ``args`` accepts any. ``extra = "allow"`` lets further calls pass, but for tools in ``writing``. ``forbid`` lists tools that
must not be called at all, ``max_steps`` is the most calls. A target may hold ``order extra forbid max_steps`` beside
``tools``; they go before the scorer's. ``tools`` lists the definitions that were offered (OpenAI's form): every call must be
of one of them with arguments that its ``parameters`` allow; then no target is needed, but at least one call.

Arguments that are no JSON object are the candidate's failure (``bad_arguments``) where arguments are compared. The names of the
match and order modes follow agentevals and promptfoo.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from evalharness.core.cases import Case
from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Failure, Output, Score, ScoreResult, Unscored
from evalharness.scorers.base import Scorer
from evalharness.scorers.parameters import Params
from evalharness.scorers.references import given_key
from evalharness.scorers.tool_match import (
    MATCHES,
    BadExpectationError,
    Expected,
    best_assignment,
    frozen_list,
    read_expected,
)
from evalharness.scorers.tool_plan import MOST, Plan, definitions, misfit, plan_of_target, with_expected
from evalharness.scorers.tool_trace import ToolCall, calls_made

_NO_TARGET: Final = Unscored(reason="the case has no target.tools, and the scorer no value")


class ToolScorer(Scorer):
    """A scorer of tool calls; subclasses rate a list of calls against a plan."""

    reads_text = False
    orders: ClassVar[tuple[str, ...]] = ("any", "in_order", "strict")
    limits: ClassVar[bool] = False
    """Whether ``extra``, ``forbid``, ``writing``, ``max_steps`` and ``tools`` mean something."""

    def __init__(self, params: Params) -> None:
        self._match = params.choice("match", MATCHES)
        order = params.choice("order", self.orders) if len(self.orders) > 1 else self.orders[0]
        self._usual = self._limits(params, order)
        key = given_key(params)
        self._given: Plan | None = None
        if key is not None:
            self._given = self._from_config(params, key)
        elif not self._needs_no_target():
            self.needs = frozenset({"target"})
        super().__init__(params)

    def measure(self, output: Output, case: Case, /) -> ScoreResult:
        """Read the calls and rate them."""
        plan = self._given if self._given is not None else self._plan_of(case)
        if not isinstance(plan, Plan):
            return plan
        calls = calls_made(output, case)
        if len(calls) > MOST:
            return _failed("too_many", f"{len(calls)} calls, more than the {MOST} that are compared")
        broken = next((call for call in calls if call.args is None), None)
        if broken is not None and plan.reads_arguments:
            return _failed("bad_arguments", f"the arguments of {broken.name!r:.80} are unreadable: {broken.fault}")
        return self.rate(plan, calls)

    def rate(self, plan: Plan, calls: Sequence[ToolCall]) -> ScoreResult:
        """The score of some calls; subclasses write it."""
        raise NotImplementedError

    def _limits(self, params: Params, order: str) -> Plan:  # noqa: ARG002 - ToolCalls has more of them
        return Plan(order=order)

    def _needs_no_target(self) -> bool:
        return False

    def _from_config(self, params: Params, key: str) -> Plan:
        value = params.value(key)
        try:
            plan = with_expected(self._usual, read_expected(value, match=self._match))
        except BadExpectationError as error:
            params.refuse(key, "a list of tool names or of {name, args, match}", value, tip=str(error))
        if not plan.expected:
            params.refuse(key, "at least one expected tool", value, tip="without calls to expect, use extra and forbid")
        params.note(key, frozen_list(plan.expected))
        return plan

    def _plan_of(self, case: Case) -> Plan | ScoreResult:
        target = case.target
        if not isinstance(target, Mapping) or "tools" not in target:
            return replace(self._usual, extra="allow", free=True) if self._needs_no_target() else _NO_TARGET
        try:
            return plan_of_target(target, self._usual, match=self._match, orders=self.orders)
        except BadExpectationError as error:
            return Failure(stage="scorer", kind="bad_target", message=f"case {case.id}: target.{error}")


class ToolCalls(ToolScorer):
    """``tool_calls``: exactly what was expected, and nothing that was not."""

    binary = asserts = True

    def _limits(self, params: Params, order: str) -> Plan:
        self._writing = frozenset(params.texts("writing", default=()))
        self._offered = definitions(params)
        return Plan(
            order=order,
            extra=params.choice("extra", ("forbid", "allow")),
            forbid=params.texts("forbid", default=()),
            max_steps=params.optional_integer("max_steps", low=0),
        )

    def _needs_no_target(self) -> bool:
        return self._offered is not None

    def rate(self, plan: Plan, calls: Sequence[ToolCall]) -> Score:
        """1 when nothing speaks against the calls."""
        pairs = _matched(plan.expected, calls)
        free = _left(calls, [column for _, column in pairs])
        missing = _left(plan.expected, [row for row, _ in pairs])
        problems = [f"missing {tool}" for tool in missing]
        barred = free if plan.extra == "forbid" else [call for call in free if call.name in self._writing]
        problems += [f"unexpected {call}" for call in barred]
        problems += [f"forbidden {call}" for call in calls if call.name in plan.forbid]
        if plan.max_steps is not None and len(calls) > plan.max_steps:
            problems.append(f"{len(calls)} calls, at most {plan.max_steps} are allowed")
        if not missing and not _in_order(plan, calls):
            problems.append(f"the calls are not in the expected order: {_names(calls)}")
        problems += self._unlike_definitions(calls)
        if plan.free and not calls:
            problems.append("no tool was called")
        reason = f"called {_names(calls)}"
        return self.verdict(not problems, "; ".join(problems[:5]) or reason, _evidence(plan, calls, pairs))

    def _unlike_definitions(self, calls: Sequence[ToolCall]) -> list[str]:
        return [] if self._offered is None else [p for call in calls if (p := misfit(call, self._offered))]


class ToolCallF1(ToolScorer):
    """``tool_call_f1``: shared calls of those made and those expected."""

    orders = ("any",)

    def __init__(self, params: Params) -> None:
        self._part = params.choice("part", ("f1", "precision", "recall"))
        super().__init__(params)

    def rate(self, plan: Plan, calls: Sequence[ToolCall]) -> Score:
        """The chosen part."""
        pairs = _matched(plan.expected, calls)
        evidence = _evidence(plan, calls, pairs)
        reason = f"{len(pairs)} of {len(plan.expected)} expected calls among {len(calls)} made"
        return Score(value=evidence[self._part], reason=reason, evidence=evidence)


class ToolArgs(ToolScorer):
    """``tool_args``: how much of the arguments is right."""

    asserts = True
    orders = ("any",)

    def rate(self, plan: Plan, calls: Sequence[ToolCall]) -> ScoreResult:
        """Mean share of right arguments."""
        if not plan.expected:
            return Unscored(reason="the case expects no call, so there are no arguments to compare")
        weights = _shares(plan.expected, calls)
        pairs = best_assignment(weights)
        shares = [0.0] * len(plan.expected)
        for row, column in pairs:
            shares[row] = weights[row][column]
        right = sum(share >= 1 for share in shares)
        reason = f"{right} of {len(shares)} expected calls have all arguments right"
        evidence = {"shares": shares, "calls": [str(call) for call in calls[:SHOWN]]}
        return Score(value=sum(shares) / len(shares), passed=right == len(shares), reason=reason, evidence=evidence)


class ToolSequence(ToolScorer):
    """``tool_sequence``: the expected calls in their order."""

    binary = asserts = True
    orders = ("strict", "in_order")

    def rate(self, plan: Plan, calls: Sequence[ToolCall]) -> Score:
        """Whether the order is kept."""
        wanted = ", ".join(map(str, plan.expected[:SHOWN])) or "no call"
        evidence = {"calls": [str(call) for call in calls[:SHOWN]]}
        return self.verdict(_in_order(plan, calls), f"expected {wanted}; called {_names(calls)}", evidence)


SHOWN: Final = 20
"""Calls that the evidence lists."""


def _shares(expected: Sequence[Expected], calls: Sequence[ToolCall]) -> list[list[float]]:
    return [[tool.share(call) if tool.name == call.name else 0.0 for call in calls] for tool in expected]


def _matched(expected: Sequence[Expected], calls: Sequence[ToolCall]) -> list[tuple[int, int]]:
    """(expected, call) pairs of the largest one-to-one matching."""
    if all(tool.match == "ignore" for tool in expected):
        return _matched_names(expected, calls)
    return best_assignment([[float(share >= 1) for share in row] for row in _shares(expected, calls)])


def _matched_names(expected: Sequence[Expected], calls: Sequence[ToolCall]) -> list[tuple[int, int]]:
    open_calls: dict[str, list[int]] = {}
    for place, call in enumerate(calls):
        open_calls.setdefault(call.name, []).append(place)
    return [(row, open_calls[tool.name].pop(0)) for row, tool in enumerate(expected) if open_calls.get(tool.name)]


def _in_order(plan: Plan, calls: Sequence[ToolCall]) -> bool:
    if plan.order == "any":
        return True
    if plan.order == "strict":
        return len(plan.expected) == len(calls) and all(map(_fits, plan.expected, calls))
    left = iter(calls)  # the first call that fits is never a worse choice than a later one
    return all(any(_fits(tool, call) for call in left) for tool in plan.expected)


def _fits(tool: Expected, call: ToolCall) -> bool:
    return tool.name == call.name and tool.share(call) >= 1


def _left(items: Sequence[Any], taken: Sequence[int]) -> list[Any]:
    used = set(taken)
    return [item for place, item in enumerate(items) if place not in used]


def _names(calls: Sequence[ToolCall]) -> str:
    shown = ", ".join(str(call) for call in calls[:SHOWN])
    return f"{shown} and {len(calls) - SHOWN} more" if len(calls) > SHOWN else shown or "no tool"


def _evidence(plan: Plan, calls: Sequence[ToolCall], pairs: Sequence[tuple[int, int]]) -> dict[str, Any]:
    made, wanted, shared = len(calls), len(plan.expected), len(pairs)
    both = made + wanted
    return {
        "matched": shared,
        "made": made,
        "expected": wanted,
        "precision": shared / made if made else float(not wanted),
        "recall": shared / wanted if wanted else float(not made),
        "f1": 2 * shared / both if both else 1.0,
        "calls": [str(call) for call in calls[:SHOWN]],
    }


def _failed(kind: str, message: str) -> Failure:
    return Failure(stage="scorer", kind=kind, message=message, blame="candidate")


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {
    "tool_calls": ToolCalls,
    "tool_call_f1": ToolCallF1,
    "tool_args": ToolArgs,
    "tool_sequence": ToolSequence,
}
