"""What a gate's verdict says of its judges, and when nothing may rest on their word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from evalharness.config.model import GateConfig
from evalharness.core.results import Failure, Output, Run, Score
from evalharness.core.verdicts import GateVerdict, Outcome, ScorerVerdict, Warned
from evalharness.judging.families import family_of
from evalharness.judging.paired import PairedJudge
from evalharness.judging.record import Entry
from evalharness.judging.scorer import JudgeScorer
from evalharness.judging.standing import Standing
from evalharness.verdict.baseline import Baseline
from evalharness.verdict.judge import GateJudge
from evalharness.verdict.measure import is_unassessed

MOST_UNASSESSED: Final = 0.05
"""Share of an arm's answers that a judge may be unable to tell before nothing can be said (scorers.md 1.3)."""


@dataclass(slots=True, kw_only=True)
class Seated:
    """One judge in one gate."""

    scorer: JudgeScorer
    entry: Entry | None
    """What calibration measured; None where it was never done."""
    standing: Standing | None = None
    changed: str = ""
    """Why the judge is not the one that judged the baseline; empty when it is."""
    paired: PairedJudge | None = None
    judged_by: frozenset[str] = frozenset()
    """Model names that gave the baseline's stored verdicts."""

    @property
    def blocks(self) -> bool:
        """Whether a gate may fail on its word."""
        return self.entry is not None and self.entry.may_block

    @property
    def why_not(self) -> str:
        """Why it may only advise."""
        if self.entry is None:
            return "it was never calibrated"
        return "; ".join(self.entry.why_not)


def with_facts(verdict: GateVerdict, name: str, one: Seated, judge: GateJudge, run: Run) -> GateVerdict:
    """The verdict with a judge's details, note and warnings."""
    facts = _facts(one)
    scorers = tuple(
        replace(part, details={**part.details, "judge": facts}) if part.scorer == name else part
        for part in verdict.scorers
    )
    part = next((part for part in scorers if part.scorer == name), None)
    notes = (*verdict.notes, _note(name, one, part, judge, run))
    warnings = tuple(dict.fromkeys((*verdict.warnings, *_warnings(name, one, judge, run))))
    return replace(verdict, scorers=scorers, notes=notes, warnings=warnings)


def _facts(one: Seated) -> dict[str, Any]:
    rubric, entry, standing = one.scorer.judge.rubric, one.entry, one.standing
    labels = entry.measured["labels"]["n"] if entry is not None else 0
    canaries = standing.canaries.to_json() if standing is not None and standing.canaries.n else None
    return {
        "model": rubric.judge.model,
        "rubric": f"{rubric.id} v{rubric.version}",
        "digest": one.scorer.judge.digest,
        "may_block": one.blocks,
        "labels": labels,
        "youden": entry.youden if entry is not None else None,
        "canaries": canaries,
        "reported": sorted(one.scorer.judge.reported()),
        "changed": one.changed,
    }


def _note(name: str, one: Seated, part: ScorerVerdict | None, judge: GateJudge, run: Run) -> str:
    rubric, entry = one.scorer.judge.rubric, one.entry
    said = [f"{name}: judge {rubric.judge.model}, rubric {rubric.id} v{rubric.version}"]
    if entry is not None and entry.youden is not None:
        said.append(f"J {entry.youden:.2f} on {entry.measured['labels']['n']} labels")
        if part is not None and part.margin and entry.youden > 0:
            said.append(f"a margin of {part.margin:g} judged is {part.margin / entry.youden:.3g} true")
    if one.standing is not None and one.standing.canaries.n:
        rate = one.standing.canaries
        low, high = rate.interval
        said.append(f"{rate.hits} of {rate.n} canaries passed (95 % interval {low:.0%} to {high:.0%})")
    if one.paired is not None:
        tally = one.paired.tally
        said.append(
            f"{len(tally.reused)} verdicts taken over, {len(tally.judged)} judged, {len(tally.again)} again in both arms"
        )
    linked = _length_effect(name, judge, run)
    if linked is not None:
        said.append(f"r(length change, verdict change) {linked:+.2f}")
    return "; ".join(said)


def _warnings(name: str, one: Seated, judge: GateJudge, run: Run) -> list[Warned]:
    found = []
    if not one.blocks:
        message = f"judge {name!r} may only advise: {one.why_not}; evalh calibrate measures it"
        found.append(Warned(code="judge_advisory", message=message))
    if one.changed:
        message = f"judge changed: {one.changed}; the baseline's answers of {name!r} are judged anew"
        found.append(Warned(code="judge_changed", message=message))
    if one.blocks and one.standing is None:
        message = f"anchors and canaries of judge {name!r} were not judged: neither drift nor false accepts are known"
        found.append(Warned(code="judge_unchecked", message=message))
    own, _ = _families(judge, run)
    family = family_of(one.scorer.judge.rubric.judge.model)
    if own == family:
        message = (
            f"judge {name!r} and the candidate are of one family ({family}): judges favour their own (+0.14 on average)"
        )
        found.append(Warned(code="judge_family", message=message))
    favour = favour_of(name, one, judge, run)
    if favour:
        found.append(Warned(code="judge_family_swap", message=favour))
    return found


