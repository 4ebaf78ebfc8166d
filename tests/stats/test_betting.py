import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.betting import Betting, FiniteBetting

WEIGHTS = np.array([1, 2, 6, 2, 2]) / 13


def naive(side, null, effect, low, high, ds, planned=None):
    """log E after each case, straight from the formulas of the design, with nothing carried along."""
    out = []
    products = np.ones(5)
    for t in range(1, len(ds) + 1):
        past = np.array(ds[: t - 1], dtype=float)
        spread = (past**2).sum() - (t - 1) * past.mean() ** 2 if t > 1 else 0.0
        v = max(1e-6, (10 * 0.10 + spread) / (10 + t - 1))
        q = null if planned is None else (planned * null - past.sum()) / (planned - t + 1)
        g = np.array([0.25, 0.5, 1, 2, 4]) * effect
        room = q - low if side == "pass" else high - q
        cap = 0.75 / room if room > 0 else math.inf
        s = 1 if side == "pass" else -1
        products = products * (1 + s * np.minimum(g / (v + g**2), cap) * (ds[t - 1] - q))
        out.append(math.log(WEIGHTS @ products))
    return out


sides = st.sampled_from(["pass", "fail"])
paths = st.lists(st.floats(-1, 1), min_size=1, max_size=40)


@given(sides, st.floats(-0.9, 0.9), st.floats(0.005, 0.5), paths)
def test_log_e_equals_the_formula(side, null, effect, ds):
    bet = Betting(side, null, effect)
    got = [bet.update(d) for d in ds]
    snapped = [round(d) if abs(abs(d) - 1) <= 1e-9 else d for d in ds]
    expected = naive(side, null, effect, -1, 1, snapped)
    assert got == pytest.approx(expected, abs=1e-9)
    assert bet.log_e == got[-1]
    assert bet.best == max(0.0, *got)
    assert bet.n == len(ds)


@given(sides, st.lists(st.floats(-0.5, 2.0), min_size=1, max_size=30))
def test_other_ranges(side, ds):
    bet = Betting(side, 0.25, 0.1, -0.5, 2.0)
    got = [bet.update(np.float64(d)) for d in ds]
    snapped = [-0.5 if abs(d + 0.5) <= 1e-9 else 2.0 if abs(d - 2) <= 1e-9 else d for d in ds]
    assert got == pytest.approx(naive(side, 0.25, 0.1, -0.5, 2.0, snapped), abs=1e-9)


@given(sides, paths, st.floats(-0.8, 0.8), st.floats(0, 0.15))
def test_evidence_is_monotone_in_the_null(side, ds, null, step):
    near, far = Betting(side, null, 0.05), Betting(side, null + step, 0.05)
    for d in ds:
        near.update(d)
        far.update(d)
        weaker, stronger = (far, near) if side == "pass" else (near, far)
        assert weaker.log_e <= stronger.log_e + 1e-9


@pytest.mark.parametrize(("side", "null"), [("pass", -1.0), ("fail", 1.0)])
def test_a_null_at_the_end_of_the_range_has_no_cap(side, null):
    bet = Betting(side, null, 0.05)
    assert bet.update(null) == pytest.approx(0)
    assert bet.update(0.0) > 0


def test_no_case_can_ruin_a_bet():
    bet = Betting("pass", 0.0, 0.4)
    for _ in range(600):
        bet.update(-1)
    assert math.isfinite(bet.log_e)
    assert bet.best == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("win", 0, 0.1), "side"),
        (("pass", -1.2, 0.1), "null"),
        (("pass", 0, 0), "effect"),
        (("pass", 0, math.nan), "effect"),
        (("pass", 0, math.inf), "effect"),
        (("pass", 0, 0.1, 1, -1), "low < high"),
        (("pass", 0, 0.1, -math.inf, 1), "finite"),
        (("pass", math.nan, 0.1), "null"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Betting(*arguments)


@pytest.mark.parametrize("value", [1.1, -1.0001, math.nan, math.inf])
def test_a_value_outside_the_range_is_refused_and_leaves_no_trace(value):
    bet = Betting("pass", 0, 0.1)
    with pytest.raises(ValueError, match="outside the declared range"):
        bet.update(value)
    assert bet.n == 0


def test_a_value_at_a_bound_up_to_rounding_is_the_bound():
    exact, near = Betting("pass", 0, 0.1), Betting("pass", 0, 0.1)
    for x in (1, -1, 1):
        exact.update(x)
        near.update(x * (1 + 5e-10))
    assert near.log_e == exact.log_e


@given(sides, st.floats(-0.3, 0.3), st.lists(st.sampled_from([-1, -0.5, 0, 0.5, 1]), min_size=1, max_size=40))
def test_without_replacement_equals_the_formula_while_the_null_is_possible(side, null, ds):
    planned = 60
    bet = FiniteBetting(side, null, 0.05, planned)
    expected = naive(side, null, 0.05, -1, 1, ds, planned)
    for d, want in zip(ds, expected, strict=True):
        got = bet.update(d)
        assert got == pytest.approx(want, abs=1e-9)
        if bet.certain:
            break


@pytest.mark.parametrize(("side", "value"), [("pass", 1), ("fail", -1)])
def test_an_impossible_null_is_certain_and_freezes_the_capital(side, value):
    bet = FiniteBetting(side, 0.0, 0.05, 10)
    for _ in range(6):
        assert not bet.certain
        bet.update(value)
    assert bet.certain
    frozen = bet.log_e
    assert bet.update(-value) == frozen
    assert bet.n == 7


def test_without_replacement_ends_with_the_plan():
    bet = FiniteBetting("pass", 0.0, 0.05, 1)
    bet.update(0)
    with pytest.raises(ValueError, match="all 1 planned"):
        bet.update(0)
    with pytest.raises(ValueError, match="at least 1"):
        FiniteBetting("pass", 0.0, 0.05, 0)
