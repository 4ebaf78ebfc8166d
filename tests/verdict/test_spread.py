from __future__ import annotations

import random

import pytest

from evalharness.core.results import CaseResult, Output, Score, Trial
from evalharness.verdict.conclusion import Ending, conclude
from tests.verdict.arms import Facts, cases, feed, gate, judge, limit, result

GRADED = Facts(name="rouge", use="rougeL", signature="rougeL", binary=False)


def draws(some, seed, epochs, *, between, within):
    """Case means with one spread, answers around them with another."""
    rng = random.Random(seed)
    return {case.id: tuple(0.5 + mean + rng.uniform(-within, within) for _ in range(epochs))
            for case, mean in ((case, rng.uniform(-between, between)) for case in some)}  # fmt: skip


def test_the_noise_is_split_into_what_cases_and_what_answers_bring() -> None:
    n, kept = 1500, cases(1500)
    new = draws(kept, 2, 4, between=0.2, within=0.3)
    judged = judge(
        kept,
        {case.id: result(case, 0.5, name="rouge") for case in kept},
        gate(limit("rouge", margin=0.3), epochs=4, stop="never"),
        scorers=(GRADED,),
    )
    arm = {
        case.id: CaseResult(
            case_id=case.id,
            case_digest=case.digest,
            trials=tuple(
                Trial(
                    case_id=case.id,
                    epoch=epoch,
                    output=Output(text="a", cost_usd=0.002),
                    scores={"rouge": Score(value=value)},
                )
                for epoch, value in enumerate(new[case.id])
            ),
        )
        for case in kept
    }
    feed(judged, arm)
    verdict = conclude(judged, Ending())
    spread = verdict.scorers[0].details["spread"]
    # A uniform on +-h has standard deviation h / sqrt(3).
    assert spread["sd_between"] == pytest.approx(0.2 / 3**0.5, rel=0.1)
    assert spread["sd_within_candidate"] == pytest.approx(0.3 / 3**0.5, rel=0.05)
    assert spread["sd_within_baseline"] is None
    total = 0.2**2 / 3 + 0.3**2 / 3 / 4
    assert spread["standard_error"] == pytest.approx((total / n) ** 0.5, rel=0.05)
    assert spread["twice_the_cases"]["standard_error"] == pytest.approx(spread["standard_error"] / 2**0.5)
    assert spread["twice_the_epochs"]["standard_error"] == pytest.approx(
        ((0.2**2 / 3 + 0.3**2 / 3 / 8) / n) ** 0.5, rel=0.05
    )
    assert spread["twice_the_epochs"]["calls"] == 4 * n
    assert spread["twice_the_cases"]["cost_usd"] == pytest.approx(4 * n * 0.002)
    note = next(note for note in verdict.notes if "standard error" in note)
    assert "6000 more calls either way, about $12.00" in note
    assert "pass_hat_k" not in verdict.scorers[0].details


def test_pass_hat_k_stands_beside_the_mean() -> None:
    some = cases(40)
    stored = {case.id: result(case, epochs=(1.0, 1.0, 1.0)) for case in some}
    judged = judge(some, stored, gate(epochs=2, stop="never"), epochs=3)
    feed(judged, {case.id: result(case, epochs=(1.0, 0.0) if i < 10 else (1.0, 1.0)) for i, case in enumerate(some)})
    scorer = conclude(judged, Ending()).scorers[0]
    assert scorer.candidate_mean == pytest.approx(0.875)
    assert scorer.details["pass_hat_k"] == {
        "baseline": {"k": 3, "value": 1.0},
        "candidate": {"k": 2, "value": 0.75},
    }
    assert scorer.details["flaky"] == {"baseline": 0, "candidate": 10}
    notes = conclude(judged, Ending()).notes
    assert any("pass^2 (every answer to a case passes) 75.0%, baseline pass^3 100.0%" in note for note in notes)


def test_answers_that_do_not_vary_need_no_advice() -> None:
    some = cases(40)
    stored = {case.id: result(case, epochs=(1.0, 1.0)) for case in some}
    judged = judge(some, stored, gate(epochs=2), epochs=2)
    feed(judged, stored)
    verdict = conclude(judged, Ending())
    assert verdict.scorers[0].details["spread"]["sd_within_candidate"] == 0
    assert verdict.notes == ()
    once = judge(some, {case.id: result(case, 1.0) for case in some})
    feed(once, {case.id: result(case, 1.0) for case in some})
    assert "spread" not in conclude(once, Ending()).scorers[0].details


def test_the_noise_of_a_baseline_of_several_epochs_is_told_apart() -> None:
    some = cases(600)
    old = draws(some, 3, 3, between=0.0, within=0.2)
    stored = {case.id: result(case, epochs=old[case.id], name="rouge") for case in some}
    judged = judge(some, stored, gate(limit("rouge", margin=0.3), stop="never"), scorers=(GRADED,), epochs=3)
    feed(judged, {case.id: result(case, 0.5, name="rouge") for case in some})
    spread = conclude(judged, Ending()).scorers[0].details["spread"]
    assert spread["sd_within_baseline"] == pytest.approx(0.2 / 3**0.5, rel=0.1)
    assert spread["sd_within_candidate"] is None
    assert spread["sd_between"] < 0.03
