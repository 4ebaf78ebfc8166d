"""The one JSON object of a command, as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from evalharness.core.errors import worst
from evalharness.core.results import CaseResult, Failure, score_result_to_json
from evalharness.core.verdicts import Comparison, Verdict
from evalharness.report.sinks import json_text

if TYPE_CHECKING:
    from evalharness.project.running import RunSummary
    from evalharness.project.showing import Shown


def of_verdict(verdict: Verdict, _comparisons: Sequence[Comparison]) -> str:
    """What ``gate --json`` prints."""
    return json_text(verdict.to_json()) + "\n"


def of_runs(summaries: Sequence[RunSummary]) -> str:
    """What ``run --json`` prints."""
    from evalharness.report.runs import runs_json

    return json_text(runs_json(summaries, worst(summary.outcome for summary in summaries))) + "\n"


def of_shown(shown: Shown) -> str:
    """A recorded run whole: header, verdict, and every case with its answers and scores."""
    run = shown.run
    return (
        json_text(
            {
                "schema": "evalh.run/1",
                "header": run.header.to_json(),
                "complete": run.complete,
                "stopped": run.stopped,
                "verdict": shown.verdict,
                "cases": [case_json(result) for result in run.results.values()],
            }
        )
        + "\n"
    )


def case_json(result: CaseResult) -> dict[str, Any]:
    """One case with its answers and scores as plain JSON."""
    return {
        "id": result.case_id,
        "digest": result.case_digest,
        "trials": [
            {
                "epoch": trial.epoch,
                "attempt": trial.attempt,
                "output": None if isinstance(trial.output, Failure) else trial.output.to_json(),
                "failure": trial.output.to_json() if isinstance(trial.output, Failure) else None,
                "scores": {name: score_result_to_json(score) for name, score in trial.scores.items()},
                "key": trial.key,
                "replayed": trial.replayed,
            }
            for trial in result.trials
        ],
    }
