"""Pair two arms, run the candidate under the stop rule, and conclude: what ``gate`` and ``compare`` share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from typing import Any

from evalharness.config.model import GateConfig
from evalharness.core.cases import EvalSet
from evalharness.core.protocols import Candidate, Recording, ScorerFacts
from evalharness.core.results import CallCounts, Run
from evalharness.core.verdicts import Comparison, GateVerdict, PairCounts
from evalharness.project.afterwards import count_look, keep_verdict, look_note, merge_note, warnings_of
from evalharness.project.arms import answers_by_key
from evalharness.project.execution import Task, execute
from evalharness.project.gitfacts import pull_request
from evalharness.project.judges import seat_judges
from evalharness.project.plans import KeptPlans
from evalharness.project.tries import count_try, tries_note, try_number, under_tries
from evalharness.project.workspace import Workspace, selected
from evalharness.verdict.baseline import Baseline
from evalharness.verdict.conclusion import Ending, conclude
from evalharness.verdict.judge import GateCase, GateJudge
from evalharness.verdict.pairing import Pairing, check_pairing, grouped, order_seed, pair
from evalharness.verdict.preflight import preflight


def judge_candidate(
    workspace: Workspace,
    gate: GateConfig,
    evalset: EvalSet,
    scorers: Mapping[str, ScorerFacts],
    candidate: Candidate | Recording,
    arm: Baseline,
    *,
    pinned: Baseline | None = None,
) -> Comparison:
    """Pair, run and decide: the part of a gate that ``compare`` shares.

    Args:
        workspace: The opened project.
        gate: The rule.
        evalset: The cases.
        scorers: Built scorers by name.
        candidate: What is judged.
        arm: What it is compared with.
        pinned: A second stored arm that the same answers are compared with.
    """
    number = try_number(workspace, gate.name, candidate.digest)
    gate, bench = seat_judges(workspace, gate, scorers)
    setup = _setup(workspace, under_tries(gate, number), evalset, scorers, arm=arm, pinned=pinned, candidate=candidate)
    wanted = selected(evalset, workspace.options)
    if (
        wanted is None
        and candidate.digest == arm.digest
        and getattr(candidate, "reuse", "always") == "always"  # else the digest does not say that the code is the same
        and not workspace.options.fresh
        and arm.complete_for(c.id for c in setup.pairing.paired)
    ):
        same = _unchanged(setup)
        if same is not None:
            return same
    setup = bench.beside(workspace, setup)
    return under_judge(
        workspace,
        setup,
        candidate,
        wanted=wanted,
        tries=tries_note(gate, number),
        answer=lambda judge: _run(workspace, judge, evalset, candidate),
        finish=bench.finish,
    )


def under_judge(
    workspace: Workspace,
    setup: GateCase,
    candidate: Candidate | Recording,
    *,
    wanted: Container[str] | None,
    tries: tuple[str, ...],
    answer: Callable[[GateJudge], Run],
    finish: Callable[[GateVerdict, GateJudge, Run], GateVerdict] = lambda verdict, judge, run: verdict,  # noqa: ARG005
) -> Comparison:
    """Answer the cases under a judge's eyes, conclude, and keep the verdict.

    Args:
        workspace: The opened project.
        setup: What is compared.
        candidate: What is judged.
        wanted: Ids of the selected cases; None for all of them.
        tries: What to say about tries, once a case is scored.
        answer: Answers the cases that a judge asks for, and obeys it.
        finish: Adds to the verdict what its scorers have to say about themselves.
    """
    kept = KeptPlans(workspace)
    setup = replace(setup, plans=kept.plan)
    judge = GateJudge(setup)
    selection = ""
    if wanted is not None:
        planned = len(judge.order())
        judge = GateJudge(_narrowed(setup, wanted))
        selection = f"{len(judge.order())} of {planned} selected"
    try:
        run = answer(judge)
    finally:
        if judge.used:
            # A candidate that got a scored case has had its try, whatever comes.
            count_try(workspace, setup.gate.name, candidate.digest)
    verdict = _verdict(workspace, judge, run, selection=selection, description=candidate.description)
    verdict = finish(replace(verdict, notes=(*verdict.notes, *(tries if judge.used else ()))), judge, run)
    keep_verdict(workspace, run.header.run_id, verdict)
    kept.keep()
    return Comparison(
        gate=verdict,
        cases={case.id: case for case in judge.order()},
        baseline=setup.baseline.results,
        candidate=run.results,
        paths=judge.paths(),
        chances=judge.chances,
    )


def _setup(
    workspace: Workspace,
    gate: GateConfig,
    evalset: EvalSet,
    scorers: Mapping[str, ScorerFacts],
    *,
    arm: Baseline,
    pinned: Baseline | None,
    candidate: Candidate | Recording,
) -> GateCase:
    """Everything that is fixed before the first call."""
    whole = grouped(scorers.values())
    pairing = pair(evalset, arm.results, whole_groups=whole)
    if arm.results or any(limit.every != "absolute" and limit.role != "report" for limit in gate.limits):
        check_pairing(pairing, max_changed=gate.max_changed, where=arm.path or arm.name)
    if pinned is not None:
        known = pair(evalset, pinned.results, whole_groups=whole)
        check_pairing(known, max_changed=gate.max_changed, where=pinned.path)
    return GateCase(
        gate=gate,
        baseline=arm,
        pairing=pairing,
        scorers=scorers,
        order_seed=gate.order_seed or order_seed(evalset.digest, arm.run, pull_request(workspace.env)),
        recorded=isinstance(candidate, Recording),
        cases=evalset.living,
        slice_fields=evalset.slices,
        pinned=pinned,
    )


def _run(workspace: Workspace, judge: GateJudge, evalset: EvalSet, candidate: Candidate | Recording) -> Run:
    """Answer the cases that a judge asks for."""
    setup = judge.setup
    task = Task(
        purpose="gate",
        candidate=candidate,
        evalset=evalset,
        cases=judge.order(),
        scorers=tuple(setup.scorers.values()),
        gate=setup.gate.name,
        epochs=setup.gate.epochs,
        order_seed=setup.order_seed,
        stop=judge,
        max_cost=setup.gate.max_cost,
        recorded=answers_by_key(setup.baseline),
        resume=f"evalh gate {setup.gate.name}",
    )
    return execute(workspace, task)


def _verdict(
    workspace: Workspace, judge: GateJudge, run: Run, *, selection: str, description: Mapping[str, Any]
) -> GateVerdict:
    looks = count_look(workspace, judge.setup, run.header.run_id) if judge.used and not selection else 0
    verdict = conclude(
        judge,
        Ending(
            run=run.header.run_id if workspace.use_store else "",
            stopped=run.stopped,
            fault=_fault(run),
            calls=run.calls,
            selection=selection,
            warnings=warnings_of(judge, description=description, looks=looks),
            notes=(*preflight(judge), *run.notes),
        ),
    )
    return replace(verdict, notes=(*verdict.notes, *merge_note(judge, verdict), *look_note(looks)))


def _narrowed(setup: GateCase, wanted: Container[str]) -> GateCase:
    """The same comparison over the selected cases alone, all of them: for scores, never for a verdict."""
    paired = tuple(case for case in setup.pairing.paired if case.id in wanted)
    return replace(
        setup,
        gate=replace(setup.gate, stop="never"),
        pairing=replace(setup.pairing, paired=paired),
        cases=tuple(case for case in setup.cases if case.id in wanted),
    )


def _fault(run: Run) -> str:
    """What most of the lost answers were lost to; the last sentence when calls were given up for good."""
    if run.complete:
        return ""
    lost = [failure for _, failure in run.failures() if failure.blame == "infrastructure"]
    given_up = [failure.message for failure in lost if failure.kind == "provider_down"]
    if given_up:
        return given_up[-1].removeprefix("not sent: ")
    return Counter(failure.message for failure in lost).most_common(1)[0][0] if lost else ""


def _unchanged(setup: GateCase) -> Comparison | None:
    """The verdict when the candidate *is* the baseline: no call, no statistics, also below N_min.

    Returns:
        None when an absolute check needs a look at the answers.
    """
    if any(limit.every == "absolute" for limit in setup.gate.limits):
        return None
    pairing: Pairing = setup.pairing
    planned = len(pairing.paired)
    arm = setup.baseline
    verdict = GateVerdict(
        gate=setup.gate.name,
        outcome="pass",
        reason="unchanged",
        baseline={"name": arm.name, "digest": arm.digest, "created": arm.created},
        pairs=PairCounts(
            planned=planned,
            used=planned,
            edited=len(pairing.edited),
            added=len(pairing.added),
            removed=len(pairing.removed),
        ),
        epochs=setup.gate.epochs,
        calls=CallCounts(planned=planned * setup.gate.epochs, replayed=planned * setup.gate.epochs),
        order_seed=setup.order_seed,
        notes=("the candidate's digest equals the baseline's: every answer is the recorded one",),
    )
    cases = {case.id: case for case in pairing.paired}
    return Comparison(gate=verdict, cases=cases, baseline=arm.results, candidate=arm.results)
