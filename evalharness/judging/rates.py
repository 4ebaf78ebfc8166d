"""Shares with exact intervals, and Youden's J with an interval from both shares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A share with its exact (Clopper-Pearson) 95 % interval."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        """The share; None without anything to count."""
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """(low, high); (0, 1) without anything to count."""
        if not self.n:
            return 0.0, 1.0
        from evalharness.stats.replicate import binomial_interval

        return binomial_interval(self.hits, self.n)

    def to_json(self) -> dict[str, object]:
        """``{value, hits, n, interval}``."""
        return {"value": self.value, "hits": self.hits, "n": self.n, "interval": list(self.interval)}

    @classmethod
    def of(cls, outcomes: Iterable[bool]) -> Rate:
        """The share of true outcomes."""
        seen = list(outcomes)
        return cls(hits=sum(seen), n=len(seen))


@dataclass(frozen=True, slots=True, kw_only=True)
class Youden:
    """J = sensitivity + specificity - 1 with a 95 % interval (MOVER: Zou and Donner 2008, on the exact intervals)."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, sensitivity: Rate, specificity: Rate) -> Youden | None:
        """None where one of the two classes is empty."""
        first, second = sensitivity.value, specificity.value
        if first is None or second is None:
            return None
        (low_1, high_1), (low_2, high_2) = sensitivity.interval, specificity.interval
        value = first + second - 1
        return cls(
            value=value,
            low=value - sqrt((first - low_1) ** 2 + (second - low_2) ** 2),
            high=value + sqrt((high_1 - first) ** 2 + (high_2 - second) ** 2),
        )

    @property
    def stretch(self) -> float | None:
        """By how much the judge's errors stretch the number of cases that a gate needs, 1 / J^2; None for J <= 0."""
        return 1 / self.value**2 if self.value > 0 else None

    def to_json(self) -> dict[str, object]:
        """``{value, interval, stretch}``."""
        return {"value": self.value, "interval": [self.low, self.high], "stretch": self.stretch}
