"""What happened to a case under a scorer, in words and signed so that + is better."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalharness.core.results import CaseResult, Failure, Output, Score, Trial, Unscored
from evalharness.core.verdicts import Comparison, GateVerdict, HardVerdict, ScorerVerdict, WorstCase
from evalharness.report.changes import CaseChange, case_changes, mean_of, why

UNSCORED = Unscored(reason="no target")
BROKEN = Failure(stage="scorer", kind="raised", message="KeyError")
LOST = Failure(stage="candidate", kind="timeout", message="no answer")


def result(*values: object, digest: str = "d") -> CaseResult:
    trials = []
    for epoch, value in enumerate(values):
        output = value if value is LOST else Output(text="t")
        score = Score(value=float(value)) if isinstance(value, (int, float)) else value
        scores = {} if value is LOST else {"s": score}
        trials.append(Trial(case_id="a", epoch=epoch, output=output, scores=scores))  # type: ignore[arg-type]
    return CaseResult(case_id="a", case_digest=digest, trials=tuple(trials))


def change(before: CaseResult | None, after: CaseResult | None, **fields: object) -> CaseChange:
    scorer = ScorerVerdict(scorer="s", **({"unit": "points"} | fields))  # type: ignore[arg-type]
    comparison = Comparison(
        gate=GateVerdict(gate="g", outcome="pass", reason="", scorers=(scorer,)),
        cases={"a": None},  # type: ignore[dict-item]
        baseline={"a": before} if before else {},
        candidate={"a": after} if after else {},
    )
    return next(iter(case_changes(comparison)))


@pytest.mark.parametrize(
    ("before", "after", "outcome", "difference"),
    [
        (result(1), result(0), "worse", -1.0),
        (result(0), result(1), "better", 1.0),
        (result(1), result(1), "same", 0.0),
        (result(1, 0), result(1, 1), "better", 0.5),
        (result(1), None, "not asked", None),
        (None, result(1), "no baseline", None),
        (result(1, digest="x"), result(0), "edited", None),
        (result(1), result(UNSCORED), "unscored", None),
        (result(UNSCORED), result(1), "unscored", None),
        (result(1), result(BROKEN), "failed", None),
        (result(1), result(LOST), "failed", None),
        (result(1), result(1, LOST), "failed", None),
    ],
)  # fmt: skip
def test_outcomes(before: CaseResult | None, after: CaseResult | None, outcome: str, difference: float | None) -> None:
    found = change(before, after)
    assert (found.outcome, found.difference) == (outcome, difference)


@pytest.mark.parametrize("fields", [{"unit": "s"}, {"unit": "USD"}, {"unit": "", "details": {"lower_is_better": True}}])
def test_less_is_better_for_costs(fields: dict[str, object]) -> None:
    assert change(result(2.0), result(1.0), **fields).outcome == "better"
    assert change(result(1.0), result(2.0), **fields).difference == -1.0


def test_a_flip_of_a_hard_check_is_named() -> None:
    gate = GateVerdict(gate="g", outcome="regression", reason="", hard=(HardVerdict(scorer="s", flips=("a",)),))
    found = list(case_changes(Comparison(gate=gate, baseline={"a": result(1)}, candidate={"a": result(0)})))
    assert [c.outcome for c in found] == ["flip"]


def test_a_run_without_its_baseline_tells_what_the_verdict_told() -> None:
    gate = GateVerdict(
        gate="g",
        outcome="regression",
        reason="",
        worst_cases=(WorstCase(id="a", scorer="s", baseline=1.0, candidate=0.0),),
    )
    found = next(iter(case_changes(Comparison(gate=gate, candidate={"a": result(0)}))))
    assert (found.outcome, found.before, found.difference) == ("worse", 1.0, -1.0)
    paired = Comparison(gate=gate, baseline={"a": result(0)}, candidate={"a": result(0)})
    assert next(iter(case_changes(paired))).outcome == "same"


def test_means_need_every_epoch_and_reasons_say_what_is_missing() -> None:
    assert mean_of(result(1, 0), "s") == 0.5
    assert mean_of(result(1, UNSCORED), "s") is None
    assert mean_of(None, "s") is None
    assert why(result(BROKEN), "s") == "KeyError"
    assert why(result(LOST), "s") == "no answer"
    assert why(result(UNSCORED), "s") == "no target"
    assert why(result(1), "s") == why(None, "s") == ""
    assert replace(change(result(1), result(1)), reason="x").reason == "x"
