"""Cases as lines: CSV rows, answers in the recorded form, a whole run in the baseline form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalharness.core.results import CaseResult, Failure, Run, Score, ScoreResult, score_result_to_json
from evalharness.core.specs import canonical_json
from evalharness.core.verdicts import Comparison
from evalharness.report.sinks import csv_line

if TYPE_CHECKING:
    from evalharness.project.running import RunSummary
    from evalharness.project.showing import Shown

_COLUMNS = ("gate", "id", "scorer", "baseline", "candidate", "difference", "passed", "reason")


def comparisons_csv(comparisons: Sequence[Comparison]) -> str:
    """One row per gate, case and scorer (first epoch), both arms side by side."""
    lines = [csv_line(_COLUMNS)]
    for comparison in comparisons:
        for case_id in comparison.cases:
            after = _scores(comparison.candidate.get(case_id))
            before = _scores(comparison.baseline.get(case_id))
            lines.extend(
                _row(comparison.gate.gate, case_id, name, before.get(name), after.get(name)) for name in after or before
            )
    return "".join(lines)


def runs_csv(runs: Sequence[Run]) -> str:
    """One row per candidate, case and scorer (first epoch)."""
    lines = [csv_line(_COLUMNS)]
    for run in runs:
        for case_id, result in run.results.items():
            name_of = str(run.header.candidate.get("name", ""))
            lines.extend(
                _row(run.header.gate or name_of, case_id, name, None, score) for name, score in _scores(result).items()
            )
    return "".join(lines)


def _scores(result: CaseResult | None) -> Mapping[str, ScoreResult]:
    return result.trials[0].scores if result is not None and result.trials else {}


def _row(gate: str, case_id: str, name: str, before: ScoreResult | None, after: ScoreResult | None) -> str:
    old = before.value if isinstance(before, Score) else None
    new = after.value if isinstance(after, Score) else None
    difference = new - old if old is not None and new is not None else None
    passed = "" if not isinstance(after, Score) or after.passed is None else str(after.passed).lower()
    reason = after.reason if isinstance(after, Score) else "" if after is None else _why(after)
    return csv_line((gate, case_id, name, old, new, difference, passed, reason))


def _why(result: ScoreResult) -> str:
    return result.message if isinstance(result, Failure) else str(getattr(result, "reason", ""))


def answers_jsonl(results: Mapping[str, CaseResult]) -> str:
    """Answers in the recorded form: what ``recorded = FILE``, ``--answers`` and ``compare`` read."""
    lines = []
    for result in results.values():
        for trial in result.trials:
            place: dict[str, Any] = {"id": trial.case_id}
            if trial.epoch or trial.attempt:
                place.update(epoch=trial.epoch, attempt=trial.attempt)
            if isinstance(trial.output, Failure):
                lines.append(canonical_json({**place, "error": trial.output.message}))
                continue
            stored = trial.output.to_json()
            lines.append(canonical_json({**place, "output": stored.pop("text", ""), **stored}))
    return "".join(line + "\n" for line in lines)


def run_jsonl(summary: RunSummary) -> str:
    """A whole run in the baseline form, with the digest that ``promote FILE`` checks."""
    from evalharness.project.arms import arm_of_run
    from evalharness.verdict.baseline import baseline_text

    evalset = summary.evalset
    return baseline_text(arm_of_run(summary.run), evalset.by_id, evalset.slices)


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


def shown_comparison(shown: Shown) -> Comparison | None:
    """A recorded gate run as a comparison again, for the page; None for runs without a verdict."""
    if shown.verdict is None:
        return None
    from evalharness.core.verdicts import gate_from_json

    return Comparison(
        gate=gate_from_json(shown.verdict),
        cases=shown.cases,
        baseline=shown.baseline,
        candidate=shown.run.results,
    )
