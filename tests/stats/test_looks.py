from __future__ import annotations

import math
import random

import pytest

from evalharness.stats.exact import exact_plan, plan_from_json
from evalharness.stats.exact_bars import solve
from evalharness.stats.exact_evidence import evidence
from evalharness.stats.exact_size import boundary, grid, size
from evalharness.stats.exact_survival import survival
from evalharness.stats.looks import exact_looks, look_shares
from evalharness.stats.rule import Rule
from evalharness.stats.sequential import Sequential

LOOKS = (60,)
PLANNED = 120


@pytest.fixture(scope="module")
def plan():
    return exact_plan(PLANNED, 0.05, looks=LOOKS)


def test_shares_grow_to_one():
    assert look_shares(1) == (1.0,)
    assert look_shares(2) == (0.8, 1.0)
    assert look_shares(3) == pytest.approx((0.8, 0.9, 1.0))
    with pytest.raises(ValueError, match="at least one look"):
        look_shares(0)


def test_every_look_of_every_question_is_certified(plan):
    for step in (*plan.earlier, plan):
        assert step.certified
        assert step.passing.bar == pytest.approx(math.log(20))


def test_the_size_over_both_looks_is_alpha_and_without_the_share_it_is_not(plan):
    def spent(looks, last):
        kept = survival(evidence(-0.05), math.log(20), PLANNED, [(p.planned, p.least_ups()) for p in looks])
        for wins, most in enumerate(last.limits):
            kept[wins, : most + 1] = 0.0
        return float(size(kept, boundary(-0.05, grid(0.05, 300))).max())

    assert spent([plan.earlier[0].passing], plan.passing) <= 0.05
    fresh = [solve("pass", n, 0.05, 0.05) for n in (60, PLANNED)]
    assert spent(fresh[:1], fresh[1]) > 0.054  # the attack: a new last bar each time


def test_the_state_follows_the_outcome_that_was_computed(plan):
    rng = random.Random(5)
    runs, passed, failed, paid = 3000, 0, 0, 0
    for _ in range(runs):
        state = plan.start()
        while state.n < PLANNED and state.verdict() is None:
            state.update(rng.choices((-1, 0, 1), (0.09, 0.88, 0.03))[0])
        passed += state.finish().verdict == "pass"
        failed += state.finish().verdict == "fail"
        paid += state.n
    expected = plan.outcome(0.12, -0.06)
    assert passed / runs == pytest.approx(expected.p_pass, abs=0.03)
    assert failed / runs == pytest.approx(expected.p_fail, abs=0.03)
    assert paid / runs == pytest.approx(expected.mean_cases, rel=0.02)


def _walked(plan, steps, **words):
    state = plan.start(**words)
    for step in steps:
        state.update(step)
    return state


def test_a_declared_look_can_end_the_run(plan):
    assert exact_plan(PLANNED, 0.05).start() is not None
    same = _walked(plan, [0] * 60)
    alone = _walked(exact_plan(PLANNED, 0.05), [0] * 60)
    least = plan.earlier[0].passing.limits[0]
    assert (same.verdict(), alone.verdict()) == (("pass" if least >= 0 else None), None)


def test_a_look_fails_what_is_worse_and_keeps_a_drop_that_may_be_small(plan):
    look = plan.earlier[0]
    worse = look.failing.limits[0]
    dropped = look.dropping.limits[0]
    assert dropped < worse
    # Losses last, so that the running bar is not crossed on the way.
    failed = _walked(plan, [0] * (60 - worse) + [-1] * worse)
    assert failed.finish() == ("fail", "worse_than_margin")
    small = [0] * (60 - dropped) + [-1] * dropped
    kept = _walked(plan, small)
    assert kept.verdict() is None
    assert kept.drop_proven
    assert _walked(plan, small, proven_drop="stop").finish() == ("fail", "drop_proven")
    assert kept.finish() == ("fail", "drop_proven")


def test_a_plan_with_looks_survives_json(plan):
    assert plan_from_json(plan.to_json()) == plan
    with pytest.raises(ValueError, match="list of plans"):
        plan_from_json({**plan.to_json(), "earlier": [1]})
    with pytest.raises(ValueError, match="list of plans"):
        plan_from_json({**plan.to_json(), "earlier": 3})


@pytest.mark.parametrize("looks", [(0,), (60, 60), (120,), (130,)])
def test_looks_that_do_not_grow_are_refused(looks):
    with pytest.raises(ValueError, match="growing"):
        exact_plan(PLANNED, 0.05, looks=looks)
    with pytest.raises(ValueError, match="growing"):
        Rule(margin=0.05, planned=PLANNED, looks=looks)


def test_where_the_last_look_cannot_be_certified_earlier_ones_claim_nothing(monkeypatch):
    from evalharness.stats import exact_bars

    monkeypatch.setattr(exact_bars, "certified", lambda *_: False)
    for question, none in (("pass", -1), ("drop", 31)):
        first, last = exact_looks(question, (30, 60), 0.05, 0.05)
        assert set(first.limits) == {none}
        assert first.rule == "running"
        assert (last.rule, last.certified) == ("running", True)  # one look, the running bar alone: Ville


def general(looks=(60,), **words):
    return Sequential(Rule(margin=0.05, planned=PLANNED, looks=looks, **words))


def test_the_general_path_shares_its_last_alpha_among_the_looks():
    rule = Rule(margin=0.05, planned=PLANNED, looks=(40, 80))
    levels = [rule.look_level(n) for n in (40, 80, PLANNED)]
    assert sum(levels) + rule.running_share == pytest.approx(1.0)
    assert rule.look_level(41) == 0.0
    assert rule.last_pass == pytest.approx(levels[2] * 0.05)


def test_the_general_path_passes_fails_and_keeps_a_drop_at_a_look():
    passing = general((110,))
    for _ in range(110):
        passing.update(0.0)
    assert passing.verdict == "pass"
    assert "shown after 110" in passing.finish().reason
    failing = general(split=0.01)
    for i in range(60):
        failing.update(-1.0 if i >= 48 else 0.0)
    assert failing.verdict == "fail"
    assert "worse than the margin" in failing.finish().reason
    small = [0.0] * 52 + [-1.0] * 8
    kept, stopped = general(split=0.01), general(split=0.01, proven_drop="stop")
    for d in small:
        kept.update(d)
        stopped.update(d)
    assert (kept.verdict, kept.drop_proven, stopped.verdict) == (None, True, "fail")
    assert "a drop is proven" in stopped.finish().reason
    strict = general(split=1.0)
    for d in small:
        strict.update(d)
    assert strict.verdict is None


def test_the_rates_of_the_general_path_with_two_looks_hold_at_the_margin():
    rng = random.Random(11)
    runs, passed = 400, 0
    for _ in range(runs):
        state = general((60, 90))
        for _ in range(PLANNED):
            state.update(rng.choices((-1.0, 0.0, 1.0), (0.1, 0.85, 0.05))[0])
        passed += state.finish().verdict == "pass"
    assert passed <= 38  # P(Bin(400, .05) >= 39) < 1e-4
