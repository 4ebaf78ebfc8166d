"""Chances of one guard: exact ones from the enumeration, simulated ones near it, and what is kept of them."""

import json
from dataclasses import replace

import pytest

from evalharness.stats import exact_plan, needed_cases
from evalharness.stats.laws import law_of
from evalharness.stats.rule import Rule
from evalharness.verdict.chart import CHANGES, DISCORDANCES, LARGER, SPREADS, Chart, _Chances, chart, computed

RULE = Rule(margin=0.05, planned=100)
SEEN = law_of([-1.0] * 3 + [1.0] * 2 + [0.0] * 45)


@pytest.fixture(scope="module")
def exact():
    return chart(RULE, "exact", binary=True, power=0.8, seen=SEEN)


def test_the_exact_chart_is_the_enumeration(exact):
    assert exact.runs is None
    assert [row.spread for row in exact.rows] == pytest.approx([0.1, *DISCORDANCES])
    assert [row.measured for row in exact.rows] == [True, *[False] * 4]
    assert exact.reference == 0
    row = exact.rows[3]  # 10 %
    for at, times in zip(row.sizes, LARGER, strict=True):
        plan = exact_plan(round(100 * times), 0.05)
        outcome = plan.outcome(0.1, 0.0)
        assert (at.planned, at.passed, at.failed, at.paid) == (
            plan.planned, outcome.p_pass, outcome.p_fail, outcome.mean_cases,
        )  # fmt: skip
        assert at.ceiling == plan.ceiling(0.1)
        assert at.passed <= at.ceiling
    assert row.missed == pytest.approx(exact_plan(100, 0.05).outcome(0.1, -0.05).p_pass, rel=1e-9)
    assert [change for change, _ in row.caught] == pytest.approx([-0.05 * times for times in CHANGES])
    expected = [exact_plan(100, 0.05).outcome(0.1, change).p_fail for change, _ in row.caught]
    assert [chance for _, chance in row.caught] == pytest.approx(expected, rel=1e-9)


def test_the_needed_size_reaches_the_power_and_the_next_smaller_does_not(exact):
    assert exact.needed == 300
    assert exact_plan(300, 0.05).outcome(0.1).p_pass >= 0.8 > exact_plan(250, 0.05).outcome(0.1).p_pass


def test_where_no_exact_plan_is_large_enough_the_formula_answers():
    found = chart(replace(RULE, margin=0.02, planned=40), "exact", binary=True, power=0.9)
    assert found.needed > 1000
    assert found.reference == 2


def test_a_chart_survives_json(exact):
    assert Chart.from_json(json.loads(json.dumps(exact.to_json()))) == exact
    with pytest.raises(KeyError):
        Chart.from_json({})
    with pytest.raises(TypeError):
        Chart.from_json({**exact.to_json(), "more": 1})


def test_plans_come_from_where_they_are_kept():
    asked = []

    def kept(rule):
        asked.append(rule.planned)
        return exact_plan(rule.planned, rule.margin, alpha_pass=rule.alpha_pass, alpha_block=rule.alpha_block)

    chart(replace(RULE, planned=20), "exact", binary=True, power=0.1, plans=kept)
    assert {20, 30, 40} <= set(asked)


def chances(rule, method, *, binary, size=1.0):
    return _Chances(rule, method, binary=binary, size=size, plans=computed)


def test_beyond_a_thousand_cases_the_general_rule_serves():
    asked = chances(RULE, "exact", binary=True)
    at = asked._at(1050, asked._around(0.1, None))
    assert at.planned == 1050
    assert at.ceiling > 0.99
    assert at.passed > 0.9


def test_a_drop_that_may_not_fail_is_drawn_not_enumerated():
    rule = replace(RULE, proven_drop="inconclusive", planned=60)
    found = chart(rule, "exact", binary=True, power=0.8)
    assert found.runs == 20_000
    enumerated = exact_plan(60, 0.05).outcome(0.2, -0.05)
    assert found.rows[3].missed == pytest.approx(enumerated.p_pass, abs=0.01)
    assert dict(found.rows[3].caught)[-0.05] < enumerated.p_fail


@pytest.fixture(scope="module")
def graded():
    return chart(Rule(margin=0.05, planned=100), "general", binary=False, power=0.8)


def test_graded_scores_are_simulated_with_the_rule_itself(graded):
    assert graded.runs == 400
    assert [row.spread for row in graded.rows] == list(SPREADS)
    assert graded.reference == 2
    passed = [row.sizes[0].passed for row in graded.rows]
    assert passed == sorted(passed, reverse=True)
    assert all(at.ceiling is None for row in graded.rows for at in row.sizes)
    # sd 0.2 at 100 cases: between the 0/1 case of that spread (25 %) and the judge of gate.md 3a (sd 0.15: 56 %).
    assert 0.2 < graded.rows[2].sizes[0].passed < 0.6
    assert graded.rows[2].missed <= 0.05 + 0.03
    chances = [chance for _, chance in graded.rows[0].caught]
    assert chances == sorted(chances)


def test_the_needed_size_is_checked_by_simulation(graded):
    asked = chances(Rule(margin=0.05, planned=graded.needed), "general", binary=False)
    assert asked._at(graded.needed, asked._around(0.2, None)).passed >= 0.8


def test_the_needed_size_grows_with_what_is_asked():
    """Beyond the sizes that are simulated the formula answers alone, at the gate's own alpha."""
    rule = Rule(margin=0.01, planned=100, alpha_pass=0.01)
    strict = chances(rule, "general", binary=False).needed(0.3, 0.8)
    assert strict == needed_cases(0.3, 0.01, 0.01, 0.8, alpha=0.01, split=0.25) > 4_000
    assert strict > chances(replace(rule, alpha_pass=0.05), "general", binary=False).needed(0.3, 0.8)


def test_a_formula_that_advises_too_few_is_corrected_and_large_plans_are_left_alone():
    asked = chances(Rule(margin=0.05, planned=100), "general", binary=False)
    law_at = asked._around(0.1, None)
    assert 40 < asked._corrected(40, law_at, 0.8) < 100
    assert asked._corrected(10, asked._around(0.3, None), 0.999) == 37  # eight steps, then it is what it is
    assert asked._corrected(5_000, law_at, 0.8) == 5_000


def test_large_plans_show_no_larger_ones_and_use_fewer_runs():
    asked = chances(Rule(margin=0.05, planned=4100), "general", binary=True)
    assert [at.planned for at in asked.row(0.02, measured=False).sizes] == [4100]
    assert asked.runs(4100) == 243


def test_a_guard_that_must_improve_shows_the_chance_to_prove_a_gain():
    row = chances(Rule(margin=0.0, planned=100, improve=True), "general", binary=False).row(0.05, measured=False)
    assert [change for change, _ in row.caught] == pytest.approx([0.025, 0.05, 0.1])
    assert row.caught[-1][1] > 0.9
    assert row.missed <= 0.1
    assert row.missed == row.sizes[0].passed


def test_unlike_clusters_are_drawn_at_their_mean_size():
    rule = Rule(margin=0.05, planned=100, largest=5.0)
    small, whole = (chances(rule, "general", binary=False, size=size).row(0.2, measured=False) for size in (1.0, 5.0))
    assert whole.sizes[0].passed > small.sizes[0].passed
