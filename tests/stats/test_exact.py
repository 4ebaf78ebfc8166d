"""Plan and state of the exact path: every path of short plans, missing cases, the freeze, caches and refusals."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.exact import ExactEnd, LogEs, exact_log_e, exact_plan, plan_from_json
from evalharness.stats.exact_question import QuestionPlan, from_text, shipped

steps = st.lists(st.sampled_from((-1, 0, 1)), min_size=1, max_size=60)
LOOSE = {"alpha_pass": 0.3, "alpha_block": 0.2}


def run(plan, differences, **how):
    state = plan.start(**how)
    for d in differences:
        state.update(d)
    return state


@pytest.mark.parametrize(("change", "discordance"), [(0.0, 0.6), (-0.3, 0.5), (0.2, 0.9), (-0.8, 0.1)])
def test_outcome_is_the_sum_over_all_paths(change, discordance):
    """3^8 paths through the state, weighed one by one, give what ``outcome`` computes from counts."""
    plan = exact_plan(8, 0.3, **LOOSE)
    psi = max(discordance, abs(change))
    chance = {1: (psi + change) / 2, -1: (psi - change) / 2, 0: 1 - psi}
    sums = {"pass": 0.0, "fail": 0.0, "inconclusive": 0.0, "paid": 0.0}
    for path in product((1, 0, -1), repeat=8):
        weight = math.prod(chance[d] for d in path)
        state = run(plan, path)
        sums[state.finish().verdict] += weight
        sums["paid"] += weight * state.n
    assert plan.outcome(discordance, change) == pytest.approx(tuple(sums.values()), abs=1e-12)
    assert min(sums["pass"], sums["fail"]) > 0 or change == -0.8


@pytest.mark.parametrize(("discordance", "change"), [(-0.1, 0), (1.1, 0), (0.1, -1.1), (0.1, 1.5)])
def test_impossible_truths_are_refused(discordance, change):
    with pytest.raises(ValueError, match="discordance must be"):
        exact_plan(8, 0.3, **LOOSE).outcome(discordance, change)


@given(steps, st.floats(0.01, 0.5))
def test_the_state_is_the_running_rule(differences, margin):
    """Step 2 of the specification, written out on the counts of every prefix."""
    plan = exact_plan(60, 0.05) if margin < 0.1 else exact_plan(60, 0.1)
    margin = plan.margin
    verdict, stop, drop = None, len(differences), False
    for t in range(1, len(differences) + 1):
        w, losses = differences[:t].count(1), differences[:t].count(-1)
        drop = drop or exact_log_e("drop", margin, w, losses, t) >= math.log(40)
        if exact_log_e("fail", margin, w, losses, t) >= math.log(40):
            verdict, stop = "fail", t
            break
        if exact_log_e("pass", margin, w, losses, t) >= math.log(20):
            verdict, stop = "pass", t
            break
    state = run(plan, differences)
    assert (state.verdict(), state.n, state.drop_proven) == (verdict, stop, drop)
    w, losses = differences[:stop].count(1), differences[:stop].count(-1)
    assert (state.wins, state.losses, state.block_wins, state.block_losses) == (w, losses, w, losses)
    assert state.now == tuple(exact_log_e(name, margin, w, losses, stop) for name in ("pass", "fail", "drop"))
    assert all(best >= max(0.0, now) for best, now in zip(state.best, state.now, strict=True))


def test_the_last_look_counts_only_when_all_planned_cases_are_in():
    # All ties pass from 59 planned cases on, by the refund alone; while running it takes 107.
    assert run(exact_plan(59, 0.05), [0] * 58).finish() == ExactEnd("inconclusive", "undecided")
    last = run(exact_plan(59, 0.05), [0] * 59)
    assert last.verdict() is None
    assert last.finish() == ExactEnd("pass", "not_worse")
    assert run(exact_plan(58, 0.05), [0] * 58).finish() == ExactEnd("inconclusive", "undecided")
    early = run(exact_plan(200, 0.05), [0] * 200)
    assert (early.verdict(), early.n, early.finish()) == ("pass", 107, ExactEnd("pass", "not_worse"))
    # One loss, no win: passes at the planned last case, two do not.
    assert run(exact_plan(100, 0.05), [-1] + [0] * 99).finish() == ExactEnd("pass", "not_worse")
    assert run(exact_plan(100, 0.05), [-1, -1] + [0] * 98).finish() == ExactEnd("inconclusive", "undecided")


def test_a_drop_at_the_last_look():
    plan = exact_plan(100, 0.05)
    least = plan.drop_min_losses[0]
    path = [0] * (100 - least) + [-1] * least
    assert run(plan, path).finish() == ExactEnd("fail", "drop_proven")
    assert run(plan, path, proven_drop="inconclusive").finish() == ExactEnd("inconclusive", "drop_proven")
    assert run(plan, path, proven_drop="stop").finish() == ExactEnd("fail", "drop_proven")
    assert not run(plan, path).drop_proven
    assert run(plan, path[1:]).finish() == ExactEnd("inconclusive", "undecided")


def test_a_pass_at_the_last_look_wins_over_a_drop_within_the_margin():
    plan = exact_plan(500, 0.05)
    losses = plan.drop_min_losses[0]
    assert losses <= plan.pass_max_losses[0]
    # Losses late enough for no early PASS, spread enough for no early drop.
    path = ([-1] + [0] * 32) * 15 + [0] * 5
    assert losses <= path.count(-1) <= plan.pass_max_losses[0]
    assert run(plan, path).finish() == ExactEnd("pass", "not_worse")
    assert run(plan, path, proven_drop="inconclusive").finish() == ExactEnd("pass", "not_worse")
    assert run(plan, path, proven_drop="stop").finish() == ExactEnd("fail", "drop_proven")


def test_a_drop_noted_while_running_is_remembered():
    plan = exact_plan(100, 0.05)
    few = [-1] * 9
    state = run(plan, few)
    assert state.drop_proven
    assert state.verdict() is None
    assert state.finish() == ExactEnd("fail", "drop_proven")
    assert run(plan, few + [0] * 91).finish().verdict == "fail"
    assert run(plan, few, proven_drop="inconclusive").finish() == ExactEnd("inconclusive", "drop_proven")
    stopped = run(plan, [*few, 1, 1], proven_drop="stop")
    assert (stopped.verdict(), stopped.n) == ("fail", 9)
    assert stopped.finish() == ExactEnd("fail", "drop_proven")


def test_worse_than_the_margin_early_and_at_the_last_look():
    plan = exact_plan(100, 0.05)
    early = run(plan, [-1] * 20)
    assert early.n < 20
    assert early.finish() == ExactEnd("fail", "worse_than_margin")
    losses = plan.fail_min_losses[0]
    spread = [d for i in range(100) for d in ([-1] if i * losses // 100 != (i + 1) * losses // 100 else [0])]
    late = run(plan, spread)
    assert (late.verdict(), late.n, spread.count(-1)) == (None, 100, losses)
    assert late.finish() == ExactEnd("fail", "worse_than_margin")
    assert run(plan, spread, proven_drop="inconclusive").finish() == ExactEnd("fail", "worse_than_margin")
    assert run(plan, spread, proven_drop="stop").finish().verdict == "fail"


def test_a_decided_state_is_frozen():
    """A later case neither undoes a verdict nor moves the e-value that is merged over metrics (attacks B2, B14)."""
    state = run(exact_plan(200, 0.05), [0] * 107)
    frozen = (state.n, state.now, state.best)
    for _ in range(200):
        state.update(-1)
    assert (state.n, state.now, state.best) == frozen
    assert state.finish().verdict == "pass"


@given(steps, st.sets(st.integers(0, 59)))
def test_a_lost_answer_can_neither_help_a_pass_nor_cause_a_fail(differences, lost):
    """Bounds in place of the truth: PASS sees at most the true evidence, FAIL and drop as well (attack B12)."""
    plan = exact_plan(60, 0.1)
    hidden, true = plan.start(), plan.start()
    for index, d in enumerate(differences):
        hidden.update(min(d, 0) if index in lost else d, max(d, 0) if index in lost else None)
        true.update(d)
        if hidden.verdict() is None and true.verdict() is None:
            assert all(a <= b for a, b in zip(hidden.now, true.now, strict=True))
    if hidden.verdict() is not None:
        assert true.verdict() is not None
        assert true.n <= hidden.n
    if hidden.finish().verdict == "pass" and true.verdict() is None:
        assert true.finish().verdict == "pass" or true.finish().reason != "undecided"


def test_refusals():
    plan = exact_plan(20, 0.05)
    for bad in (0.5, math.nan, 2):
        with pytest.raises(ValueError, match="-1, 0 or 1"):
            plan.start().update(bad)
        with pytest.raises(ValueError, match="-1, 0 or 1"):
            plan.start().update(0, bad)
    full = run(plan, [0] * 20)
    with pytest.raises(ValueError, match="all 20 planned cases are in"):
        full.update(0)
    with pytest.raises(ValueError, match="proven_drop"):
        plan.start(proven_drop="maybe")
    for planned in (0, 2001):
        with pytest.raises(ValueError, match="planned must be"):
            exact_plan(planned, 0.05)
    for margin in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="margin must be"):
            exact_plan(50, margin)
    for alpha in (0.0, 0.6, math.nan):
        with pytest.raises(ValueError, match="alpha_pass and alpha_block"):
            exact_plan(50, 0.05, alpha_pass=alpha)
        with pytest.raises(ValueError, match="alpha_pass and alpha_block"):
            exact_plan(50, 0.05, alpha_block=alpha)


def test_a_fresh_state_knows_nothing():
    state = exact_plan(20, 0.05).start()
    assert state.now == state.best == LogEs(0.0, 0.0, 0.0)
    assert state.finish() == ExactEnd("inconclusive", "undecided")


def test_the_contract_s_words():
    plan = exact_plan(200, 0.05)
    assert plan.certified
    assert plan.pass_certified
    assert plan.fail_certified
    assert plan.drop_certified
    for part in ("passing", "failing", "dropping"):
        doubted = replace(plan, **{part: replace(getattr(plan, part), certified=False)})
        assert not doubted.certified
        assert [doubted.pass_certified, doubted.fail_certified, doubted.drop_certified].count(False) == 1
    assert 0 < plan.pass_last_bar < math.log(20)
    assert 0 < plan.fail_last_bar < math.log(40)
    assert 0 < plan.drop_last_bar < math.log(40)
    assert len(plan.pass_max_losses) == len(plan.fail_min_losses) == len(plan.drop_min_losses) == 201
    assert plan.question("fail").limits == plan.fail_min_losses
    assert plan.ceiling(0.10) == pytest.approx(0.699, abs=5e-4)


@pytest.mark.parametrize("plan", [exact_plan(200, 0.05), exact_plan(7, 0.9, **LOOSE)], ids=["shipped", "computed"])
def test_a_plan_survives_a_cache(plan):
    assert plan_from_json(json.loads(json.dumps(plan.to_json()))) == plan


def damaged():
    good = exact_plan(20, 0.05).to_json()
    part = good["pass"]
    yield {**good, "schema": "evalh.exact_plan/0"}, "schema"
    yield {**good, "planned": 20.0}, "schema"
    yield {**good, "planned": True}, "schema"
    yield {**good, "planned": 21}, "21 planned cases, expected 22"
    yield {**good, "margin": "0.05"}, "margin"
    yield {**good, "alpha_block": None}, "alpha"
    yield {**good, "pass": [part]}, "the plan of pass must be an object, got list"
    yield {**good, "pass": {**part, "rule": "free"}}, "rule 'free'"
    yield {**good, "pass": {**part, "last_bar": 5.0}}, "last bar"
    yield {**good, "pass": {**part, "last_bar": "1"}}, "last_bar"
    yield {**good, "pass": {**part, "limits": 3}}, "limits"
    yield {**good, "pass": {**part, "limits": [0.5] * 21}}, "limits"


@pytest.mark.parametrize(("data", "message"), list(damaged()))
def test_a_damaged_cache_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        plan_from_json(data)


def test_a_plan_survives_its_line_of_text():
    for planned, margin in ((1, 0.05), (5, 0.05), (20, 0.05), (200, 0.05), (60, 0.3)):
        plan = exact_plan(planned, margin)
        for name in ("pass", "fail", "drop"):
            part = plan.question(name)
            alpha = 0.05 if name == "pass" else 0.025
            assert from_text(part.to_text(), question=name, planned=planned, alpha=alpha) == part


def test_a_step_that_the_text_cannot_hold_is_said():
    part = QuestionPlan(
        question="fail", planned=30, bar=3.0, last_bar=1.0, rule="plain", certified=True, limits=(1, 20, *[31] * 29)
    )
    with pytest.raises(ValueError, match="a step of 19"):
        part.to_text()


def test_unshipped_plans_are_computed():
    assert shipped("pass", 23, 0.05, 0.05) is None
    assert exact_plan(23, 0.05).certified


@pytest.mark.usefixtures("uncovered")
def test_a_shipped_plan_needs_neither_numpy_nor_json():
    """A replayed gate of 200 cases must not pay for NumPy's start-up."""
    code = (
        "import sys\n"
        "from evalharness.stats.exact import exact_plan\n"
        "from evalharness.stats.exact_interval import exact_interval\n"
        "plan = exact_plan(200, 0.05)\n"
        "state = plan.start()\n"
        "[state.update(d) for d in [0, 1, -1, 0] * 50]\n"
        "print(state.finish(), exact_interval(plan, [0, 1, -1, 0] * 50, state.finish()))\n"
        "assert 'numpy' not in sys.modules and 'json' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
