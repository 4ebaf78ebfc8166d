"""What a project's store remembers: its runs, and how each gate went over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalharness.core.strictjson import loads
from evalharness.core.verdicts import GateVerdict, gate_from_json
from evalharness.project.workspace import Workspace
from evalharness.store.past import RunSummary

MOST_RUNS = 200
"""Runs that a list shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRun:
    """One run of a gate with its verdict."""

    run: RunSummary
    verdict: GateVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The runs of a store."""

    runs: Sequence[RunSummary]
    """The newest first, at most ``MOST_RUNS``."""
    gates: Mapping[str, Sequence[GateRun]]
    """Gate -> its judged runs among these, the oldest first."""


def history_of(workspace: Workspace) -> History:
    """Read the runs and the verdicts that were kept with them."""
    reader = workspace.reader()
    runs = reader.runs(limit=MOST_RUNS)
    gates: dict[str, list[GateRun]] = {}
    for run in reversed(runs):
        kept = reader.verdict_of(run.run_id) if run.gate and run.outcome else None
        if kept is not None:
            gates.setdefault(run.gate, []).append(GateRun(run=run, verdict=gate_from_json(loads(kept))))
    return History(runs=runs, gates=gates)
