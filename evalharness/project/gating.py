"""``evalh gate``: one gate from its config to its verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from evalharness.config.model import GateConfig
from evalharness.core.cases import EvalSet
from evalharness.core.errors import EXIT_CODES, DiskFailed, Incomplete, Refused, UsageError, worst
from evalharness.core.protocols import Candidate, Recording, ScorerFacts
from evalharness.core.verdicts import Comparison, GateVerdict, Verdict
from evalharness.project.arms import gate_baseline, pinned_baseline, scored, stored_baseline
from evalharness.project.baseref import advisory, enter_base, removed_gate
from evalharness.project.execution import Stopwatch
from evalharness.project.judging import judge_candidate
from evalharness.project.untrusted import trust_notes
from evalharness.project.workspace import Workspace
from evalharness.verdict.baseline import Baseline


def gate_all(
    workspace: Workspace, names: Sequence[str], *, baseline: str | None = None, rerun_baseline: bool = False
) -> tuple[Verdict, list[Comparison]]:
    """Run gates and put their verdicts together.

    Args:
        workspace: The opened project.
        names: Gates by name; all gates of the config when empty.
        baseline: A RUN word that replaces the configured baseline.
        rerun_baseline: Answer the baseline's side anew too, beside the candidate's.

    Returns:
        The verdict of the command, and each gate with its cases.

    Raises:
        UsageError: If the config has no gate, or ``baseline`` and ``rerun_baseline`` are both given.
        EvalhError: What ends the whole command (store, interrupted).
    """
    trusted = enter_base(workspace)
    changed = (*trust_notes(workspace), *(trusted.warnings if trusted is not None else ()))
    missing = [removed_gate(name, trusted.ref) for name in trusted.removed] if trusted is not None else []
    gates = [workspace.gate(name) for name in names] or list(workspace.config.gates.values())
    missing = [gate for gate in missing if not names or gate.gate in names]
    if not gates and not missing:
        raise UsageError(
            "the config has no gate", where=workspace.config.path, tip="evalh init writes one to start from"
        )
    if rerun_baseline and baseline is not None:
        raise UsageError(
            "--rerun-baseline answers the gate's own baseline anew, --baseline names another", tip="give one"
        )
    judged = [Comparison(gate=gate) for gate in missing]
    for gate in gates:
        new = trusted is not None and trusted.is_new(gate)
        judged.append(
            Comparison(gate=advisory(gate)) if new else _guarded(workspace, gate, baseline, rerun=rerun_baseline)
        )
    verdict = together([comparison.gate for comparison in judged])
    return replace(verdict, warnings=(*changed, *verdict.warnings)), judged


def together(gates: Sequence[GateVerdict]) -> Verdict:
    """One verdict over gates: the first that occurs of regression, refused, incomplete, inconclusive, pass."""
    outcome = worst(gate.outcome for gate in gates)
    exit_word = worst(gate.exit_outcome or gate.outcome for gate in gates)
    warnings = tuple(dict.fromkeys(warned for gate in gates for warned in gate.warnings))
    error = next((gate.error for gate in gates if gate.error is not None and gate.outcome == outcome), None)
    return Verdict(
        outcome=outcome,  # type: ignore[arg-type]
        exit_code=EXIT_CODES[exit_word],
        gates=tuple(gates),
        warnings=warnings,
        error=error,
    )


def judge_with(
    workspace: Workspace, gate: GateConfig, candidate: str | Callable[..., Any]
) -> tuple[Verdict, list[Comparison]]:
    """A gate that is no part of the config, over a named candidate or a function.

    Args:
        workspace: The opened project.
        gate: The rule; its ``baseline`` is a candidate's name, an answers file, or None for the stored one.
        candidate: A candidate's name, or a function ``case -> str | Output`` (sync or async).

    Returns:
        The verdict, and the gate with its cases.
    """
    built = None
    if not isinstance(candidate, str):
        from evalharness.candidates.registry import function_candidate

        built = function_candidate(candidate, name=gate.candidate)
    judged = _guarded(workspace, gate, None, built)
    return together([judged.gate]), [judged]


def _guarded(
    workspace: Workspace,
    gate: GateConfig,
    baseline: str | None,
    candidate: Candidate | None = None,
    *,
    rerun: bool = False,
) -> Comparison:
    """A gate's verdict; a refusal or a lack of keys and money is that gate's outcome, not the end of the others.

    A disk that fails ends them all: nothing more can be saved.
    """
    try:
        return run_gate(workspace, gate, baseline=baseline, candidate=candidate, rerun=rerun)
    except DiskFailed:
        raise
    except (Refused, Incomplete) as error:
        softened = isinstance(error, Incomplete) and gate.incomplete == "pass"
        refused = GateVerdict(
            gate=gate.name,
            outcome="incomplete" if isinstance(error, Incomplete) else "refused",
            exit_outcome="pass" if softened else None,
            reason=error.message,
            error=error.to_json(),
        )
        return Comparison(gate=refused)


def run_gate(
    workspace: Workspace,
    gate: GateConfig,
    *,
    baseline: str | None = None,
    candidate: Candidate | Recording | None = None,
    rerun: bool = False,
) -> Comparison:
    """Compare a gate's candidate with its baseline.

    Args:
        workspace: The opened project.
        gate: The gate.
        baseline: A RUN word that replaces the configured baseline.
        candidate: A built candidate that replaces the one the gate names.
        rerun: Answer both sides anew; then neither of the two is replaced.

    Raises:
        Refused: If something is wrong or not comparable.
        Incomplete: If it cannot be answered (no key, no money).
    """
    watch = Stopwatch()
    if workspace.options.epochs is not None:
        gate = replace(gate, epochs=workspace.options.epochs)
    evalset = workspace.evalset(gate.evalset)
    scorers = workspace.gate_scorers(gate)
    candidate = candidate or workspace.candidate(gate.candidate, gate.evalset)
    if rerun:
        from evalharness.project.rerunning import rerun_gate

        judged = rerun_gate(workspace, gate, evalset, scorers)
        return with_facts(judged, evalset, candidate.name, candidate.digest, seconds=watch.seconds)
    arm = scored(_baseline(workspace, gate, evalset, scorers, baseline), scorers, evalset)
    pinned = pinned_baseline(workspace, gate, evalset, scorers)
    judged = judge_candidate(workspace, gate, evalset, scorers, candidate, arm, pinned=pinned)
    return with_facts(judged, evalset, candidate.name, candidate.digest, seconds=watch.seconds)


def with_facts(
    comparison: Comparison,
    evalset: EvalSet,
    name: str,
    digest: str,
    *,
    seconds: float,
    notes: tuple[str, ...] = (),
) -> Comparison:
    """Write into a comparison what was compared: eval set, candidate, wall time, notes that come first."""
    gate = replace(
        comparison.gate,
        evalset={"name": evalset.name, "version": evalset.version, "digest": evalset.digest},
        candidate={"name": name, "digest": digest},
        seconds=seconds,
        notes=(*notes, *comparison.gate.notes),
    )
    return replace(comparison, gate=gate)


def _baseline(
    workspace: Workspace,
    gate: GateConfig,
    evalset: EvalSet,
    scorers: Mapping[str, ScorerFacts],
    word: str | None,
) -> Baseline:
    if word is None:
        try:
            return gate_baseline(workspace, gate, evalset, scorers)
        except Refused as error:
            if error.code == "baseline_missing" and _needs_no_baseline(gate):
                return Baseline(name="none", digest="", run="", evalset={"name": evalset.name})
            raise
    if word == "baseline":
        return stored_baseline(workspace, gate.name, workspace.base_ref or None)
    from evalharness.project.words import arm_of_word

    return arm_of_word(workspace, word, evalset=evalset, scorers=scorers, gate=gate.name)


def _needs_no_baseline(gate: GateConfig) -> bool:
    return all(limit.every == "absolute" or limit.role == "report" for limit in gate.limits)
