"""The promised error rates, simulated at the margin; and controls that must fail the very same test.

A test fails when so many errors have a chance below one in a million at the promised rate, so a right gate fails one
build in a million and a true rate of 8 % instead of 5 % is caught almost surely (5,000 runs).
"""

import math
import zlib
from functools import cache

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import t as student

from evalharness.stats.last_look import final_look_counts
from evalharness.stats.rule import Rule
from evalharness.stats.sequential import Sequential

from .many_runs import FAMILIES, decide_many, log_capital, paired_binary, too_many

MARGIN = 0.05


def rng_for(*words):
    return np.random.default_rng(zlib.crc32(repr(words).encode()))


def engine(row, split, planned, worst=None, best=None, **keywords):
    state = Sequential(Rule(margin=MARGIN, planned=planned, split=split, **keywords))
    for i, d in enumerate(row):
        state.update(d, None if worst is None else worst[i], None if best is None else best[i])
    return state.finish()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_arrays_equal_the_engine(family):
    """The simulations below speak about the shipped rule only because of this."""
    x = FAMILIES[family](rng_for("equal", family), 12, 150, -0.03)
    for split in (0.25, 0.5):
        many = decide_many(x, MARGIN, split=split)
        for row, verdict, paid in zip(x, many.verdict, many.paid, strict=True):
            one = engine(row.tolist(), split, 150)
            assert (one.verdict, one.n_used) == (verdict, paid)


def check_rates(family, n, runs):
    split = 0.25 if n <= 300 else 0.5
    at_margin = FAMILIES[family](rng_for(family, n, "margin"), runs, n, -MARGIN)
    assert abs(at_margin.mean() + MARGIN) < 0.01
    # "Worse than the margin" must be rare here; "a drop is proven" is true here, so it is left out.
    outcomes = decide_many(at_margin, MARGIN, split=split, drop_fails=False)
    assert not too_many(outcomes.count("pass"), runs, 0.05)
    assert not too_many(outcomes.count("fail"), runs, 0.025)
    unchanged = FAMILIES[family](rng_for(family, n, "unchanged"), runs, n, 0.0)
    assert not too_many(decide_many(unchanged, MARGIN, split=split).count("fail"), runs, 0.025)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_promised_rates(family):
    check_rates(family, 100, 600)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n", [20, 50, 100, 200, 500])
def test_the_promised_rates_at_length(family, n):
    check_rates(family, n, 5000)


def test_betting_alone_at_its_worst_moment():
    """Stopping where the evidence is best, the adversary's choice: the running bar holds by itself."""
    runs = 2000
    for theta, null, side in ((-MARGIN, -MARGIN, "pass"), (-MARGIN, -MARGIN, "fail"), (0.0, 0.0, "fail")):
        x = paired_binary(rng_for("worst moment", theta, side), runs, 300, theta)
        best = log_capital(x, null, MARGIN, side).max(axis=1)
        assert not too_many(int((best >= math.log(20)).sum()), runs, 0.05)


def test_a_bet_that_sees_the_present_case_fails_the_same_test():
    runs = 1000
    x = paired_binary(rng_for("sees"), runs, 300, -MARGIN)
    best = log_capital(x, -MARGIN, MARGIN, "pass", sees_present=True).max(axis=1)
    assert too_many(int((best >= math.log(20)).sum()), runs, 0.05)


def test_a_budget_that_depends_on_the_data():
    """The run is cut just before each loss would have come in: the prefix that flatters most."""
    runs, n = 1000, 200
    x = paired_binary(rng_for("budget"), runs, n, -MARGIN)
    crossed = log_capital(x, -MARGIN, MARGIN, "pass") >= -math.log(0.25 * 0.05)
    before_loss = np.roll(x, -1, axis=1) < 0
    assert not too_many(int((crossed & before_loss).any(axis=1).sum()), runs, 0.05)


def test_a_last_look_at_a_budget_that_depends_on_the_data_fails_the_same_test():
    """The sharp test of a planned end, at full alpha, wherever it suits: why a cut run has no last look."""
    runs, n = 1000, 200
    x = paired_binary(rng_for("budget"), runs, n, -MARGIN)
    before_loss = np.roll(x, -1, axis=1) < 0
    wins, losses = np.cumsum(x > 0, axis=1), np.cumsum(x < 0, axis=1)

    @cache
    def proven(won, lost, cases):
        counts = {value: c for value, c in ((1.0, won), (-1.0, lost), (0.0, cases - won - lost)) if c}
        return final_look_counts(counts, -MARGIN, "pass", low=-1.0, high=1.0) <= 0.05

    passed = sum(
        any(proven(int(wins[run, cut]), int(losses[run, cut]), int(cut) + 1) for cut in np.flatnonzero(cuts))
        for run, cuts in enumerate(before_loss)
    )
    assert too_many(passed, runs, 0.05)


