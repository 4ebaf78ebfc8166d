"""Where a run was weak: what ``evalh evalset grow`` proposes cases from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from evalharness.core.results import CaseResult, Failure, Score
from evalharness.project.showing import Shown


def weak_cases(shown: Shown) -> Iterator[tuple[str, str]]:
    """(case id, why) of every case of a run that failed an assertion, or scored unlike the baseline.

    Args:
        shown: A run, with the baseline that pairs with it. Cases that changed since the run are left out.
    """
    for case_id, result in shown.run.results.items():
        if case_id not in shown.cases:
            continue
        before = shown.baseline.get(case_id)
        paired = before is not None and before.case_digest == result.case_digest
        worse = _values(before) if before is not None and paired else {}
        reasons = list(_reasons(result, worse))
        if reasons:
            yield case_id, "; ".join(dict.fromkeys(reasons))


def _reasons(result: CaseResult, before: Mapping[str, float]) -> Iterator[str]:
    for trial in result.epoch_trials():
        if isinstance(trial.output, Failure):
            continue  # the infrastructure lost it: that says nothing about the case
        for name, score in trial.scores.items():
            if isinstance(score, Score) and score.passed is False:
                yield f"{name} failed"
    now = _values(result)
    for name, value in before.items():
        if name in now and now[name] != value:
            yield f"{name} went from {value:g} to {now[name]:g}"


def _values(result: CaseResult) -> dict[str, float]:
    """Scorer -> mean value over the epochs that have one."""
    values: dict[str, list[float]] = {}
    for trial in result.epoch_trials():
        for name, score in trial.scores.items():
            if isinstance(score, Score):
                values.setdefault(name, []).append(score.value)
    return {name: sum(found) / len(found) for name, found in values.items()}
