"""The interval that agrees with the verdict: every null value that the same evidence does not reject (gate.md section 2).

After an early stop it is to be reported instead of the raw mean, which is biased outward.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from math import exp, inf, isfinite, log, log1p
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
from evalharness.stats.last_look import final_look_counts
from evalharness.stats.ranges import Side, all_in_range, check_range, check_share, check_side

_WIDTH = 1e-12
"""A limit is found to this share of the range."""
_LEAST_P = 1e-300


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
        _bisect(lambda q: rejects("pass", q), low, high),
        _bisect(lambda q: rejects("fail", q), high, low),
    )


class _Evidence:
    """The evidence against any null value q, from the same cases."""

    def __init__(
        self, values: Sequence[float], shares: Sequence[float] | None, *, effect: float, low: float, high: float
    ) -> None:
        self._values = values
        self._shares = shares
        self._effects = [size * effect for size in SIZES]
        self._low, self._high = low, high
        self._vector = len(values) >= VECTOR_FROM
        # v_t does not depend on the null, but for clusters, whose units are shifted before they are weighted.
        self._bets = self._sizes(values) if shares is None else []
        self._counts = Counter(values)

    def limit(self, side: Side, bar: float, level: float) -> float:
        """Return the furthest null from the side's end of the range that bets or last look reject."""
        start, far = (self._low, self._high) if side == "pass" else (self._high, self._low)
        found = start
        if isfinite(bar):
            found = _bisect(lambda q: self._crosses(side, q, bar), start, far)
        if level > 0 and self._p_value(side, found) <= level:
            return _boundary(lambda q: log(max(self._p_value(side, q), _LEAST_P)) - log(level), found, far)
        return found

    def _frame(self, q: float) -> tuple[Sequence[float], float, float, float]:
        """Return values, null and range: clusters are z = w (mean - q) against 0."""
        if self._shares is None:
            return self._values, q, self._low, self._high
        shifted = [share * (value - q) for share, value in zip(self._shares, self._values, strict=True)]
        return shifted, 0.0, self._low - q, self._high - q

    def _crosses(self, side: Side, q: float, bar: float) -> bool:
        values, null, low, high = self._frame(q)
        bets = self._bets if self._shares is None else self._sizes(values)
        sign, cap = 1.0 if side == "pass" else -1.0, ceiling(side, null, low, high)
        crosses = _crosses_vector if self._vector else _crosses_plain
        return crosses(values, bets, null=null, sign=sign, cap=cap, bar=bar)

    def _p_value(self, side: Side, q: float) -> float:
        if self._shares is None:
            return final_look_counts(self._counts, q, side, low=self._low, high=self._high)
        values, null, low, high = self._frame(q)
        return final_look_counts(Counter(values), null, side, low=low, high=high)

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


def _sizes_vector(values: Sequence[float], effects: Sequence[float]) -> Any:
    """``_Evidence._sizes`` in arrays: `betting.variance_before` of every prefix."""
    np = load_numpy()
    x = np.asarray(values)
    count = np.arange(x.size)
    total, squares = (np.concatenate(([0.0], np.cumsum(part)[:-1])) for part in (x, x * x))
    spread = squares - total * total / np.maximum(count, 1)
    variance = np.maximum(LEAST_VARIANCE, (PRIOR_CASES * PRIOR_VARIANCE + spread) / (PRIOR_CASES + count))
    g = np.asarray(effects)
    return g / (variance[:, None] + g * g)


def _crosses_plain(
    values: Sequence[float], bets: Sequence[Sequence[float]], *, null: float, sign: float, cap: float, bar: float
) -> bool:
    logs = [0.0] * len(SIZES)
    for value, sizes in zip(values, bets, strict=True):
        gain = sign * (value - null)
        logs = [x + log1p(min(size, cap) * gain) for x, size in zip(logs, sizes, strict=True)]
        top = max(logs)
        # The mixture is never above its best bet, so most units need no exponential.
        if top >= bar and top + log(sum(w * exp(x - top) for w, x in zip(WEIGHTS, logs, strict=True))) >= bar:
            return True
    return False


def _crosses_vector(values: Sequence[float], bets: Any, *, null: float, sign: float, cap: float, bar: float) -> bool:
    np = load_numpy()
    gains = sign * (np.asarray(values) - null)
    logs = np.cumsum(np.log1p(np.minimum(bets, cap) * gains[:, None]), axis=0)
    logs = logs[logs.max(axis=1) >= bar]
    if not logs.size:
        return False
    top = logs.max(axis=1)
    mixture = top + np.log(np.exp(logs - top[:, None]) @ np.asarray(WEIGHTS))
    return bool(mixture.max() >= bar)


def _check_effect(effect: float) -> None:
    if not 0 < effect < inf:
        raise ValueError(f"the design effect must be a positive number, got {effect!r}")


def _bisect(rejects: Callable[[float], bool], start: float, far: float) -> float:
    """Return the last rejected value on the way from ``start`` to ``far``; ``start`` if none is."""
    if not rejects(start):
        return start
    width = _WIDTH * abs(far - start)
    while abs(far - start) > width:
        middle = (start + far) / 2
        if rejects(middle):
            start = middle
        else:
            far = middle
    return start


def _boundary(excess: Callable[[float], float], rejected: float, far: float) -> float:
    """Return where rejection ends on the way to ``far``: walk in doubling steps first, for far out an integral costs most."""
    share, whole = 1 / 1024, far - rejected
    outside = rejected + share * whole
    while excess(outside) < 0:
        rejected, share = outside, 2 * share
        outside = far - whole + share * whole if share < 1 else far
    return _root(excess, rejected, outside)


def _root(excess: Callable[[float], float], inside: float, outside: float) -> float:
    """Return the zero of an increasing excess between a rejected and an accepted value.

    Regula falsi that halves the weight of an end which stays (Illinois), as every value costs a numerical integral.
    """
    width = _WIDTH * max(1.0, abs(inside), abs(outside))
    below, above = excess(inside), excess(outside)
    stayed = 0
    while abs(outside - inside) > width:
        middle = outside - above * (outside - inside) / (above - below)
        value = excess(middle)
        if abs(value) < _WIDTH:
            return middle
        if value < 0:
            inside, below = middle, value
            above, stayed = (above / 2 if stayed == 1 else above), 1
        else:
            outside, above = middle, value
            below, stayed = (below / 2 if stayed == -1 else below), -1
    return inside