def test_a_t_test_that_peeks_fails_the_same_test():
    runs, n = 1000, 200
    x = paired_binary(rng_for("peeked"), runs, n, -MARGIN)
    passed = np.zeros(runs, bool)
    for look in range(10, n + 1, 10):
        part = x[:, :look]
        error = np.maximum(part.std(axis=1, ddof=1), 1e-9) / math.sqrt(look)
        passed |= (part.mean(axis=1) + MARGIN) / error > student.ppf(0.95, look - 1)
    assert too_many(int(passed.sum()), runs, 0.05)


def hidden_losses(rng, runs, n):
    """A drop of 10 points whose losses hide behind infrastructure errors, six times in ten."""
    x = paired_binary(rng, runs, n, -0.10, 0.14)
    return x, (x < 0) & (rng.random(x.shape) < 0.6)


def test_missing_cases_at_their_bounds_cannot_pass_a_drop():
    runs, n = 600, 200
    x, missing = hidden_losses(rng_for("missing"), runs, n)
    worst, best = np.where(missing, -1.0, x), np.where(missing, 0.0, x)
    outcomes = decide_many(x, MARGIN, split=0.25, worst=worst, best=best)
    assert not too_many(outcomes.count("pass"), runs, 0.05)
    assert (
        engine([None if m else d for d, m in zip(x[0], missing[0], strict=True)], 0.25, n, worst[0], best[0]).verdict
        == (outcomes.verdict[0])
    )


def test_dropping_missing_cases_fails_the_same_test():
    runs, n = 600, 500
    x, missing = hidden_losses(rng_for("missing"), runs, n)
    kept = [row[~gone] for row, gone in zip(x, missing, strict=True)]
    shortest = min(map(len, kept))
    outcomes = decide_many(np.array([row[:shortest] for row in kept]), MARGIN, split=0.5)
    assert too_many(outcomes.count("pass"), runs, 0.05)


def arrivals(rng, x, in_flight=64, slow=5.0):
    """The order in which answers come back when losses take longer and ``in_flight`` calls run at once."""
    out = np.empty_like(x)
    for i, row in enumerate(x):
        lasts = rng.exponential(1.0, row.size) * np.where(row < 0, slow, 1.0)
        free = np.zeros(in_flight)
        ends = np.empty(row.size)
        for j, last in enumerate(lasts):
            slot = free.argmin()
            free[slot] = ends[j] = free[slot] + last
        out[i] = row[np.argsort(ends)]
    return out


def test_the_prefix_of_the_order_is_safe_where_arrival_order_is_not():
    """Same answers, same bets: only the order in which they count differs."""
    runs, n = 800, 300
    x = paired_binary(rng_for("arrival"), runs, n, -MARGIN)
    bar = math.log(20)
    prefix = log_capital(x, -MARGIN, MARGIN, "pass").max(axis=1)
    assert not too_many(int((prefix >= bar).sum()), runs, 0.05)
    arrived = log_capital(arrivals(rng_for("arrival", 2), x), -MARGIN, MARGIN, "pass").max(axis=1)
    assert too_many(int((arrived >= bar).sum()), runs, 0.05)


def clustered(rng, runs, clusters, size, agreement):
    shared = np.repeat(paired_binary(rng, runs, clusters, -MARGIN), size, axis=1)
    own = paired_binary(rng, runs, clusters * size, -MARGIN)
    return np.where(rng.random(own.shape) < agreement, shared, own)


def test_clusters_as_units_are_safe_where_cases_as_units_are_not():
    runs, clusters, size = 600, 60, 5
    x = clustered(rng_for("clusters"), runs, clusters, size, 0.9)
    naive = decide_many(x, MARGIN, split=0.25, drop_fails=False)
    assert too_many(naive.count("pass"), runs, 0.05)
    assert too_many(naive.count("fail"), runs, 0.025)
    units = decide_many(x.reshape(runs, clusters, size).mean(axis=2).round(9), MARGIN, split=0.25, drop_fails=False)
    assert not too_many(units.count("pass"), runs, 0.05)
    assert not too_many(units.count("fail"), runs, 0.025)


def test_the_eval_set_verdict_is_that_of_the_whole_run():
    """Without replacement: how often the early verdict differs from running everything, near the margin and off it."""
    runs, n = 150, 400
    for theta in (-0.05, -0.02):
        x = paired_binary(rng_for("eval set", theta), runs, n, theta)
        wrong = {"pass": 0, "fail": 0}
        for row in x:
            decision = engine(row.tolist(), None, n, estimand="eval_set", alpha_block=0.05)
            truth = "fail" if row.sum() < -MARGIN * n - 1e-9 else "pass"
            wrong[decision.verdict] += decision.verdict != truth
        assert not too_many(wrong["pass"], runs, 0.05)
        assert not too_many(wrong["fail"], runs, 0.05)


def test_stopping_at_the_running_mean_is_not_the_verdict_of_the_whole_run():
    """The same question answered by the mean so far, at the case where it looks best: a control that must fail."""
    runs, n = 400, 400
    x = paired_binary(rng_for("eval set", -0.05), runs, n, -MARGIN)
    means = np.cumsum(x, axis=1) / np.arange(1, n + 1)
    truth = x.mean(axis=1) >= -MARGIN - 1e-12
    says_pass = (means[:, 49:] > -MARGIN / 2).any(axis=1)
    assert too_many(int((says_pass & ~truth).sum()), runs, 0.05)


