"""The interval that agrees with the verdict: every null value that the same evidence does not reject (gate.md section 2).

After an early stop it is to be reported instead of the raw mean, which is biased outward.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import exp, fsum, inf, isfinite, log, log1p
from typing import Any, SupportsFloat

from evalharness.stats.arrays import VECTOR_FROM, load_numpy
from evalharness.stats.betting import (
    LEAST_VARIANCE,
    PRIOR_CASES,
    PRIOR_VARIANCE,
    SIZES,
    WEIGHTS,
    FiniteBetting,
    ceiling,
    variance_before,
)
from evalharness.stats.edges import bisect, boundary, edge
from evalharness.stats.last_look import final_look_counts
from evalharness.stats.ranges import Side, all_in_range, check_range, check_share, check_side

_LEAST_P = 1e-300
_BLOCK = 1 << 14
"""Units that are looked at together."""


def interval(
    differences: Iterable[SupportsFloat],
    effect: float,
    *,
    alpha: float = 0.05,
    split: float = 0.5,
    low: float = -1.0,
    high: float = 1.0,
    final: bool = True,
    weights: Iterable[SupportsFloat] | None = None,
) -> tuple[float, float]:
    """Return (L, U): L is the largest null rejected from below, U the smallest rejected from above.

    Args:
        differences: Paired differences in the order in which they were looked at.
        effect: Design effect g0 of the bets, usually the margin.
        alpha: Level of each of the two one-sided tests; (L, U) covers the mean with probability 1 - 2 alpha. For
            unlike levels call twice and take L from one and U from the other.
        split: Share of alpha for the bets; the rest is for the last look.
        low: Lower end of the differences' range.
        high: Upper end of the differences' range.
        final: True when all planned units are in; after an early stop there is no last look.
        weights: With clusters, n_g / n_max of each unit, in (0, 1].

    Returns:
        The limits; an end of the range where nothing is rejected.

    Raises:
        ValueError: If a value is outside the range or NaN, or an argument is outside its own.
    """
    values = list(differences)
    shares = None if weights is None else list(weights)
    common = {"alpha": alpha, "split": split, "low": low, "high": high}
    return (
        limit("pass", values, effect, final=final, weights=shares, **common),
        limit("fail", values, effect, final=final, weights=shares, **common),
    )


def limit(  # noqa: PLR0913 - the parameters of interval, and the side
    side: Side,
    differences: Iterable[SupportsFloat],
    effect: float,
    *,
    alpha: float,
    split: float,
    low: float = -1.0,
    high: float = 1.0,
    final: bool = True,
    weights: Iterable[SupportsFloat] | None = None,
) -> float:
    """Return one end of ``interval``: L for ``"pass"``, U for ``"fail"``.

    For unlike alphas, or for missing cases, of which L sees the worst and U the best values.

    Args:
        side: Whose null values are rejected.
        differences: As for ``interval``.
        effect: As for ``interval``.
        alpha: Level of this one-sided test.
        split: As for ``interval``.
        low: As for ``interval``.
        high: As for ``interval``.
        final: As for ``interval``.
        weights: As for ``interval``.

    Raises:
        ValueError: As for ``interval``, and if the side is unknown.
    """
    check_side(side)
    check_range(low, high)
    check_share("alpha", alpha)
    check_share("split", split, zero=True, one=True)
    _check_effect(effect)
    values = all_in_range(differences, low, high)
    shares = None if weights is None else all_in_range(weights, 0.0, 1.0)
    if shares is not None and (len(shares) != len(values) or not all(shares)):
        raise ValueError("weights must be one positive number for each difference")
    evidence = _Evidence(values, shares, effect=effect, low=low, high=high)
    bar = -log(split * alpha) if split > 0 else inf
    level = (1 - split) * alpha if final else 0.0
    return evidence.limit(side, bar, level)


def interval_eval_set(
    differences: Iterable[SupportsFloat],
    effect: float,
    planned: int,
    *,
    alpha: float = 0.05,
    low: float = -1.0,
    high: float = 1.0,
) -> tuple[float, float]:
    """Return (L, U) for the mean of exactly the planned differences, of which these are the first.

    Args:
        differences: The prefix that has been seen.
        effect: Design effect g0 of the bets.
        planned: Number N of all differences.
        alpha: Level of each of the two one-sided tests.
        low: Lower end of the range.
        high: Upper end of the range.

    Raises:
        ValueError: As for ``interval``, and if there are more differences than planned.
    """
    check_range(low, high)
    check_share("alpha", alpha)
    _check_effect(effect)
    values = all_in_range(differences, low, high)
    if len(values) > planned:
        raise ValueError(f"{len(values)} differences, but only {planned} were planned")
    bar = -log(alpha)

    def rejects(side: Side, q: float) -> bool:
        bet = FiniteBetting(side, q, effect, planned, low, high)
        for d in values:
            bet.update(d)
            if bet.certain or bet.best >= bar:
                return True
        return False

    return (
        bisect(lambda q: rejects("pass", q), low, high),
        bisect(lambda q: rejects("fail", q), high, low),
    )


class _Evidence:
    """The evidence against any null value q, from the same cases."""

    def __init__(
        self, values: Sequence[float], shares: Sequence[float] | None, *, effect: float, low: float, high: float
    ) -> None:
        self._effects = [size * effect for size in SIZES]
        self._low, self._high = low, high
        self._vector = len(values) >= VECTOR_FROM
        self._values: Any = load_numpy().asarray(values) if self._vector else values
        self._shares: Any = load_numpy().asarray(shares) if self._vector and shares is not None else shares
        # v_t does not depend on the null, but for clusters, whose units are shifted before they are weighted.
        self._bets = self._sizes(values) if shares is None else []
        self._counts = Counter(values)

    def limit(self, side: Side, bar: float, level: float) -> float:
        """Return the furthest null from the side's end of the range that bets or last look reject."""
        start, far = (self._low, self._high) if side == "pass" else (self._high, self._low)
        found = start
        if isfinite(bar):
            found = edge(lambda q: self._capital(side, q), bar, (start, self._mean(), far))
        if level > 0 and self._p_value(side, found) <= level:
            return boundary(lambda q: log(max(self._p_value(side, q), _LEAST_P)) - log(level), found, far)
        return found

    def _mean(self) -> float:
        """Return the mean of the units; with nothing in, 0."""
        if self._vector:
            return float(load_numpy().average(self._values, weights=self._shares))
        shares = [1.0] * len(self._values) if self._shares is None else self._shares
        weight = fsum(shares)
        return fsum(share * value for share, value in zip(shares, self._values, strict=True)) / (weight or 1.0)

    def _frame(self, q: float) -> tuple[Any, float, float, float]:
        """Return values, null and range: clusters are z = w (mean - q) against 0."""
        if self._shares is None:
            return self._values, q, self._low, self._high
        z = (
            self._shares * (self._values - q)
            if self._vector
            else [share * (value - q) for share, value in zip(self._shares, self._values, strict=True)]
        )
        return z, 0.0, self._low - q, self._high - q

    def _capital(self, side: Side, q: float) -> float:
        """Return the largest log capital that the bets against q ever had."""
        values, null, low, high = self._frame(q)
        bets = self._bets if self._shares is None else self._sizes(values)
        sign, cap = 1.0 if side == "pass" else -1.0, ceiling(side, null, low, high)
        best = _best_vector if self._vector else _best_plain
        return best(values, bets, null=null, sign=sign, cap=cap)

    def _p_value(self, side: Side, q: float) -> float:
        if self._shares is None:
            return final_look_counts(self._counts, q, side, low=self._low, high=self._high)
        values, null, low, high = self._frame(q)
        counts = Counter(values.tolist() if self._vector else values)
        return final_look_counts(counts, null, side, low=low, high=high)

    def _sizes(self, values: Sequence[float]) -> Any:
        """Return lam before its cap, for each unit and bet: a list of lists, or an array."""
        if self._vector:
            return _sizes_vector(values, self._effects)
        total = squares = 0.0
        sizes = []
        for count, value in enumerate(values):
            variance = variance_before(count, total, squares)
            sizes.append([effect / (variance + effect * effect) for effect in self._effects])
            total += value
            squares += value * value
        return sizes


