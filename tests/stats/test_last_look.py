import math
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom

from evalharness.stats import last_look
from evalharness.stats.last_look import chance_not_positive, final_look, final_look_counts


def gil_pelaez(weights):
    """The sum as the design states it; slow where few weights differ from 0."""
    counts = Counter(weights)
    largest = max(abs(w) for w in counts)
    terms = [(w / largest, c) for w, c in counts.items()]
    mean = sum(a * c for a, c in terms)
    sd = math.sqrt(sum(a * a * c for a, c in terms))
    h = math.pi / (abs(mean) + 9 * sd + 36)
    total, k = 0.0, 0
    while True:
        u = (k + 0.5) * h
        exponent = -0.5 * sum(c * math.log1p((u * a) ** 2) for a, c in terms)
        if exponent < -34:
            return 0.5 - total
        total += math.exp(exponent) * math.sin(sum(c * math.atan(u * a) for a, c in terms)) / (math.pi * (k + 0.5))
        k += 1


@pytest.mark.parametrize("n", [1, 2, 5, 20, 200, 3000])
@pytest.mark.parametrize("q", [0.001, 0.05, 0.5, 0.9])
def test_zero_one_scores_give_clopper_pearson(n, q):
    for k in {0, 1, n // 3, n - 1, n}:
        data = [1] * k + [0] * (n - k)
        upper = 1.0 if k == 0 else beta.cdf(q, k, n - k + 1)
        lower = 1.0 if k == n else beta.sf(q, k + 1, n - k)
        assert final_look(data, q, "pass", 0, 1) == pytest.approx(upper, abs=1e-13)
        assert final_look(data, q, "fail", 0, 1) == pytest.approx(lower, abs=1e-13)


@pytest.mark.parametrize("losses", [1, 2, 3, 30])
def test_a_drop_among_ties_is_the_sign_test_of_wins_and_losses(losses):
    """Few units differ from the null here: the plain Gil-Pelaez sum would need up to 1e8 terms."""
    wins = 2
    p = final_look([-1] * losses + [1] * wins + [0] * 500, 0.0, "fail")
    assert p == pytest.approx(binom.sf(losses - 1, wins + losses, 0.5), abs=1e-13)


@pytest.mark.parametrize("margin", [0.2, 0.05, 0.01, 0.001])
def test_all_ties_give_the_power_of_one_minus_the_margin(margin):
    n = math.ceil(math.log(0.025) / math.log(1 - margin))
    assert final_look([0] * n, -margin, "pass") == pytest.approx((1 - margin) ** n, rel=1e-10)


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(20, 80), st.sampled_from([0.05, 0.2, 0.6]), st.floats(-0.2, 0.2))
def test_graded_scores_equal_the_gil_pelaez_sum(seed, n, sd, mean):
    rng = random.Random(seed)
    data = [min(1.0, max(-1.0, rng.gauss(mean, sd))) for _ in range(n)]
    assert final_look(data, -0.05, "pass") == pytest.approx(gil_pelaez([d + 0.05 for d in [-1, *data]]), abs=1e-13)
    assert final_look(data, -0.05, "fail") == pytest.approx(gil_pelaez([-0.05 - d for d in [1, *data]]), abs=1e-13)


@given(st.lists(st.floats(-1, 1), min_size=0, max_size=8))
def test_few_units_agree_with_simulation_free_bounds(data):
    p, mirrored = final_look(data, 0.0, "pass"), final_look([-d for d in data], 0.0, "fail")
    assert 0 <= p <= 1
    assert p == pytest.approx(mirrored, abs=1e-13)
    assert final_look(data, -0.1, "pass") <= p + 1e-13


def test_many_distinct_values_take_the_vector_road_to_the_same_number(monkeypatch):
    rng = np.random.default_rng(0)
    data = rng.uniform(-1, 0.97, 300).round(6)
    plain = final_look(data, -0.05, "pass")
    monkeypatch.setattr(last_look, "VECTOR_FROM", 10)
    assert final_look(data, -0.05, "pass") == pytest.approx(plain, rel=1e-12)
    assert final_look(np.repeat(data, 2), -0.05, "fail") == pytest.approx(
        final_look_counts(dict.fromkeys(data.tolist(), 2), -0.05, "fail", low=-1, high=1), rel=1e-12
    )


def test_ten_thousand_distinct_values_equal_the_gil_pelaez_sum():
    rng = np.random.default_rng(1)
    data = np.clip(rng.normal(-0.045, 0.2, 10_000), -1, 1)
    a = np.array([d + 0.05 for d in [-1, *data]])
    mean, sd = a.sum(), math.sqrt((a**2).sum())
    u = (np.arange(400) + 0.5) * math.pi / (abs(mean) + 9 * sd + 36)
    size = np.array([-0.5 * np.log1p((x * a) ** 2).sum() for x in u])
    angle = np.array([np.arctan(x * a).sum() for x in u])
    expected = 0.5 - (np.exp(size) * np.sin(angle) / (math.pi * (np.arange(400) + 0.5))).sum()
    assert final_look(data, -0.05, "pass") == pytest.approx(expected, abs=1e-13)


@given(st.integers(1, 50_000), st.integers(1, 500), st.floats(0.005, 0.9))
def test_two_values_give_the_beta_law_also_where_rare_cases_weigh_most(many, rare, small):
    """Many small differences on one side of the null, a few of 1 on the other: a ratio of two gamma variables.

    A contour that keeps following the steepest descent leaves the region where the integrand is small, and never settles.
    """
    p = chance_not_positive([small, -1.0], [many, rare])
    assert p == pytest.approx(beta.cdf(1 / (1 + small), many, rare), rel=1e-9, abs=1e-13)


def test_a_few_wins_among_many_small_losses():
    """What brought the contour down: 1,920 losses of .08 and 80 wins of 1, against "not worse than .05"."""
    p = final_look_counts({-0.08: 1920, 1.0: 80}, -0.05, "fail", low=-1.0, high=1.0)
    assert p == pytest.approx(beta.cdf(1.05 / 1.08, 1920, 81), rel=1e-12)
    mirrored = final_look_counts({0.08: 1920, -1.0: 80}, 0.05, "pass", low=-1.0, high=1.0)
    assert mirrored == pytest.approx(p, rel=1e-12)


def test_sure_signs_need_no_integral():
    assert chance_not_positive([-1.0, -0.5, 0.0], [1, 2, 3]) == 1.0
    assert chance_not_positive([1.0, 0.0], [1, 2]) == 0.0
    assert final_look([], -0.05, "pass") == 1.0
    assert final_look([0, 0], -1.0, "pass") == 0.0
    assert final_look([-1, -1], -1.0, "pass") == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0], 0.0, "both"), "side"),
        (([0.0], -1.5, "pass"), "null"),
        (([1.5], 0.0, "pass"), "outside the declared range"),
        (([math.nan], 0.0, "pass"), "outside the declared range"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        final_look(*arguments)
