"""The two sides of a comparison: stored baselines, recordings, other candidates and finished runs, all alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from evalharness.config.model import Config, GateConfig
from evalharness.core.cases import Case, EvalSet
from evalharness.core.errors import BaselineError, ConfigError, NotRecorded
from evalharness.core.protocols import Candidate, Recording, ScorerFacts
from evalharness.core.results import CaseResult, Failure, Output, Run
from evalharness.project.execution import Task, execute
from evalharness.project.gitfacts import file_at
from evalharness.project.workspace import Workspace
from evalharness.runner.scoring import Scoring
from evalharness.verdict.baseline import Baseline, read_baseline

FOLDER = Path("reports/baselines")
"""Where stored baselines lie, relative to the project."""


def baseline_path(workspace: Workspace, gate: str) -> Path:
    """``reports/baselines/GATE.jsonl`` of a project."""
    return workspace.root / FOLDER / f"{gate}.jsonl"


def stored_baseline(workspace: Workspace, gate: str, ref: str | None = None) -> Baseline:
    """The promoted baseline of a gate, from the working tree or from a git ref.

    Raises:
        BaselineError: If it is missing, damaged, or the ref cannot be read.
    """
    path = baseline_path(workspace, gate)
    shown = str(FOLDER / path.name)
    if ref is None:
        return read_baseline(path, shown=shown)
    return read_baseline(path, shown=f"{shown} at {ref}", data=file_at(workspace.root, ref, path))


def pinned_baseline(
    workspace: Workspace, gate: GateConfig, evalset: EvalSet, scorers: Mapping[str, ScorerFacts]
) -> Baseline | None:
    """The second, pinned baseline of a gate, scored like the first; None where the gate has none. In CI: the base ref's.

    Raises:
        BaselineError: If it is missing, damaged, made on another eval set, or cannot be scored anew.
    """
    if gate.pinned is None:
        return None
    path = workspace.config.resolve(gate.pinned, where=gate.where)
    ref = workspace.base_ref
    shown = f"{gate.pinned} at {ref}" if ref else gate.pinned
    arm = read_baseline(path, shown=shown, data=file_at(workspace.root, ref, path) if ref else None)
    check_same_set(arm, evalset)
    return scored(arm, scorers, evalset)


def arm_of_run(run: Run, scorers: Mapping[str, ScorerFacts] | None = None) -> Baseline:
    """A finished run as one side of a comparison.

    Args:
        run: The run.
        scorers: The built scorers, when it ran just now; else the header's signatures are used.
    """
    header = run.header
    facts = header.candidate
    return Baseline(
        name=facts["name"],
        digest=facts["digest"],
        kind=facts["kind"],
        params=facts["params"],
        run=header.run_id,
        evalset=header.evalset,
        signatures=header.scorers if scorers is None else {s.name: s.signature for s in scorers.values()},
        results=run.results,
        epochs=header.epochs,
        seed=header.seed,
        created=header.created,
        commit=header.commit,
        gate=header.gate,
        versions=header.versions,
    )


def run_whole(
    workspace: Workspace,
    candidate: Candidate | Recording,
    evalset: EvalSet,
    scorers: Mapping[str, ScorerFacts],
    *,
    epochs: int = 1,
    purpose: str = "run",
) -> Baseline:
    """Run a candidate on the whole eval set and take it as one side.

    A recording's place in the order seed is its content, not a run id: the same file gives the same order.

    Raises:
        NotRecorded: If calls are switched off and none of its answers was ever recorded.
    """
    task = Task(
        purpose=purpose,
        candidate=candidate,
        evalset=evalset,
        cases=evalset.living,
        scorers=tuple(scorers.values()),
        epochs=epochs,
    )
    arm = arm_of_run(execute(workspace, task), scorers)
    if not isinstance(candidate, Recording):
        _check_any_recorded(arm)
    return replace(arm, run=candidate.digest)


def _check_any_recorded(arm: Baseline) -> None:
    """Say what is missing, rather than that nothing can be compared.

    Raises:
        NotRecorded: If nothing was ever asked, and nothing may be.
    """
    outputs = [trial.output for result in arm.results.values() for trial in result.trials]
    if outputs and all(isinstance(output, Failure) and output.kind == "not_recorded" for output in outputs):
        raise NotRecorded(f"no answer of the baseline {arm.name!r} was ever recorded", tip="run it without --offline")


def gate_baseline(
    workspace: Workspace, gate: GateConfig, evalset: EvalSet, scorers: Mapping[str, ScorerFacts]
) -> Baseline:
    """The baseline that a gate's config names: the stored one, another candidate, or an answers file.

    Raises:
        BaselineError: If the stored one is missing or cannot be compared.
        ConfigError: If ``baseline`` is neither a candidate nor a file.
    """
    if gate.baseline is None:
        arm = stored_baseline(workspace, gate.name, workspace.base_ref or None)
        check_same_set(arm, evalset)
        return arm
    trusted = workspace.trusted
    if trusted is not None and trusted.config is not None:
        candidate = _at_base(workspace, trusted.config, trusted.files, gate)
    elif gate.baseline in workspace.config.candidates:
        candidate = workspace.candidate(gate.baseline, gate.evalset)
    else:
        candidate = _answers_file(workspace, workspace.config, gate)
    return run_whole(workspace, candidate, evalset, scorers, epochs=gate.epochs)


def _answers_file(workspace: Workspace, config: Config, gate: GateConfig) -> Recording:
    assert gate.baseline is not None
    path = config.resolve(gate.baseline, where=gate.where)
    if not path.is_file():
        raise ConfigError(
            f"baseline {gate.baseline!r} is neither a candidate nor a file",
            where=gate.where,
            tip=f"candidates: {', '.join(config.candidates)}",
        )
    return workspace.recording(path, path.stem)


def _at_base(workspace: Workspace, config: Config, files: Path, gate: GateConfig) -> Candidate | Recording:
    """The baseline's side as the base ref has it: a pull request that may write the bar it is held to has no bar."""
    assert gate.baseline is not None
    there = replace(config, root=files)
    spec = config.candidates.get(gate.baseline)
    if spec is None:
        return _answers_file(workspace, there, gate)
    data_only = spec.use in ("model", "recorded")  # code and services have no past to be read
    return workspace.built(spec, gate.evalset, config=there if data_only else config)


