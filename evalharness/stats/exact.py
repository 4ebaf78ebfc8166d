"""The exact path for 0/1 scores: one plan before the run, one state during it, one verdict (gate-exact.md 1-2).

20 while running; at the last case the bar drops to about 3, because that is what is left of the 5 %, computed exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from evalharness.stats.exact_evidence import QUESTIONS, Question, exact_log_e
from evalharness.stats.exact_question import QuestionPlan, from_json, shipped
from evalharness.stats.exact_state import ExactEnd, ExactState, LogEs, ProvenDrop, Reason

if TYPE_CHECKING:
    from evalharness.stats.exact_outcome import Outcome

__all__ = [
    "MOST_PLANNED",
    "ExactEnd",
    "ExactPlan",
    "ExactState",
    "LogEs",
    "ProvenDrop",
    "Reason",
    "exact_log_e",
    "exact_plan",
    "plan_from_json",
]

MOST_PLANNED = 2_000
"""Longest plan that is computed; the gate uses the exact path up to 1,000 cases."""
_SCHEMA = "evalh.exact_plan/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactPlan:
    """Everything that is fixed before the first case. ``log E`` is an e-value's natural logarithm."""

    planned: int
    """Number N of cases."""
    margin: float
    """Tolerated drop, 0..1."""
    alpha_pass: float
    """Chance to pass a drop of the margin, at most."""
    alpha_block: float
    """Chance to fail a candidate that is not worse, at most."""
    passing: QuestionPlan
    failing: QuestionPlan
    dropping: QuestionPlan
    earlier: tuple[ExactPlan, ...] = ()
    """Declared earlier looks, the shortest first; each lets its own last bars speak at its own last case."""

    def look_at(self, cases: int) -> ExactPlan | None:
        """Return the earlier look that is due after so many cases, or None."""
        return next((look for look in self.earlier if look.planned == cases), None)

    @property
    def pass_last_bar(self) -> float:
        """Log E that PASS needs at the planned last case."""
        return self.passing.last_bar

    @property
    def fail_last_bar(self) -> float:
        """Log E that FAIL ("worse than the margin") needs at the planned last case."""
        return self.failing.last_bar

    @property
    def drop_last_bar(self) -> float:
        """Log E that a proven drop needs at the planned last case."""
        return self.dropping.last_bar

    @property
    def pass_max_losses(self) -> tuple[int, ...]:
        """By wins 0..N: most losses with which the last case passes; -1 where none does."""
        return self.passing.limits

    @property
    def fail_min_losses(self) -> tuple[int, ...]:
        """By wins 0..N: fewest losses that prove "worse than the margin"; N + 1 where none does."""
        return self.failing.limits

    @property
    def drop_min_losses(self) -> tuple[int, ...]:
        """By wins 0..N: fewest losses that prove a drop; N + 1 where none does."""
        return self.dropping.limits

    @property
    def pass_certified(self) -> bool:
        """Whether the size of PASS is proven for every trinomial."""
        return self.passing.certified

    @property
    def fail_certified(self) -> bool:
        """Whether the size of FAIL is proven for every trinomial."""
        return self.failing.certified

    @property
    def drop_certified(self) -> bool:
        """Whether the size of a proven drop is proven for every trinomial."""
        return self.dropping.certified

    @property
    def certified(self) -> bool:
        """Whether all three are."""
        return self.pass_certified and self.fail_certified and self.drop_certified

    def start(self, *, proven_drop: ProvenDrop = "fail") -> ExactState:
        """Return the state before the first case.

        Args:
            proven_drop: What a proven drop that may lie within the margin means: FAIL at the end (``fail``), FAIL at
                once (``stop``), nothing (``inconclusive``).

        Raises:
            ValueError: If the word is not one of these.
        """
        return ExactState(self, proven_drop=proven_drop)

    def outcome(self, discordance: float, change: float = 0.0) -> Outcome:
        """Return the exact probabilities of PASS, FAIL, INCONCLUSIVE and the mean number of cases paid.

        Args:
            discordance: P(win) + P(loss), raised to ``abs(change)`` where it is smaller; 0..1.
            change: P(win) - P(loss), the true change of the mean, -1..1.

        Raises:
            ValueError: If an argument is outside its range.
        """
        from evalharness.stats.exact_outcome import outcome

        return outcome(self, discordance, change)

    def ceiling(self, discordance: float) -> float:
        """Return P(PASS | unchanged) that no valid rule of these cases can exceed (Neyman-Pearson)."""
        from evalharness.stats.exact_outcome import ceiling

        return ceiling(self.planned, self.margin, discordance, alpha=self.alpha_pass)

    def to_json(self) -> dict[str, object]:
        """Return the plan as JSON values, for a cache on disk."""
        return {
            "schema": _SCHEMA,
            "planned": self.planned,
            "margin": self.margin,
            "alpha_pass": self.alpha_pass,
            "alpha_block": self.alpha_block,
            "pass": self.passing.to_json(),
            "fail": self.failing.to_json(),
            "drop": self.dropping.to_json(),
            "earlier": [look.to_json() for look in self.earlier],
        }

    def question(self, question: Question) -> QuestionPlan:
        """Return the part of one question."""
        return {"pass": self.passing, "fail": self.failing, "drop": self.dropping}[question]


