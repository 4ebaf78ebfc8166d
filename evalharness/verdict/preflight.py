"""What can be said before a cent is spent: whether this many cases can show this margin at all."""

from __future__ import annotations

from evalharness.core.verdicts import Warned
from evalharness.stats import min_cases
from evalharness.stats.design import smallest_margin
from evalharness.verdict.hard import HardCheck
from evalharness.verdict.judge import GateJudge
from evalharness.verdict.sentences import amount
from evalharness.verdict.track import Track
from evalharness.verdict.warnings import hard_check_notes

_ONLY_BLOCKS = (
    "a gate that only blocks ends inconclusive (exit 3) where no drop is proven; "
    'inconclusive = "pass" makes that exit 0'
)


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
    """What hard checks add to the stated rates, what a gate that only blocks ends in, what a small bootstrap is worth."""
    gate = judge.setup.gate
    notes = list(_hard_checks(judge))
    if gate.mode == "block_only" and gate.inconclusive == "block":
        notes.append(_ONLY_BLOCKS)
    for track in judge.guards():
        if track.corpus is not None:
            notes.extend(_corpus(judge, track, track.corpus.planned))
    return tuple(notes)


def too_small(judge: GateJudge) -> tuple[Warned, ...]:
    """A warning for every guard whose eval set is too small for its margin.

    It names the smallest margin that this N can show, and never stops a run: the data decide what they can.
    """
    found = []
    for track in judge.guards():
        least = least_cases(track)
        if least is None or track.rule is None or track.rule.planned >= least:
            continue
        measure = track.measure
        shown = smallest_margin(track.rule.planned, track.rule.alpha_pass, running_split(track)) * measure.span
        message = (
            f"{track.name}: {track.rule.planned} cases cannot show a margin of "
            f"{amount(measure.limit.margin or 0.0, measure.unit)} (that takes {least}); "
            f"the smallest margin they can show is {amount(shown, measure.unit)}"
        )
        found.append(Warned(code="too_small", message=message))
    return tuple(found)


def _corpus(judge: GateJudge, track: Track, planned: int) -> tuple[str, ...]:
    """A corpus metric has no least number of cases of its own; below that of a plain mean nobody should lean on it."""
    margin = (track.measure.limit.margin or 0.0) / track.measure.span
    if not 0 < margin < 1 or planned >= min_cases(margin, judge.setup.gate.alpha_pass):
        return ()
    return (f"{track.name}: a bootstrap of {planned} cases is no evidence to lean on (asymptotic)",)


def _hard_checks(judge: GateJudge) -> tuple[str, ...]:
    baseline, cases = judge.setup.baseline, judge.setup.pairing.paired

    def guarded(check: HardCheck) -> int:
        return sum(1 for case in cases if check.guards(baseline.results.get(case.id)))

    return hard_check_notes(judge.hard, guarded, stored=baseline.epochs, alpha_block=judge.setup.gate.alpha_block)
