"""What a gate with this many cases sees: its chances to pass and to block at given true changes, after the fact.

Exact where the exact path served a plan of moderate size; else the planning formula with the spread that was seen. The
chances before anything is spent, for larger plans and by simulation, are ``plan``'s (``chart.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from evalharness.core.verdicts import ChancePoint
from evalharness.stats.design import chance_to_decide
from evalharness.stats.laws import Law, law_of
from evalharness.stats.rule import Rule
from evalharness.verdict.chart import computed

if TYPE_CHECKING:
    from evalharness.verdict.judge import GateJudge
    from evalharness.verdict.track import Track

CHANGES: Final = (-2.0, -1.5, -1.25, -1.0, -0.75, -0.5, -0.25, 0.0)
"""True changes, in margins."""
_MOST_EXACT: Final = 500
"""Larger plans take the formula: a point of an exact one costs some tenths of a second there."""
_LEAST_SEEN: Final = 20
"""Units below which the spread that was seen says too little."""


def chances(judge: GateJudge) -> Mapping[str, Sequence[ChancePoint]]:
    """The curve of each guard that used enough units to know how much they differ.

    Returns:
        Guard -> its chances from a loss of two margins up to no change.
    """
    return {
        track.name: curve(track)
        for track in judge.guards()
        if track.rule is not None and not track.rule.improve and len(track.differences) >= _LEAST_SEEN
    }


def curve(track: Track) -> tuple[ChancePoint, ...]:
    """The chances of one guard; its rule must be there."""
    rule = track.rule
    assert rule is not None
    law = law_of(track.differences.means)  # its spread is all that counts here, so no sizes
    changes = [times * rule.design_effect for times in CHANGES]
    if track.method == "exact" and rule.planned <= _MOST_EXACT and rule.proven_drop == "fail":
        plan = computed(rule)
        found = [plan.outcome(law.discordance, change) for change in changes]
        return tuple(ChancePoint(c, one.p_pass, one.p_fail) for c, one in zip(changes, found, strict=True))
    return tuple(_about(rule, law, change) for change in changes)


def _about(rule: Rule, law: Law, change: float) -> ChancePoint:
    """By the planning formula, which is within a few points of simulation."""
    margin = rule.design_effect
    drop = 0.0 if rule.proven_drop == "fail" else rule.margin  # the loss that blocking must exceed
    return ChancePoint(
        change,
        _chance(rule, law, margin + change, alpha=rule.alpha_pass),
        _chance(rule, law, -change - drop, alpha=rule.alpha_block),
    )


def _chance(rule: Rule, law: Law, distance: float, *, alpha: float) -> float:
    """Chance to prove something that is true by so much; at the border it is alpha, beyond it less: said as 0."""
    if distance <= 0:
        return alpha if distance == 0 else 0.0
    margin = rule.design_effect
    return chance_to_decide(rule.planned, law.sd, distance, margin, alpha=alpha, split=rule.running_share)
