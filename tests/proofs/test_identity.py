"""The martingale identity, without tolerance for chance: at the null each bet's factor has mean 1, whatever came before.

This catches any look into the present case; a bet that looks must fail the same check.
"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.betting import Betting, FiniteBetting

SUPPORT = (-1.0, -0.3, 0.0, 0.45, 1.0)


def chances(null, tilt):
    """Probabilities on SUPPORT with mean exactly ``null``: a random vector, mixed with an end to correct its mean."""
    total = sum(tilt)
    p = [w / total for w in tilt]
    mean = sum(a * b for a, b in zip(SUPPORT, p, strict=True))
    end = 0 if mean > null else len(SUPPORT) - 1
    share = (mean - null) / (mean - SUPPORT[end]) if mean != null else 0.0
    return [(1 - share) * x + (share if i == end else 0.0) for i, x in enumerate(p)]


def mean_factors(kind, past, p, side, null):
    """E[capital after / capital before] of each of the five bets, over the next case."""
    means = [0.0] * 5
    for value, chance in zip(SUPPORT, p, strict=True):
        bet = kind(side, null, 0.05)
        for d in past:
            bet.update(d)
        before = list(bet._logs)
        bet.update(value)
        for k in range(5):
            means[k] += chance * math.exp(bet._logs[k] - before[k])
    return means


class SeesPresent(Betting):
    """The mutation: lam is computed after the present case entered the variance."""

    def _bet(self, d, null, cap):
        self.n, self._total, self._squares = self.n + 1, self._total + d, self._squares + d * d
        result = super()._bet(d, null, cap)
        self.n, self._total, self._squares = self.n - 1, self._total - d, self._squares - d * d
        return result


pasts = st.lists(st.floats(-1, 1), max_size=15)
tilts = st.lists(st.floats(0.05, 1), min_size=5, max_size=5)


@given(st.sampled_from(["pass", "fail"]), st.floats(-0.5, 0.5), pasts, tilts)
def test_every_factor_has_mean_one_at_the_null(side, null, past, tilt):
    p = chances(null, tilt)
    assert sum(a * b for a, b in zip(SUPPORT, p, strict=True)) == pytest.approx(null, abs=1e-12)
    assert mean_factors(Betting, past, p, side, null) == pytest.approx([1.0] * 5, abs=1e-12)


@pytest.mark.parametrize("side", ["pass", "fail"])
def test_a_bet_that_sees_the_present_case_fails_the_identity(side):
    p = chances(-0.05, [0.4, 0.1, 0.3, 0.1, 0.1])
    assert mean_factors(SeesPresent, [0.2, -0.4], p, side, -0.05) != pytest.approx([1.0] * 5, abs=1e-6)


@given(st.sampled_from(["pass", "fail"]), st.floats(-0.5, 0.5), st.floats(0, 0.4), pasts, tilts)
def test_every_factor_has_mean_at_most_one_inside_the_null(side, null, inside, past, tilt):
    p = chances(null - inside if side == "pass" else null + inside, tilt)
    assert all(mean <= 1 + 1e-12 for mean in mean_factors(Betting, past, p, side, null))


@given(st.sampled_from(["pass", "fail"]), st.lists(st.sampled_from(SUPPORT), min_size=2, max_size=7), st.data())
def test_without_replacement_every_factor_has_mean_one_over_what_is_left(side, values, data):
    """The population is the values themselves, so the null is their true mean and the next case a draw from the rest."""
    null = sum(values) / len(values)
    seen = data.draw(st.integers(0, len(values) - 1))
    rest = values[seen:]
    means = [0.0] * 5
    for value in rest:
        bet = FiniteBetting(side, null, 0.05, len(values))
        for d in values[:seen]:
            bet.update(d)
        before = list(bet._logs)
        bet.update(value)
        for k in range(5):
            means[k] += math.exp(bet._logs[k] - before[k]) / len(rest)
    assert means == pytest.approx([1.0] * 5, abs=1e-9)
