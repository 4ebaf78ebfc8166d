"""``evalh promote``: a whole run of its own becomes the stored baseline of a gate.

A gate run is never promoted: it may have stopped early, and choosing baselines by their verdict raises the false-block
rate with every merge (gate-exact, attack B1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from evalharness.config.model import GateConfig
from evalharness.core.cases import EvalSet
from evalharness.core.errors import BaselineError, Incomplete, UsageError
from evalharness.core.protocols import Candidate, Recording, ScorerFacts
from evalharness.core.results import Failure, Run, Score, Trial
from evalharness.project.arms import FOLDER, arm_of_run, baseline_path, scored
from evalharness.project.execution import Task, execute
from evalharness.project.judges import judge_standings
from evalharness.project.recorded_words import run_of_word, typed_path
from evalharness.project.running import unit_of
from evalharness.project.workspace import Workspace
from evalharness.verdict.baseline import Baseline, read_baseline, write_baseline

MOST_RUNS: Final = 500
"""Newest runs that are looked through for runs of the same candidate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """What one promotion did."""

    gate: str
    path: str
    """File written, relative to the project."""
    n: int
    """Cases in it."""
    means: tuple[tuple[str, float | None, float, str], ...]
    """(scorer, mean before or None, mean now, unit of both), over all scored cases."""
    run: str
    replayed: int
    """Answers taken from recordings or the store (deterministic candidates only)."""
    cost_usd: float


def promote(workspace: Workspace, word: str | None, *, why: str, gate: str | None = None) -> list[Promoted]:
    """Make new stored baselines.

    Args:
        workspace: The opened project.
        word: A gate's name, a whole run (id, ``latest``) or the ``.jsonl`` of a whole run; None: every gate that has a
            stored baseline (no ``baseline`` in its config).
        why: Reason, kept in the file; required.
        gate: Only this gate's baseline; None: every gate that fits.

    Raises:
        UsageError: If there is no reason, or nothing to promote.
        BaselineError: If the run is not whole, was a gate run, or belongs to no gate.
        Incomplete: If the new run could not be finished.
    """
    if not why.strip():
        raise UsageError(
            "a baseline needs a reason", tip='evalh promote --why "EU wording shortened, agreed with legal"'
        )
    if word is None or word in workspace.config.gates:
        named = gate or word
        gates = [workspace.gate(named)] if named else [g for g in workspace.config.gates.values() if g.baseline is None]
        if not gates:
            raise UsageError("no gate has a stored baseline", tip="every gate names its baseline in the config")
        return [_promote_afresh(workspace, one, why) for one in gates]
    path = typed_path(workspace, word)
    if path.suffix in (".jsonl", ".gz") and path.is_file():
        arm = read_baseline(path)
        own = [one for one in workspace.config.gates.values() if one.name == (gate or arm.gate)]
        fitting = own or _gates_for(workspace, arm, gate)
        return [_write(workspace, one, replace(arm, gate=one.name, why=why), replayed=0, cost=0.0) for one in fitting]
    run = run_of_word(workspace, word)
    if run.header.purpose == "gate":
        raise BaselineError(
            f"run {run.header.run_id} was made by a gate: it may have stopped early, and a baseline must not be chosen "
            "by its verdict",
            tip="evalh promote --why TEXT runs the candidate afresh",
        )
    if not run.complete:
        raise BaselineError(f"run {run.header.run_id} is not whole", tip="run it again to finish it")
    arm = replace(arm_of_run(run), chosen_among=_alternatives(workspace, run))
    return [
        _write(workspace, one, replace(arm, gate=one.name, why=why), replayed=len(run.results), cost=0.0)
        for one in _gates_for(workspace, arm, gate)
    ]


def _alternatives(workspace: Workspace, run: Run) -> int:
    """Whole runs of the same candidate on the same cases that could have been picked instead, this one included.

    The best of five blocks an unchanged candidate in 15 % of cases instead of 5 (gate-exact, attack B10). Runs that only
    replay another are no choice, and neither is a run that ``promote`` makes itself: nobody has seen its numbers before.
    """
    mine = (str(run.header.candidate["digest"]), str(run.header.evalset["digest"]))
    others = [
        one.run_id
        for one in workspace.reader().runs(limit=MOST_RUNS)
        if (one.candidate_digest, one.evalset_digest) == mine
        and one.complete
        and one.purpose == "run"
        and not one.same_as
    ]
    return len({*others, run.header.run_id})


def whole_run(
    workspace: Workspace, gate: GateConfig, *, purpose: str = "promote"
) -> tuple[Run, Baseline, EvalSet, dict[str, ScorerFacts]]:
    """Run a gate's candidate on its whole eval set with every scorer of the gate."""
    evalset = workspace.evalset(gate.evalset)
    scorers = workspace.gate_scorers(gate)
    candidate = workspace.candidate(gate.candidate, gate.evalset)
    standings = judge_standings(workspace, scorers)
    run = execute(
        workspace,
        Task(
            purpose=purpose,
            candidate=candidate,
            evalset=evalset,
            cases=evalset.living,
            scorers=tuple(scorers.values()),
            gate=gate.name,
            epochs=gate.epochs,
            max_cost=gate.max_cost,
            fresh=not deterministic(candidate),
            resume=f"evalh promote {gate.name} --why TEXT",
        ),
    )
    arm = replace(arm_of_run(run, scorers), judges=standings)
    return run, _with_content_keys(arm, candidate, evalset), evalset, scorers


