from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.stats.resampling import bootstrap_interval, leave_one_out, paired_randomisation


def ratio(totals):
    return totals[0] / totals[1]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8))
def test_up_to_twelve_changes_are_enumerated(pairs):
    old, new = [a for a, _ in pairs], [b for _, b in pairs]
    result = paired_randomisation(old, new)
    observed = np.mean(new) - np.mean(old)
    signs = product([1, -1], repeat=len(pairs))
    shares = [
        np.mean([s * (b - a) for s, (a, b) in zip(sign, pairs, strict=True)]) <= observed + 1e-9 for sign in signs
    ]
    assert result.exact
    assert result.p_value == pytest.approx(np.mean(shares))
    assert result.difference == pytest.approx(observed)
    assert result.changed == sum(a != b for a, b in pairs)


def test_ratios_of_totals_are_swapped_as_totals():
    old, new = [(3, 4), (5, 5), (1, 2)], [(2, 4), (5, 5), (0, 3)]
    result = paired_randomisation(old, new, ratio)
    assert result.difference == pytest.approx(7 / 12 - 9 / 11)
    swaps = [7 / 12 - 9 / 11, 8 / 12 - 8 / 11, 8 / 11 - 8 / 12, 9 / 11 - 7 / 12]
    assert result.p_value == pytest.approx(np.mean([s <= swaps[0] + 1e-9 for s in swaps]))


def test_identical_systems_show_nothing():
    result = paired_randomisation([0.3, 0.4], [0.3, 0.4])
    assert (result.p_value, result.changed, result.exact) == (1.0, 0, True)


def test_five_losses_are_the_fewest_that_block():
    assert paired_randomisation([1] * 9, [0] * 4 + [1] * 5).p_value == pytest.approx(1 / 16)
    assert paired_randomisation([1] * 9, [0] * 5 + [1] * 4).p_value == pytest.approx(1 / 32)


def test_many_changes_are_drawn_with_a_seed_and_agree_with_the_sign_test():
    from scipy.stats import binom

    old, new = [1] * 13 + [0] * 7 + [1] * 30, [0] * 13 + [1] * 7 + [1] * 30
    result = paired_randomisation(old, new, seed=4)
    assert not result.exact
    assert result.p_value == pytest.approx(binom.sf(12, 20, 0.5), abs=0.012)
    assert paired_randomisation(old, new, seed=4) == result
    assert paired_randomisation(old, new, seed=5) != result
    assert paired_randomisation(old, new, rounds=1).p_value in {0.5, 1.0}
    assert paired_randomisation([1] * 60, [0] * 60, rounds=9).p_value == pytest.approx(1 / 10)
    assert paired_randomisation([0] * 60, [1] * 60, rounds=9).p_value == 1.0


def test_unchanged_noise_is_rarely_called_worse():
    rng = np.random.default_rng(0)
    p_values = [
        paired_randomisation(rng.normal(size=40), rng.normal(size=40), rounds=400, seed=i).p_value for i in range(400)
    ]
    # Binomial(400, .05): more than 43 has a chance below 1e-6.
    assert sum(p <= 0.05 for p in p_values) <= 43


def test_the_bootstrap_interval_is_that_of_the_mean():
    rng = np.random.default_rng(1)
    old = rng.normal(size=400)
    new = old + rng.normal(0.1, 0.5, size=400)
    low, high = bootstrap_interval(old, new, rounds=4000)
    centre, error = np.mean(new - old), np.std(new - old) / 20
    assert low == pytest.approx(centre - 1.645 * error, abs=0.004)
    assert high == pytest.approx(centre + 1.960 * error, abs=0.004)
    assert bootstrap_interval(old, new, rounds=4000) == (low, high)
    assert bootstrap_interval(old, new, rounds=4000, seed=1) != (low, high)


def test_the_bootstrap_draws_every_case_equally_often_and_as_many_as_there_are():
    """Three cases, 3,000 resamples: each of the 27 draws has its share (chi-square of 10 kinds of counts)."""
    from scipy.stats import chisquare, multinomial

    seen = Counter()

    def note(totals):
        seen[tuple(round(x) for x in totals)] += 1
        return totals[0]

    one_hot = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    bootstrap_interval(one_hot, one_hot, note, rounds=3000)
    kinds = sorted(seen)
    assert len(kinds) == 10
    assert all(sum(kind) == 3 for kind in kinds)
    expected = [6000 * multinomial.pmf(kind, 3, [1 / 3] * 3) for kind in kinds]
    # Each resample is noted twice, for baseline and candidate: halve the counts for the test.
    assert chisquare([seen[kind] / 2 for kind in kinds], [e / 2 for e in expected]).pvalue > 1e-4


def test_the_bootstrap_of_ratios():
    old, new = [(1, 2), (2, 3), (0, 1)] * 5, [(1, 2), (1, 3), (1, 1)] * 5
    low, high = bootstrap_interval(old, new, ratio, rounds=2000)
    assert low < 0 < high
    assert bootstrap_interval(old, new, ratio, rounds=2000) == (low, high)
    wider = bootstrap_interval(old, new, ratio, rounds=2000, tails=(0.005, 0.005))
    assert wider[0] < low < high < wider[1]


def test_leaving_one_out_shows_which_case_moved_the_score():
    old, new = [(3, 4), (5, 5), (1, 2)], [(2, 4), (5, 5), (0, 3)]
    whole = 7 / 12 - 9 / 11
    expected = [whole - (5 / 8 - 6 / 7), whole - (2 / 7 - 4 / 6), whole - (7 / 9 - 8 / 9)]
    assert leave_one_out(old, new, ratio) == pytest.approx(expected)
    assert leave_one_out([1, 1, 1], [1, 1, 0]) == pytest.approx([-1 / 3 + 1 / 2, -1 / 3 + 1 / 2, -1 / 3])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paired_randomisation([], []), "same cases"),
        (lambda: paired_randomisation([1], [1, 2]), "same cases"),
        (lambda: paired_randomisation([(1, 2)], [(1, 2, 3)], ratio), "equally long"),
        (lambda: paired_randomisation([1], [1], rounds=0), "rounds"),
        (lambda: bootstrap_interval([1], [1], rounds=0), "rounds"),
        (lambda: bootstrap_interval([1], [1], tails=(0.0, 0.1)), "tail"),
        (lambda: leave_one_out([1], [1]), "two cases"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
