"""Two small plots of a guard: how its evidence grew while cases were paid for, and what a set of this size can see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evalharness.core.verdicts import ChancePoint, EvidencePoint

WIDTH, HEIGHT = 460.0, 190.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 12.0, 14.0, 34.0
_LEAST, _MOST = -0.5, 1.15
"""Shares of the bar that are drawn; what lies outside is drawn at the edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A number on an axis."""

    at: float
    """Pixel."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Two lines over one horizontal axis, in pixels of a drawing of ``WIDTH`` x ``HEIGHT``."""

    good: str
    """Points of the line of PASS, as SVG writes them."""
    bad: str
    """Points of the line of FAIL."""
    across: Sequence[Tick]
    up: Sequence[Tick]
    lines: Sequence[float]
    """Pixels of the dashed levels."""
    marks: Sequence[Tick]
    """Upright dashed lines with their words."""
    says: str
    """The same in one sentence, for those who cannot see it."""


def path_curves(path: Sequence[EvidencePoint], planned: int) -> Curves | None:
    """Evidence against units paid; 1 is proof while running. None with fewer than two points.

    Args:
        path: The guard's path.
        planned: Units of the plan: the right end of the axis.
    """
    if len(path) < 2:
        return None
    last = path[-1]
    end = max(planned, last.units)

    def at(point: EvidencePoint, share: float) -> tuple[float, float]:
        return _across(point.units / end), _up((min(max(share, _LEAST), _MOST) - _LEAST) / (_MOST - _LEAST))

    proof = _up((1 - _LEAST) / (_MOST - _LEAST))
    zero = _up(-_LEAST / (_MOST - _LEAST))
    return Curves(
        good=_points(at(point, point.passing) for point in path),
        bad=_points(at(point, point.failing) for point in path),
        across=_ticks([(0.0, "0"), (0.5, f"{end / 2:,.0f}"), (1.0, f"{end:,}")]),
        up=[Tick(at=proof, text="proof"), Tick(at=zero, text="0")],
        lines=[proof, zero],
        marks=[Tick(at=_across(last.units / end), text=f"{last.units:,} used")],
        says=(
            f"after {last.units:,} of {end:,} the evidence for PASS stood at {last.passing * 100:.0f} % of proof, "
            f"for FAIL at {last.failing * 100:.0f} %"
        ),
    )


def chance_curves(chances: Sequence[ChancePoint], unit: str) -> Curves | None:
    """Chances of PASS and FAIL against the true change. None with fewer than two points.

    Args:
        chances: The guard's chances, in order of the change.
        unit: ``points`` or the scorer's own unit.
    """
    if len(chances) < 2:
        return None
    low, high = chances[0].change, chances[-1].change
    scale = 100 if unit == "points" else 1
    words = "points" if unit == "points" else unit

    def x(change: float) -> float:
        return _across((change - low) / (high - low))

    return Curves(
        good=_points((x(point.change), _up(point.passes)) for point in chances),
        bad=_points((x(point.change), _up(point.blocks)) for point in chances),
        across=[
            Tick(at=x(low + share * (high - low)), text=_signed((low + share * (high - low)) * scale))
            for share in (0, 0.5, 1)
        ],
        up=[Tick(at=_up(share), text=f"{share * 100:.0f} %") for share in (0.0, 0.5, 1.0)],
        lines=[_up(0.0), _up(0.5), _up(1.0)],
        marks=[],
        says="; ".join(
            f"true change {_signed(point.change * scale)} {words}: PASS {point.passes * 100:.0f} %, FAIL {point.blocks * 100:.0f} %"
            for point in chances
        ),
    )


def _ticks(places: Iterable[tuple[float, str]]) -> list[Tick]:
    return [Tick(at=_across(share), text=text) for share, text in places]


def _across(share: float) -> float:
    return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)


def _up(share: float) -> float:
    return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)


def _points(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in places)


def _signed(change: float) -> str:
    return f"{change:+.3g}" if change else "0"
