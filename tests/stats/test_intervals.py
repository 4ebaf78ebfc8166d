import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.stats import intervals
from evalharness.stats.betting import Betting, FiniteBetting
from evalharness.stats.edges import bisect
from evalharness.stats.intervals import interval, interval_eval_set, limit
from evalharness.stats.last_look import final_look

RNG = np.random.default_rng(3)
BINARY = RNG.choice([-1, 0, 1], 120, p=[0.06, 0.9, 0.04]).astype(float).tolist()
GRADED = np.clip(RNG.normal(0.01, 0.15, 120), -1, 1).tolist()


def best(side, q, ds, low=-1.0, high=1.0):
    bet = Betting(side, q, 0.05, low, high)
    for d in ds:
        bet.update(d)
    return bet.best


def rejected(side, q, ds, alpha, split, final):
    by_bets = split > 0 and best(side, q, ds) >= -math.log(split * alpha)
    return by_bets or (final and split < 1 and final_look(ds, q, side) <= (1 - split) * alpha)


@pytest.mark.parametrize("ds", [BINARY, GRADED, [0.0] * 30, [1.0] * 5, [-1.0] * 5])
@pytest.mark.parametrize(("split", "final"), [(0.5, True), (0.25, True), (0.0, True), (1.0, True), (0.5, False)])
def test_the_limits_are_the_edges_of_what_is_rejected(ds, split, final):
    low, high = interval(ds, 0.05, alpha=0.05, split=split, final=final)
    assert low < high
    for side, edge, outwards in (("pass", low, -1), ("fail", high, 1)):
        outside, inside = edge + outwards * 1e-7, edge - outwards * 1e-7
        if abs(edge) < 1:
            assert rejected(side, outside, ds, 0.05, split, final)
        assert not rejected(side, inside, ds, 0.05, split, final)


def test_one_end_at_its_own_level():
    ends = (limit("pass", GRADED, 0.05, alpha=0.05, split=0.25), limit("fail", GRADED, 0.05, alpha=0.025, split=0.25))
    assert ends[0] == interval(GRADED, 0.05, alpha=0.05, split=0.25)[0]
    assert ends[1] == interval(GRADED, 0.05, alpha=0.025, split=0.25)[1]
    with pytest.raises(ValueError, match="side"):
        limit("both", GRADED, 0.05, alpha=0.05, split=0.25)


def test_nothing_seen_excludes_nothing():
    assert interval([], 0.05) == (-1.0, 1.0)
    assert interval([], 0.05, low=0.0, high=3.0) == (0.0, 3.0)


@pytest.mark.parametrize("value", [-1.0, 1.0, 0.5])
@pytest.mark.parametrize("n", [3, 400, 5000])
def test_without_bets_the_limit_of_constant_differences_is_found_wherever_it_lies(value, n):
    """All alike: the last look's p-value is ((1 - q) / (1 - value))^n or its mirror, so the limits are known."""
    low, high = interval([value] * n, 0.05, split=0.0)
    level = 0.05
    expected_low = -1.0 if value == -1 else _root_of_two_values(n, value, level)
    assert low == pytest.approx(expected_low, abs=1e-9)
    mirrored = interval([-value] * n, 0.05, split=0.0)
    assert (low, high) == pytest.approx((-mirrored[1], -mirrored[0]), abs=1e-9)


def _root_of_two_values(n, value, level):
    """p = P(W_0 (-1 - q) + sum W_i (value - q) <= 0) = Beta cdf of a ratio of two gammas, solved for q."""
    from scipy.optimize import brentq
    from scipy.stats import beta

    def p(q):
        return float(beta.cdf((1 + q) / (1 + value), n, 1)) - level

    return brentq(p, -1 + 1e-12, value - 1e-12, xtol=1e-13)


def test_the_vector_road_gives_the_same_limits(monkeypatch):
    shares = [1.0, 0.5, 0.25]
    for ds in (BINARY, GRADED, [0.0] * 300):
        for weights in (None, [shares[i % 3] for i in range(len(ds))]):
            plain = interval(ds, 0.05, weights=weights)
            monkeypatch.setattr(intervals, "VECTOR_FROM", 1)
            assert interval(np.array(ds), 0.05, weights=weights) == pytest.approx(plain, abs=1e-9)
            monkeypatch.undo()


