"""Pair two arms, run the candidate under the stop rule, and conclude: what ``gate`` and ``compare`` share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import replace

from evalharness.config.model import GateConfig
from evalharness.core.cases import EvalSet
from evalharness.core.protocols import Candidate, Recording, ScorerFacts
from evalharness.core.results import CallCounts, Run
from evalharness.core.verdicts import Comparison, GateVerdict, PairCounts
from evalharness.project.afterwards import keep_verdict, merge_note, tries_note, warnings_of
from evalharness.project.arms import answers_by_key
from evalharness.project.execution import Task, execute
from evalharness.project.gitfacts import pull_request
from evalharness.project.workspace import Workspace, selected
from evalharness.verdict.baseline import Baseline
from evalharness.verdict.conclusion import Ending, conclude
from evalharness.verdict.judge import GateCase, GateJudge
from evalharness.verdict.pairing import Pairing, check_pairing, order_seed, pair
from evalharness.verdict.preflight import preflight


def judge_candidate(
    workspace: Workspace,
    gate: GateConfig,
    evalset: EvalSet,
    scorers: Mapping[str, ScorerFacts],
    candidate: Candidate | Recording,
    arm: Baseline,
) -> Comparison:
    """Pair, run and decide: the part of a gate that ``compare`` shares."""
    pairing = pair(evalset, arm.results)
    if arm.results or any(limit.every != "absolute" and limit.role != "report" for limit in gate.limits):
        check_pairing(pairing, max_changed=gate.max_changed, where=arm.path or arm.name)
    wanted = selected(evalset, workspace.options)
    setup = GateCase(
        gate=gate,
        baseline=arm,
        pairing=pairing,
        scorers=scorers,
        order_seed=gate.order_seed or order_seed(evalset.digest, arm.run, pull_request(workspace.env)),
        recorded=isinstance(candidate, Recording),
        cases=evalset.living,
        slice_fields=evalset.slices,
    )
    if (
        wanted is None
        and candidate.digest == arm.digest
        and getattr(candidate, "reuse", "always") == "always"  # else the digest does not say that the code is the same
        and not workspace.options.fresh
        and arm.complete_for(c.id for c in pairing.paired)
    ):
        same = _unchanged(setup)
        if same is not None:
            return same
    judge = GateJudge(setup)
    planned = len(judge.order())
    if wanted is not None:
        judge = GateJudge(_narrowed(setup, wanted))
    cases = judge.order()
    run = execute(
        workspace,
        Task(
            purpose="gate",
            candidate=candidate,
            evalset=evalset,
            cases=cases,
            scorers=tuple(scorers.values()),
            gate=gate.name,
            epochs=gate.epochs,
            order_seed=setup.order_seed,
            stop=judge,
            max_cost=gate.max_cost,
            recorded=answers_by_key(arm),
            resume=f"evalh gate {gate.name}",
        ),
    )
    verdict = conclude(
        judge,
        Ending(
            run=run.header.run_id if workspace.use_store else "",
            stopped=run.stopped,
            fault=_fault(run),
            calls=run.calls,
            selection="" if wanted is None else f"{len(cases)} of {planned} selected",
            warnings=warnings_of(gate, setup),
            notes=preflight(judge),
        ),
    )
    verdict = replace(
        verdict, notes=(*verdict.notes, *merge_note(judge, verdict), *tries_note(workspace, setup, candidate, judge))
    )
    keep_verdict(workspace, run.header.run_id, setup, verdict)
    return Comparison(
        gate=verdict,
        cases={case.id: case for case in cases},
        baseline=arm.results,
        candidate=run.results,
    )


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
