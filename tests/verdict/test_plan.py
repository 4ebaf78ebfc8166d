"""What a gate can see: guards with their measured differences, hard checks, and how often it stays green."""

import pytest

from evalharness.core.results import CaseResult
from evalharness.stats.hard import hard_checks_block_rate
from evalharness.stats.rule import Rule
from evalharness.verdict.chart import At, Chart, Row
from evalharness.verdict.measure import measure_for
from evalharness.verdict.plan import green, measured_differences, plan_guard, plan_hard

from .arms import LOST, Facts, cases, limit, results

MEASURE = measure_for(limit(), Facts())


def differences(before, after, some=None, **more):
    some = some or cases(len(before), **more)
    return measured_differences(
        MEASURE, some, before=results(some, before), after=results(some, after[: len(some)]), epochs=(1, 1)
    )


def test_the_differences_of_two_arms():
    found = differences([1, 1, 0, 0, 1], [0, 1, 1, 0, 1])
    assert (found.units, found.worse, found.better, found.same, found.skipped) == (5, 1, 1, 3, 0)
    assert found.law.discordance == pytest.approx(0.4)
    assert found.law.steps


def test_cases_without_both_numbers_are_counted_not_dropped_silently():
    found = differences([1, 1, None, 1], [LOST, 0, 1, 1])
    assert (found.units, found.worse, found.skipped) == (2, 1, 2)


def test_cases_that_an_early_stop_never_asked_are_no_pairs():
    some = cases(4)
    after = results(some, [1, 1, 1, 1])
    del after[some[3].id]
    found = measured_differences(MEASURE, some, before=results(some, [0, 1, 1, 1]), after=after, epochs=(1, 1))
    assert (found.units, found.better, found.skipped) == (3, 1, 0)


def test_nothing_in_common_is_nothing_measured():
    assert differences([1, 1], [LOST, LOST]) is None
    some = cases(2)
    assert measured_differences(MEASURE, some, before={}, after=results(some, [1, 1]), epochs=(1, 1)) is None


def test_a_cluster_is_one_unit_with_its_size():
    found = differences([1, 1, 0], [0, 1, 0], cluster="doc")
    assert (found.units, found.law.sizes, found.worse) == (1, (3.0,), 1)
    assert found.law.differences[0] == pytest.approx(-1 / 3)


def test_rounding_of_a_mean_is_no_change():
    some = cases(3, cluster="doc")
    before, after = results(some, [0.1, 0.2, 0.3]), results(some, [0.3, 0.2, 0.1])
    graded = measure_for(limit(), Facts(binary=False))
    found = measured_differences(graded, some, before=before, after=after, epochs=(1, 1))
    assert (found.same, found.law.differences) == (1, (0.0,))


def a_chart(passed=0.6, failed=0.02, runs=None):
    at = At(planned=100, passed=passed, failed=failed, paid=90.0, ceiling=None)
    row = Row(spread=0.1, measured=False, sizes=(at,), missed=0.05, caught=())
    return Chart(rows=(row,), reference=0, needed=300, runs=runs)


def a_guard(rule=None, method="exact", measured=None, **chart):
    rule = rule or Rule(margin=0.05, planned=100)
    return plan_guard(MEASURE, rule, method, power=0.8, chances=a_chart(**chart), measured=measured)


def test_a_guard_says_what_its_cases_can_show():
    guard = a_guard()
    assert (guard.least, guard.planned, guard.margin, guard.clusters) == (59, 100, 0.05, False)
    assert guard.smallest == pytest.approx(1 - 0.05 ** (1 / 100))
    assert guard.needed_as_seen is None
    assert guard.reference.sizes[0].passed == 0.6
    general = a_guard(method="general", rule=Rule(margin=0.05, planned=100, largest=3.0))
    assert general.least > 59
    assert general.clusters


def test_a_guard_that_must_improve_has_no_least():
    guard = a_guard(rule=Rule(margin=0.0, planned=100, improve=True), method="general")
    assert (guard.least, guard.smallest) == (None, None)


def test_what_was_seen_tells_how_many_cases_decide_unless_it_sits_on_the_margin():
    clear = differences([1] * 10 + [0] * 90, [0] * 3 + [1] * 7 + [0] * 87 + [1] * 3)
    assert a_guard(measured=clear).needed_as_seen >= 59
    on_it = differences([1] * 100, [0] * 5 + [1] * 95)
    assert a_guard(measured=on_it).needed_as_seen is None


def test_hard_checks_state_their_own_false_blocks():
    plan = plan_hard("no_pii", cases=100, attempts=2, stored=1, absolute=False, recorded=False)
    assert plan.block_rate == hard_checks_block_rate(100, 2, 1) == 1.0
    assert plan_hard("no_pii", cases=1, attempts=5, stored=5, absolute=False, recorded=False).block_rate < 0.01
    assert plan_hard("no_pii", cases=9, attempts=2, stored=0, absolute=False, recorded=False).block_rate is None
    assert plan_hard("no_pii", cases=9, attempts=2, stored=1, absolute=True, recorded=False).block_rate is None
    recorded = plan_hard("no_pii", cases=9, attempts=2, stored=1, absolute=False, recorded=True)
    assert (recorded.block_rate, recorded.attempts) == (0.0, 1)
    assert plan_hard("no_pii", cases=9, attempts=2, stored=1, absolute=True, recorded=True).block_rate is None


def test_how_often_an_unchanged_candidate_stays_green():
    assert green([]) is None
    one = green([a_guard()])
    assert (one.low, one.high, one.blocked) == pytest.approx((0.6, 0.6, 0.02))
    two = green([a_guard(), a_guard(passed=0.9, failed=0.01)], slice_alpha=0.005)
    assert (two.low, two.high, two.blocked) == pytest.approx((0.495, 0.6, 0.035))
    many = green([a_guard(passed=0.1)] * 3)
    assert (many.low, many.high) == (0.0, 0.1)


def test_a_simulated_share_of_blocks_is_stated_by_its_bound():
    assert green([a_guard(failed=0.0, runs=400)]).blocked == 0.025


def test_results_of_another_shape_are_left_alone():
    some = cases(1)
    empty = {some[0].id: CaseResult(case_id=some[0].id, case_digest=some[0].digest, trials=())}
    assert measured_differences(MEASURE, some, before=empty, after=results(some, [1]), epochs=(1, 1)) is None
