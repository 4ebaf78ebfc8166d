"""Earlier runs as a pilot: which two arms in the store tell how much this gate's candidates differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evalharness.config.model import GateConfig
from evalharness.core.cases import EvalSet
from evalharness.core.errors import BaselineError
from evalharness.core.protocols import ScorerFacts
from evalharness.core.results import Run
from evalharness.project.arms import arm_of_run, scored
from evalharness.project.workspace import Workspace
from evalharness.store.past import RunSummary
from evalharness.verdict.baseline import Baseline

LOOKED_THROUGH = 60
"""Newest runs that are looked through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierPair:
    """Two arms that were answered before, both with today's scores."""

    before: Baseline
    after: Baseline


def earlier_pair(
    workspace: Workspace,
    gate: GateConfig,
    evalset: EvalSet,
    scorers: Mapping[str, ScorerFacts],
    stored: Baseline | None,
) -> EarlierPair | None:
    """The newest run of a gate (else of its candidate) beside its baseline.

    Args:
        workspace: The opened project.
        gate: The gate.
        evalset: Its eval set, as it is now.
        scorers: Its built scorers.
        stored: The stored baseline, where the gate has one.

    Returns:
        None when the store has no such two arms that differ.
    """
    before = stored or _newest_of(workspace, gate.baseline, evalset)
    if before is None:
        return None
    for own in (True, False):
        for summary in _summaries(workspace, evalset):
            if (summary.purpose == "gate" and summary.gate == gate.name) != own:
                continue
            if not own and summary.candidate != gate.candidate:
                continue
            after = arm_of_run(workspace.reader().load_run(summary.run_id))
            if after.digest == before.digest:
                continue
            try:
                return EarlierPair(before=scored(before, scorers, evalset), after=scored(after, scorers, evalset))
            except BaselineError:
                continue  # scored otherwise than today, and not to be scored anew without calls
    return None


def twin_runs(workspace: Workspace, candidate: str, evalset: EvalSet) -> tuple[Run, Run] | None:
    """Two whole runs of one and the same candidate whose answers were asked for independently, older first.

    Args:
        workspace: The opened project.
        candidate: The candidate's name.
        evalset: The eval set, as it is now.
    """
    seen: list[Run] = []
    for summary in _summaries(workspace, evalset):
        if summary.candidate != candidate or not summary.complete:
            continue
        run = workspace.reader().load_run(summary.run_id)
        for newer in seen:
            if _twins(run, newer):
                return run, newer
        seen.append(run)
    return None


def _twins(one: Run, other: Run) -> bool:
    a, b = one.header, other.header
    same = a.candidate["digest"] == b.candidate["digest"] and a.epochs == b.epochs and a.case_digests == b.case_digests
    return same and not _keys(one) & _keys(other) and "" not in _keys(one)


def _keys(run: Run) -> set[str]:
    return {trial.key for result in run.results.values() for trial in result.trials}


def newest_run(workspace: Workspace, candidate: str, evalset: EvalSet) -> Run | None:
    """The newest run of a candidate on an eval set, whatever came of it."""
    found = next((one for one in _summaries(workspace, evalset) if one.candidate == candidate), None)
    return None if found is None else workspace.reader().load_run(found.run_id)


def _newest_of(workspace: Workspace, baseline: str | None, evalset: EvalSet) -> Baseline | None:
    """The newest whole run of the candidate (or answers file) that a gate names as its baseline."""
    if baseline is None:
        return None
    file = (workspace.root / baseline).stem if baseline not in workspace.config.candidates else baseline
    for summary in _summaries(workspace, evalset):
        if summary.candidate == file and summary.complete:
            return arm_of_run(workspace.reader().load_run(summary.run_id))
    return None


def _summaries(workspace: Workspace, evalset: EvalSet) -> Iterator[RunSummary]:
    if workspace.use_store:
        yield from (
            one
            for one in workspace.reader().runs(limit=LOOKED_THROUGH)
            if one.evalset == evalset.name and one.cases and one.finished
        )
