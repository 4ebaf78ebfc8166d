"""What ``run``, ``promote`` and ``plan`` print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evalharness.core.errors import EXIT_CODES
from evalharness.core.verdicts import SCHEMA
from evalharness.project.promoting import Promoted
from evalharness.project.running import RunSummary, ScorerSummary
from evalharness.report.sinks import visible
from evalharness.report.terminal import Screen
from evalharness.report.view import points


def runs_text(summaries: Sequence[RunSummary], screen: Screen) -> str:
    """One block per candidate: cases, calls, and a line per scorer."""
    return "\n\n".join(_run_text(summary, screen) for summary in summaries)


def _run_text(summary: RunSummary, screen: Screen) -> str:
    run, calls = summary.run, summary.run.calls
    failures = run.failures()
    head = f"{visible(summary.evalset.name)}  {visible(run.header.candidate['name'])}  run {run.header.run_id[:6]}"
    answered = len(run.results) - len({case_id for case_id, _ in failures})
    facts = f"{answered} of {summary.selected} cases answered, {calls.made} calls, {calls.replayed} replayed"
    lines = [head, f"{facts}, ${calls.cost_usd:.2f}"]
    if run.stopped:
        lines.append(f"stopped: {run.stopped}")
    lines.extend(f"note: {note}" for note in run.notes)
    lines.append("")
    lines.append(f"    {'scorer':<24}{'mean':>10}{'n':>8}")
    lines.extend(_scorer_line(scorer) for scorer in summary.scorers)
    if summary.not_applicable:
        lines.append(f"    not applicable: {', '.join(visible(name) for name in summary.not_applicable)}")
    for case_id, failure in failures[:5]:
        lines.append(f"  {case_id}: {visible(failure.message, limit=max(20, screen.width - len(case_id) - 4))}")
    if len(failures) > 5:
        lines.append(f"  and {len(failures) - 5} more without an answer")
    if summary.selected < len(summary.evalset):
        lines.append(f"  {summary.selected} of {len(summary.evalset)} cases selected: scores, but no verdict")
    return "\n".join(lines)


def _scorer_line(scorer: ScorerSummary) -> str:
    absent = [f"{scorer.unscored} unscored"] if scorer.unscored else []
    absent += [f"{scorer.failed} failed"] if scorer.failed else []
    tail = f"  ({', '.join(absent)})" if absent else ""
    return f"    {visible(scorer.scorer):<24}{points(scorer.mean, scorer.unit):>10}{scorer.n:>8}{tail}"


def runs_json(summaries: Sequence[RunSummary], outcome: str) -> dict[str, Any]:
    """The object that ``run --json`` prints: the verdict's shape without gates, and the runs."""
    return {
        "schema": SCHEMA,
        "outcome": outcome,
        "exit_code": EXIT_CODES[outcome],
        "warnings": [],
        "gates": [],
        "runs": [_run_json(summary) for summary in summaries],
    }


def _run_json(summary: RunSummary) -> dict[str, Any]:
    run, evalset = summary.run, summary.evalset
    calls = run.calls
    return {
        "run": run.header.run_id,
        "candidate": {"name": run.header.candidate["name"], "digest": run.header.candidate["digest"]},
        "evalset": {"name": evalset.name, "version": evalset.version, "digest": evalset.digest},
        "cases": len(evalset),
        "selected": summary.selected,
        "answered": len(run.results) - len({case_id for case_id, _ in run.failures()}),
        "complete": run.complete,
        "stopped": run.stopped,
        "calls": {
            "planned": calls.planned,
            "made": calls.made,
            "replayed": calls.replayed,
            "cost_usd": calls.cost_usd,
        },
        "scorers": [
            {
                "scorer": s.scorer,
                "n": s.n,
                "mean": s.mean,
                "unscored": s.unscored,
                "failed": s.failed,
                "signature": s.signature,
            }
            for s in summary.scorers
        ],
        "not_applicable": list(summary.not_applicable),
    }


def _mean(value: float, unit: str) -> str:
    return f"{value:.3f}" if unit == "points" else points(value, unit)


def promoted_text(promoted: Sequence[Promoted]) -> str:
    """One line per baseline: file, cases, what moved, what to do."""
    lines = []
    for one in promoted:
        moved = ", ".join(
            f"{visible(name)} {_mean(now, unit)}"
            if before is None
            else f"{visible(name)} {_mean(before, unit)} -> {_mean(now, unit)}"
            for name, before, now, unit in one.means
        )
        replayed = f", {one.replayed} answers replayed" if one.replayed else ""
        cost = f", ${one.cost_usd:.2f}" if one.cost_usd else ""
        lines.append(f"{one.path}: {one.n} cases, {moved} (run {one.run[:6]}{replayed}{cost}); commit this file")
    return "\n".join(lines)
