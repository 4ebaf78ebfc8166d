"""Cases as CSV: one row per case and scorer, for spreadsheets and notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from evalharness.core.results import Run
from evalharness.core.verdicts import Comparison, Verdict
from evalharness.report.changes import as_comparison, case_changes, mean_of, why
from evalharness.report.pull_request import proposed
from evalharness.report.sinks import csv_line

if TYPE_CHECKING:
    from evalharness.project.running import RunSummary
    from evalharness.project.showing import Shown

COLUMNS: Final = ("gate", "id", "scorer", "baseline", "candidate", "difference", "outcome", "reason")
RUN_COLUMNS: Final = ("run", "name", "id", "scorer", "value", "reason")


def of_verdict(verdict: Verdict, comparisons: Sequence[Comparison]) -> str:
    """Both sides of every case; ``difference`` is signed so that + is better.

    What a pull request changes about its own judging stands in rows of its own, before the cases.
    """
    lines = [csv_line(COLUMNS)]
    lines += [csv_line(("", "", "", None, None, None, "pull request", said)) for said in proposed(verdict)]
    for comparison in comparisons:
        lines.extend(
            csv_line((comparison.gate.gate, c.id, c.scorer, c.before, c.after, c.difference, c.outcome, c.reason))
            for c in case_changes(comparison)
        )
    return "".join(lines)


def of_runs(summaries: Sequence[RunSummary]) -> str:
    """The scores of runs."""
    return csv_line(RUN_COLUMNS) + "".join(_run_rows(summary.run) for summary in summaries)


def of_shown(shown: Shown) -> str:
    """A recorded run: with both sides when it has a verdict."""
    comparison = as_comparison(shown)
    if comparison is not None:
        return of_verdict(Verdict(outcome=comparison.gate.outcome, exit_code=0), [comparison])
    return csv_line(RUN_COLUMNS) + _run_rows(shown.run)


def _run_rows(run: Run) -> str:
    name = str(run.header.candidate.get("name", ""))
    return "".join(
        csv_line((run.header.run_id, name, case_id, scorer, mean_of(result, scorer), why(result, scorer)))
        for case_id, result in run.results.items()
        for scorer in run.header.scorers
    )
