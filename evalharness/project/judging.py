"""Pair two arms, run the candidate under the stop rule, and conclude: what ``gate`` and ``compare`` share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from evalharness.config.model import GateConfig
from evalharness.core.cases import EvalSet
from evalharness.core.protocols import Candidate, Recording, ScorerFacts
from evalharness.core.results import CallCounts
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
    order = judge.order()
    cases = order if wanted is None else tuple(case for case in order if case.id in wanted)
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
            stop=judge if wanted is None else None,
            max_cost=gate.max_cost,
            recorded=answers_by_key(arm),
            resume=f"evalh gate {gate.name}",
        ),
    )
    if wanted is not None:
        for case in cases:
            if case.id in run.results:
                judge.observe(run.results[case.id])
    verdict = conclude(
        judge,
        Ending(
            run=run.header.run_id if workspace.use_store else "",
            stopped=run.stopped,
            calls=run.calls,
            selection="" if wanted is None else f"{len(cases)} of {len(order)} selected",
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
        cases={case.id: case for case in order},
        baseline=arm.results,
        candidate=run.results,
    )


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
