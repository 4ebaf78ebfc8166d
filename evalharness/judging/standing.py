"""Whether a judge is still the one that was measured: anchors against drift, canaries against being fooled. Pure.

Anchors are labelled answers that are judged again once per judge digest and reported model, and again after seven days.
A judge whose verdicts on them moved by more than its own flips is another judge: then the baseline's stored verdicts are
not comparable any more. Canaries are known-bad answers in disguise; the share that passes is the judge's false-accept
rate, and above the bound nobody should merge on its word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import comb
from typing import Any, Final

from evalharness.core.specs import EMPTY
from evalharness.judging.attacks import BOUND
from evalharness.judging.rates import Rate

FLIP: Final = 0.03
"""Share of verdicts that an unchanged judge turns, where calibration has measured none."""
FALSE_ALARM: Final = 0.01
"""Most often that an unchanged judge is taken for another: .7 % with 40 anchors, .9 % with 60."""
DAYS: Final = 7
"""After so many days anchors and canaries are judged again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a judge said of its anchors and canaries at some time."""

    at: str
    """UTC time, ISO 8601."""
    anchors: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    """Anchor id -> ``pass``, ``fail`` or ``none``."""
    canaries: Rate = field(default_factory=lambda: Rate(hits=0, n=0))
    """Disguised bad answers that passed."""
    reported: tuple[str, ...] = ()
    """Model names that the server reported, sorted."""
    era: str = ""
    """Enters the keys of verdicts: stored verdicts of one era are not those of another."""

    @property
    def trusted(self) -> bool:
        """Whether no more canaries passed than the bound allows."""
        return self.canaries.hits <= BOUND * self.canaries.n

    def to_json(self) -> dict[str, Any]:
        """JSON object of all fields."""
        return {
            "at": self.at,
            "anchors": dict(self.anchors),
            "canaries": [self.canaries.hits, self.canaries.n],
            "reported": list(self.reported),
            "era": self.era,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Standing:
        """The opposite of :meth:`to_json`."""
        hits, n = data["canaries"]
        return cls(
            at=data["at"],
            anchors=dict(data["anchors"]),
            canaries=Rate(hits=hits, n=n),
            reported=tuple(data["reported"]),
            era=data["era"],
        )


def drift(before: Standing, after: Standing, *, flip: float | None = None) -> str:
    """What says that a judge is not the one it was, one phrase; empty when nothing does.

    Args:
        before: When the baseline was judged.
        after: Now.
        flip: Share of verdicts that a repeat turned when the judge was calibrated.
    """
    if before.reported and after.reported and set(before.reported) != set(after.reported):
        return f"the server reports {', '.join(after.reported)}, and reported {', '.join(before.reported)}"
    common = before.anchors.keys() & after.anchors.keys()
    moved = sum(before.anchors[name] != after.anchors[name] for name in common)
    if common and moved >= least_moved(len(common), max(FLIP, flip or 0.0)):
        return f"{moved} of {len(common)} anchors have another verdict"
    return ""


def least_moved(n: int, flip: float = FLIP) -> int:
    """The fewest changed anchors out of ``n`` that an unchanged judge shows in at most ``FALSE_ALARM`` of checks.

    Args:
        n: Anchors, at least 1.
        flip: Share of verdicts that an unchanged judge turns, 0..1.
    """
    above = 1.0
    for count in range(n + 1):
        if above <= FALSE_ALARM:
            return count
        above -= comb(n, count) * flip**count * (1 - flip) ** (n - count)
    return n + 1
