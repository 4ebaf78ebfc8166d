import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from evalharness.stats.agreement import (
    cohen_kappa,
    krippendorff_alpha,
    ppi_mean,
    rogan_gladen,
    rogan_gladen_interval,
)

N = None
# Four raters, twelve items, with gaps: the worked example of Krippendorff (2011), "Computing Krippendorff's
# alpha-reliability", whose published values are the ones below.
WORKED = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
    [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
]


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_alpha_of_the_worked_example(level, published):
    assert krippendorff_alpha(WORKED, level=level) == pytest.approx(published, abs=6e-4)
    with_nan = [[math.nan if v is None else float(v) for v in row] for row in WORKED]
    assert krippendorff_alpha(with_nan, level=level) == pytest.approx(published, abs=6e-4)


def test_alpha_of_labels_and_of_zeros():
    assert krippendorff_alpha([["a", "b", "a"], ["a", "b", "a"]]) == 1.0
    assert krippendorff_alpha([[0, 1], [0, 2]], level="ratio") < 1
    assert krippendorff_alpha([["a", "b"], ["b", "a"]]) < 0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=30))
def test_kappa_equals_sklearn(pairs):
    first, second = zip(*pairs, strict=True)
    if len(set(first + second)) == 1:
        with pytest.raises(ValueError, match="no value"):
            cohen_kappa(first, second)
        return
    for weights in (None, "linear", "quadratic"):
        # Ranks are those of the labels that occur, as in sklearn.
        assert cohen_kappa(first, second, weights=weights) == pytest.approx(
            cohen_kappa_score(first, second, weights=weights), abs=1e-12
        )


def test_rogan_gladen_corrects_and_clips():
    assert rogan_gladen(0.8 * 0.9 + 0.2 * 0.3, 0.9, 0.7) == pytest.approx(0.8)
    assert rogan_gladen(0.0, 0.9, 0.7) == 0.0
    assert rogan_gladen(1.0, 0.9, 0.7) == 1.0
    assert rogan_gladen(0.5, 0.6, 0.6) == pytest.approx(0.5)


def test_the_corrected_interval_covers_what_it_says():
    rng = np.random.default_rng(0)
    truth, se, sp = 0.75, 0.9, 0.8
    hits = 0
    for _ in range(1000):
        passed = rng.binomial(300, truth * se + (1 - truth) * (1 - sp))
        estimate = rogan_gladen_interval(
            (passed, 300), (rng.binomial(60, se), 60), (rng.binomial(60, sp), 60), level=0.9
        )
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
        hits += estimate.low <= truth <= estimate.high
    assert 860 <= hits <= 960


def test_ppi_is_unbiased_covers_and_beats_the_labels_alone():
    rng = np.random.default_rng(1)
    hits, errors, plain = 0, [], []
    for _ in range(800):
        human = rng.normal(0.6, 0.2, 1040)
        judge = human + rng.normal(0.1, 0.1, 1040)
        estimate = ppi_mean(human[:40], judge[:40], judge[40:], level=0.9)
        hits += estimate.low <= 0.6 <= estimate.high
        errors.append(estimate.value - 0.6)
        plain.append(human[:40].mean() - 0.6)
        assert 0 <= estimate.weight <= 1
    assert 680 <= hits <= 760
    assert abs(np.mean(errors)) < 0.004
    assert np.std(errors) < 0.6 * np.std(plain)


def test_ppi_untuned_is_judge_plus_rectifier():
    estimate = ppi_mean([1, 0, 1], [1, 1, 1], [1, 0, 1, 0], tuned=False)
    assert estimate.value == pytest.approx(0.5 + (0 - 1 + 0) / 3)
    assert estimate.weight == 1.0


def test_ppi_ignores_a_judge_that_says_nothing():
    estimate = ppi_mean([1, 0, 1], [0.5] * 3, [0.5] * 4)
    assert estimate.weight == 0.0
    assert estimate.value == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rogan_gladen(1.2, 0.9, 0.9), "observed"),
        (lambda: rogan_gladen(0.5, math.nan, 0.9), "sensitivity"),
        (lambda: rogan_gladen(0.5, 0.5, 0.6), "no correction"),
        (lambda: rogan_gladen_interval((5, 4), (1, 1), (1, 1)), "no share"),
        (lambda: rogan_gladen_interval((0, 0), (1, 1), (1, 1)), "no share"),
        (lambda: ppi_mean([1], [1], [1, 1]), "at least two"),
        (lambda: ppi_mean([1, 1], [1], [1, 1]), "at least two"),
        (lambda: ppi_mean([1, 1], [1, 1], [1]), "at least two"),
        (lambda: cohen_kappa([], []), "same items"),
        (lambda: cohen_kappa([1], [1, 2]), "same items"),
        (lambda: cohen_kappa([1, 2], [1, 2], weights="cubic"), "weights"),
        (lambda: krippendorff_alpha([]), "each rater"),
        (lambda: krippendorff_alpha([[1], [1, 2]]), "each rater"),
        (lambda: krippendorff_alpha([[1, None], [None, 1]]), "two ratings"),
        (lambda: krippendorff_alpha([[1, 1], [1, 1]]), "alike"),
        (lambda: krippendorff_alpha([[1, 2], [1, 1]], level="cardinal"), "level"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
