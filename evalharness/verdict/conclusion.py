"""From the judge's state to the verdict that people read: outcomes, numbers, and one sentence that says why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from evalharness.core.results import CallCounts
from evalharness.core.verdicts import GateVerdict, HardVerdict, Outcome, PairCounts, ScorerVerdict, Warned
from evalharness.verdict.facts import scorer_verdict, worst_cases
from evalharness.verdict.judge import GateJudge
from evalharness.verdict.slices import slice_verdicts
from evalharness.verdict.spread import spread_notes

_STOPPED: Final[Mapping[str, str]] = {
    "budget": "the money limit was reached",
    "provider": "the endpoint stopped answering",
    "disk": "the store could not be written",
    "interrupted": "the run was interrupted",
    "offline": "answers are missing and calls are switched off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the run that the judge watched came to its end."""

    run: str = ""
    stopped: str = ""
    """``core.results.Run.stopped``."""
    fault: str = ""
    """What answers were lost to, in the endpoint's or the disk's own words; empty when none was."""
    calls: CallCounts = field(default_factory=CallCounts)
    seconds: float = 0.0
    selection: str = ""
    """Says that only some cases were asked ("12 of 200 selected"); then there is no verdict."""
    warnings: tuple[Warned, ...] = ()
    notes: tuple[str, ...] = ()


def conclude(judge: GateJudge, ending: Ending) -> GateVerdict:
    """The verdict of one gate.

    Args:
        judge: The stop rule after the run.
        ending: How the run ended.

    Returns:
        Outcome by the contract's order: regression, then incomplete, then inconclusive, then pass.
    """
    scorers = tuple(
        scorer_verdict(track, judge.setup.gate, epochs=judge.epochs_of(track), cost=judge.cost_per_answer)
        for track in judge.tracks
    )
    if ending.selection:
        scorers = tuple(_unjudged(scorer) for scorer in scorers)
    slices = slice_verdicts(judge)
    hard = tuple(check.verdict() for check in judge.hard)
    outcome, reason = _outcome(judge, ending, scorers, [s for part in slices if part.guard for s in part.scorers])
    gate = judge.setup.gate
    softened = {"inconclusive": gate.inconclusive, "incomplete": gate.incomplete}.get(outcome) == "pass"
    return GateVerdict(
        gate=gate.name,
        outcome=outcome,
        exit_outcome="pass" if softened else None,
        reason=reason,
        baseline=_baseline_facts(judge),
        pairs=_pair_counts(judge),
        scorers=scorers,
        slices=slices,
        hard=hard,
        run=ending.run,
        epochs=gate.epochs,
        worst_cases=worst_cases(judge),
        calls=ending.calls,
        order_seed=judge.setup.order_seed,
        notes=(*ending.notes, *spread_notes(scorers)),
        warnings=ending.warnings,
        seconds=ending.seconds,
    )


def missing_cases(judge: GateJudge) -> int:
    """Paired cases of the used prefix that a guard or hard check needed and has no number for."""
    soft = max((track.missing for track in judge.guards()), default=0)
    return max(judge.lost_cases, soft, *(len(check.unknown) for check in judge.hard), 0)


def _outcome(
    judge: GateJudge, ending: Ending, scorers: Sequence[ScorerVerdict], guard_slices: Sequence[ScorerVerdict]
) -> tuple[Outcome, str]:
    flips = [check.verdict() for check in judge.hard if check.flips]
    failed = [s for s in (*scorers, *guard_slices) if s.outcome == "regression"]
    if ending.selection:
        return "incomplete", f"not judged: {ending.selection}"
    if flips or failed or judge.family_failed:
        return "regression", _regression_reason(judge, flips, failed)
    guards = [s for s in scorers if s.role in ("guard", "improve")]
    planned = len(judge.setup.pairing.paired)
    missing = missing_cases(judge)
    if missing > judge.setup.gate.max_missing * planned + 1e-9:
        return "incomplete", (
            f"{missing} of {planned} cases have no answer or no score "
            f"(allowed {math.floor(judge.setup.gate.max_missing * planned + 1e-9)}){_because(ending)}"
        )
    asked_all = judge.used == planned
    undecided = [s for s in guards if s.outcome != "pass"]
    if ending.stopped in _STOPPED and not asked_all and (undecided or judge.hard):
        return "incomplete", f"{_STOPPED[ending.stopped]} after {judge.used} of {planned} cases{_because(ending)}"
    if undecided:
        return "inconclusive", undecided[0].reason
    return "pass", _pass_reason(guards, [check.verdict() for check in judge.hard])


def _unjudged(scorer: ScorerVerdict) -> ScorerVerdict:
    """The numbers of a scorer without a word on what they mean."""
    outcome: Outcome = "pass" if scorer.role == "report" else "incomplete"
    return replace(scorer, outcome=outcome, reason="not judged", needed_cases=None)


def _because(ending: Ending) -> str:
    return f": {ending.fault}" if ending.fault else ""


def _regression_reason(judge: GateJudge, flips: Sequence[HardVerdict], failed: Sequence[ScorerVerdict]) -> str:
    if flips:
        first = flips[0]
        more = f" and {len(first.flips) - 1} more" if len(first.flips) > 1 else ""
        absolute = any(check.absolute for check in judge.hard if check.limit.scorer == first.scorer)
        what = "fails on" if absolute else "passed in the baseline and now fails on"
        return f"{first.scorer} {what} {first.flips[0]}{more}"
    if failed:
        return failed[0].reason
    return f"taken together the metrics are proven worse: {', '.join(judge.family_failed)}"


def _pass_reason(guards: Sequence[ScorerVerdict], hard: Sequence[HardVerdict]) -> str:
    parts = [guard.reason for guard in guards[:1]]
    if len(guards) > 1:
        against = {str(guard.details.get("against", "")) for guard in guards} - {""}
        also = f" against either baseline ({', '.join(against)} too)" if against else ""
        parts = [f"none of {len(guards) if not also else 'the'} metrics is worse by its margin{also}"]
    if hard:
        parts.append(f"{' and '.join(check.scorer for check in hard)} held on every case")
    return "; ".join(parts)


def _baseline_facts(judge: GateJudge) -> dict[str, Any]:
    baseline = judge.setup.baseline
    facts: dict[str, Any] = {"name": baseline.name, "digest": baseline.digest, "created": baseline.created}
    if baseline.path:
        facts["stored"] = baseline.path
    return {**facts, "commit": baseline.commit} if baseline.commit else facts


def _pair_counts(judge: GateJudge) -> PairCounts:
    pairing = judge.setup.pairing
    return PairCounts(
        planned=len(pairing.paired),
        used=judge.used,
        edited=len(pairing.edited),
        added=len(pairing.added),
        removed=len(pairing.removed),
        unscored=max((track.unscored for track in judge.tracks), default=0),
        failed=judge.lost_cases,
    )
