"""Drift: the statistics against SciPy, the p-values against their promise, plain PSI as the negative control."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2, ks_2samp

from evalharness.stats import drift
from evalharness.stats.drift import (
    CATEGORIES,
    FEWEST,
    GRID,
    Shift,
    TooFew,
    category_shift,
    holm,
    jensen_shannon,
    kolmogorov_smirnov,
    number_shift,
    psi,
)

histograms = st.integers(1, 12).flatmap(
    lambda k: st.tuples(*[st.lists(st.integers(0, 50), min_size=k, max_size=k).filter(sum)] * 2)
)


def numbers(seed: int, n: int, shift: float = 0.0) -> list[float]:
    stream = random.Random(seed)
    return [stream.gauss(shift, 1) for _ in range(n)]


# --- the statistics ---------------------------------------------------------------------------------------------------


@given(histograms)
def test_jensen_shannon_is_scipys(pair: tuple[list[int], list[int]]) -> None:
    assert jensen_shannon(*pair) == pytest.approx(jensenshannon(*pair, base=2) ** 2, abs=1e-9)


@given(histograms)
def test_the_statistics_are_symmetric_and_zero_for_equal_shares(pair: tuple[list[int], list[int]]) -> None:
    old, new = pair
    for statistic in (psi, jensen_shannon, kolmogorov_smirnov):
        assert statistic(old, new) == pytest.approx(statistic(new, old), abs=1e-12)
        assert statistic(old, old) == pytest.approx(0, abs=1e-12)
        assert statistic(old, new) >= -1e-12


def test_psi_by_hand() -> None:
    p, q = (10.5 / 31, 20.5 / 31), (20.5 / 31, 10.5 / 31)
    by_hand = sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True))
    assert psi([10, 20], [20, 10]) == pytest.approx(by_hand, rel=1e-12)
    assert math.isfinite(psi([0, 5], [5, 0]))


@pytest.mark.parametrize("seed", range(5))
def test_ks_is_scipys_where_the_grid_holds_every_value(seed: int) -> None:
    stream = random.Random(seed)
    old = [stream.randint(0, 99) for _ in range(300)]
    new = [stream.randint(0, 120) for _ in range(250)]
    shift = number_shift(old, new, rounds=20)
    assert isinstance(shift, Shift)
    assert shift.ks == pytest.approx(ks_2samp(old, new).statistic, abs=1e-12)


def test_ks_on_a_grid_of_quantiles_is_close_to_scipys() -> None:
    old, new = numbers(1, 3000), numbers(2, 3000, 0.1)
    shift = number_shift(old, new, rounds=20)
    assert isinstance(shift, Shift)
    assert shift.ks == pytest.approx(ks_2samp(old, new).statistic, abs=1 / GRID + 1e-9)


def test_a_number_that_ties_everywhere_does_not_drift() -> None:
    shift = number_shift([1.0] * 300, [1] * 300, rounds=50)
    assert isinstance(shift, Shift)
    assert (shift.psi, shift.js, shift.ks, shift.p_value) == (0, 0, 0, 1)


# --- the p-values -----------------------------------------------------------------------------------------------------


def test_a_quiet_stream_keeps_its_rate_where_plain_psi_cries_wolf() -> None:
    runs, plain, named = 200, 0, 0
    for seed in range(runs):
        old, new = numbers(2 * seed, 100), numbers(2 * seed + 1, 100)
        plain += plain_psi(old, new) > 0.1
        shift = number_shift(
            old * 1 + numbers(10_000 + seed, 100), new + numbers(20_000 + seed, 100), rounds=199, seed=seed
        )
        assert isinstance(shift, Shift)
        named += shift.p_value <= 0.05
    expected = chi2.sf(0.1 / (2 / 100), 9)
    assert 0.8 < expected < 0.9
    assert plain / runs > 0.75, "the customary bar is supposed to fire on identical streams: it is the control"
    assert named / runs < 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


def plain_psi(old: list[float], new: list[float]) -> float:
    """As it is usually computed: ten quantile bins of the old period, shares floored."""
    edges = np.quantile(old, np.linspace(0, 1, 11))
    edges[0], edges[-1] = -np.inf, np.inf
    p, q = (np.maximum(np.histogram(side, edges)[0] / len(side), 1e-4) for side in (old, new))
    return float(((p - q) * np.log(p / q)).sum())


def test_a_shifted_stream_is_named() -> None:
    shift = number_shift(numbers(1, 400), numbers(2, 400, 0.5), rounds=499)
    assert isinstance(shift, Shift)
    assert shift.p_value == pytest.approx(1 / 500)
    assert shift.p_ks == pytest.approx(1 / 500)


def test_categories() -> None:
    old = ["yes"] * 150 + ["no"] * 100
    new = ["yes"] * 90 + ["no"] * 160
    shift = category_shift(old, new, rounds=499)
    assert isinstance(shift, Shift)
    assert (shift.kind, shift.ks, shift.p_ks) == ("category", None, None)
    assert shift.psi == pytest.approx(psi([150, 100], [90, 160]))
    assert shift.p_value < 0.01
    same = category_shift(old, list(reversed(old)), rounds=99)
    assert isinstance(same, Shift)
    assert same.p_value == 1


def test_rare_categories_are_one_and_count_as_many_as_they_are() -> None:
    stream = random.Random(3)
    old = [f"w{stream.randint(0, 200)}" for _ in range(500)]
    new = [f"w{stream.randint(0, 200)}" for _ in range(400)]
    shift = category_shift(old, new, rounds=99)
    assert isinstance(shift, Shift)
    assert (shift.n_old, shift.n_new) == (500, 400)
    assert len({*old, *new}) > CATEGORIES
    assert shift.p_value > 0.01


@pytest.mark.parametrize("compare", [number_shift, category_shift])
def test_too_few_to_read(compare: object) -> None:
    assert compare([1] * (FEWEST - 1), [1] * 500) == TooFew(n_old=FEWEST - 1, n_new=500)  # type: ignore[operator]
    assert isinstance(compare([1] * FEWEST, [1] * FEWEST, rounds=9), Shift)  # type: ignore[operator]


def test_the_smallest_of_three_pays_for_being_chosen() -> None:
    shift = number_shift(numbers(5, 300), numbers(6, 300, 0.15), rounds=999)
    assert isinstance(shift, Shift)
    assert shift.p_ks is not None
    assert shift.p_value >= min(shift.p_psi, shift.p_js, shift.p_ks)


def test_the_same_seed_gives_the_same_shift() -> None:
    old, new = numbers(1, 250), numbers(2, 250)
    assert number_shift(old, new, rounds=99, seed=3) == number_shift(new[::-1] and old, new, rounds=99, seed=3)
    assert number_shift(old, new, rounds=99, seed=3) != number_shift(old, new, rounds=99, seed=4)


@settings(max_examples=20)
@given(st.lists(st.floats(-5, 5), min_size=200, max_size=220), st.floats(0.1, 10), st.floats(-3, 3))
def test_units_do_not_matter_to_the_number_of_rows(values: list[float], scale: float, offset: float) -> None:
    shift = number_shift(values, [scale * v + offset for v in values], rounds=5)
    assert isinstance(shift, Shift)
    assert 0 <= shift.js <= 1
    assert shift.ks is not None
    assert 0 <= shift.ks <= 1
    assert 0 < shift.p_value <= 1


# --- Holm -------------------------------------------------------------------------------------------------------------


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_is_monotone_and_between_p_and_bonferroni(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= min(1.0, len(p_values) * p + 1e-12) or q == pytest.approx(p)
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert [adjusted[i] for i in order] == sorted(adjusted)


# --- what is refused --------------------------------------------------------------------------------------------------


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN or infinite"):
        number_shift([float("nan")], [1])
    with pytest.raises(ValueError, match="rounds"):
        number_shift([1] * 300, [1] * 300, rounds=0)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        holm([1.2])
    for old, new in (([1], [1, 2]), ([0, 0], [1, 1]), ([1, 1], [0, 0])):
        with pytest.raises(ValueError, match="same bins"):
            psi(old, new)


def test_groups_hold_about_equally_many_values() -> None:
    starts = drift._grouped(np.array([1] * 100), 10)
    assert starts == [10 * k for k in range(10)]
    assert drift._grouped(np.array([1, 999]), 10) == [0, 1]


def test_a_score_of_rare_zeros_has_bins_of_its_own() -> None:
    shift = number_shift([0] * 4 + [1] * 296, [0] * 30 + [1] * 270, rounds=99)
    assert isinstance(shift, Shift)
    assert shift.psi == pytest.approx(psi([4, 296], [30, 270]))
    assert shift.p_psi == pytest.approx(0.01)
