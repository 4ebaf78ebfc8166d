"""The judges of one gate: who may block, how they stand, what they looked at beside the baseline, and what to say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from evalharness.config.model import GateConfig, LimitConfig
from evalharness.core.builtin import rubric_folder, rubric_path
from evalharness.core.errors import BaselineError, ConfigError
from evalharness.core.protocols import ScorerFacts
from evalharness.core.results import Run
from evalharness.core.verdicts import GateVerdict
from evalharness.judging.paired import PairedJudge, before_any_call
from evalharness.judging.record import Entry, read_entries, record_path
from evalharness.judging.scorer import JudgeScorer
from evalharness.judging.side_by_side import SideBySideJudge
from evalharness.judging.standing import Standing, drift
from evalharness.project.judge_notes import (
    Seated,
    doubt_about,
    favour_of,
    inconclusive,
    judged_by,
    rests_on,
    with_facts,
)
from evalharness.project.standings import check_again, standing_of
from evalharness.project.workspace import Workspace
from evalharness.verdict.baseline import Baseline
from evalharness.verdict.judge import GateCase, GateJudge

MOST_UNASSESSED: Final = 0.05
"""Share of an arm's answers that a judge may be unable to tell before nothing can be said (scorers.md 1.3)."""


def entry_of(workspace: Workspace, name: str, scorer: JudgeScorer) -> Entry | None:
    """What calibration measured of a judge; in CI what the base ref holds, for a pull request must not talk itself free.

    Raises:
        RubricError: If the file is damaged.
    """
    table = workspace.config.scorers[name].component.params
    trusted = workspace.trusted
    root = trusted.files if trusted is not None and trusted.config is not None else workspace.root
    folder = rubric_folder(root, rubric_path(root, str(table["rubric"])))
    path = record_path(folder, scorer.judge.rubric.id)
    return read_entries(path).get(scorer.judge.digest)


def seat_judges(workspace: Workspace, gate: GateConfig, scorers: Mapping[str, ScorerFacts]) -> tuple[GateConfig, Bench]:
    """Find the judges of a gate, and who of them may block. Nothing is called yet.

    Args:
        workspace: The opened project.
        gate: The gate as configured.
        scorers: Its built scorers.

    Returns:
        The gate with the limits of judges that may only advise turned into reports, and the judges.

    Raises:
        ConfigError: If no guard or hard check is left.
        RubricError: If a calibration file is damaged.
    """
    judges = {name: scorer for name, scorer in scorers.items() if isinstance(scorer, JudgeScorer)}
    if not judges:
        return gate, Bench(judges={})
    seated = {name: Seated(scorer=scorer, entry=entry_of(workspace, name, scorer)) for name, scorer in judges.items()}
    advised = {name for name, one in seated.items() if not one.blocks}
    guarding = any(limit.every or limit.role != "report" for limit in gate.limits)
    gate = _advised(gate, advised)
    if guarding and not any(limit.every or limit.role != "report" for limit in gate.limits):
        raise ConfigError(
            f"no guard or hard check is left: {_advice(seated, advised)}",
            where=gate.where,
            tip="measure the judge against people's labels: evalh calibrate RUBRIC LABELS, and commit what it writes",
            code="judge_advisory",
        )
    return gate, Bench(judges=seated)


def judge_standings(workspace: Workspace, scorers: Mapping[str, ScorerFacts]) -> dict[str, Any]:
    """How the judges among some scorers stand, for the header of a baseline that they are about to judge.

    Raises:
        EvalhError: As ``standings.standing_of``.
    """
    judges = {name: scorer for name, scorer in scorers.items() if isinstance(scorer, JudgeScorer)}
    found = {name: standing_of(workspace, scorer) for name, scorer in judges.items()}
    return {name: standing.to_json() for name, standing in found.items() if standing is not None}


def _advice(seated: Mapping[str, Seated], names: set[str]) -> str:
    return ", ".join(f"judge {name!r} may only advise ({seated[name].why_not})" for name in sorted(names))