def check_same_set(arm: Baseline, evalset: EvalSet) -> None:
    """Refuse a baseline that was made on another eval set.

    Raises:
        BaselineError: If the names differ.
    """
    name = arm.evalset.get("name")
    if name != evalset.name:
        raise BaselineError(
            f"the baseline was made on eval set {str(name)!r}, this gate uses {evalset.name!r}",
            where=arm.path,
            tip="promote the old candidate on this eval set: evalh promote --why TEXT",
        )


def scored(arm: Baseline, scorers: Mapping[str, ScorerFacts], evalset: EvalSet) -> Baseline:
    """An arm with a score of every wanted scorer, computed on its stored answers where it has none of that signature.

    A new or changed scorer does not void a baseline as long as the answers are there and scoring needs no endpoint.

    Args:
        arm: One side.
        scorers: The wanted scorers by name.
        evalset: For the cases.

    Raises:
        BaselineError: If a score cannot be recomputed: the answers were not kept, or it needs calls (a judge).
    """
    stale = {name: scorer for name, scorer in scorers.items() if arm.signatures.get(name) != scorer.signature}
    if not stale:
        return arm
    for name, scorer in stale.items():
        _check_recomputable(arm, name, scorer)
    scoring = Scoring(tuple(stale.values()))
    results = {case_id: _rescored(result, evalset, scoring, tuple(stale)) for case_id, result in arm.results.items()}
    results |= _group_scores(results, evalset, scoring)
    signatures = {**arm.signatures, **{name: scorer.signature for name, scorer in stale.items()}}
    return replace(arm, results=results, signatures=signatures)


def _check_recomputable(arm: Baseline, name: str, scorer: ScorerFacts) -> None:
    before = arm.signatures.get(name)
    seen = f"its signature was {before!r} and is {scorer.signature!r}" if before else "the baseline does not have it"
    tip = "promote again with the code you trust: evalh promote --why TEXT"
    if not arm.answers:
        raise BaselineError(
            f"scorer {name!r} cannot be compared: {seen}, and the baseline keeps no answers to score anew",
            where=arm.path,
            tip=tip,
            code="signature",
        )
    if scorer.costly:
        raise BaselineError(
            f"scorer {name!r} cannot be compared: {seen}, and scoring it anew would call an endpoint",
            where=arm.path,
            tip=tip,
            code="signature",
        )


def _rescored(result: CaseResult, evalset: EvalSet, scoring: Scoring, names: Sequence[str]) -> CaseResult:
    case = evalset.by_id.get(result.case_id)
    if case is None or case.digest != result.case_digest:
        return result  # not paired, so never looked at
    trials = []
    for trial in result.trials:
        new = scoring.recorded(trial.output, case, repeat=trial.epoch) or {}
        kept = {name: score for name, score in trial.scores.items() if name not in names}
        trials.append(replace(trial, scores={**kept, **new}))
    return replace(result, trials=tuple(scoring.over_epochs(trials, case)))


def _group_scores(results: Mapping[str, CaseResult], evalset: EvalSet, scoring: Scoring) -> dict[str, CaseResult]:
    """The members of each behaviour group that is still the same, with the scores of their group."""
    groups: dict[str, list[Case]] = {}
    for case in evalset.living if scoring.groups else ():
        stored = results.get(case.id)
        if case.group is not None and stored is not None and stored.case_digest == case.digest:
            groups.setdefault(case.group, []).append(case)
    return {
        result.case_id: result
        for members in groups.values()
        for result in scoring.over_group([results[case.id] for case in members], members)
    }


def answers_by_key(arm: Baseline) -> dict[str, Output]:
    """The arm's answers under their content keys, for replaying unchanged requests."""
    return (
        {
            trial.key: trial.output
            for result in arm.results.values()
            for trial in result.trials
            if trial.key and not isinstance(trial.output, Failure)
        }
        if arm.answers
        else {}
    )
