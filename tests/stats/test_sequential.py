"""One metric, unit by unit: the rule against a second writing of it, and every branch of the verdict."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.stats.betting import Betting
from evalharness.stats.last_look import final_look
from evalharness.stats.rule import Rule
from evalharness.stats.sequential import Sequential


def run(rule, ds, **bounds):
    state = Sequential(rule)
    worst, best = bounds.get("worst", [None] * len(ds)), bounds.get("best", [None] * len(ds))
    for d, w, b in zip(ds, worst, best, strict=True):
        state.update(d, w, b)
    return state.finish()


def reference(ds, margin, planned, *, alpha_pass=0.05, alpha_block=0.025, split, proven_drop="fail"):
    """The whole rule written again, from the table of the design, with separate martingales."""
    bets = [Betting("pass", -margin, margin), Betting("fail", -margin, margin), Betting("fail", 0.0, margin)]
    bar_pass, bar_block = -math.log(split * alpha_pass), -math.log(split * alpha_block)
    for t, d in enumerate(ds, start=1):
        for bet in bets:
            bet.update(d)
        best = [bet.best for bet in bets]
        if best[1] >= bar_block or (proven_drop == "stop" and best[2] >= bar_block):
            return "fail", t, best
        if best[0] >= bar_pass:
            return "pass", t, best
    dropped = best[2] >= bar_block
    if len(ds) == planned:
        if final_look(ds, -margin, "fail") <= (1 - split) * alpha_block:
            return "fail", t, best
        dropped = dropped or final_look(ds, 0.0, "fail") <= (1 - split) * alpha_block
        if proven_drop == "stop" and dropped:
            return "fail", t, best
        if final_look(ds, -margin, "pass") <= (1 - split) * alpha_pass:
            return "pass", t, best
    if dropped and proven_drop != "inconclusive":
        return "fail", t, best
    return "inconclusive", t, best


@settings(max_examples=150)
@given(
    st.integers(0, 2**32),
    st.sampled_from([-0.2, -0.1, -0.05, -0.02, 0.0, 0.03]),
    st.sampled_from(["fail", "stop", "inconclusive"]),
    st.sampled_from([0.25, 0.5]),
    st.booleans(),
)
def test_the_engine_equals_the_rule_written_again(seed, mean, proven_drop, split, whole):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 200))
    ds = np.clip(rng.normal(mean, 0.2, n).round(int(rng.integers(0, 4))), -1, 1).tolist()
    planned = n if whole else n + 1
    rule = Rule(margin=0.05, planned=planned, split=split, proven_drop=proven_drop)
    decision = run(rule, ds)
    verdict, used, best = reference(ds, 0.05, planned, split=split, proven_drop=proven_drop)
    assert (decision.verdict, decision.n_used) == (verdict, used)
    assert [decision.log_e_pass, decision.log_e_fail, decision.log_e_drop] == pytest.approx(best, abs=1e-9)
    assert decision.planned == planned
    assert decision.reason


def test_the_default_split_goes_by_the_plan():
    assert Rule(margin=0.05, planned=300).running_share == 0.25
    assert Rule(margin=0.05, planned=301).running_share == 0.5
    assert Rule(margin=0.05, planned=301, split=0.1).running_share == 0.1
    assert Rule(margin=0.05, planned=9, estimand="eval_set").running_share == 1.0


def test_p_values_are_there_only_after_a_last_look():
    ds = [0.0] * 70
    looked = run(Rule(margin=0.05, planned=70), ds)
    assert looked.verdict == "pass"
    assert looked.p_pass == pytest.approx(0.95**70)
    assert looked.p_fail == looked.p_drop == 1.0
    for early in (run(Rule(margin=0.05, planned=71), ds), run(Rule(margin=0.05, planned=70, split=1.0), ds)):
        assert early.verdict == "inconclusive"
        assert early.p_pass is early.p_fail is early.p_drop is None


def test_the_verdict_freezes_the_state():
    state = Sequential(Rule(margin=0.05, planned=200))
    while state.verdict is None:
        state.update(-1)
    used, now = state.n_used, state.log_e_now
    state.update(1)
    assert (state.n_used, state.log_e_now) == (used, now)
    assert state.finish().verdict == "fail"
    assert state.finish() == state.finish()
    assert state.log_e_best.fail >= now.fail
    assert state.drop_proven


def test_current_evidence_is_not_the_best():
    state = Sequential(Rule(margin=0.05, planned=200))
    for d in [0] * 30 + [-1]:
        state.update(d)
    assert state.log_e_now.pass_ < state.log_e_best.pass_


def test_a_small_proven_drop_by_the_three_words():
    """A loss in every sixteenth case without a win is a drop; whether one of 0.08, 160 cases do not tell."""
    ds = ([-1] + [0] * 15) * 10
    verdicts = {
        word: run(Rule(margin=0.08, planned=160, proven_drop=word), ds) for word in ("fail", "stop", "inconclusive")
    }
    assert {word: d.verdict for word, d in verdicts.items()} == {
        "fail": "fail",
        "stop": "fail",
        "inconclusive": "inconclusive",
    }
    assert verdicts["stop"].n_used < 160
    assert "within the margin" in verdicts["fail"].reason
    assert verdicts["inconclusive"].drop_proven


def test_stop_comes_before_pass_at_the_last_look():
    ds = [0] * 390 + [-1] * 9
    assert run(Rule(margin=0.05, planned=399, split=1e-9), ds).verdict == "pass"
    stopped = run(Rule(margin=0.05, planned=399, split=1e-9, proven_drop="stop"), ds)
    assert (stopped.verdict, stopped.reason) == ("fail", "a drop is proven")


def test_worse_than_the_margin_at_the_last_look():
    decision = run(Rule(margin=0.05, planned=60, split=0.01), [0, -1, 0, 0] * 15)
    assert decision.verdict == "fail"
    assert "worse than the margin of 0.05, shown at the last look" in decision.reason
    early = run(Rule(margin=0.05, planned=60), [-1] * 20)
    assert "worse than the margin of 0.05, shown after" in early.reason


def test_a_drop_noted_while_running_counts_after_a_budget_stop():
    ds = [-1, 0, 0, 0, 0, 0, 0] * 15
    decision = run(Rule(margin=0.2, planned=1000), ds)
    assert decision.verdict == "fail"
    assert decision.p_drop is None


def test_missing_cases_can_neither_pass_nor_fail():
    ties = [0.0] * 100
    assert run(Rule(margin=0.05, planned=100), ties).verdict == "pass"
    missing = [None if i % 10 == 0 else 0.0 for i in range(100)]
    bounds = {
        "worst": [-1.0 if d is None else None for d in missing],
        "best": [1.0 if d is None else None for d in missing],
    }
    assert run(Rule(margin=0.05, planned=100), missing, **bounds).verdict == "inconclusive"
    losses = [-1.0] * 30
    assert run(Rule(margin=0.05, planned=30), losses).verdict == "fail"
    unknown = {"worst": [-1.0] * 30, "best": [0.0] * 30}
    assert run(Rule(margin=0.05, planned=30), [None] * 30, **unknown).verdict == "inconclusive"


def test_margin_zero_blocks_a_proven_drop_and_passes_only_an_improvement():
    assert run(Rule(margin=0, planned=200), [0] * 200).verdict == "inconclusive"
    better = run(Rule(margin=0, planned=200), [0, 0, 1, 0] * 50)
    assert better.verdict == "pass"
    assert better.reason.startswith("better, shown")
    worse = run(Rule(margin=0, planned=200, proven_drop="inconclusive"), [0, 0, -1, 0] * 50)
    assert worse.verdict == "fail"
    assert worse.reason.startswith("a drop is proven")
    late = run(Rule(margin=0, planned=40, split=1e-9), [0, 0, 0, -1] * 10)
    assert (late.verdict, late.reason) == ("fail", "a drop is proven")
    assert Rule(margin=0, planned=1).design_effect == 0.05


def test_improve_passes_above_the_gain_and_fails_only_a_drop():
    rule = Rule(margin=0.1, planned=300, improve=True)
    gained = run(rule, [1, 0, 1, 0] * 75)
    assert gained.verdict == "pass"
    assert gained.reason.startswith("better by more than 0.1")
    assert run(rule, [1] + [0] * 299).verdict == "inconclusive"
    assert run(rule, [0, -1] * 150).verdict == "fail"


def test_the_eval_set_is_never_inconclusive_when_whole():
    for losses, verdict in ((10, "pass"), (11, "fail")):
        ds = [-1] * losses + [0] * (200 - losses)
        rule = Rule(margin=0.05, planned=200, estimand="eval_set", alpha_pass=1e-12, alpha_block=1e-12)
        decision = run(rule, ds)
        assert decision.verdict == verdict
        assert ("not below" in decision.reason) == (verdict == "pass")
    assert run(Rule(margin=0.05, planned=200, estimand="eval_set"), [0] * 30).verdict == "inconclusive"


def test_the_eval_set_stops_when_the_rest_cannot_change_it():
    rule = Rule(margin=0.05, planned=100, estimand="eval_set", alpha_pass=1e-30, alpha_block=1e-30)
    passed = run(rule, [1] * 100)
    assert (passed.verdict, passed.n_used) == ("pass", 48)
    failed = run(rule, [-1] * 100)
    assert (failed.verdict, failed.n_used) == ("fail", 53)
    by_bets = Rule(margin=0.05, planned=100, estimand="eval_set")
    assert run(by_bets, [1] * 100).n_used < 48
    assert run(by_bets, [-1] * 100).n_used < 53


def test_missing_cases_leave_even_the_whole_eval_set_open():
    rule = Rule(margin=0.05, planned=4, estimand="eval_set")
    assert run(rule, [None] * 4, worst=[-1] * 4, best=[1] * 4).verdict == "inconclusive"


def test_equal_clusters_are_cases_at_another_scale():
    rng = np.random.default_rng(5)
    ds = rng.choice([-1, 0, 1], 120, p=[0.05, 0.92, 0.03]).tolist()
    plain, clustered = Sequential(Rule(margin=0.05, planned=120)), Sequential(Rule(margin=0.05, planned=120, largest=7))
    for d in ds:
        plain.update(d)
        clustered.update(d, size=7)
    a, b = plain.finish(), clustered.finish()
    assert a.verdict == b.verdict
    assert a.p_pass == pytest.approx(b.p_pass, abs=1e-12)
    assert plain.log_e_now == pytest.approx(clustered.log_e_now, abs=1e-9)


def test_unequal_clusters_follow_the_formula():
    sizes, means, margin = [1, 3, 5, 2, 5] * 12, [0.0, -0.4, 0.2, 0.0, -0.1] * 12, 0.05
    state = Sequential(Rule(margin=margin, planned=60, largest=5))
    passing, dropping = Betting("pass", 0, margin, -0.95, 1.05), Betting("fail", 0, margin)
    for size, mean in zip(sizes, means, strict=True):
        state.update(mean, size=size)
        passing.update(size / 5 * (mean + margin))
        dropping.update(size / 5 * mean)
    assert state.log_e_best.pass_ == pytest.approx(passing.best, abs=1e-9)
    assert state.log_e_best.drop == pytest.approx(dropping.best, abs=1e-9)
    zs = [s / 5 * (m + margin) for s, m in zip(sizes, means, strict=True)]
    assert state.finish().p_pass == pytest.approx(final_look(zs, 0, "pass", -0.95, 1.05), abs=1e-12)


def test_with_unequal_clusters_worse_than_the_margin_must_also_be_a_proven_drop():
    """A cluster of one case that drops by exactly the margin is nothing to "worse" and good news to "drop"."""
    bar = 16.0
    rule = Rule(margin=0.02, planned=200, largest=20, split=0.5, alpha_block=2 * math.exp(-bar))
    state = Sequential(rule)
    held_back = 0
    for i in range(100):
        state.update(*((-0.02,) if i % 3 == 1 else (-1.0,)), size=1 if i % 3 == 1 else 20)
        if state.verdict is not None:
            break
        held_back += state.log_e_best.fail >= rule.block_bar
    assert held_back > 0
    assert state.verdict == "fail"
    assert state.log_e_best.drop >= rule.block_bar


def test_a_drop_that_was_proven_before_the_budget_ran_out_is_said_and_not_decided():
    state = Sequential(Rule(margin=0.2, planned=200, proven_drop="inconclusive"))
    for _ in range(60):
        state.update(-0.19)
    decision = state.finish()
    assert decision.verdict == "inconclusive"
    assert decision.reason == "a drop is proven, whether it is within the margin is not; stopped after 60 of 200"
    assert decision.drop_proven


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"margin": -0.01}, "margin"),
        ({"margin": 1.0}, "margin"),
        ({"margin": math.nan}, "margin"),
        ({"margin": 1.0, "improve": True}, "margin"),
        ({"planned": 0}, "planned"),
        ({"alpha_pass": 0.0}, "alpha_pass"),
        ({"alpha_block": 1.0}, "alpha_block"),
        ({"split": -0.1}, "split"),
        ({"low": 0.0}, "hold 0"),
        ({"high": math.inf}, "finite"),
        ({"effect": 0.0}, "effect"),
        ({"largest": -1.0}, "largest"),
        ({"proven_drop": "warn"}, "proven_drop"),
        ({"estimand": "sample"}, "estimand"),
    ],
)
def test_a_bad_rule_is_refused(keywords, message):
    with pytest.raises(ValueError, match=message):
        Rule(**{"margin": 0.05, "planned": 10, **keywords})


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        ((1.5,), {}, "outside"),
        ((math.nan,), {}, "outside"),
        ((0.0, -2.0), {}, "outside"),
        ((math.nan, -1.0, 1.0), {}, "outside"),
        ((None,), {}, "missing"),
        ((None, -1.0), {}, "missing"),
        ((None, 0.5, -0.5), {}, "above"),
    ],
)
def test_a_bad_unit_is_refused(arguments, keywords, message):
    state = Sequential(Rule(margin=0.05, planned=10))
    with pytest.raises(ValueError, match=message):
        state.update(*arguments, **keywords)
    assert state.n_used == 0


@pytest.mark.parametrize("size", [0, 5.5, math.nan])
def test_a_bad_cluster_size_is_refused(size):
    with pytest.raises(ValueError, match="size"):
        Sequential(Rule(margin=0.05, planned=10, largest=5)).update(0.0, size=size)


def test_more_units_than_planned_are_refused():
    state = Sequential(Rule(margin=0.05, planned=1))
    state.update(0)
    with pytest.raises(ValueError, match="all 1 planned"):
        state.update(0)


def test_an_eval_set_that_is_cut_short_says_what_is_proven() -> None:
    state = Sequential(Rule(margin=0.4, planned=1000, estimand="eval_set"))
    for unit in range(60):
        state.update(-0.6 if unit % 2 else -0.2)
        if state.drop_proven:
            break
    end = state.finish()
    assert (end.verdict, end.drop_proven) == ("inconclusive", True)
    assert end.reason.startswith("a drop is proven, whether it is within the margin is not; stopped after")
    few = Sequential(Rule(margin=0.4, planned=1000, estimand="eval_set"))
    few.update(-0.2)
    assert few.finish().reason == "the data cannot tell; stopped after 1 of 1000"
