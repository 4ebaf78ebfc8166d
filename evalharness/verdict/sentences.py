"""One sentence per scorer: what moved, and what is shown of it."""

from __future__ import annotations

from evalharness.core.verdicts import NeededCases
from evalharness.stats.rule import Decision
from evalharness.verdict.track import Track

TIE = 1e-9
"""Differences below this are none."""


def amount(value: float, unit: str) -> str:
    """A size (not a change) as people read it: ``5.0 points``, ``0.40 s``, ``0.0012 USD``."""
    if unit == "points":
        return f"{value * 100:.1f} points"
    return f"{value:.4g} {unit}".rstrip()


def moved(difference: float | None, unit: str, *, lower_is_better: bool) -> str:
    """``fell 6.6 points``; ``hardly moved`` where the printed number would be zero."""
    if difference is None or abs(difference) < TIE:
        return "did not move"
    if unit == "points" and abs(difference) < 0.0005:
        return "hardly moved"
    size = amount(abs(difference), unit)
    if lower_is_better:
        return f"got {'worse' if difference < 0 else 'better'} by {size}"
    return f"{'fell' if difference < 0 else 'rose'} {size}"


def opening(track: Track, difference: float | None) -> str:
    """The scorer and what it did: ``exact fell 6.6 points``."""
    measure = track.measure
    against = f" against the {track.against} baseline" if track.against else ""
    return f"{measure.name} {moved(difference, measure.unit, lower_is_better=measure.lower_is_better)}{against}"


def reason(track: Track, decision: Decision, difference: float | None, needed: NeededCases | None) -> str:
    """Why a scorer's outcome is what it is."""
    start = opening(track, difference)
    margin = amount(track.measure.limit.margin or 0.0, track.measure.unit)
    if decision.verdict == "fail":
        if "worse than the margin" in decision.reason:
            return f"{start}: worse than the margin of {margin}"
        if track.rule is not None and track.rule.pass_null >= 0:
            return f"{start}: a drop is proven"
        return f"{start}: a drop is proven, that it is within {margin} is not"
    if decision.verdict == "pass":
        if track.rule is not None and track.rule.pass_null >= 0:
            return f"{start}: shown to be better"
        return f"{start}: not worse by {margin} or more"
    return f"{start}: cannot be told yet{_advice(needed)}"


def nothing_proven(track: Track, difference: float | None, low: float) -> str:
    """What a gate that only blocks says where it does not block: never that there was no drop.

    Args:
        track: The scorer.
        difference: Mean difference in its unit.
        low: Lower end of the interval in its unit.
    """
    excluded = amount(max(0.0, -low), track.measure.unit)
    return f"{opening(track, difference)}: no drop proven; drops beyond {excluded} are excluded"


def _advice(needed: NeededCases | None) -> str:
    if needed is None or (needed.if_unchanged is None and needed.if_as_seen is None):
        return ""
    if needed.if_as_seen is None:
        return f"; it sits on the margin (about {needed.if_unchanged} cases in all if it is really unchanged)"
    return (
        f"; about {needed.if_unchanged} cases in all if it is really unchanged, "
        f"{needed.if_as_seen} if what was seen is real"
    )