def _advised(gate: GateConfig, names: set[str]) -> GateConfig:
    """The gate in which some scorers only report; their guard slices are gone."""

    def softened(limit: LimitConfig) -> LimitConfig:
        return replace(limit, role="report", every=False) if limit.scorer in names else limit

    slices = {
        field: kept
        for field, limits in gate.slices.items()
        if (kept := tuple(limit for limit in limits if limit.scorer not in names))
    }
    return replace(gate, limits=tuple(map(softened, gate.limits)), slices=slices)


@dataclass(slots=True, kw_only=True)
class Bench:
    """The judges of one gate, from before the first call to the verdict."""

    judges: dict[str, Seated]
    workspace: Workspace | None = None

    def beside(self, workspace: Workspace, setup: GateCase) -> GateCase:
        """The comparison in which each judge looks at the candidate's answers beside the baseline's.

        Anchors and canaries are judged first, where it is time.

        Raises:
            BaselineError: If the baseline keeps no answers that could be judged again.
            EvalhError: As ``standings.standing_of``.
        """
        self.workspace = workspace
        for name, one in self.judges.items():
            _check_answers(name, setup.baseline)
            _look_at_standing(workspace, name, one, setup.baseline)
        if not self.judges:
            return setup
        results = dict(setup.baseline.results)
        for one in self.judges.values():
            results = before_any_call(results, one.scorer)
        pinned = None if setup.pinned is None else dict(setup.pinned.results)
        arms = [results, *([pinned] if pinned is not None else [])]
        scorers = dict(setup.scorers)
        for name, one in self.judges.items():
            one.paired = PairedJudge(one.scorer, *arms, anew=bool(one.changed))
            scorers[name] = one.paired
        return replace(
            setup,
            baseline=replace(setup.baseline, results=results),
            pinned=None if setup.pinned is None or pinned is None else replace(setup.pinned, results=pinned),
            scorers=scorers,
        )

    def side_by_side(self, workspace: Workspace, setup: GateCase, *, epochs: int) -> GateCase:
        """The comparison in which both arms are answered in one run: each pair of answers goes through the protocol.

        Anchors and canaries are judged first, where it is time; no stored verdict is used that could be another judge's.

        Args:
            workspace: The opened project.
            setup: What is compared.
            epochs: Answers a case and arm.

        Raises:
            EvalhError: As ``standings.standing_of``.
        """
        self.workspace = workspace
        scorers = dict(setup.scorers)
        for name, one in self.judges.items():
            one.standing = standing_of(workspace, one.scorer) if one.blocks else None
            one.paired = scorers[name] = SideBySideJudge(one.scorer, epochs=epochs)
        return replace(setup, scorers=scorers)

    def finish(self, verdict: GateVerdict, judge: GateJudge, run: Run) -> GateVerdict:
        """The verdict with what its judges have to say about themselves; inconclusive where they cannot be believed."""
        for name, one in self.judges.items():
            verdict = with_facts(verdict, name, one, judge, run)
        for name, one in self.judges.items():
            standing, reported = one.standing, one.scorer.judge.reported()
            known = set(standing.reported) if standing is not None else set()
            if standing is not None and self.workspace is not None and known and not reported <= known:
                check_again(self.workspace, one.scorer, standing)
            reason = doubt_about(name, one, judge, run) if one.blocks else ""
            if reason and rests_on(verdict, name):
                verdict = inconclusive(verdict, reason, judge.setup.gate)
            favour = favour_of(name, one, judge, run) if one.blocks else ""
            if favour and verdict.outcome == "pass":
                verdict = inconclusive(verdict, favour, judge.setup.gate)
        return verdict


def _check_answers(name: str, arm: Baseline) -> None:
    if arm.results and not arm.answers:
        raise BaselineError(
            f"judge {name!r} cannot be held against it: the baseline keeps no answers to judge again",
            where=arm.path,
            tip="promote with store_answers = true",
            code="answers",
        )


def _look_at_standing(workspace: Workspace, name: str, one: Seated, arm: Baseline) -> None:
    """Judge anchors and canaries where it is time, and compare with how the judge stood when it judged the baseline."""
    one.judged_by = judged_by(name, arm)
    if not one.blocks:
        return
    one.standing = standing_of(workspace, one.scorer)
    known = arm.judges.get(name)
    if one.standing is not None and known is not None:
        retest = one.entry.retest if one.entry is not None else None
        one.changed = drift(Standing.from_json(known), one.standing, flip=retest)
