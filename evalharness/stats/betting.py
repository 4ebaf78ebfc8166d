"""Test martingales for a bounded mean, watched after every case (gate.md section 2, "Betting").

Five bets, a quarter to four times the size that suits the margin, share the stake. Each multiplies its capital by
1 + s*lam*(d - q); lam looks only at earlier cases and is capped so that no case can take more than 3/4 of the capital.
Under the null the capital is a nonnegative supermartingale, so P(ever >= 1/a) <= a (Ville).

Source: Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSSB 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, log, log1p
from typing import SupportsFloat

from evalharness.stats.ranges import TOLERANCE, Side, check_null, check_side, in_range

PRIOR_CASES = 10.0
"""N0: how many cases the prior variance counts for."""
PRIOR_VARIANCE = 0.10
"""V0: variance that is assumed before the first case."""
LEAST_VARIANCE = 1e-6
CAP = 0.75
"""No bet can lose more than this share of its capital in one case."""
SIZES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""The bets' design effects in units of ``effect``."""
WEIGHTS = (1 / 13, 2 / 13, 6 / 13, 2 / 13, 2 / 13)


def variance_before(count: int, total: float, squares: float) -> float:
    """Return v_t, the shrunk variance of the first ``count`` = t - 1 differences.

    Args:
        count: Number of earlier differences.
        total: Their sum.
        squares: The sum of their squares.
    """
    spread = squares - total * total / count if count else 0.0
    return max(LEAST_VARIANCE, (PRIOR_CASES * PRIOR_VARIANCE + spread) / (PRIOR_CASES + count))


def ceiling(side: Side, null: float, low: float, high: float) -> float:
    """Return the largest lam: CAP over the distance from the null to the end of the range that hurts the bet."""
    distance = null - low if side == "pass" else high - null
    return CAP / distance if distance > 0 else inf


class Betting:
    """A test martingale against "the mean is at most ``null``" (pass) or "at least ``null``" (fail).

    Args:
        side: ``"pass"`` collects evidence that the mean is above the null, ``"fail"`` that it is below.
        null: Null value q of the mean, within the range.
        effect: Design effect g0 > 0, usually the margin.
        low: Lower end of the differences' range.
        high: Upper end of the differences' range.

    Raises:
        ValueError: If the side is unknown, the null is outside the range or the effect is not positive.
    """

    __slots__ = (
        "_ceiling", "_effects", "_high", "_logs", "_low", "_null", "_side", "_squares", "_total", "best", "n",
    )  # fmt: skip

    def __init__(self, side: Side, null: float, effect: float, low: float = -1.0, high: float = 1.0) -> None:
        check_side(side)
        check_null(null, low, high)
        if not 0 < effect < inf:
            raise ValueError(f"the design effect must be a positive number, got {effect!r}")
        self._side: Side = side
        self._null = float(null)
        self._low = float(low)
        self._high = float(high)
        self._effects = [size * effect for size in SIZES]
        self._ceiling = ceiling(side, null, low, high)
        self._logs = [0.0] * len(SIZES)
        self._total = 0.0
        self._squares = 0.0
        self.n = 0
        """Cases so far."""
        self.best = 0.0
        """Largest log capital so far, the start included."""

    @property
    def log_e(self) -> float:
        """Log of the capital now; it starts at log 1."""
        return _mixed(self._logs) if self.n else 0.0

    def update(self, difference: SupportsFloat) -> float:
        """Take the next case.

        Args:
            difference: Paired difference d within [low, high].

        Returns:
            log E after this case.

        Raises:
            ValueError: If the difference is outside the range or NaN.
        """
        self.take(in_range(difference, self._low, self._high))
        return self.log_e

    def take(self, d: float) -> None:
        """Take the next case, whose difference is known to be within the range: ``update`` without a look at it."""
        self._bet(d, self._null, self._ceiling)

    def _bet(self, d: float, null: float, cap: float) -> None:
        variance = variance_before(self.n, self._total, self._squares)
        gain = d - null if self._side == "pass" else null - d
        logs = self._logs
        for k, effect in enumerate(self._effects):
            logs[k] += log1p(min(effect / (variance + effect * effect), cap) * gain)
        self.n += 1
        self._total += d
        self._squares += d * d
        if max(logs) > self.best:  # the mixture is never above its best bet, so most cases need no exponential
            self.best = max(self.best, _mixed(logs))


def _mixed(logs: Sequence[float]) -> float:
    """Log of the capital of all bets together, each with its share of the stake."""
    top = max(logs)
    return top + log(sum(w * exp(x - top) for w, x in zip(WEIGHTS, logs, strict=True)))


class FiniteBetting(Betting):
    """The same bets without replacement: about the mean of exactly ``planned`` differences (``gate_wor``).

    The null moves with what is left, q_t = (N q - sum of earlier d) / (N - t + 1). Once q_t leaves the range on the
    bet's side the null is impossible: ``certain`` is set and the capital stays as it is.

    Args:
        side: As for ``Betting``.
        null: Null value q of the mean of all planned differences.
        effect: Design effect g0 > 0.
        planned: Number N of all differences.
        low: Lower end of the range.
        high: Upper end of the range.

    Raises:
        ValueError: As for ``Betting``, and if ``planned`` is less than 1; later, if more cases come than were planned.
    """

    __slots__ = ("_planned", "certain")

    def __init__(
        self, side: Side, null: float, effect: float, planned: int, low: float = -1.0, high: float = 1.0
    ) -> None:
        super().__init__(side, null, effect, low, high)
        if planned < 1:
            raise ValueError(f"planned must be at least 1, got {planned!r}")
        self._planned = planned
        self.certain = False
        """True once no value of the remaining cases can satisfy the null."""

    def take(self, d: float) -> None:
        """Take the next case; see ``Betting.take``.

        Raises:
            ValueError: If all planned cases are in.
        """
        if self.n >= self._planned:
            raise ValueError(f"all {self._planned} planned cases are in")
        if self.certain:
            self.n += 1
            return
        null = (self._planned * self._null - self._total) / (self._planned - self.n)
        self._bet(d, null, ceiling(self._side, null, self._low, self._high))
        self.certain = self._impossible()

    def _impossible(self) -> bool:
        left = self._planned - self.n
        short = self._planned * self._null - self._total
        slack = TOLERANCE * self._planned
        if self._side == "pass":
            return left * self._low > short + slack
        return left * self._high < short - slack