def wald_cases(margin, discordance, alpha, beta):
    """Wald's bound on the mean number of cases of any test with these errors, at no difference (KL_inf)."""
    half = discordance / 2

    def growth(lam):
        up, down = math.log1p(lam * (1 + margin)), math.log1p(-lam * (1 - margin))
        return -(half * (up + down) + (1 - discordance) * math.log1p(lam * margin))

    best = -minimize_scalar(growth, bounds=(0, 1), method="bounded").fun
    information = (1 - beta) * math.log((1 - beta) / alpha) + beta * math.log(beta / (1 - alpha))
    return information / best


def check_efficiency(runs):
    x = paired_binary(rng_for("efficiency"), runs, 2000, 0.0)
    outcomes = decide_many(x, MARGIN, alpha_block=0.05, split=0.5)
    ratio = outcomes.paid.mean() / wald_cases(MARGIN, 0.10, 0.05, max(0.005, 1 - outcomes.share("pass")))
    assert 1.2 <= ratio <= 1.8


def test_an_unchanged_candidate_costs_little_more_than_the_limit():
    """So that nobody mends validity by never deciding."""
    check_efficiency(150)


@pytest.mark.slow
def test_an_unchanged_candidate_costs_little_more_than_the_limit_at_length():
    check_efficiency(2000)


# gate.md table 3a (2,000 runs each): PASS, FAIL and cases paid in %, by planned cases and true change in points.
# One number is not from there: at (500, 0) the table says 66 % paid, its own text 64, and gate-exact.md, which wins, 63
# for the same rule. Five times 2,000 runs of ours gave 63.6 (standard error 0.3), 3 standard errors below the 66.
PUBLISHED = {
    (50, 0): (10, 0.1, 100), (50, -5): (1, 5.8, 100), (50, -10): (0, 37.2, 100),
    (100, 0): (25, 1.2, 97), (100, -2): (11, 4.7, 98), (100, -5): (2, 25.1, 100), (100, -10): (0, 94.0, 98),
    (200, 2): (84, 0.2, 73), (200, 0): (52, 1.9, 87), (200, -2): (23, 10.2, 95), (200, -5): (2, 56.2, 99),
    (200, -10): (0, 100.0, 85),
    (500, 0): (91, 2.0, 63), (500, -2): (53, 25.7, 86), (500, -5): (4, 92.8, 97), (500, -10): (0, 100, 43),
}  # fmt: skip


def check_table(cell, runs):
    """Both sides are simulated, so the difference may be 5 standard errors of the two together, and rounding."""
    n, theta = cell
    x = paired_binary(rng_for("table", cell), runs, n, theta / 100)
    outcomes = decide_many(x, MARGIN, alpha_pass=0.05, alpha_block=0.05, split=0.5)
    got = (100 * outcomes.share("pass"), 100 * outcomes.share("fail"), 100 * outcomes.paid.mean() / n)
    print(f"N {n} theta {theta:+d}: {got[0]:.1f}/{got[1]:.1f} paid {got[2]:.0f}; published {PUBLISHED[cell]}")
    for ours, theirs in zip(got[:2], PUBLISHED[cell][:2], strict=True):
        share = min(0.995, max(0.005, theirs / 100))
        slack = 500 * math.sqrt(share * (1 - share) * (1 / runs + 1 / 2000))
        assert ours == pytest.approx(theirs, abs=slack + 0.5)
    assert got[2] == pytest.approx(PUBLISHED[cell][2], abs=2.5)


@pytest.mark.parametrize("cell", [(100, 0), (200, 0), (200, -5)])
def test_the_published_table_is_reached(cell):
    check_table(cell, 400)


@pytest.mark.slow
@pytest.mark.parametrize("cell", PUBLISHED)
def test_the_published_table_is_reached_at_length(cell):
    check_table(cell, 2000)


# gate.md table 3b, N = 200: the same rule with other splits of alpha, without the drop rule; PASS and paid in %.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("theta", "split", "passed", "failed", "paid"),
    [
        (0, 0.5, 52.8, 0, 87),
        (-5, 0.5, 2.1, 1.6, 99),
        (-10, 0.5, 0, 62.1, 85),
        (0, 1.0, 41.9, 0, 80),
        (-2, 1.0, 17.8, 0.1, 91),
        (-5, 1.0, 2.5, 2.2, 98),
        (-10, 1.0, 0, 66.0, 76),
    ],
)
def test_the_published_comparison_is_reached(theta, split, passed, failed, paid):
    x = paired_binary(rng_for("3b", theta, split), 2000, 200, theta / 100)
    outcomes = decide_many(x, MARGIN, alpha_block=0.05, split=split, drop_fails=False, last_look=split < 1)
    got = (100 * outcomes.share("pass"), 100 * outcomes.share("fail"), 100 * outcomes.paid.mean() / 200)
    print(f"3b theta {theta:+d} split {split}: {got[0]:.1f}/{got[1]:.1f} paid {got[2]:.0f}; {passed}/{failed} {paid}")
    assert got == pytest.approx((passed, failed, paid), abs=6)
