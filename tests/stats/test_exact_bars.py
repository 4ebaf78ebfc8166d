"""Survival, size, last bar and certificate: each against a slow and independent way to the same number."""

import math

import numpy as np
import pytest
from scipy.special import gammaln

from evalharness.stats import exact_bars
from evalharness.stats.exact_bars import certified, fewest_losses, most_losses, plain_region, solve
from evalharness.stats.exact_evidence import evidence, null_mean
from evalharness.stats.exact_size import boundary, grid, size, trinomials
from evalharness.stats.exact_survival import crossing, survival

LOG20 = math.log(20)


def test_crossing_is_the_first_count_that_reaches_the_bar():
    for null in (-0.2, 0.0, 0.2):
        bets, least = evidence(null), crossing(evidence(null), math.log(3), 25)
        for t in range(1, 26):
            for v in range(t + 1):
                slow = next((u for u in range(t - v + 1) if bets.log_e(u, v, t - u - v) >= math.log(3)), t - v + 1)
                assert least[t, v] == slow


def naive_size(kept, up, down):
    n = kept.shape[0] - 1
    u, v = np.indices(kept.shape)
    z = n - u - v
    real = z >= 0
    z = np.where(real, z, 0)
    logs = gammaln(n + 1) - gammaln(u + 1) - gammaln(v + 1) - gammaln(z + 1)
    with np.errstate(divide="ignore", invalid="ignore", under="ignore"):
        mass = np.exp(logs) * up**u * down**v * (1 - up - down) ** z
    return 1 - (kept * np.where(real, mass, 0)).sum()


@pytest.mark.parametrize("null", [-0.05, 0.0, 0.05])
def test_size_is_the_plain_sum_also_at_the_corners(null):
    alive = survival(evidence(null), LOG20, 60)
    psis = grid(null, 40)
    fast = size(alive, boundary(null, psis))
    slow = [naive_size(alive, (psi + null) / 2, (psi - null) / 2) for psi in psis]
    assert fast == pytest.approx(slow, abs=1e-11)
    assert psis[0] == pytest.approx(abs(null) or 1e-4)
    assert psis[-1] == pytest.approx(1.0)


def test_certificate_intervals_bound_every_null_inside():
    alive = survival(evidence(-0.05), LOG20, 60)
    low, high = 0.10, 0.14
    bound = size(alive, trinomials(np.array([(high - 0.05) / 2]), np.array([(low + 0.05) / 2])))[0]
    assert size(alive, boundary(-0.05, np.linspace(low, high, 50))).max() <= bound


def test_the_staircase_of_the_specification():
    plan = solve("pass", 200, 0.05, 0.05)
    assert plan.limits[:12] == (4, 5, 6, 6, 7, 8, 8, 9, 10, 10, 11, 12)
    assert plan.rule == "staircase"
    assert plan.certified


def test_the_staircase_goes_on_where_the_plain_bar_has_used_the_slack_up(monkeypatch):
    """70 cases: at one discordance nothing is left for a state that weighs something there; the others have room."""
    plan = solve("pass", 70, 0.05, 0.05)
    plain = solve("pass", 70, 0.05, 0.05, staircase=False)
    assert plan.certified
    assert all(most >= before for most, before in zip(plan.limits, plain.limits, strict=True))
    assert sum(plan.limits) > sum(plain.limits)
    monkeypatch.setattr(exact_bars, "_WEIGHTLESS", -1.0)
    assert solve("pass", 70, 0.05, 0.05).limits == plain.limits