def favour_of(name: str, one: Seated, judge: GateJudge, run: Run) -> str:
    """What to say of a candidate that moves into the judge's own family; a pass cannot rest on its word then."""
    own, before = _families(judge, run)
    family = family_of(one.scorer.judge.rubric.judge.model)
    if not before or own != family or before == family:
        return ""
    return f"the candidate moves from {before} to the family of judge {name!r}: a gain may be favour"


def _families(judge: GateJudge, run: Run) -> tuple[str, str]:
    """Families of the models of (candidate, baseline); empty where no model is named."""
    own = run.header.candidate.get("params", {}).get("model")
    before = judge.setup.baseline.params.get("model")
    return (family_of(str(own)) if own else ""), (family_of(str(before)) if before else "")


def _length_effect(name: str, judge: GateJudge, run: Run) -> float | None:
    """Correlation of the change of length with the change of the score; None where one of them does not vary."""
    from statistics import StatisticsError, correlation

    lengths, scores = [], []
    for case_id, result in run.results.items():
        before = judge.setup.baseline.results.get(case_id)
        if before is None or not before.trials or not result.trials:
            continue
        sides = before.trials[0], result.trials[0]
        values = [side.scores.get(name) for side in sides]
        outputs = [side.output for side in sides]
        if all(isinstance(value, Score) for value in values) and not any(isinstance(one, Failure) for one in outputs):
            old, new = (len(one.text or "") for one in outputs if isinstance(one, Output))
            first, second = (value.value for value in values if isinstance(value, Score))
            lengths.append(float(new - old))
            scores.append(second - first)
    try:
        return correlation(lengths, scores)
    except StatisticsError:
        return None


# --- when a judge cannot be believed ------------------------------------------------------------------------------------


def doubt_about(name: str, one: Seated, judge: GateJudge, run: Run) -> str:
    """Why nothing can rest on a judge's word in this run; empty when it can."""
    standing = one.standing
    if standing is not None and not standing.trusted:
        rate = standing.canaries
        low, high = rate.interval
        return (
            f"judge {name!r} is not trustworthy: {rate.hits} of {rate.n} canaries passed "
            f"({rate.hits / rate.n:.1%}, 95 % interval {low:.1%} to {high:.1%})"
        )
    reported = one.scorer.judge.reported()
    known = one.judged_by if not one.changed else frozenset(standing.reported if standing is not None else ())
    if reported and known and not reported <= known:
        return f"judge changed: the server reports {', '.join(sorted(reported))}, the baseline was judged by {', '.join(sorted(known))}"
    for arm, share in _unassessed(name, judge, run).items():
        if share > MOST_UNASSESSED:
            return (
                f"judge {name!r} could not tell {share:.1%} of the {arm}'s answers, {MOST_UNASSESSED:.0%} may be open"
            )
    return ""


def judged_by(name: str, arm: Baseline) -> frozenset[str]:
    """Model names that gave an arm's stored verdicts."""
    return frozenset(
        str(model)
        for result in arm.results.values()
        for trial in result.trials
        if isinstance(score := trial.scores.get(name), Score)
        for model in score.evidence.get("judge", ())
    )


def _unassessed(name: str, judge: GateJudge, run: Run) -> dict[str, float]:
    arms = {"candidate": run.results, "baseline": judge.setup.baseline.results}
    shares = {}
    for arm, results in arms.items():
        scores = [trial.scores.get(name) for result in results.values() for trial in result.epoch_trials()]
        asked = [score for score in scores if score is not None]
        shares[arm] = sum(map(is_unassessed, asked)) / len(asked) if asked else 0.0
    return shares


def rests_on(verdict: GateVerdict, name: str) -> bool:
    """Whether an outcome depends on a judge: any pass does, and a regression that nothing else shows."""
    if verdict.outcome in ("pass", "inconclusive"):
        return True
    if verdict.outcome != "regression":
        return False
    parts: Sequence[ScorerVerdict] = (*verdict.scorers, *(part for piece in verdict.slices for part in piece.scorers))
    others = [part for part in parts if part.outcome == "regression" and part.scorer != name]
    flips = [check for check in verdict.hard if check.flips and check.scorer != name]
    return not others and not flips


def inconclusive(verdict: GateVerdict, reason: str, gate: GateConfig) -> GateVerdict:
    """The same verdict, when nothing may rest on a judge's word."""
    softened: Outcome | None = "pass" if gate.inconclusive == "pass" else None
    return replace(verdict, outcome="inconclusive", exit_outcome=softened, reason=reason)