def plan_from_json(data: Mapping[str, object]) -> ExactPlan:
    """Read what ``ExactPlan.to_json`` returned.

    Raises:
        ValueError: If it is not such a plan (schema, types, or a text that does not fit).
    """
    planned = data.get("planned")
    if data.get("schema") != _SCHEMA or type(planned) is not int:
        raise ValueError(f"expected an object of schema {_SCHEMA} with a whole number of planned cases")
    numbers = [data.get(name) for name in ("margin", "alpha_pass", "alpha_block")]
    margin, alpha_pass, alpha_block = (value if isinstance(value, float) else -1.0 for value in numbers)
    _check(planned, margin, alpha_pass, alpha_block)
    parts = [
        from_json(data.get(name), question=name, planned=planned, alpha=alpha_pass if name == "pass" else alpha_block)
        for name in QUESTIONS
    ]
    looks = data.get("earlier", [])
    if not isinstance(looks, list) or not all(isinstance(look, Mapping) for look in looks):
        raise ValueError("the earlier looks of a plan must be a list of plans")
    earlier = tuple(plan_from_json(look) for look in looks)
    return replace(_assemble(planned, margin, (alpha_pass, alpha_block), parts), earlier=earlier)


@lru_cache(maxsize=128)
def exact_plan(
    planned: int, margin: float, *, alpha_pass: float = 0.05, alpha_block: float = 0.025, looks: tuple[int, ...] = ()
) -> ExactPlan:
    """Plan the exact path: shipped for common sizes, else computed (0.3 s at 200 cases, 4 s at 1,000).

    With M metrics, FAIL is planned at ``alpha_block / M``: its running bar is then M / alpha_block. PASS needs no
    correction, for all must pass.

    Args:
        planned: Number N of cases at the last look, 1..2000.
        margin: Tolerated drop of the mean, inside (0, 1).
        alpha_pass: Chance to pass a drop of the margin, at most; inside (0, 0.5].
        alpha_block: Chance to fail a candidate that is not worse, at most; inside (0, 0.5].
        looks: Declared earlier looks: growing numbers of cases below ``planned``. Never shipped: computed.

    Raises:
        ValueError: If an argument is outside its range.
    """
    _check(planned, margin, alpha_pass, alpha_block)
    if looks:
        return _with_looks((*looks, planned), margin, alpha_pass, alpha_block)
    parts = [_part(name, planned, margin, alpha_pass if name == "pass" else alpha_block) for name in QUESTIONS]
    return _assemble(planned, margin, (alpha_pass, alpha_block), parts)


def _with_looks(sizes: tuple[int, ...], margin: float, alpha_pass: float, alpha_block: float) -> ExactPlan:
    from evalharness.stats.looks import exact_looks

    if sizes[0] < 1 or any(after <= before for before, after in pairwise(sizes)):
        raise ValueError(f"looks must be growing numbers of cases below planned, got {sizes!r}")
    found = {
        name: exact_looks(name, sizes, margin, alpha_pass if name == "pass" else alpha_block) for name in QUESTIONS
    }
    plans = [
        _assemble(size, margin, (alpha_pass, alpha_block), [found[name][place] for name in QUESTIONS])
        for place, size in enumerate(sizes)
    ]
    return replace(plans[-1], earlier=tuple(plans[:-1]))


def _check(planned: int, margin: float, *alphas: float) -> None:
    if not 1 <= planned <= MOST_PLANNED:
        raise ValueError(f"planned must be within 1..{MOST_PLANNED}, got {planned!r}")
    if not 0.0 < margin < 1.0:
        raise ValueError(f"margin must be inside (0, 1), got {margin!r}")
    if not all(0.0 < alpha <= 0.5 for alpha in alphas):
        raise ValueError(f"alpha_pass and alpha_block must be inside (0, 0.5], got {alphas!r}")


def _part(question: Question, planned: int, margin: float, alpha: float) -> QuestionPlan:
    found = shipped(question, planned, margin, alpha)
    if found is not None:
        return found
    from evalharness.stats.exact_bars import solve

    return solve(question, planned, margin, alpha)


def _assemble(planned: int, margin: float, alphas: tuple[float, float], parts: list[QuestionPlan]) -> ExactPlan:
    passing, failing, dropping = parts
    return ExactPlan(
        planned=planned,
        margin=margin,
        alpha_pass=alphas[0],
        alpha_block=alphas[1],
        passing=passing,
        failing=failing,
        dropping=dropping,
    )