def _with_content_keys(arm: Baseline, candidate: Candidate | Recording, evalset: EvalSet) -> Baseline:
    """Name each answer by what was asked, not by the run that asked: an unchanged request will find it again.

    Answers of code that is not declared serve no other run, so they get no name.
    """
    results = {}
    for case_id, result in arm.results.items():
        trials = tuple(replace(trial, key=_content_key(trial, candidate, evalset, arm.seed)) for trial in result.trials)
        results[case_id] = replace(result, trials=trials)
    return replace(arm, results=results)


def _content_key(trial: Trial, candidate: Candidate | Recording, evalset: EvalSet, seed: int) -> str:
    if isinstance(candidate, Recording) or candidate.reuse != "always":
        return ""
    case = evalset.by_id[trial.case_id]
    return candidate.request(case, epoch=trial.epoch, attempt=trial.attempt, run_seed=seed).key


def deterministic(candidate: Candidate | Recording) -> bool:
    """Whether recorded answers of a candidate are as good as new ones: it has no chance in it."""
    if isinstance(candidate, Recording) or candidate.kind == "retriever":
        return True
    return candidate.reuse == "always" and candidate.description.get("temperature") == 0


def _promote_afresh(workspace: Workspace, gate: GateConfig, why: str) -> Promoted:
    run, arm, _, _ = whole_run(workspace, gate)
    lost = [case_id for case_id, failure in run.failures() if failure.blame == "infrastructure"]
    if lost or not run.complete:
        first = next((failure for _, failure in run.failures() if failure.blame == "infrastructure"), None)
        why_not = f": {first.message}" if first is not None else f" ({run.stopped})" if run.stopped else ""
        raise Incomplete(
            f"{len(lost) or 'some'} of {len(run.header.case_digests)} answers are missing{why_not}",
            where=gate.name,
            tip="run it again: what was answered is kept",
        )
    return _write(
        workspace, gate, replace(arm, why=why, gate=gate.name), replayed=run.calls.replayed, cost=run.calls.cost_usd
    )


def _gates_for(workspace: Workspace, arm: Baseline, only: str | None) -> list[GateConfig]:
    """Gates with a stored baseline whose candidate and eval set are those of the run."""
    gates = [
        gate
        for gate in workspace.config.gates.values()
        if gate.baseline is None
        and gate.evalset == arm.evalset.get("name")
        and gate.candidate == arm.name
        and only in (None, gate.name)
    ]
    if not gates:
        raise BaselineError(
            f"no gate compares candidate {arm.name!r} on eval set {str(arm.evalset.get('name'))!r} with a stored baseline",
            tip="promote GATE runs the gate's own candidate",
        )
    return gates


def _write(workspace: Workspace, gate: GateConfig, arm: Baseline, *, replayed: int, cost: float) -> Promoted:
    evalset = workspace.evalset(gate.evalset)
    arm = scored(arm, workspace.gate_scorers(gate), evalset)
    stale = [i for i, r in arm.results.items() if i not in evalset.by_id or evalset.by_id[i].digest != r.case_digest]
    if stale:
        raise BaselineError(
            f"{len(stale)} cases of the run are not in the eval set as it is now, for example {stale[0]}",
            tip="run the candidate on the present set: evalh promote --why TEXT",
        )
    missing = [case.id for case in evalset.living if case.id not in arm.results or not arm.complete_for([case.id])]
    if missing:
        raise BaselineError(
            f"the run is not whole: {len(missing)} of {len(evalset.living)} cases have no answer, for example {missing[0]}",
            where=gate.name,
            tip="run the candidate on the whole set: evalh promote --why TEXT",
        )
    before = _means(_old(workspace, gate))
    now = _means(arm)
    path = write_baseline(
        baseline_path(workspace, gate.name),
        replace(arm, answers=arm.answers and gate.store_answers),
        evalset.by_id,
        dict.fromkeys((*evalset.slices, *gate.slices)),
    )
    return Promoted(
        gate=gate.name,
        path=str(FOLDER / path.name),
        n=len(arm.results),
        means=tuple(
            (name, before.get(name), mean, unit_of(arm.signatures.get(name, ""))) for name, mean in now.items()
        ),
        run=arm.run,
        replayed=replayed,
        cost_usd=cost,
    )


def _old(workspace: Workspace, gate: GateConfig) -> Baseline | None:
    path: Path = baseline_path(workspace, gate.name)
    if not path.exists() and not path.with_name(path.name + ".gz").exists():
        return None
    try:
        return read_baseline(path)
    except BaselineError:
        return None  # a broken old baseline is being replaced: only its means are not shown


def _means(arm: Baseline | None) -> dict[str, float]:
    """Mean of each scorer over all trials that have a number."""
    if arm is None:
        return {}
    found: dict[str, list[float]] = {}
    for result in arm.results.values():
        for trial in result.epoch_trials():
            if isinstance(trial.output, Failure):
                continue
            for name, score in trial.scores.items():
                if isinstance(score, Score):
                    found.setdefault(name, []).append(score.value)
    return {name: sum(values) / len(values) for name, values in sorted(found.items())}
