"""How far a judge can be trusted: agreement of raters, and rates corrected for a judge's errors (scorers.md 1.3).

Sources: Cohen 1960, 1968; Krippendorff, Content Analysis (2004), ch. 11; Rogan and Gladen 1978; Angelopoulos et al.,
Prediction-powered inference, Science 2023, and PPI++, arXiv 2311.01453.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations
from math import isnan, sqrt
from statistics import NormalDist
from typing import Literal, SupportsFloat, TypeAlias, cast

from evalharness.stats.ranges import check_share

LEAST_YOUDEN = 0.2
"""A judge whose sensitivity + specificity - 1 is below this cannot be corrected."""

Level: TypeAlias = Literal["nominal", "ordinal", "interval", "ratio"]
_Distance: TypeAlias = Callable[[Hashable, Hashable], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A corrected mean with an asymptotic interval."""

    value: float
    low: float
    high: float
    weight: float = 1.0
    """How much the judge is relied on, 0..1 (PPI only)."""


def rogan_gladen(observed: float, sensitivity: float, specificity: float) -> float:
    """Return the true pass rate behind a judge's pass rate, (p + sp - 1) / J, clipped to [0, 1].

    Args:
        observed: Share p that the judge passes.
        sensitivity: Share of truly good answers that the judge passes.
        specificity: Share of truly bad answers that the judge fails.

    Raises:
        ValueError: If an argument is outside [0, 1] or J = sensitivity + specificity - 1 is below 0.2.
    """
    for name, value in (("observed", observed), ("sensitivity", sensitivity), ("specificity", specificity)):
        _check_rate(name, value)
    youden = sensitivity + specificity - 1
    if youden < LEAST_YOUDEN - 1e-12:
        raise ValueError(
            f"sensitivity + specificity - 1 is {youden:.3g}; below {LEAST_YOUDEN} no correction is possible"
        )
    return min(1.0, max(0.0, (observed + specificity - 1) / youden))


def rogan_gladen_interval(
    observed: tuple[int, int], passed_good: tuple[int, int], failed_bad: tuple[int, int], *, level: float = 0.95
) -> Estimate:
    """Return the corrected rate with an interval that counts both samplings, of answers and of labels.

    Args:
        observed: Answers the judge passed, and all answers.
        passed_good: Truly good labelled answers that the judge passed, and all of them.
        failed_bad: Truly bad labelled answers that the judge failed, and all of them.
        level: Coverage, asymptotic.

    Raises:
        ValueError: If a count does not fit its total, or as for ``rogan_gladen``.
    """
    check_share("level", level)
    for count, total in (observed, passed_good, failed_bad):
        if not 0 <= count <= total or total < 1:
            raise ValueError(f"{count!r} of {total!r} is no share")
    rate, sensitivity, specificity = (count / total for count, total in (observed, passed_good, failed_bad))
    value = rogan_gladen(rate, sensitivity, specificity)
    youden = sensitivity + specificity - 1
    variance = (
        _rate_variance(*observed)
        + value**2 * _rate_variance(*passed_good)
        + (1 - value) ** 2 * _rate_variance(*failed_bad)
    )
    reach = NormalDist().inv_cdf((1 + level) / 2) * sqrt(variance) / youden
    return Estimate(value=value, low=max(0.0, value - reach), high=min(1.0, value + reach))


def ppi_mean(
    human: Iterable[SupportsFloat],
    judge: Iterable[SupportsFloat],
    judge_unlabelled: Iterable[SupportsFloat],
    *,
    level: float = 0.95,
    tuned: bool = True,
) -> Estimate:
    """Return the mean human score, estimated from few labels and many judge scores (prediction-powered).

    mean(human) + w (mean(judge_unlabelled) - mean(judge)), with w chosen for the least variance (power-tuned).

    Args:
        human: Human scores of the labelled cases, at least two.
        judge: Judge scores of the same cases, in the same order.
        judge_unlabelled: Judge scores of the other cases, at least two.
        level: Coverage of the interval, asymptotic.
        tuned: False for w = 1.

    Raises:
        ValueError: If there are too few values, or labelled scores do not pair up.
    """
    check_share("level", level)
    labels, paired, others = ([float(x) for x in side] for side in (human, judge, judge_unlabelled))
    if len(labels) != len(paired) or len(labels) < 2 or len(others) < 2:
        raise ValueError("ppi_mean needs at least two pairs of human and judge scores and two unlabelled scores")
    weight = _power_tuned(labels, paired, others) if tuned else 1.0
    value = _mean(labels) + weight * (_mean(others) - _mean(paired))
    residuals = [y - weight * f for y, f in zip(labels, paired, strict=True)]
    variance = _variance(residuals) / len(labels) + weight**2 * _variance(others) / len(others)
    reach = NormalDist().inv_cdf((1 + level) / 2) * sqrt(variance)
    return Estimate(value=value, low=value - reach, high=value + reach, weight=weight)


