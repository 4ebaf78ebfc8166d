"""Numbers in answers: ``number`` compares, ``numeric_diff`` measures how near.

The expected number is ``value``, else the case's target: a number, or a text whose last number counts; several are
alternatives. How a number is read is said in ``numerals.py``.

| word | parameters | value |
| --- | --- | --- |
| ``number`` | ``value``, ``rule``, ``after``, ``abs_tol = 0``, ``rel_tol = 0`` | 1 when the output's number differs from the expected one by at most max(abs_tol, rel_tol * expected), else 0 |
| ``numeric_diff`` | ``value``, ``tol = 0`` | 1 - abs(a - b) / (abs(a) + abs(b)) of the output's last number, 0 without one; passes when abs(a - b) <= tol |

| ``rule`` | which number of the output |
| --- | --- |
| ``last`` (default) | the last one |
| ``after`` (default where ``after`` is given) | the first one after the last ``after``, such as ``"####"``; without the mark there is none |
| ``gsm8k_strict`` | as lm-eval's ``strict-match``: after the first ``#### ``, compared as text without ``,`` ``$`` and a last point |
| ``gsm8k_flexible`` | as lm-eval's ``flexible-extract``: the last match of its pattern, compared the same way, its faults kept: ``42 ..`` gives ``..`` and ``10-12`` gives ``-12`` |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from evalharness.core.cases import Case
from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Output, Score, ScoreResult, Unscored
from evalharness.scorers.base import Scorer, shown
from evalharness.scorers.numerals import first_number, last_number, near, number_of, relative_similarity
from evalharness.scorers.parameters import Params
from evalharness.scorers.references import NO_TARGET, given_key, reference_text


class Number(Scorer):
    """``number``: the output's number is the expected one."""

    binary = asserts = True

    def __init__(self, params: Params) -> None:
        self._given = _given_numbers(params, self)
        rules = ("last", "after", "gsm8k_strict", "gsm8k_flexible")
        self._rule = params.choice("rule", rules if not params.has("after") else (rules[1], rules[0], *rules[2:]))
        self._after = params.text("after") if self._rule == "after" else ""
        if self._rule != "after" and params.has("after"):
            params.refuse("after", 'rule = "after"', self._rule)
        self._abs_tol = Decimal(repr(params.number("abs_tol", default=0.0, low=0.0)))
        self._rel_tol = Decimal(repr(params.number("rel_tol", default=0.0, low=0.0)))
        super().__init__(params)

    def measure(self, output: Output, case: Case, /) -> ScoreResult:
        """Read the output's number and compare."""
        references = self._given if self._given is not None else case.references
        if not references:
            return NO_TARGET
        text = output.text or ""
        if self._rule.startswith("gsm8k"):
            return self._as_lm_eval(text, references)
        expected = [number for reference in references if (number := number_of(reference)) is not None]
        if not expected:
            return Unscored(reason=f"there is no number in the target {shown(reference_text(references[0]), 80)}")
        seen = self._number(text)
        if seen is None:
            return self.verdict(False, f"expected {expected[0]}, found no number in {shown(text)}")  # noqa: FBT003
        holds = any(near(seen, wanted, abs_tol=self._abs_tol, rel_tol=self._rel_tol) for wanted in expected)
        return self.verdict(holds, f"expected {' or '.join(map(str, expected[:3]))}, got {seen}", {"number": str(seen)})

    def _number(self, text: str) -> Decimal | None:
        if self._rule == "last":
            return last_number(text)
        _, mark, answer = text.rpartition(self._after)
        return first_number(answer) if mark else None

    def _as_lm_eval(self, text: str, references: tuple[Any, ...]) -> Score:
        seen = gsm8k_answer(text, strict=self._rule == "gsm8k_strict")
        expected = [reference_text(reference) for reference in references]
        holds = any(_gsm8k_plain(seen) == _gsm8k_plain(wanted) for wanted in expected)
        return self.verdict(holds, f"expected {shown(expected[0], 80)}, got {shown(seen)}", {"number": seen[:80]})


class NumericDiff(Scorer):
    """``numeric_diff``: relative similarity of two numbers, in 0..1."""

    asserts = True

    def __init__(self, params: Params) -> None:
        self._given = _given_numbers(params, self)
        self._tol = Decimal(repr(params.number("tol", default=0.0, low=0.0)))
        super().__init__(params)

    def measure(self, output: Output, case: Case, /) -> ScoreResult:
        """The best similarity with any expected number."""
        references = self._given if self._given is not None else case.references
        if not references:
            return NO_TARGET
        expected = [number for reference in references if (number := number_of(reference)) is not None]
        if not expected:
            return Unscored(reason=f"there is no number in the target {shown(reference_text(references[0]), 80)}")
        seen = last_number(output.text or "")
        if seen is None:
            reason = f"expected {expected[0]}, found no number in {shown(output.text or '')}"
            return Score(value=0.0, passed=False, reason=reason)
        value, nearest = max((relative_similarity(seen, wanted), wanted) for wanted in expected)
        passed = any(near(seen, wanted, abs_tol=self._tol, rel_tol=Decimal(0)) for wanted in expected)
        return Score(
            value=value, passed=passed, reason=f"expected {nearest}, got {seen}", evidence={"number": str(seen)}
        )


def _given_numbers(params: Params, scorer: Scorer) -> tuple[Any, ...] | None:
    """The table's own expected numbers; None (and ``target`` needed) when they come from the case."""
    key = given_key(params)
    if key is None:
        scorer.needs = frozenset({"target"})
        return None
    value = params.value(key)
    items = value if isinstance(value, tuple) else (value,)
    if not items or any(number_of(item) is None for item in items):
        params.refuse(key, "a number or a list of numbers", value)
    return items


_STRICT: Final = re.compile(r"#### (\-?[0-9\.\,]+)")
_FLEXIBLE: Final = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")


def gsm8k_answer(text: str, *, strict: bool) -> str:
    """The answer that lm-eval's gsm8k task reads out of a text (``strict-match`` or ``flexible-extract``)."""
    if strict:
        found = _STRICT.search(text)
        return found[1].strip() if found else "[invalid]"
    matches = _FLEXIBLE.findall(text)
    return (matches[-1][0] or matches[-1][1]).strip() if matches else "[invalid]"


def _gsm8k_plain(text: str) -> str:
    """A text as that task compares it: the order of the steps is part of its definition."""
    return re.sub(r"\.$", "", text.replace(",", "").replace("$", "").rpartition("#### ")[2]).lower()


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {"number": Number, "numeric_diff": NumericDiff}
