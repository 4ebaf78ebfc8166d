"""Several tries on one pull request: the bound, and the spending."""

import pytest

from evalharness.stats.tries import any_pass_bound, spent_alpha


def test_the_bound_covers_independent_tries_and_stops_at_1():
    assert any_pass_bound(4) == pytest.approx(0.20)
    assert any_pass_bound(50) == 1.0
    for k in range(1, 30):
        assert any_pass_bound(k) >= 1 - 0.95**k - 1e-15


def test_spending_never_exceeds_alpha():
    assert [spent_alpha(k) for k in (1, 2, 3)] == pytest.approx([0.025, 0.05 / 6, 0.05 / 12])
    assert sum(spent_alpha(k) for k in range(1, 10_000)) < 0.05


def test_refusals():
    for function in (any_pass_bound, spent_alpha):
        for tries, alpha in ((0, 0.05), (1, 0.0), (1, 1.0)):
            with pytest.raises(ValueError, match="tries must be"):
                function(tries, alpha)