@pytest.mark.parametrize(("question", "alpha"), [("pass", 0.05), ("fail", 0.025), ("drop", 0.05)])
def test_the_plain_bar_is_the_lowest_that_fits(question, alpha):
    """One more state would break the budget; and a lower bar fails the certificate (negative control)."""
    planned, null = 60, null_mean(question, 0.05)
    plan = solve(question, planned, 0.05, alpha, staircase=False)
    alive = survival(evidence(null), plan.bar, planned)
    scores = np.full((planned + 1, planned + 1), -np.inf)
    for u in range(planned + 1):
        for v in range(planned + 1 - u):
            scores[u, v] = evidence(null).log_e(u, v, planned - u - v)
    nulls = boundary(null, grid(null, 300))
    at = size(np.where(scores >= plan.last_bar - 1e-12, 0.0, alive), nulls).max()
    below = scores[scores < plan.last_bar - 1e-12].max()
    assert at <= alpha - 1e-4 < size(np.where(scores >= below, 0.0, alive), nulls).max()
    assert certified(evidence(null), np.where(scores >= plan.last_bar - 1e-12, 0.0, alive), alpha)
    lowered = np.where(scores >= math.log(2), 0.0, alive)
    assert size(lowered, nulls).max() > alpha
    assert not certified(evidence(null), lowered, alpha)


def test_a_full_second_test_at_the_end_is_not_certified():
    """Negative control: watching at 5 % and then testing the last case at 5 % again spends twice."""
    planned, bets = 100, evidence(-0.05)
    alone, _ = plain_region(
        bets, np.tri(planned + 1)[::-1].copy(), _scores(bets, planned), alpha=0.05, discordances=grid(-0.05, 300)
    )
    alive = survival(bets, LOG20, planned)
    both = np.where(_scores(bets, planned) >= alone, 0.0, alive)
    assert size(both, boundary(-0.05, grid(-0.05, 300))).max() > 0.05
    assert not certified(bets, both, 0.05)


def _scores(bets, planned):
    return np.array(
        [
            [bets.log_e(u, v, planned - u - v) if u + v <= planned else -np.inf for v in range(planned + 1)]
            for u in range(planned + 1)
        ]
    )


def test_without_a_certificate_nothing_is_given_back(monkeypatch):
    monkeypatch.setattr(exact_bars, "_MOST_EVALUATIONS", 0)
    plan = solve("pass", 30, 0.05, 0.05)
    assert plan.rule == "running"
    assert plan.last_bar == plan.bar
    assert plan.certified
    bets = evidence(-0.05)
    for wins in range(31):
        for losses in range(31 - wins):
            crosses = bets.log_e(wins, losses, 30 - wins - losses) >= LOG20
            assert plan.holds(wins, losses) == crosses


@pytest.mark.parametrize(("planned", "alpha"), [(1, 0.05), (1, 0.5), (2, 0.5), (3, 0.05)])
def test_tiny_plans_are_plans_too(planned, alpha):
    for question in ("pass", "fail", "drop"):
        plan = solve(question, planned, 0.05, alpha)
        assert plan.certified
        assert len(plan.limits) == planned + 1
    if planned < 3:
        assert solve("pass", planned, 0.05, 0.05).limits == (-1,) * (planned + 1)


def test_no_bar_lies_below_an_e_value_of_one():
    plan = solve("pass", 1, 0.05, 0.5)
    assert plan.limits == (-1, 0)
    assert plan.last_bar > 0


def test_limits_are_read_off_regions():
    region = np.array([[True, True, False], [True, False, False], [False, False, False]])
    assert most_losses(region) == (1, 0, -1)
    assert fewest_losses(region) == (0, 0, 3)


def test_where_the_grid_misses_a_peak_a_finer_grid_is_certified():
    """Near discordance 1 the size of this plain bar exceeds alpha between two grid points: the certificate sees it."""
    planned, margin, alpha = 150, 0.02, 0.0125
    bets = evidence(margin)
    alive = survival(bets, math.log(1 / alpha), planned)
    last_bar, region = plain_region(bets, alive, _scores(bets, planned), alpha=alpha, discordances=grid(margin, 300))
    kept = np.where(region, 0.0, alive)
    assert size(kept, boundary(margin, grid(margin, 300))).max() <= alpha
    assert size(kept, boundary(margin, np.linspace(0.99, 1.0, 500))).max() > alpha
    assert not certified(bets, kept, alpha)
    plan = solve("fail", planned, margin, alpha)
    assert plan.rule == "plain"
    assert last_bar < plan.last_bar < last_bar + 0.1
