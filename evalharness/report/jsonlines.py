"""Cases as JSON Lines: both sides of a verdict, a whole run in the baseline form, answers in the recorded form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalharness.core.errors import UsageError
from evalharness.core.results import CaseResult, Failure
from evalharness.core.specs import canonical_json
from evalharness.core.verdicts import Comparison, Verdict
from evalharness.report.changes import case_changes
from evalharness.report.jsonout import case_json
from evalharness.report.pull_request import proposed
from evalharness.report.sinks import inert_json

if TYPE_CHECKING:
    from evalharness.project.running import RunSummary
    from evalharness.project.showing import Shown


def of_verdict(verdict: Verdict, comparisons: Sequence[Comparison]) -> str:
    """A line per gate and case: what changed under which scorer, and both sides with their answers.

    What a pull request changes about its own judging stands in a line before them.
    """
    changes = proposed(verdict)
    first = _line({"pull_request": list(changes)}) if changes else ""
    return first + "".join(_line(line) for comparison in comparisons for line in _case_lines(comparison))


def of_runs(summaries: Sequence[RunSummary]) -> str:
    """A run that ``compare``, ``--answers`` and ``recorded`` take again.

    A whole run is written in the baseline form, with the digest that ``promote FILE`` checks; what is missing an
    answer or a score must not become a baseline, so it is written as bare answers.

    Raises:
        UsageError: If there are several candidates.
    """
    if len(summaries) != 1:
        raise UsageError(
            f"a .jsonl file holds the run of one candidate, these are {len(summaries)}",
            where="-o",
            tip="run one candidate at a time",
        )
    summary = summaries[0]
    if summary.outcome != "pass":
        return answers(summary.run.results)
    from evalharness.project.arms import arm_of_run
    from evalharness.verdict.baseline import baseline_text

    return baseline_text(arm_of_run(summary.run), summary.evalset.by_id, summary.evalset.slices)


def of_shown(shown: Shown) -> str:
    """The answers of a recorded run. Never in the baseline form: a gate's run must not be promoted."""
    return answers(shown.run.results)


def answers(results: Mapping[str, CaseResult]) -> str:
    """Answers in the recorded form: ``{"id", "output", ...}`` a line."""
    lines = []
    for result in results.values():
        for trial in result.trials:
            place: dict[str, Any] = {"id": trial.case_id}
            if trial.epoch or trial.attempt:
                place.update(epoch=trial.epoch, attempt=trial.attempt)
            if isinstance(trial.output, Failure):
                lines.append(_line({**place, "error": trial.output.message}))
                continue
            stored = trial.output.to_json()
            lines.append(_line({**place, "output": stored.pop("text", ""), **stored}))
    return "".join(lines)


def _case_lines(comparison: Comparison) -> list[dict[str, Any]]:
    changed: dict[str, dict[str, str]] = {}
    for change in case_changes(comparison):
        changed.setdefault(change.id, {})[change.scorer] = change.outcome
    return [
        {
            "gate": comparison.gate.gate,
            "id": case_id,
            "changes": outcomes,
            "baseline": _side(comparison.baseline.get(case_id)),
            "candidate": _side(comparison.candidate.get(case_id)),
        }
        for case_id, outcomes in changed.items()
    ]


def _side(result: CaseResult | None) -> list[dict[str, Any]] | None:
    trials: list[dict[str, Any]] | None = None if result is None else case_json(result)["trials"]
    return trials


def _line(value: Mapping[str, Any]) -> str:
    return inert_json(canonical_json(value)) + "\n"
