"""``gate --rerun-baseline``: both arms answered afresh, case by case side by side, under one judge.

For an endpoint that drifts, a stored baseline is yesterday's weather. Here the old candidate, as it was at the commit
that its baseline names, answers beside the new one, and the run stops for both as soon as the verdict is certain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from evalharness.config.model import GateConfig
from evalharness.core.cases import Case, EvalSet
from evalharness.core.errors import UsageError
from evalharness.core.protocols import Candidate, GroupScorer, Recording, ScorerFacts
from evalharness.core.results import CaseResult, Run, Score
from evalharness.core.specs import digest_text
from evalharness.core.verdicts import Comparison, Warned
from evalharness.judging.scorer import JudgeScorer
from evalharness.judging.side_by_side import SideBySideJudge
from evalharness.project.arms import check_same_set, stored_baseline
from evalharness.project.execution import Task, check_money, left_to_spend, make_header, over_all_legs, price_notes
from evalharness.project.gitfacts import pull_request
from evalharness.project.judges import seat_judges
from evalharness.project.judging import under_judge
from evalharness.project.pastcommit import candidate_at_baseline
from evalharness.project.tries import tries_note, try_number, under_tries
from evalharness.project.workspace import Workspace, selected
from evalharness.runner.interleaved import BothArms, BothSeen, PacedArms, Splitting, TwoRuns, parted
from evalharness.runner.job import Job
from evalharness.runner.run import run_cases
from evalharness.runner.scoring import Scoring
from evalharness.store.rows import identity_of
from evalharness.verdict.baseline import Baseline
from evalharness.verdict.judge import GateCase, GateJudge
from evalharness.verdict.pairing import Pairing, order_seed

_TIP = "leave --rerun-baseline out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """The baseline's side, about to be answered again."""

    candidate: Candidate
    stored: Baseline | None
    """The stored baseline that it was built from; None where the gate names a second candidate."""

    @property
    def place(self) -> str:
        """What stands for the baseline's run in the order seed: fixed before anything is run, so nobody can re-roll it."""
        return self.candidate.digest if self.stored is None else self.stored.run


def rerun_gate(
    workspace: Workspace, gate: GateConfig, evalset: EvalSet, scorers: Mapping[str, ScorerFacts]
) -> Comparison:
    """Judge a gate with both arms answered in this run.

    Args:
        workspace: The opened project.
        gate: The gate.
        evalset: Its cases: all of them are paired, for the baseline answers every one.
        scorers: Its built scorers, of today: both arms are scored by the same.

    Raises:
        UsageError: If a side has nothing to answer, or nothing may be called.
        BaselineError: If the old candidate cannot be built.
        Incomplete: If a key or money is missing.
    """
    _check_possible(workspace, scorers)
    gate, bench = seat_judges(workspace, gate, scorers)
    candidate = _live(workspace, gate.candidate, evalset)
    rival = _rival(workspace, gate, evalset)
    number = try_number(workspace, gate.name, candidate.digest)
    arm = _arm(workspace, gate, evalset, scorers, rival)
    setup = GateCase(
        gate=under_tries(gate, number),
        baseline=arm,
        pairing=Pairing(paired=evalset.living),
        scorers=scorers,
        order_seed=gate.order_seed or order_seed(evalset.digest, rival.place, pull_request(workspace.env)),
        recorded=False,
        cases=evalset.living,
        slice_fields=evalset.slices,
        live={name: _planned(scorer, evalset, rival.stored) for name, scorer in scorers.items()},
    )
    comparison = under_judge(
        workspace,
        bench.side_by_side(workspace, setup, epochs=gate.epochs),
        candidate,
        wanted=selected(evalset, workspace.options),
        tries=tries_note(gate, number),
        answer=lambda judge: _answer(workspace, judge, evalset, candidate, rival.candidate),
        finish=bench.finish,
    )
    warnings = (*comparison.gate.warnings, *_moved(rival))
    notes = (f"both sides were answered in this run, side by side{_from(rival)}", *comparison.gate.notes)
    return replace(comparison, gate=replace(comparison.gate, warnings=warnings, notes=notes))


def _check_possible(workspace: Workspace, scorers: Mapping[str, ScorerFacts]) -> None:
    options = workspace.options
    for given, flag in ((options.offline, "--offline"), (options.answers is not None, "--answers")):
        if given:
            raise UsageError(f"--rerun-baseline asks both sides anew, {flag} asks nobody", tip="leave one of them out")
    groups = [name for name, scorer in scorers.items() if isinstance(scorer, GroupScorer)]
    if groups:
        raise UsageError(
            f"scorer {groups[0]!r} looks at whole behaviour groups, which --rerun-baseline cannot interleave", tip=_TIP
        )


def _live(workspace: Workspace, name: str, evalset: EvalSet) -> Candidate:
    candidate = workspace.candidate(name, evalset.name)
    if isinstance(candidate, Recording):
        raise UsageError(f"the answers of {name!r} are recorded: there is nothing to answer again", tip=_TIP)
    return candidate


def _rival(workspace: Workspace, gate: GateConfig, evalset: EvalSet) -> Rival:
    if gate.pinned is not None:
        raise UsageError(
            "a pinned baseline is stored answers, and --rerun-baseline compares with fresh ones only", tip=_TIP
        )
    if gate.baseline is None:
        stored = stored_baseline(workspace, gate.name, workspace.base_ref or None)
        check_same_set(stored, evalset)
        return Rival(candidate=candidate_at_baseline(workspace, stored, evalset.name), stored=stored)
    if gate.baseline not in workspace.config.candidates:
        raise UsageError(f"the baseline {gate.baseline!r} is a file of answers: nothing to answer again", tip=_TIP)
    return Rival(candidate=_live(workspace, gate.baseline, evalset), stored=None)


