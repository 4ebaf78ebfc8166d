"""Declared earlier looks: more cases after "cannot tell", without spending alpha twice (gate-exact.md B9).

A look that was not declared before the run costs alpha that nobody set aside (200, then 400, then 800 cases with a fresh
last bar each: 8.4 % instead of 5 %). Declared ones share it: the first may spend four fifths, the others the rest evenly
(0.04, 0.045 and 0.05 of 0.05 for three looks).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalharness.stats.exact_evidence import Question
    from evalharness.stats.exact_question import QuestionPlan

FIRST: float = 0.8
"""Share of alpha that may be spent up to the first of several looks."""


def look_shares(count: int) -> tuple[float, ...]:
    """Cumulative share of alpha at each of so many looks, growing to 1.

    Raises:
        ValueError: If there is no look.
    """
    if count < 1:
        raise ValueError(f"there must be at least one look, got {count!r}")
    if count == 1:
        return (1.0,)
    return (*(FIRST + (1.0 - FIRST) * k / (count - 1) for k in range(count - 1)), 1.0)


def exact_looks(question: Question, sizes: Sequence[int], margin: float, alpha: float) -> tuple[QuestionPlan, ...]:
    """Plan one question of the exact path over several looks: the staircases of earlier ones are spent in later ones.

    The bar of 1/alpha is in force after every case, at each look a lower last bar, so that the chance to have claimed
    anything by then is at most the share of alpha that is due; certified for every trinomial like a plan of one look.

    Args:
        question: ``pass``, ``fail`` or ``drop``.
        sizes: Cases at each look, growing; the last is the planned number.
        margin: Tolerated drop, inside (0, 1).
        alpha: Error rate of the question over all looks together.

    Returns:
        A plan per look. Where the last one cannot be certified, the earlier looks give nothing back.
    """
    from evalharness.stats.exact_bars import solve

    bar = log(1.0 / alpha)
    plans: list[QuestionPlan] = []
    for size, share in zip(sizes, look_shares(len(sizes)), strict=True):
        plans.append(solve(question, size, margin, share * alpha, bar=bar, earlier=plans))
    if plans[-1].certified:
        return tuple(plans)
    return (*(_nothing(plan) for plan in plans[:-1]), solve(question, sizes[-1], margin, alpha))


def _nothing(plan: QuestionPlan) -> QuestionPlan:
    """The same look, claiming nothing beyond the running bar."""
    from evalharness.stats.exact_question import QuestionPlan

    none = -1 if plan.question == "pass" else plan.planned + 1
    return QuestionPlan(
        question=plan.question,
        planned=plan.planned,
        bar=plan.bar,
        last_bar=plan.bar,
        rule="running",
        certified=True,
        limits=(none,) * (plan.planned + 1),
    )
