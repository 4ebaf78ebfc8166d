"""Many runs at once decide like the state machines of the gate, and their rates are those of the enumeration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from evalharness.stats import exact_plan
from evalharness.stats.laws import Law, centred, law_of, of_discordance
from evalharness.stats.replicate import affordable_runs, binomial_interval, replicate
from evalharness.stats.rule import Rule
from evalharness.stats.sequential import Sequential

GRADED = Law(differences=(-1.0, -0.5, 0.0, 0.5), sizes=(1.0,) * 4, chances=(0.1, 0.2, 0.4, 0.3))


def one_by_one(rule, law, *, runs, seed):
    """The same draws, each decided by the gate's own state machine."""
    draws = np.random.default_rng(seed)
    edges = np.cumsum(law.chances)[:-1]
    states = [Sequential(rule) for _ in range(runs)]
    for _ in range(rule.planned):
        still = [state for state in states if state.verdict is None]
        for state, picked in zip(still, np.searchsorted(edges, draws.random(len(still)), side="right"), strict=True):
            state.update(law.differences[picked], size=law.sizes[picked])
    ends = [state.finish() for state in states]
    verdicts = [end.verdict for end in ends]
    return verdicts.count("pass"), verdicts.count("fail"), sum(end.n_used for end in ends) / runs


RULES = {
    "default": Rule(margin=0.1, planned=40),
    "stop": Rule(margin=0.1, planned=40, proven_drop="stop"),
    "a drop does not fail": Rule(margin=0.3, planned=40, proven_drop="inconclusive", alpha_block=0.2),
    "strict": Rule(margin=0.2, planned=60, split=1.0),
    "no running look": Rule(margin=0.1, planned=30, split=0.0),
    "improve": Rule(margin=0.0, planned=40, improve=True),
    "margin 0": Rule(margin=0.0, planned=40, alpha_block=0.3),
    "declared looks": Rule(margin=0.2, planned=45, looks=(15, 30)),
    "declared looks, any drop stops": Rule(margin=0.3, planned=40, looks=(20,), alpha_block=0.3, proven_drop="stop"),
    "declared looks, betting only": Rule(margin=0.2, planned=40, looks=(20,), split=1.0),
    "large alpha": Rule(margin=0.2, planned=20, alpha_pass=0.7, alpha_block=0.6, split=0.2),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("mean", [-0.3, -0.1, 0.0, 0.2])
def test_many_runs_decide_like_the_gate(name, mean):
    rule, law = RULES[name], centred(GRADED, mean)
    found = replicate(rule, law, runs=25, seed=3)
    passed, failed, paid = one_by_one(rule, law, runs=25, seed=3)
    assert (found.passed, found.failed, found.mean_cases) == (passed, failed, pytest.approx(paid))
    assert (found.pass_rate, found.fail_rate) == (passed / 25, failed / 25)


@pytest.mark.parametrize("mean", [-0.2, 0.0])
def test_clusters_of_unlike_size_decide_like_the_gate(mean):
    law = centred(law_of([-1.0, -0.5, 0.0, 0.5, 1.0, 0.0], [1.0, 3.0, 2.0, 3.0, 1.0, 1.0]), mean)
    rule = Rule(margin=0.1, planned=40, largest=3.0)
    found = replicate(rule, law, runs=25, seed=5)
    passed, failed, paid = one_by_one(rule, law, runs=25, seed=5)
    assert (found.passed, found.failed, found.mean_cases) == (passed, failed, pytest.approx(paid))


@pytest.mark.parametrize("mean", [-0.1, -0.05, 0.0])
def test_the_exact_path_has_the_enumerated_rates(mean):
    plan = exact_plan(100, 0.05)
    found = replicate(Rule(margin=0.05, planned=100), of_discordance(0.1, mean), runs=20_000, seed=1, plan=plan)
    exact = plan.outcome(0.1, mean)
    for seen, true in ((found.pass_rate, exact.p_pass), (found.fail_rate, exact.p_fail)):
        assert seen == pytest.approx(true, abs=5 * max(1e-4, (true * (1 - true) / 20_000) ** 0.5))
    assert found.mean_cases == pytest.approx(exact.mean_cases, rel=0.01)


@pytest.mark.parametrize("mean", [-0.1, -0.05, 0.0])
def test_declared_looks_of_the_exact_path_have_the_enumerated_rates(mean):
    rule = Rule(margin=0.05, planned=100, looks=(60,))
    plan = exact_plan(100, 0.05, looks=(60,))
    found = replicate(rule, of_discordance(0.1, mean), runs=20_000, seed=1, plan=plan)
    exact = plan.outcome(0.1, mean)
    for seen, true in ((found.pass_rate, exact.p_pass), (found.fail_rate, exact.p_fail)):
        assert seen == pytest.approx(true, abs=5 * max(1e-4, (true * (1 - true) / 20_000) ** 0.5))
    assert found.mean_cases == pytest.approx(exact.mean_cases, rel=0.01)
    # The same runs without the look read on: what the self-check said before it took the declared looks.
    assert replicate(rule, of_discordance(0.1, mean), runs=2_000, seed=1, plan=exact_plan(100, 0.05)).mean_cases > 80


def test_looks_make_simulated_runs_fewer():
    law = law_of([i / 1000 for i in range(1000)])
    assert affordable_runs(Rule(margin=0.1, planned=1_000, looks=(250, 500)), law, exact=False) == 200


def test_a_proven_drop_that_must_not_fail_ends_open():
    plan = exact_plan(100, 0.2)
    law = of_discordance(0.1, -0.1)
    fails = replicate(Rule(margin=0.2, planned=100), law, runs=2_000, seed=1, plan=plan)
    kept = replicate(Rule(margin=0.2, planned=100, proven_drop="inconclusive"), law, runs=2_000, seed=1, plan=plan)
    assert kept.passed == fails.passed
    assert kept.failed <= fails.failed


def test_what_cannot_be_checked_is_refused():
    with pytest.raises(ValueError, match="one eval set"):
        replicate(Rule(margin=0.1, planned=10, estimand="eval_set"), GRADED, runs=1, seed=1)
    with pytest.raises(ValueError, match="0/1"):
        replicate(Rule(margin=0.05, planned=100), GRADED, runs=1, seed=1, plan=exact_plan(100, 0.05))


def test_equal_seeds_give_equal_runs():
    rule = RULES["default"]
    assert replicate(rule, GRADED, runs=30, seed=2) == replicate(rule, GRADED, runs=30, seed=2)
    assert replicate(rule, GRADED, runs=30, seed=2) != replicate(rule, GRADED, runs=30, seed=4)


def test_the_number_of_runs_depends_on_sizes_alone():
    few, many = law_of([0.0, 0.5, 0.25]), law_of([i / 1000 for i in range(1000)])
    assert affordable_runs(Rule(margin=0.1, planned=200), few, exact=True) == 20_000
    assert affordable_runs(Rule(margin=0.1, planned=200), few, exact=False) == 2_000
    assert affordable_runs(Rule(margin=0.1, planned=1_000), many, exact=False) == 600
    assert affordable_runs(Rule(margin=0.1, planned=1_000_000), many, exact=False) == 100


@given(st.integers(1, 400), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_is_clopper_pearsons(runs, share, level):
    hits = round(runs * share)
    low, high = binomial_interval(hits, runs, level)
    tail = (1 - level) / 2
    assert low == pytest.approx(0.0 if hits == 0 else beta.ppf(tail, hits, runs - hits + 1), abs=1e-9)
    assert high == pytest.approx(1.0 if hits == runs else beta.ppf(1 - tail, hits + 1, runs - hits), abs=1e-9)
