"""Attacks on the exact path (gate-exact.md section 4), enumerated: each number, and the defence that holds.

A second, plain implementation of the survival recursion (dense, with looks) checks the shipped one on the way.
"""

import dataclasses
import math

import numpy as np
import pytest

from evalharness.stats.exact import exact_plan
from evalharness.stats.exact_bars import solve
from evalharness.stats.exact_evidence import evidence, exact_log_e
from evalharness.stats.exact_size import boundary, size
from evalharness.stats.exact_survival import survival
from evalharness.stats.tries import any_pass_bound, spent_alpha

MARGIN = 0.05
PSIS = np.concatenate((MARGIN + np.geomspace(1e-3, 0.95, 120), [0.1, 0.2]))


def not_passed(planned, looks=(), margin=MARGIN, bar=20.0):
    """P(PASS never declared | wins, losses): bar 20 after every case, and the last bars of the given plans."""
    bets = evidence(-margin)
    limits = {plan.planned: np.array(plan.pass_max_losses) for plan in looks}
    wins, losses = np.indices((planned + 1, planned + 1), dtype=float)
    kept = np.zeros((planned + 1, planned + 1))
    kept[0, 0] = 1.0
    (p0, u0, d0, t0), *others = bets.rows
    for t in range(1, planned + 1):
        n = t + 1
        w, x = wins[:n, :n], losses[:n, :n]
        z = np.maximum(t - w - x, 0)
        fresh = z * kept[:n, :n]
        fresh[1:] += w[1:] * kept[: n - 1, :n]
        fresh[:, 1:] += x[:, 1:] * kept[:n, : n - 1]
        fresh /= t
        capital = np.exp(p0 + w * u0 + x * d0 + z * t0)
        for p, u, d, tie in others:
            capital += np.exp(p + w * u + x * d + z * tie)
        fresh[capital >= bar] = 0.0
        if t in limits:
            fresh[x <= limits[t][:n, None]] = 0.0
        fresh[w + x > t] = 0.0
        kept[:n, :n] = fresh
    return kept


def worst(kept):
    return float(size(kept, boundary(-MARGIN, PSIS)).max())


def test_the_two_recursions_agree():
    """The shipped one gives up states that no null reaches: never above the dense one, and the same size."""
    dense, fast = not_passed(80), survival(evidence(-MARGIN), math.log(20), 80)
    assert (fast <= dense + 1e-12).all()
    assert size(fast, boundary(-MARGIN, PSIS)) == pytest.approx(size(dense, boundary(-MARGIN, PSIS)), abs=1e-11)
    plan = exact_plan(80, MARGIN)
    assert worst(not_passed(80, [plan])) <= 0.05


def test_b3_drawing_new_orders_until_one_passes():
    """Fixed answers exactly at the margin: one seed hardly ever passes early, the best of 200 seeds often does."""
    kept = not_passed(200)
    rates = np.array([1 - kept[w, w + 10] for w in range(5, 41)])
    assert rates.max() <= 0.02
    assert (1 - (1 - rates) ** 200).max() > 0.29
    assert (1 - (1 - rates) ** 200).min() > 0.05


def test_b6_commits_pushed_until_one_passes():
    at_margin = exact_plan(200, MARGIN, alpha_block=0.05).outcome(0.10, -MARGIN).p_pass
    for tries, percent in ((2, 9), (5, 21), (10, 38), (20, 62)):
        chance = 1 - (1 - at_margin) ** tries
        assert 100 * chance == pytest.approx(percent, abs=0.6)
        assert chance <= any_pass_bound(tries)
    assert any_pass_bound(4) == pytest.approx(0.20)


def test_b6_spending_alpha_over_tries():
    """PASS when unchanged, N = 200, 10 %, plain bars: 51 % at the first try, 36 at the second, 27 at the third."""
    for number, percent in ((1, 51), (2, 36), (3, 27)):
        plan = plain(exact_plan(200, MARGIN, alpha_pass=spent_alpha(number)))
        assert 100 * plan.outcome(0.10).p_pass == pytest.approx(percent, abs=0.6)


def test_b8_choosing_the_planned_number_after_looking():
    """Claiming whichever of N = 50, 100, 150, 200 happens to pass: 8.9 % with plain bars, 10.9 % with staircases."""
    plans = [exact_plan(planned, MARGIN) for planned in (50, 100, 150, 200)]
    assert 100 * worst(not_passed(200, [plain(plan) for plan in plans])) == pytest.approx(8.9, abs=0.05)
    assert 100 * worst(not_passed(200, plans)) == pytest.approx(10.9, abs=0.05)
    for plan in plans:
        assert worst(not_passed(plan.planned, [plan])) <= 0.05


def plain(plan):
    """The same plan without the staircase."""
    passing = solve("pass", plan.planned, plan.margin, plan.alpha_pass, staircase=False)
    return dataclasses.replace(plan, passing=passing)


def test_b8_the_state_knows_one_planned_number_only():
    """The defence: before its own planned last case a state passes by the running bar alone."""
    short, long = exact_plan(100, MARGIN), exact_plan(200, MARGIN)
    path = [0] * 99 + [-1]
    here, there = short.start(), long.start()
    for d in path:
        here.update(d)
        there.update(d)
    assert here.finish().verdict == "pass"
    assert there.finish().verdict == "inconclusive"


