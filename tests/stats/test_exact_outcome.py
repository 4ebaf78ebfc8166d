"""The ceiling: no valid rule may exceed it, ours included, and it is the power of a real test."""

import numpy as np
import pytest

from evalharness.stats.exact import exact_plan
from evalharness.stats.exact_outcome import ceiling


@pytest.mark.parametrize(("planned", "percent"), [(50, 27.0), (100, 44.5), (200, 69.9), (300, 84.7), (500, 96.6)])
def test_the_ceilings_of_the_specification(planned, percent):
    assert 100 * ceiling(planned, 0.05, 0.10) == pytest.approx(percent, abs=0.1)


@pytest.mark.parametrize("discordance", [0.04, 0.10, 0.20])
@pytest.mark.parametrize("planned", [50, 100, 200])
def test_our_rule_is_below_and_close(planned, discordance):
    plan = exact_plan(planned, 0.05)
    ours, most = plan.outcome(discordance).p_pass, plan.ceiling(discordance)
    assert ours <= most
    # At N = 50 and 4 % discordance the ceiling needs a coin: 33 of 41.6.
    assert ours > most - (0.09 if (planned, discordance) in {(50, 0.04), (100, 0.04)} else 0.035)


def test_all_ties_pass_as_often_as_the_ceiling_of_one_point():
    """No discordance: the best test of N ties passes with alpha / (1 - margin)^N, at most 1."""
    assert ceiling(20, 0.05, 0.0) == pytest.approx(0.05 / 0.95**20, rel=1e-6)
    assert ceiling(80, 0.05, 0.0) == pytest.approx(1.0)


def test_outcomes_add_up_and_never_leave_0_to_1():
    plan = exact_plan(60, 0.1)
    for psi in np.linspace(0, 1, 9):
        for change in (-1.0, -0.1, 0.0, 0.5):
            result = plan.outcome(float(psi), change)
            assert sum(result[:3]) == pytest.approx(1.0, abs=1e-10)
            assert min(result[:3]) >= 0.0
            assert 0 < result.mean_cases <= 60 + 1e-9
