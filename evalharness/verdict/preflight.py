"""What can be said before a cent is spent: whether this many cases can show this margin at all."""

from __future__ import annotations

from evalharness.stats import min_cases
from evalharness.stats.design import smallest_margin
from evalharness.verdict.judge import GateJudge
from evalharness.verdict.sentences import amount
from evalharness.verdict.track import Track


def running_split(track: Track) -> float:
    """Share of alpha that betting holds: 0 on the exact path, whose last bar gives everything back."""
    return 0.0 if track.method == "exact" or track.rule is None else track.rule.running_share


def least_cases(track: Track) -> int | None:
    """N_min: units below which a candidate that changes nothing cannot PASS this guard; None without a margin."""
    rule = track.rule
    if rule is None or rule.pass_null >= 0:
        return None
    return min_cases(rule.margin, rule.alpha_pass, running_split(track))


def preflight(judge: GateJudge) -> tuple[str, ...]:
    """One sentence for every guard whose eval set is too small for its margin.

    It names the smallest margin that this N can show, and never stops a run: the data decide what they can.
    """
    notes = []
    for track in judge.guards():
        least = least_cases(track)
        if least is None or track.rule is None or track.rule.planned >= least:
            continue
        measure = track.measure
        shown = smallest_margin(track.rule.planned, track.rule.alpha_pass, running_split(track)) * measure.span
        notes.append(
            f"{track.name}: {track.rule.planned} cases cannot show a margin of "
            f"{amount(measure.limit.margin or 0.0, measure.unit)} (that takes {least}); "
            f"the smallest margin they can show is {amount(shown, measure.unit)}"
        )
    return tuple(notes)
