"""The interval of the exact path: every null mean that the evidence along the path refutes is left out."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import TYPE_CHECKING

from evalharness.stats.exact_evidence import against

if TYPE_CHECKING:
    from evalharness.stats.exact import ExactEnd, ExactPlan

Counts = tuple[int, int, int]

_LAST = 0.225
"""Last bar of the interval times alpha: E = 4.5 at 0.05, 9 at 0.025, above every last bar of plans of 20 cases on."""
_HALVINGS = 42


def exact_interval(
    plan: ExactPlan,
    differences: Sequence[float],
    end: ExactEnd,
    *,
    block_differences: Sequence[float] | None = None,
) -> tuple[float, float]:
    """Return (L, U) for the mean difference, of level 1 - alpha_pass - alpha_block, in agreement with the verdict.

    A mean is refuted when its e-value ever reaches 1/alpha, which is proven for any stopping time, or is 4.5 (at
    alpha 0.05) or more at the planned last case: between the two means that the plan is about, that last bar is
    enumerated, elsewhere it is not proven.

    Args:
        plan: The plan.
        differences: The differences -1, 0, 1 up to the stop, as PASS saw them.
        end: What ``ExactState.finish`` returned.
        block_differences: The differences as FAIL and drop saw them; the same by default.

    Returns:
        Lower and upper end, each within [-1, 1].
    """
    complete = len(differences) == plan.planned
    block = differences if block_differences is None else block_differences
    last = max(plan.pass_last_bar, log(_LAST / plan.alpha_pass)) if complete else None
    low = _largest_refuted([_sign(d) for d in differences], plan.passing.bar, last)
    if complete:
        last = max(plan.fail_last_bar, plan.drop_last_bar, log(_LAST / plan.alpha_block))
    high = -_largest_refuted([-_sign(d) for d in block], plan.failing.bar, last)
    if end.verdict == "pass":
        low = max(low, -plan.margin)
    if end.reason == "worse_than_margin":
        high = min(high, -plan.margin)
    if end.reason == "drop_proven":
        high = min(high, 0.0)
    # Both sides can refute everything only on data that drift; the hull of the two ends is then still honest.
    return min(low, high), max(low, high)


def _sign(difference: float) -> int:
    return (difference > 0) - (difference < 0)


def _largest_refuted(steps: Sequence[int], bar: float, last: float | None) -> float:
    """Largest null mean refuted from below, to 1e-12; -1 if none. Refutation is monotone: bisection is exact."""
    peaks, final = _peaks(steps)
    low, high = -1.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        bets = against(middle)
        refuted = (last is not None and bets.log_e(*final) >= last) or any(bets.log_e(*peak) >= bar for peak in peaks)
        low, high = (middle, high) if refuted else (low, middle)
    return max(-1.0, low)


def _peaks(steps: Sequence[int]) -> tuple[list[Counts], Counts]:
    """Counts (ups, downs, ties) where log E can have a maximum, whichever way a tie moves it, and the last counts."""
    peaks: list[Counts] = []
    ups = downs = ties = 0
    for index, step in enumerate(steps):
        ups += step > 0
        downs += step < 0
        ties += step == 0
        following = steps[index + 1] if index + 1 < len(steps) else -1
        if following < step:
            peaks.append((ups, downs, ties))
    return peaks, (ups, downs, ties)