@pytest.mark.slow
def test_b9_more_cases_after_inconclusive_with_a_new_last_bar_each():
    """200, then 400, then 800, none declared: 8.4 % instead of 5 %."""
    plans = [exact_plan(planned, MARGIN) for planned in (200, 400, 800)]
    assert 100 * worst(not_passed(800, plans)) == pytest.approx(8.4, abs=0.15)


def test_b9_already_two_undeclared_looks_break_the_rate_and_the_running_bar_alone_never_does():
    plans = [exact_plan(planned, MARGIN) for planned in (60, 120)]
    assert worst(not_passed(120, plans)) > 0.055
    assert worst(not_passed(300)) <= 0.05


def test_b13_a_budget_that_cuts_just_in_time_gains_nothing():
    """The worst moment to stop is the moment of crossing, and that chance is what the running bar bounds."""
    kept = not_passed(200)
    spent = size(kept, boundary(-MARGIN, PSIS))
    assert spent.max() == pytest.approx(0.036, abs=5e-4)
    assert size(kept, boundary(-MARGIN, np.array([0.10])))[0] == pytest.approx(0.016, abs=1e-3)


@pytest.fixture(scope="module")
def passed():
    """P(PASS | wins, losses) over random orders of 200 cases."""
    return 1 - not_passed(200, [exact_plan(200, MARGIN)])


def test_b19_a_fixed_eval_set_with_fixed_answers(passed):
    """All orders of fixed differences with mean exactly -margin."""
    assert max(passed[w, w + 10] for w in range(96)) == pytest.approx(0.0187, abs=1e-4)


def test_b19_a_fixed_eval_set_against_a_stored_baseline(passed):
    """Candidate noisy, baseline as stored: only cases that it failed can win, only those that it passed can lose."""
    rates = []
    for failed in range(0, 151, 10):
        for held in range(10, 201 - failed, 10):
            for win in (0.0, 0.05, 0.1, 0.3, 0.5, 0.9, 1.0):
                loss = (10 + failed * win) / held
                if loss <= 1:
                    rates.append(float(binomial(failed, win) @ passed[: failed + 1, : held + 1] @ binomial(held, loss)))
    assert len(rates) > 500
    assert 0.04 < max(rates) <= 0.05


def test_b19_a_fixed_eval_set_with_both_arms_noisy(passed):
    """Runs are independent given the case: P(win) = c (1 - b), P(loss) = (1 - c) b, beside cases lost for sure."""
    rates = []
    for lost in range(0, 11, 2):
        for noisy in range(10, 201 - lost, 10):
            for before in (0.1, 0.3, 0.5, 0.7, 0.9):
                after = before - (10 - lost) / noisy
                if after >= 0:
                    rates.append(noisy_rate(passed, lost, noisy, (after * (1 - before), (1 - after) * before)))
    assert len(rates) > 200
    assert 0.045 < max(rates) <= 0.05


def test_b19_where_the_claim_ends(passed):
    """58 cases that always differ, with a random sign: no two independent runs do that, and 5 % would not hold."""
    always = (1 - 10 / 58) / 2
    assert noisy_rate(passed, 0, 58, (always, 1 - always)) == pytest.approx(0.0556, abs=1e-4)


def binomial(n, chance):
    k = np.arange(n + 1)
    logs = np.array([math.lgamma(i + 1) for i in range(n + 1)])
    with np.errstate(divide="ignore"):
        return np.exp(logs[n] - logs - logs[::-1]) * float(chance) ** k * (1.0 - chance) ** (n - k)


def noisy_rate(passed, surely_lost, noisy, chances):
    up, down = chances
    u, v = np.indices((noisy + 1, noisy + 1))
    z = np.maximum(noisy - u - v, 0)
    logs = np.array([math.lgamma(k + 1) for k in range(noisy + 1)])
    up, down, tie = (max(chance, 1e-300) for chance in (up, down, 1 - up - down))
    mass = np.exp(logs[noisy] - logs[u] - logs[v] - logs[z] + u * np.log(up) + v * np.log(down) + z * np.log(tie))
    mass[u + v > noisy] = 0.0
    assert mass.sum() == pytest.approx(1.0)
    return float((mass * passed[: noisy + 1, surely_lost : surely_lost + noisy + 1]).sum())


def test_b20_merging_every_inconclusive_by_hand():
    """What is missed then is PASS and INCONCLUSIVE together: 5 + 24 % at the margin, N = 200."""
    result = exact_plan(200, MARGIN, alpha_block=0.05).outcome(0.10, -MARGIN)
    assert (round(100 * result.p_pass), round(100 * result.p_inconclusive)) == (5, 24)
    assert result.p_pass + result.p_inconclusive > 0.25


def test_fixed_bets_cannot_see_the_present_case():
    """Negative control: a bet that picks its side after seeing the case has a mean factor above 1."""
    honest = sum(p * math.exp(exact_log_e("drop", MARGIN, *step, 1)) for p, step in half_and_half())
    seeing = sum(
        p * max(math.exp(exact_log_e("drop", MARGIN, *step, 1)), math.exp(exact_log_e("drop", MARGIN, *step[::-1], 1)))
        for p, step in half_and_half()
    )
    assert honest == pytest.approx(1.0, abs=1e-12)
    assert seeing > 1.05


def half_and_half():
    return ((0.1, (1, 0)), (0.1, (0, 1)), (0.8, (0, 0)))
