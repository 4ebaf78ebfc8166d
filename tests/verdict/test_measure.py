from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.results import Failure, Output, Score, Trial, Unscored
from evalharness.verdict.measure import arm_value, lost, measure_for, passes
from tests.verdict.arms import CRASH, LOST, Facts, limit, result

LATENCY = Facts(name="latency", use="latency", high=math.inf, direction="lower", binary=False)
CASE = Case(id="a", input="q")


def test_scores_are_read_on_one_scale_where_more_is_better() -> None:
    plain = measure_for(limit(), Facts())  # type: ignore[arg-type]
    assert plain.number(Score(value=0.25)) == 0.25
    assert plain.number(Score(value=1 + 1e-10)) == plain.number(Score(value=1 + 1e-9)) == 1.0
    assert plain.number(Score(value=-1e-9)) == 0.0
    assert plain.number(Score(value=1.2)) is None
    assert plain.number(Unscored(reason="no")) is None
    assert plain.number(None) is None
    capped = measure_for(limit(cap=4.0, margin=1.0), LATENCY)  # type: ignore[arg-type]
    assert capped.number(Score(value=1.0)) == 0.75
    assert capped.number(Score(value=400.0)) == 0.0
    assert capped.margin == 0.25
    assert not capped.binary


def test_on_passed_reads_the_verdict_of_the_scorer() -> None:
    measure = measure_for(limit(on="passed"), Facts(binary=False))  # type: ignore[arg-type]
    assert measure.number(Score(value=0.2, passed=True)) == 1.0
    assert measure.number(Score(value=0.2)) is None
    assert measure.binary
    assert measure.raw(0.5) == 0.5


def test_an_unbounded_guard_needs_a_cap() -> None:
    with pytest.raises(ConfigError, match="needs a cap"):
        measure_for(limit(), LATENCY)  # type: ignore[arg-type]
    report = measure_for(limit(role="report", margin=None), LATENCY)  # type: ignore[arg-type]
    assert report.number(Score(value=3.0)) == -3.0
    assert report.raw(-3.0) == 3.0
    assert report.margin == 0.0
    upward = measure_for(limit(role="report", margin=None), Facts(high=math.inf, binary=False))  # type: ignore[arg-type]
    assert upward.number(Score(value=3.0)) == 3.0
    assert upward.raw(3.0) == 3.0


@pytest.mark.parametrize("margin", [1.0, 5.0])
def test_a_margin_as_wide_as_the_range_is_refused(margin: float) -> None:
    with pytest.raises(ConfigError, match="is not inside the scorer's range"):
        measure_for(limit(margin=margin), Facts())  # type: ignore[arg-type]


def test_an_absent_score_lies_within_what_is_known_of_it() -> None:
    """A behaviour group some of whose members are in leaves a range, not everything."""
    half = Failure(stage="scorer", kind="unassessed", message="two of five are missing", bounds=(0.4, 0.8))
    all_of_it = Failure(stage="scorer", kind="unassessed", message="", bounds=(-0.5, 1.5))
    sure = Failure(stage="scorer", kind="unassessed", message="", bounds=(1.0, 1.0))
    plain = measure_for(limit(), Facts(binary=False))  # type: ignore[arg-type]
    assert plain.bounds(half) == (0.4, 0.8)
    assert plain.bounds(all_of_it) == (0.0, 1.0)
    assert plain.bounds(LOST) == plain.bounds(None) == (0.0, 1.0)
    wide = measure_for(limit(margin=0.5), Facts(low=1.0, high=5.0, binary=False))  # type: ignore[arg-type]
    assert wide.bounds(Failure(stage="scorer", kind="unassessed", message="", bounds=(2.0, 4.0))) == (0.25, 0.75)
    turned = measure_for(limit(), Facts(direction="lower", binary=False))  # type: ignore[arg-type]
    assert turned.bounds(half) == (0.0, 1.0)
    passed = measure_for(limit(on="passed"), Facts(binary=False))  # type: ignore[arg-type]
    assert [passed.bounds(known) for known in (half, all_of_it, sure)] == [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
    seen = arm_value(plain, result(CASE, epochs=[0.6, half]), 3)
    assert (seen.mean, seen.low, seen.high) == (0.6, pytest.approx(1.0 / 3), pytest.approx(2.4 / 3))


@given(st.floats(0, 1))
def test_raw_undoes_the_orientation(value: float) -> None:
    for facts in (Facts(binary=False), Facts(direction="lower", binary=False)):
        measure = measure_for(limit(), facts)  # type: ignore[arg-type]
        number = measure.number(Score(value=value))
        assert number is not None
        assert measure.raw(number) == pytest.approx(value, abs=1e-12)


def test_missing_epochs_become_bounds() -> None:
    measure = measure_for(limit(), Facts(binary=False))  # type: ignore[arg-type]
    value = arm_value(measure, result(CASE, epochs=(1.0, LOST, 0.5, LOST)), 4)
    assert (value.mean, value.low, value.high, value.missing) == (0.75, 0.375, 0.875, 2)
    never = arm_value(measure, result(CASE, epochs=(LOST,)), 2)
    assert (never.mean, never.low, never.high, never.missing) == (None, 0.0, 1.0, 2)


def test_passes_and_lost() -> None:
    assert passes(result(CASE, True).trials[0], "exact") is True
    assert passes(result(CASE, 1.0).trials[0], "exact") is True
    assert passes(result(CASE, 0.99).trials[0], "exact") is False
    assert passes(result(CASE, None).trials[0], "exact") is None
    assert lost(result(CASE, LOST).trials[0])
    assert not lost(result(CASE, CRASH).trials[0])


def test_what_the_candidate_broke_is_the_lowest_score_and_a_failed_check() -> None:
    unreadable = Failure(stage="scorer", kind="bad_output", message="no JSON", blame="candidate")
    broken = Failure(stage="scorer", kind="raised", message="boom")
    lower = measure_for(limit(), Facts(direction="lower", binary=False))  # type: ignore[arg-type]
    assert lower.number(unreadable) == 0.0
    assert lower.number(broken) is None
    unbounded = measure_for(limit(role="report", margin=None), LATENCY)  # type: ignore[arg-type]
    assert unbounded.number(unreadable) is None
    trial = Trial(case_id="a", output=Output(text="a"), scores={"brier": unreadable, "exact": broken})
    assert passes(trial, "brier") is False
    assert passes(trial, "exact") is None
