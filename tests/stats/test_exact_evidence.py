"""The e-value of the exact path, against the formula written as it stands in the specification."""

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.exact_evidence import QUESTIONS, against, evidence, exact_log_e, null_mean


def by_the_letter(question, m, w, l, t):  # noqa: E741
    q = 0.0 if question == "drop" else -m
    s = 1 if question == "pass" else -1
    total = 0.0
    for f, weight in zip((1, 0.6, 0.3, 0.12), (1 / 6, 2 / 6, 2 / 6, 1 / 6), strict=True):
        lam = 0.8 * f / (1 + q) if s == 1 else 0.8 * f / (1 - q)
        total += weight * (1 + s * lam * (1 - q)) ** w * (1 - s * lam * (1 + q)) ** l * (1 - s * lam * q) ** (t - w - l)
    return math.log(total)


counts = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 120))
margins = st.floats(0.001, 0.9)


@given(st.sampled_from(QUESTIONS), margins, counts)
def test_it_is_the_formula(question, margin, steps):
    w, losses, z = steps
    expected = by_the_letter(question, margin, w, losses, w + losses + z)
    assert exact_log_e(question, margin, w, losses, w + losses + z) == pytest.approx(expected, abs=1e-9)


def test_no_case_is_no_evidence():
    assert exact_log_e("pass", 0.05, 0, 0, 0) == pytest.approx(0.0, abs=1e-15)


@given(st.floats(-0.9, 0.9), counts, st.floats(0, 1))
def test_it_is_a_martingale_at_the_null_mean(null, steps, spread):
    """For every trinomial with the null mean the next e-value is, on average, the present one."""
    bets = against(null)
    ups, downs, ties = steps
    psi = abs(null) + spread * (1 - abs(null))
    up, down = (psi + null) / 2, (psi - null) / 2
    now = bets.log_e(ups, downs, ties)
    after = ((up, (1, 0, 0)), (down, (0, 1, 0)), (1 - psi, (0, 0, 1)))
    mean = sum(p * math.exp(bets.log_e(ups + a, downs + b, ties + c) - now) for p, (a, b, c) in after)
    assert mean == pytest.approx(1.0, abs=1e-11)


@given(st.sampled_from(QUESTIONS), margins, counts)
def test_a_better_case_never_speaks_for_worse(question, margin, steps):
    """Changing one case from loss to tie to win moves E one way only."""
    w, losses, z = steps
    t = w + losses + z + 1
    e = [
        exact_log_e(question, margin, w + 1, losses, t),
        exact_log_e(question, margin, w, losses, t),
        exact_log_e(question, margin, w, losses + 1, t),
    ]
    assert e == sorted(e, reverse=question == "pass")


@given(margins, counts)
def test_worse_than_the_margin_implies_a_drop(margin, steps):
    w, losses, z = steps
    t = w + losses + z
    assert exact_log_e("fail", margin, w, losses, t) <= exact_log_e("drop", margin, w, losses, t) + 1e-12


@pytest.mark.parametrize(("w", "losses", "t"), [(-1, 0, 5), (0, -1, 5), (3, 3, 5)])
def test_impossible_counts_are_refused(w, losses, t):
    with pytest.raises(ValueError, match="wins"):
        exact_log_e("pass", 0.05, w, losses, t)


def test_unknown_questions_and_impossible_nulls_are_refused():
    with pytest.raises(ValueError, match="expected one of pass, fail, drop"):
        null_mean("better", 0.05)
    for null in (-1.0, 1.0):
        with pytest.raises(ValueError, match="strictly between"):
            evidence(null)


def test_nulls_are_named_by_their_question():
    means = {name: null_mean(name, m) for name, m in product(QUESTIONS, [0.05])}
    assert means == {"pass": -0.05, "fail": 0.05, "drop": 0.0}