def cohen_kappa(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    *,
    weights: Literal["linear", "quadratic"] | None = None,
) -> float:
    """Return Cohen's kappa, agreement of two raters beyond chance.

    Args:
        first: Labels of the first rater.
        second: Labels of the second, in the same order.
        weights: None counts each disagreement alike; else by the distance of the ranks of the labels, sorted.

    Returns:
        Kappa, at most 1.

    Raises:
        ValueError: If the raters differ in length, there is no item, or both use one and the same label only
            (agreement by chance is then certain, and kappa has no value).
    """
    if not first or len(first) != len(second):
        raise ValueError(f"both raters need the same items, at least one; got {len(first)} and {len(second)}")
    if weights not in {None, "linear", "quadratic"}:
        raise ValueError(f"weights must be None, linear or quadratic; got {weights!r}")
    labels = set(first) | set(second)
    ranks = {label: rank for rank, label in enumerate(sorted(cast("set[str]", labels)) if weights else labels)}
    power = {None: 0, "linear": 1, "quadratic": 2}[weights]

    def loss(a: Hashable, b: Hashable) -> float:
        return float(abs(ranks[a] - ranks[b]) ** power) if a != b else 0.0

    observed = sum(map(loss, first, second)) / len(first)
    ours, theirs = Counter(first), Counter(second)
    expected = sum(n * m * loss(a, b) for a, n in ours.items() for b, m in theirs.items()) / len(first) ** 2
    if not expected:
        raise ValueError("both raters use one and the same label only: kappa has no value")
    return 1 - observed / expected


def krippendorff_alpha(ratings: Sequence[Sequence[Hashable | None]], *, level: Level = "nominal") -> float:
    """Return Krippendorff's alpha, agreement of any number of raters with gaps.

    Args:
        ratings: One row a rater, one column an item; None (or NaN) where a rater gave no value.
        level: Level of measurement; all but nominal need numbers.

    Returns:
        Alpha, at most 1.

    Raises:
        ValueError: If rows differ in length, no item has two ratings, or all ratings are alike (alpha has no value).
    """
    if len({len(row) for row in ratings}) != 1:
        raise ValueError("each rater needs one value (or None) for each item")
    items = [[value for value in column if not _is_gap(value)] for column in zip(*ratings, strict=True)]
    items = [values for values in items if len(values) > 1]
    totals = Counter(value for values in items for value in values)
    count = totals.total()
    if not count:
        raise ValueError("no item has two ratings")
    distance = _distance(level, totals)
    observed = sum(sum(distance(a, b) for a, b in permutations(v, 2)) / (len(v) - 1) for v in items) / count
    expected = sum(n * m * distance(a, b) for a, n in totals.items() for b, m in totals.items())
    if not expected:
        raise ValueError("all ratings are alike: alpha has no value")
    return 1 - observed * count * (count - 1) / expected


def _distance(level: Level, totals: Counter[Hashable | None]) -> _Distance:
    """Return the squared distance of two values at a level of measurement."""
    if level == "nominal":
        return lambda a, b: float(a != b)
    if level == "interval":
        return lambda a, b: (_number(a) - _number(b)) ** 2
    if level == "ratio":
        return lambda a, b: 0.0 if a == b else ((_number(a) - _number(b)) / (_number(a) + _number(b))) ** 2
    if level != "ordinal":
        raise ValueError(f"level must be nominal, ordinal, interval or ratio; got {level!r}")
    ranked = sorted(totals, key=_number)
    places = {ranked[0]: 0.0}
    for a, b in pairwise(ranked):
        places[b] = places[a] + (totals[a] + totals[b]) / 2
    return lambda a, b: (places[a] - places[b]) ** 2


def _number(value: Hashable | None) -> float:
    return float(cast("SupportsFloat", value))


def _is_gap(value: Hashable | None) -> bool:
    return value is None or (isinstance(value, float) and isnan(value))


def _check_rate(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie in [0, 1], got {value!r}")


def _rate_variance(count: int, total: int) -> float:
    """Variance of a share, with one success and one failure added so that 0 of n is not taken for certain."""
    share = (count + 1) / (total + 2)
    return share * (1 - share) / (total + 2)


def _power_tuned(labels: Sequence[float], paired: Sequence[float], others: Sequence[float]) -> float:
    spread = _variance([*paired, *others])
    if not spread:
        return 0.0
    center_y, center_f = _mean(labels), _mean(paired)
    products = ((y - center_y) * (f - center_f) for y, f in zip(labels, paired, strict=True))
    covariance = sum(products) / (len(labels) - 1)
    return min(1.0, max(0.0, covariance / ((1 + len(labels) / len(others)) * spread)))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    center = _mean(values)
    return sum((x - center) ** 2 for x in values) / (len(values) - 1)