@pytest.mark.parametrize("ds", [BINARY, GRADED])
def test_equal_weights_change_nothing(ds):
    assert interval(ds, 0.05, weights=[1] * len(ds)) == pytest.approx(interval(ds, 0.05), abs=1e-9)


def test_clusters_limits_reject_the_weighted_units():
    weights = [1.0 if i % 3 else 0.5 for i in range(len(GRADED))]
    low, high = interval(GRADED, 0.05, weights=weights, split=1.0)
    for side, q in (("pass", low), ("fail", high)):
        shifted = [w * (d - q) for w, d in zip(weights, GRADED, strict=True)]
        bet = Betting(side, 0.0, 0.05, -1 - q, 1 - q)
        for z in shifted:
            bet.update(z)
        assert bet.best == pytest.approx(math.log(20), abs=1e-6)
    low, high = interval(GRADED, 0.05, weights=weights, split=0.0)
    shifted = [w * (d - low) for w, d in zip(weights, GRADED, strict=True)]
    assert final_look(shifted, 0.0, "pass", -1 - low, 1 - low) == pytest.approx(0.05, abs=1e-9)


@settings(max_examples=15)
@given(st.lists(st.sampled_from([-1, 0, 0, 0.3, 1]), min_size=1, max_size=25))
def test_limits_of_the_eval_set_reject_without_replacement(ds):
    planned = 40
    low, high = interval_eval_set(ds, 0.05, planned)
    total, left = sum(ds), planned - len(ds)
    assert low >= (total - left) / planned - 1e-6
    assert high <= (total + left) / planned + 1e-6
    for side, q in (("pass", low - 1e-7), ("fail", high + 1e-7)):
        if abs(q) < 1:
            bet = FiniteBetting(side, q, 0.05, planned)
            assert any(bet.update(d) >= math.log(20) or bet.certain for d in ds)


def test_the_whole_eval_set_leaves_no_doubt():
    assert interval_eval_set([0, -1, 1, 1], 0.05, 4) == pytest.approx((0.25, 0.25), abs=1e-6)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"alpha": 0}, "alpha"),
        ({"split": 1.5}, "split"),
        ({"effect": 0}, "effect"),
        ({"low": 1.0}, "low < high"),
        ({"weights": [1.0]}, "weights"),
        ({"weights": [1.0, 0.0]}, "weights"),
        ({"differences": [0.0, math.nan]}, "outside"),
    ],
)
def test_bad_arguments_are_refused(keywords, message):
    with pytest.raises(ValueError, match=message):
        interval(**{"differences": [0.0, 0.1], "effect": 0.05, **keywords})


@pytest.mark.parametrize(("effect", "planned", "message"), [(0.05, 1, "planned"), (-1, 4, "effect")])
def test_bad_arguments_of_the_eval_set_are_refused(effect, planned, message):
    with pytest.raises(ValueError, match=message):
        interval_eval_set([0.0, 0.1], effect, planned)


@pytest.mark.parametrize("n", [120, intervals.VECTOR_FROM])
@pytest.mark.parametrize("weights", [False, True])
def test_the_edge_of_the_bets_is_the_one_that_plain_bisecting_finds(n, weights):
    values = RNG.choice([-1.0, 0.0, 1.0], n, p=[0.06, 0.9, 0.04]).tolist()
    shares = RNG.choice([0.5, 1.0], n).tolist() if weights else None
    evidence = intervals._Evidence(values, shares, effect=0.05, low=-1.0, high=1.0)
    for side, start, far in (("pass", -1.0, 1.0), ("fail", 1.0, -1.0)):
        plain = bisect(lambda q, side=side: evidence._capital(side, q) >= 4.0, start, far)
        assert evidence.limit(side, 4.0, 0.0) == plain
        assert start != plain
        assert evidence._capital(side, plain) >= 4.0


def test_each_block_of_units_goes_on_where_the_one_before_it_ended(monkeypatch):
    values = RNG.choice([-1.0, 0.0, 1.0], 3 * intervals.VECTOR_FROM, p=[0.06, 0.9, 0.04]).tolist()
    whole = limit("pass", values, 0.05, alpha=0.05, split=0.5, final=False)
    monkeypatch.setattr(intervals, "_BLOCK", 700)
    assert limit("pass", values, 0.05, alpha=0.05, split=0.5, final=False) == whole
