"""How many cases a verdict takes, told before a cent is spent (gate.md section 2, "Needed N").

The power figures are approximations that were fitted to the rule's simulated rates; the exact path has exact ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, exp, expm1, inf, log, log1p, sqrt
from statistics import NormalDist
from typing import SupportsFloat

from evalharness.stats.betting import CAP, SIZES, WEIGHTS, variance_before
from evalharness.stats.ranges import check_share

_PUBLISHED = {0.8: 7.7, 0.9: 10.3}
"""C by power, at alpha 0.05 for each direction."""
_SHRINK = 0.98
"""C is about this much of (z + z_power)^2 at half of alpha."""
_ON_THE_MARGIN = 0.2
"""A distance below this share of the margin is one that no affordable number of cases settles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """About how many cases would decide."""

    if_unchanged: int
    """If the candidate is really unchanged."""
    if_as_seen: int | None
    """If the mean difference is really what was seen; None where that sits on the margin."""


def min_cases(margin: float, alpha: float = 0.05, split: float = 0.0) -> int:
    """Return N_min, the least N at which a candidate that changes no case can pass.

    Args:
        margin: Margin in (0, 1), on a scale where differences lie in [-1, 1].
        alpha: Level of PASS.
        split: Share of alpha that is spent while running: 0 for the exact path, 1 for betting alone.

    Raises:
        ValueError: If an argument is outside its range.
    """
    check_share("margin", margin)
    check_share("alpha", alpha)
    check_share("split", split, zero=True, one=True)
    last = ceil(log((1 - split) * alpha) / log1p(-margin) - 1e-12) if split < 1 else inf
    if split == 0:
        return int(last)
    return int(min(last, _ties_to_cross(margin, -log(split * alpha), last)))


def smallest_margin(planned: int, alpha: float = 0.05, split: float = 0.0) -> float:
    """Return the smallest margin that ``planned`` unchanged cases can show (the inverse of ``min_cases``).

    Args:
        planned: Number N of cases, at least 1.
        alpha: Level of PASS.
        split: Share of alpha that is spent while running.

    Returns:
        The margin, to 1e-9; 1.0 where no margin below 1 can be shown.

    Raises:
        ValueError: If an argument is outside its range.
    """
    if planned < 1:
        raise ValueError(f"planned must be at least 1, got {planned!r}")
    check_share("alpha", alpha)
    check_share("split", split, zero=True, one=True)
    shown = -expm1(log((1 - split) * alpha) / planned) if split < 1 else 1.0
    if split == 0:
        return shown
    bar = -log(split * alpha)
    below, above = 0.0, shown
    while above - below > 1e-9:
        middle = (below + above) / 2
        if _ties_to_cross(middle, bar, planned) <= planned:
            above = middle
        else:
            below = middle
    return above


def needed_cases(
    sd: float, distance: float, margin: float, power: float = 0.8, *, alpha: float = 0.05, split: float = 0.5
) -> int:
    """Return about how many cases decide with the given power.

    Args:
        sd: Standard deviation of the paired differences.
        distance: Distance of the true mean from the margin, > 0; the margin itself for an unchanged candidate.
        margin: Margin in (0, 1).
        power: Chance of the verdict, in (0, 1).
        alpha: Level of the verdict.
        split: Share of alpha that is spent while running.

    Raises:
        ValueError: If an argument is outside its range.
    """
    _check_spread(sd, distance)
    check_share("power", power)
    least = min_cases(margin, alpha, split)
    factor = sqrt(max(0.0, _planning_constant(power, alpha)))
    root = (factor * sd + sqrt(factor * factor * sd * sd + 4 * distance)) / (2 * distance)
    return max(ceil(root * root - 1e-9), least)


def chance_to_decide(
    planned: int, sd: float, distance: float, margin: float, *, alpha: float = 0.05, split: float = 0.5
) -> float:
    """Return about the chance of the verdict at ``planned`` cases, the inverse of ``needed_cases``.

    At the tables of gate.md it is within a few points (200 cases, 10 % discordant, margin 0.05: 0.53).

    Args:
        planned: Number N of cases, at least 1.
        sd: Standard deviation of the paired differences.
        distance: Distance of the true mean from the margin, > 0.
        margin: Margin in (0, 1).
        alpha: Level of the verdict.
        split: Share of alpha that is spent while running.

    Raises:
        ValueError: If an argument is outside its range.
    """
    _check_spread(sd, distance)
    if planned < 1:
        raise ValueError(f"planned must be at least 1, got {planned!r}")
    if planned < min_cases(margin, alpha, split):
        return 0.0
    excess = distance * planned - 1
    if sd == 0:
        return 1.0 if excess > 0 else 0.0
    factor = excess / (sd * sqrt(planned))
    normal = NormalDist()
    return normal.cdf(factor / sqrt(_SHRINK) - normal.inv_cdf(1 - alpha / 2))


def need(
    differences: Iterable[SupportsFloat],
    margin: float,
    power: float = 0.8,
    *,
    alpha: float = 0.05,
    split: float = 0.5,
) -> Need | None:
    """Return the two numbers that an inconclusive verdict prints, or None from fewer than two differences.

    Args:
        differences: Paired differences so far.
        margin: Margin in (0, 1).
        power: Chance of a verdict.
        alpha: Level of PASS.
        split: Share of alpha that is spent while running.

    Raises:
        ValueError: If an argument is outside its range.
    """
    values = [float(d) for d in differences]
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    sd = sqrt(sum((d - mean) ** 2 for d in values) / (len(values) - 1))
    distance = abs(mean + margin)
    seen = (
        needed_cases(sd, distance, margin, power, alpha=alpha, split=split)
        if distance >= _ON_THE_MARGIN * margin
        else None
    )
    unchanged = needed_cases(sd, margin, margin, power, alpha=alpha, split=split)
    return Need(if_unchanged=unchanged, if_as_seen=seen)


def _planning_constant(power: float, alpha: float) -> float:
    if alpha == 0.05 and power in _PUBLISHED:
        return _PUBLISHED[power]
    normal = NormalDist()
    reach = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
    return _SHRINK * max(0.0, reach) ** 2


def _ties_to_cross(margin: float, bar: float, most: float) -> float:
    """Return after how many ties the bets against -margin cross the bar; ``most`` + 1 if not within ``most``."""
    cap = CAP / (1 - margin)
    logs = [0.0] * len(SIZES)
    count = 0
    while count < most:
        variance = variance_before(count, 0.0, 0.0)
        for k, size in enumerate(SIZES):
            effect = size * margin
            logs[k] += log1p(min(effect / (variance + effect * effect), cap) * margin)
        count += 1
        top = max(logs)
        if top >= bar and top + log(sum(w * exp(x - top) for w, x in zip(WEIGHTS, logs, strict=True))) >= bar:
            return count
    return most + 1


def _check_spread(sd: float, distance: float) -> None:
    if not 0 <= sd < inf:
        raise ValueError(f"sd must be a number of at least 0, got {sd!r}")
    if not 0 < distance < inf:
        raise ValueError(f"distance must be a positive number, got {distance!r}")
