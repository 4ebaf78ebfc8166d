"""Where things stand on the forest plot: one axis in margins for all scorers of a gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Interval: TypeAlias = tuple[float, float, float]
"""(low, point, high) divided by the margin: -1 is the margin, 0 no change."""

_WIDTH, _EDGE = 340.0, 10.0
_LEAST, _MOST = (-1.8, 1.0), (-6.0, 4.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One interval in pixels."""

    low: float
    point: float
    high: float
    cut_low: bool
    """The interval goes on to the left of the plot."""
    cut_high: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """The axis."""

    left: float
    """Left end, in margins."""
    right: float

    @property
    def margin(self) -> float:
        """Pixel of the margin."""
        return self._x(-1.0)

    @property
    def zero(self) -> float:
        """Pixel of no change."""
        return self._x(0.0)

    def bar(self, interval: Interval) -> Bar:
        """An interval on this axis; what lies outside is drawn at the edge and marked."""
        low, point, high = interval
        return Bar(
            low=self._x(low),
            point=self._x(point),
            high=self._x(high),
            cut_low=low < self.left,
            cut_high=high > self.right,
        )

    def _x(self, value: float) -> float:
        share = (min(max(value, self.left), self.right) - self.left) / (self.right - self.left)
        return round(_EDGE + share * (_WIDTH - 2 * _EDGE), 1)


def plot_of(intervals: Sequence[Interval]) -> Plot | None:
    """The axis that shows these intervals, margin and zero; None when there is none to show."""
    if not intervals:
        return None
    return Plot(
        left=max(_MOST[0], min(_LEAST[0], *(interval[0] * 1.05 for interval in intervals))),
        right=min(_MOST[1], max(_LEAST[1], *(interval[2] * 1.05 for interval in intervals))),
    )
