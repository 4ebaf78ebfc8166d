"""Laws of paired differences, drawn from a user's own pairs and re-centred where an error rate is promised.

Re-centring keeps every value a value that was seen (0/1 scores stay 0/1, ties stay ties): it changes how often each
comes, never what it is. A shift would leave the range and break the ties.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, fsum, sqrt

_STEPS = frozenset((-1.0, 0.0, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """What one unit (a case, or a cluster with its size) can bring, and how often."""

    differences: tuple[float, ...]
    """Distinct paired differences, candidate - baseline."""
    sizes: tuple[float, ...]
    """Cases (or weight) of the unit that brings each difference; all 1 where units are cases."""
    chances: tuple[float, ...]
    """Chance of each, adding up to 1."""

    @property
    def mean(self) -> float:
        """Mean difference per case: each unit counts by its size."""
        weights = [c * s for c, s in zip(self.chances, self.sizes, strict=True)]
        return fsum(w * d for w, d in zip(weights, self.differences, strict=True)) / fsum(weights)

    @property
    def sd(self) -> float:
        """Standard deviation of the differences over units."""
        middle = fsum(c * d for c, d in zip(self.chances, self.differences, strict=True))
        return sqrt(fsum(c * (d - middle) ** 2 for c, d in zip(self.chances, self.differences, strict=True)))

    @property
    def discordance(self) -> float:
        """Chance that a unit's difference is not 0."""
        return fsum(c for c, d in zip(self.chances, self.differences, strict=True) if d != 0)

    @property
    def steps(self) -> bool:
        """Whether these are differences of 0/1 scores of single cases."""
        return _STEPS.issuperset(self.differences) and set(self.sizes) <= {1.0}


def law_of(differences: Sequence[float], sizes: Sequence[float] | None = None) -> Law:
    """The law of drawing one of some observed units with replacement.

    Args:
        differences: Paired differences, at least one.
        sizes: Size of each unit; 1 when left out.

    Raises:
        ValueError: If there is none.
    """
    if not differences:
        raise ValueError("a law needs at least one difference")
    units = Counter(zip(differences, [1.0] * len(differences) if sizes is None else sizes, strict=True))
    return Law(
        differences=tuple(d for d, _ in units),
        sizes=tuple(s for _, s in units),
        chances=tuple(count / len(differences) for count in units.values()),
    )


def of_discordance(discordance: float, mean: float) -> Law:
    """The law of 0/1 scores with a share of changed cases and a mean difference (at least ``abs(mean)`` of them change)."""
    psi = max(discordance, abs(mean))
    return Law(
        differences=(-1.0, 0.0, 1.0),
        sizes=(1.0, 1.0, 1.0),
        chances=((psi - mean) / 2, 1.0 - psi, (psi + mean) / 2),
    )


def centred(law: Law, mean: float) -> Law:
    """The law nearest to another one among those with a given mean.

    0/1 scores keep their share of changed cases: only how many of them are wins changes. Other laws are tilted
    exponentially (the least change in the sense of Kullback and Leibler). Where the mean lies outside of what was seen,
    the mirror images are added first (baseline and candidate swapped), then a total loss or win.

    Args:
        law: The law.
        mean: Mean difference per case that is wanted, inside (-1, 1).
    """
    if law.steps:
        return of_discordance(law.discordance, mean)
    for wider in (law, _mirrored(law), _with_end(_mirrored(law), mean)):
        tilted = _tilted(wider, mean)
        if tilted is not None:
            return tilted
    raise ValueError(f"no law with mean {mean!r}")


def _mirrored(law: Law) -> Law:
    return Law(
        differences=(*law.differences, *(-d for d in law.differences)),
        sizes=law.sizes * 2,
        chances=tuple(c / 2 for c in law.chances * 2),
    )


def _with_end(law: Law, mean: float) -> Law:
    """With a total loss (or win) that comes as rarely as the rarest thing seen."""
    rare = min(law.chances)
    return Law(
        differences=(*law.differences, -1.0 if mean < 0 else 1.0),
        sizes=(*law.sizes, max(law.sizes)),
        chances=(*(c / (1 + rare) for c in law.chances), rare / (1 + rare)),
    )


def _tilted(law: Law, mean: float) -> Law | None:
    """Chances proportional to c exp(t s (d - mean)), with t such that the mean is right; None where no t does it."""
    pulls = [s * (d - mean) for d, s in zip(law.differences, law.sizes, strict=True)]
    if all(pull == 0 for pull in pulls):
        return law
    if not min(pulls) < 0 < max(pulls):
        return None
    reach = max(abs(pull) for pull in pulls)

    def chances(t: float) -> list[float]:
        top = max(t * pull for pull in pulls)
        weights = [c * exp(t * pull - top) for c, pull in zip(law.chances, pulls, strict=True)]
        total = fsum(weights)
        return [weight / total for weight in weights]

    low, high = -1.0 / reach, 1.0 / reach
    while fsum(c * p for c, p in zip(chances(low), pulls, strict=True)) > 0:
        low *= 2
    while fsum(c * p for c, p in zip(chances(high), pulls, strict=True)) < 0:
        high *= 2
    while low < (middle := (low + high) / 2) < high:
        if fsum(c * p for c, p in zip(chances(middle), pulls, strict=True)) < 0:
            low = middle
        else:
            high = middle
    return Law(differences=law.differences, sizes=law.sizes, chances=tuple(chances(high)))