def _sizes_vector(values: Any, effects: Sequence[float]) -> Any:
    """``_Evidence._sizes`` in arrays, a row for each bet: `betting.variance_before` of every prefix."""
    np = load_numpy()
    x = np.asarray(values)
    count = np.arange(x.size)
    total, squares = (np.concatenate(([0.0], np.cumsum(part)[:-1])) for part in (x, x * x))
    spread = squares - total * total / np.maximum(count, 1)
    variance = np.maximum(LEAST_VARIANCE, (PRIOR_CASES * PRIOR_VARIANCE + spread) / (PRIOR_CASES + count))
    return np.stack([g / (variance + g * g) for g in effects])


def _best_plain(
    values: Sequence[float], bets: Sequence[Sequence[float]], *, null: float, sign: float, cap: float
) -> float:
    logs = [0.0] * len(SIZES)
    best = -inf
    for value, sizes in zip(values, bets, strict=True):
        gain = sign * (value - null)
        logs = [x + log1p(min(size, cap) * gain) for x, size in zip(logs, sizes, strict=True)]
        top = max(logs)
        if top > best:  # the mixture is never above its best bet, so most units need no exponential
            best = max(best, top + log(sum(w * exp(x - top) for w, x in zip(WEIGHTS, logs, strict=True))))
    return best


def _best_vector(values: Any, bets: Any, *, null: float, sign: float, cap: float) -> float:
    """``_best_plain`` in arrays, a block of units at a time: so much stays in the processor's cache."""
    np = load_numpy()
    weights, logs, best = np.asarray(WEIGHTS), np.zeros(len(SIZES)), -inf
    for start in range(0, values.size, _BLOCK):
        steps = np.minimum(bets[:, start : start + _BLOCK], cap)
        steps *= sign * (values[start : start + _BLOCK] - null)
        np.log1p(steps, out=steps)
        steps[:, 0] += logs
        capitals = np.cumsum(steps, axis=1, out=steps)
        logs = capitals[:, -1].copy()
        tops = capitals.max(axis=0)
        high = tops > best  # as above
        if high.any():
            top = tops[high]
            mixture = top + np.log(weights @ np.exp(capitals[:, high] - top))
            best = max(best, float(mixture.max()))
    return best


def _check_effect(effect: float) -> None:
    if not 0 < effect < inf:
        raise ValueError(f"the design effect must be a positive number, got {effect!r}")
