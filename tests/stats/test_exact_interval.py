"""The interval of the exact path: test inversion, agreement with the verdict, coverage by enumeration."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.exact import ExactEnd, exact_plan
from evalharness.stats.exact_evidence import against
from evalharness.stats.exact_interval import exact_interval
from evalharness.stats.exact_sequential import ExactSequential
from evalharness.stats.rule import Rule

PLAN = exact_plan(60, 0.05)
steps = st.lists(st.sampled_from((-1, 0, 0, 0, 1)), min_size=1, max_size=60)


@pytest.mark.parametrize("value", [0.3, 1.2, -0.5, 2.0, float("inf")])
def test_the_running_state_takes_nothing_between_the_steps(value):
    state = ExactSequential(Rule(margin=0.05, planned=60))
    with pytest.raises(ValueError, match="differences -1, 0 and 1"):
        state.update(value)
    assert state.n_used == 0


def test_the_running_state_inverts_what_each_question_saw():
    """Its interval is that of the lists it was fed: PASS and L the worst values, FAIL and U the best."""
    state = ExactSequential(Rule(margin=0.05, planned=60))
    end = PLAN.start()
    least, most = [], []
    for i in range(60):
        worst, best = (-1, 1) if i % 20 == 7 else ((-1, -1) if i % 12 == 0 else (0, 0))
        state.update(None if worst != best else worst, worst, best)
        end.update(worst, best)
        least.append(worst)
        most.append(best)
    low, high = state.interval()
    assert (low, high) == exact_interval(PLAN, least, end.finish(), block_differences=most)
    assert low < np.mean(least) < np.mean(most) < high
    one_sided = exact_interval(PLAN, least, end.finish())
    assert one_sided[0] == low
    assert one_sided[1] < high


def run(plan, differences):
    state = plan.start()
    for d in differences:
        state.update(d)
    return differences[: state.n], state.finish()


def refuted_from_below(path, null, bar, last):
    """The definition: the e-value of every prefix, none left out."""
    bets, counts, best = against(null), [0, 0, 0], -math.inf
    for d in path:
        counts[{1: 0, -1: 1, 0: 2}[d]] += 1
        best = max(best, bets.log_e(*counts))
    return best >= bar or (last is not None and bets.log_e(*counts) >= last)


@given(steps)
def test_each_end_is_the_edge_of_what_is_refuted(differences):
    path, end = run(PLAN, differences)
    low, high = exact_interval(PLAN, path, ExactEnd("inconclusive", "undecided"))
    complete = len(path) == 60
    for edge, data, alpha, bars in (
        (low, path, 0.05, [PLAN.pass_last_bar]),
        (-high, [-d for d in path], 0.025, [PLAN.fail_last_bar, PLAN.drop_last_bar]),
    ):
        last = max(math.log(0.225 / alpha), *bars) if complete else None
        if edge > -1:
            assert refuted_from_below(data, edge - 1e-9, math.log(1 / alpha), last)
        assert not refuted_from_below(data, max(edge, -1) + 1e-9, math.log(1 / alpha), last)
    assert end.verdict in {"pass", "fail", "inconclusive"}


def test_the_last_bar_of_both_ends_is_four_and_a_half_times_one_twentieth_of_alpha():
    """A complete path whose ends neither the running bar nor a plan's own last bar decides."""
    path = [0, 1, 0, -1] * 15
    low, high = exact_interval(PLAN, path, ExactEnd("inconclusive", "undecided"))
    for edge, data, alpha in ((low, path, 0.05), (-high, [-d for d in path], 0.025)):
        last = math.log(0.225 / alpha)
        assert last > (PLAN.pass_last_bar if alpha == 0.05 else max(PLAN.fail_last_bar, PLAN.drop_last_bar))
        assert refuted_from_below(data, edge - 1e-9, math.inf, last)
        assert not refuted_from_below(data, edge + 1e-9, math.log(1 / alpha), last)


@given(steps)
def test_it_agrees_with_the_verdict(differences):
    path, end = run(PLAN, differences)
    low, high = exact_interval(PLAN, path, end)
    assert -1 <= low <= high <= 1
    if end.verdict == "pass":
        assert low >= -0.05
    if end.reason == "worse_than_margin":
        assert high <= -0.05
    if end.reason == "drop_proven":
        assert high <= 0.0


def test_a_last_look_pulls_the_end_to_the_verdict():
    """Passed by a last bar below 4.5: the inversion alone stops short of the margin, the agreed end does not."""
    plan = exact_plan(59, 0.05)
    path = [0] * 59
    plain = exact_interval(plan, path, ExactEnd("inconclusive", "undecided"))
    agreed = exact_interval(plan, path, run(plan, path)[1])
    assert plain[0] < -0.05
    assert agreed == (-0.05, plain[1])


def test_missing_cases_widen_both_ways():
    path = [0] * 30
    low, high = exact_interval(PLAN, path, ExactEnd("inconclusive", "undecided"))
    wider = exact_interval(
        PLAN, [-1, *path[1:]], ExactEnd("inconclusive", "undecided"), block_differences=[1, *path[1:]]
    )
    assert wider[0] < low
    assert wider[1] > high


def test_data_that_refute_everything_give_the_hull():
    low, high = exact_interval(PLAN, [1] * 29 + [-1] * 29, ExactEnd("inconclusive", "undecided"))
    assert low < high


@pytest.fixture(scope="module")
def short():
    """Every path of a short plan with loose alphas, with its interval."""
    plan = exact_plan(6, 0.3, alpha_pass=0.2, alpha_block=0.1)
    paths = {path: run(plan, path) for path in product((1, 0, -1), repeat=6)}
    ends = {used: exact_interval(plan, used, end) for used, end in paths.values()}
    return {path: ends[used] for path, (used, _) in paths.items()}


@pytest.mark.parametrize("change", [0.0, -0.3, 0.4, -0.6])
@pytest.mark.parametrize("discordance", [0.6, 0.8, 1.0])
def test_coverage_over_all_paths(short, change, discordance):
    """The true mean is below L with at most alpha_pass and above U with at most alpha_block."""
    chance = {1: (discordance + change) / 2, -1: (discordance - change) / 2, 0: 1 - discordance}
    weights = {path: math.prod(chance[d] for d in path) for path in short}
    assert sum(weights[path] for path, (low, _) in short.items() if low > change) <= 0.2
    assert sum(weights[path] for path, (_, high) in short.items() if high < change) <= 0.1
