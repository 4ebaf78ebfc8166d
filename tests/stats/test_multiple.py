import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.multiple import Merged, e_bh, mean_log_e, name_regressed

logs = st.lists(st.floats(-5, 8), min_size=1, max_size=7)


@given(logs)
def test_the_mean_is_the_mean(values):
    assert mean_log_e(values) == pytest.approx(math.log(np.mean(np.exp(values))), abs=1e-9)


def test_weights_are_scaled_and_may_be_zero():
    expected = math.log((2 * math.exp(1) + math.exp(3)) / 3)
    assert mean_log_e([1, 3, 9], [2, 1, 0]) == pytest.approx(expected)
    assert mean_log_e(np.array([1.0, 3.0]), [0.5, 0.5]) == pytest.approx(mean_log_e([1, 3]))
    assert mean_log_e([800.0, -math.inf], [0, 1]) == -math.inf


def test_extremes_do_not_overflow():
    assert mean_log_e([5000, 5000]) == pytest.approx(5000)
    assert mean_log_e([-math.inf, -math.inf]) == -math.inf
    assert mean_log_e([math.inf, 0]) == math.inf


@given(logs, st.sampled_from([0.05, 0.2]))
def test_names_equal_closed_testing_over_all_subsets(values, alpha):
    """Metric j is named iff every family that holds j is rejected by its mean e-value: 2^M subsets, no shortcut."""
    es = np.exp(values)

    def rejected_everywhere(j):
        others = [k for k in range(len(es)) if k != j]
        families = ((j, *rest) for n in range(len(es)) for rest in combinations(others, n))
        return all(np.mean(es[list(family)]) >= 1 / alpha for family in families)

    assert name_regressed(values, alpha) == [j for j in range(len(es)) if rejected_everywhere(j)]


def test_a_name_needs_its_own_evidence():
    assert name_regressed([math.log(1000), math.log(19)]) == [0]
    assert name_regressed([math.log(100), 0.0, 0.0]) == [0]
    assert name_regressed([math.log(25), -9.0]) == []
    assert name_regressed([]) == []
    # A bar that is met exactly is met.
    assert name_regressed([-math.log(0.05)]) == [0]


def test_e_bh_by_hand():
    es = [400, 90, 1, 130, 5]
    assert e_bh([math.log(e) for e in es], 0.1) == [0, 1, 3]
    assert e_bh([math.log(e) for e in [39, 1]], 0.05) == []
    assert e_bh([]) == []
    # A bar that is met exactly is met.
    assert e_bh([math.log(2 / 0.1), 0.0], 0.1) == [0]
    # The bars are 80, 40, 26.7, 20: the largest fails its own, the second carries both.
    assert e_bh([math.log(e) for e in [1, 60, 45, 1]], 0.05) == [1, 2]


def test_a_family_keeps_the_maximum_of_the_mean_not_the_mean_of_maxima():
    family = Merged(2)
    family.update([math.log(30), math.log(0.001)])
    family.update([math.log(0.001), math.log(30)])
    assert family.best == pytest.approx(math.log(15.0005))
    assert Merged(2).best == Merged(2).log_e == 0.0
    assert family.update([0, 0]) == pytest.approx(0)
    assert family.log_e == pytest.approx(0)
    assert family.best == pytest.approx(math.log(15.0005))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_log_e([]), "no e-value"),
        (lambda: mean_log_e([1.0], [1.0, 2.0]), "weights"),
        (lambda: mean_log_e([1.0], [0.0]), "weights"),
        (lambda: mean_log_e([1.0, 1.0], [2.0, -1.0]), "weights"),
        (lambda: mean_log_e([math.nan]), "NaN"),
        (lambda: name_regressed([math.nan]), "NaN"),
        (lambda: name_regressed([1.0], 0), "alpha"),
        (lambda: e_bh([1.0], 1.0), "alpha"),
        (lambda: Merged(0), "at least one"),
        (lambda: Merged(2).update([1.0]), "expected 2"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
