"""What happened to each case under each scorer: the rows that CSV, JUnit and the page show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from evalharness.core.results import CaseResult, Failure, Score, ScoreResult, Unscored
from evalharness.core.verdicts import Comparison, GateVerdict, ScorerVerdict, WorstCase

if TYPE_CHECKING:
    from evalharness.project.showing import Shown

Change: TypeAlias = Literal[
    "flip", "worse", "better", "same", "unscored", "failed", "no baseline", "edited", "not asked"
]
_TIE: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseChange:
    """One case under one scorer, both sides."""

    id: str
    scorer: str
    before: float | None
    """Mean over the baseline's epochs, in the scorer's unit; None when one has no number or there is no baseline."""
    after: float | None
    difference: float | None
    """+ is better; None unless both sides have a number and the case is paired."""
    outcome: Change
    """``flip``: a hard check that held and does not any more. ``no baseline``, ``edited``: not paired."""
    reason: str
    """What the scorer said of the new answer, or why there is no number."""


def case_changes(comparison: Comparison) -> Iterator[CaseChange]:
    """One row per case and scorer, cases in the planned order, scorers in the order of the verdict."""
    gate = comparison.gate
    lower = {s.scorer for s in gate.scorers if lower_is_better(s)}
    told = {(case.id, case.scorer): case for case in gate.worst_cases}
    for case_id in dict.fromkeys((*comparison.cases, *comparison.candidate)):
        before, after = comparison.baseline.get(case_id), comparison.candidate.get(case_id)
        for name in scorer_names(gate, after or before):
            change = _change(gate, (case_id, name), before, after, sign=-1 if name in lower else 1)
            yield _as_told(change, told.get((case_id, name)), sign=-1 if name in lower else 1)


def _as_told(change: CaseChange, worst: WorstCase | None, *, sign: int) -> CaseChange:
    """A recorded gate run may lack its baseline's side; its verdict still says which cases got worse, from what."""
    if worst is None or change.outcome != "no baseline":
        return change
    return replace(change, before=worst.baseline, difference=sign * (worst.candidate - worst.baseline), outcome="worse")


def lower_is_better(scorer: ScorerVerdict) -> bool:
    """Direction of a scorer: as the verdict says, else by its unit."""
    return bool(scorer.details.get("lower_is_better", scorer.unit in ("s", "USD")))


def scorer_names(gate: GateVerdict, result: CaseResult | None) -> list[str]:
    """Scorers of a case: those of the verdict first, then what else was scored."""
    # A guard against a second, pinned baseline has no side of its own here.
    named = [s.scorer for s in gate.scorers if "against" not in s.details] + [h.scorer for h in gate.hard]
    found = result.trials[0].scores if result is not None and result.trials else {}
    return list(dict.fromkeys((*named, *found)))


def _change(
    gate: GateVerdict, key: tuple[str, str], before: CaseResult | None, after: CaseResult | None, *, sign: int
) -> CaseChange:
    case_id, name = key
    old, new = mean_of(before, name), mean_of(after, name)
    paired = before is not None and after is not None and before.case_digest == after.case_digest
    difference = sign * (new - old) if paired and old is not None and new is not None else None
    flipped = any(check.scorer == name and case_id in check.flips for check in gate.hard)
    return CaseChange(
        id=case_id,
        scorer=name,
        before=old,
        after=new,
        difference=difference,
        outcome="flip" if flipped else _outcome(name, before, after, difference),
        reason=why(after, name),
    )


def _outcome(name: str, before: CaseResult | None, after: CaseResult | None, difference: float | None) -> Change:
    if after is None:
        return "not asked"
    if difference is not None:
        return "same" if abs(difference) <= _TIE else "better" if difference > 0 else "worse"
    if before is None:
        return "no baseline"
    if before.case_digest != after.case_digest:
        return "edited"
    lost = any(_lost(trial.output, trial.scores.get(name)) for trial in after.epoch_trials())
    return "failed" if lost else "unscored"


def _lost(output: object, score: ScoreResult | None) -> bool:
    return isinstance(output, Failure) or isinstance(score, Failure)


def mean_of(result: CaseResult | None, name: str) -> float | None:
    """A scorer's mean over a case's epochs; None when any of them has no number."""
    scores = [trial.scores.get(name) for trial in result.epoch_trials()] if result is not None else []
    values = [score.value for score in scores if isinstance(score, Score)]
    return fmean(values) if values and len(values) == len(scores) else None


def why(result: CaseResult | None, name: str) -> str:
    """What a scorer said of a case, or why it has no number: the first thing said over the epochs."""
    for trial in result.epoch_trials() if result is not None else ():
        score = trial.scores.get(name)
        if isinstance(trial.output, Failure):
            return trial.output.message
        if isinstance(score, Failure):
            return score.message
        if isinstance(score, (Score, Unscored)) and score.reason:
            return score.reason
    return ""


def as_comparison(shown: Shown) -> Comparison | None:
    """A recorded gate run as a comparison again; None for a run without a verdict."""
    if shown.verdict is None:
        return None
    from evalharness.core.verdicts import gate_from_json

    baseline: Mapping[str, CaseResult] = shown.baseline
    return Comparison(
        gate=gate_from_json(shown.verdict), cases=shown.cases, baseline=baseline, candidate=shown.run.results
    )
