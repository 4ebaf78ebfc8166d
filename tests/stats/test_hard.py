"""Hard checks (attack B5): the printed worst case really is one, the old formula is not."""

import numpy as np
import pytest

from evalharness.stats.hard import hard_check_block_rate, hard_checks_block_rate


@pytest.mark.parametrize(
    ("stored", "attempts", "percent"), [(1, 2, 14.8), (3, 3, 1.6), (5, 3, 0.50), (5, 5, 0.10), (10, 3, 0.09)]
)
def test_the_table_of_the_specification(stored, attempts, percent):
    assert 100 * hard_check_block_rate(attempts, stored) == pytest.approx(percent, abs=0.05)


@pytest.mark.parametrize(("attempts", "stored"), [(1, 1), (2, 1), (3, 3), (3, 10)])
def test_it_is_the_largest_over_every_flake_rate(attempts, stored):
    f = np.linspace(0, 1, 200_001)
    rates = (1 - f) ** stored * f**attempts
    assert rates.max() == pytest.approx(hard_check_block_rate(attempts, stored), rel=1e-8)


def test_one_mean_flake_rate_hides_what_unequal_cases_do():
    """Attack: 100 cases with mean 1 %, two of them at 1/2. The mean says 1.0 %, the truth is 44 %."""
    by_the_mean = 1 - (1 - 0.01**2) ** 100
    truth = 1 - (1 - 0.5**2) ** 2
    assert (round(100 * by_the_mean, 1), round(100 * truth)) == (1.0, 44)
    assert by_the_mean < 0.025 < truth
    guarded = 1 - (1 - 0.5**3 * 0.5**3) ** 2
    assert guarded <= hard_checks_block_rate(2, 3, 3) < 0.032


def test_without_stored_attempts_nothing_is_promised():
    assert hard_check_block_rate(2, 0) == 1.0
    assert hard_checks_block_rate(100, 2, 1) == 1.0
    assert hard_checks_block_rate(0, 2, 1) == 0.0


def test_refusals():
    for attempts, stored in ((0, 1), (1, -1)):
        with pytest.raises(ValueError, match="attempts must be"):
            hard_check_block_rate(attempts, stored)
    with pytest.raises(ValueError, match="cases must be"):
        hard_checks_block_rate(-1, 2, 1)