def _arm(
    workspace: Workspace, gate: GateConfig, evalset: EvalSet, scorers: Mapping[str, ScorerFacts], rival: Rival
) -> Baseline:
    """The baseline's side before its first answer; its results are filled in while cases come in."""
    task = _task(gate, evalset, rival.candidate, tuple(scorers.values()), cases=evalset.living, purpose="rerun")
    header = make_header(workspace, task)
    results: dict[str, CaseResult] = {}
    return Baseline(
        name=rival.candidate.name,
        digest=rival.candidate.digest,
        kind=rival.candidate.kind,
        params=rival.candidate.description,
        run=rival.place,
        evalset=header.evalset,
        signatures=header.scorers,
        results=results,
        epochs=gate.epochs,
        seed=header.seed,
        created=header.created,
        commit=rival.stored.commit if rival.stored is not None else header.commit,
        gate=gate.name,
    )


def _task(
    gate: GateConfig,
    evalset: EvalSet,
    candidate: Candidate,
    scorers: tuple[ScorerFacts, ...],
    *,
    cases: tuple[Case, ...],
    purpose: str,
    seed: str = "",
) -> Task:
    return Task(
        purpose=purpose,
        candidate=candidate,
        evalset=evalset,
        cases=cases,
        scorers=scorers,
        gate=gate.name,
        epochs=gate.epochs,
        order_seed=seed,
        max_cost=gate.max_cost,
        fresh=True,
        resume=f"evalh gate {gate.name} --rerun-baseline",
    )


def _planned(scorer: ScorerFacts, evalset: EvalSet, stored: Baseline | None) -> frozenset[str]:
    """The cases that count under a scorer: those with the fields it needs, and a score in the stored baseline if asked."""
    ids = set()
    for case in evalset.living:
        fits = all(getattr(case, need) not in (None, (), {}) for need in scorer.needs)
        before = stored.results.get(case.id) if stored is not None and scorer.name in stored.signatures else None
        pairs = isinstance(scorer, JudgeScorer) and scorer.judge.rubric.pairwise  # nothing is stored of those
        known = (
            before is None or pairs or any(isinstance(trial.scores.get(scorer.name), Score) for trial in before.trials)
        )
        if fits and known:
            ids.add(case.id)
    return frozenset(ids)


def _answer(workspace: Workspace, judge: GateJudge, evalset: EvalSet, candidate: Candidate, rival: Candidate) -> Run:
    """Both arms in one go; the candidate's run, while the baseline's results fill the judge's arm."""
    setup = judge.setup
    gate, order = setup.gate, judge.order()
    scorers = tuple(setup.scorers.values())
    tasks = tuple(
        _task(gate, evalset, arm, scorers, cases=order, purpose=purpose, seed=setup.order_seed)
        for arm, purpose in ((candidate, "gate"), (rival, "rerun"))
    )
    for task in tasks:
        check_money(workspace, task)
    own, other = (make_header(workspace, task) for task in tasks)
    store = workspace.store()
    before = None
    if store is not None:
        unfinished = store.resumable(identity_of(own)), store.resumable(identity_of(other))
        if all(unfinished):
            own, other = replace(own, run_id=str(unfinished[0])), replace(other, run_id=str(unfinished[1]))
            before = store.spent(own.run_id)
    cases = {case.id: case for case in order}
    scoring = Scoring(scorers)
    each = tuple(scorer for scorer in scorers if scorer not in scoring.epochs)
    amend = tuple(scorer.amended for scorer in scorers if isinstance(scorer, SideBySideJudge))
    splitting = Splitting(epochs=gate.epochs, scoring=Scoring(tuple(scoring.epochs)), amend=amend)
    both = BothArms(candidate, rival, epochs=gate.epochs, timeout_s=workspace.config.defaults.timeout)
    results = cast("dict[str, CaseResult]", setup.baseline.results)
    run = run_cases(
        Job(
            header=replace(own, epochs=2 * gate.epochs),
            cases=order,
            candidate=both,
            scorers=each,
            store=None if store is None else TwoRuns(store, (own, other), splitting, cases),
            stop=BothSeen(judge, results, splitting, cases),
            pacing=PacedArms(workspace.pacing(), both),
            jobs=workspace.jobs,
            timeout_s=workspace.config.defaults.timeout,
            max_cost=left_to_spend(workspace, tasks[0], before),
            fresh=True,
            identity=digest_text(f"{identity_of(own)}\x1f{own.run_id}"),
            resume=tasks[0].resume,
            title=gate.name,
            progress=workspace.options.progress,
        )
    )
    workspace.spent_usd += run.calls.cost_usd
    if run.calls.made:
        said = dict.fromkeys(note for task in tasks for note in price_notes(workspace, task))
        run = replace(run, notes=(*run.notes, *said))
    answered, baseline = parted(run, own, splitting, cases)
    results.update(baseline.results)
    return answered if before is None else replace(answered, calls=over_all_legs(answered.calls, before))


def _from(rival: Rival) -> str:
    return "" if rival.stored is None else f"; the baseline's as it was at {rival.stored.commit[:12]}"


def _moved(rival: Rival) -> tuple[Warned, ...]:
    """A warning when what was built from the commit is not what was promoted (another base URL in the environment, say)."""
    stored = rival.stored
    if stored is None or stored.digest == rival.candidate.digest:
        return ()
    message = (
        f"{rival.candidate.name} as built from commit {stored.commit[:12]} is not the one that was promoted: its digest "
        "differs (documents, environment or version of evalharness)"
    )
    return (Warned(code="rerun_digest", message=message),)
