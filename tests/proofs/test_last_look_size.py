"""Exact size of the last look, enumerated: no seeds, no tolerance."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import multinomial

from evalharness.stats.last_look import final_look_counts

LEVELS = (0.0125, 0.01875, 0.025, 0.0375)
"""What the shipped rule gives the last look: a half or three quarters of 0.025 and of 0.05."""


def p_values(n, margin, side):
    """p-value of every (wins, losses) of n paired binary cases: states, and their p-values."""
    states = [(wins, losses, n - wins - losses) for wins in range(n + 1) for losses in range(n + 1 - wins)]
    held = ({v: c for v, c in zip((1.0, -1.0, 0.0), state, strict=True) if c} for state in states)
    return np.array(states), np.array([final_look_counts(c, -margin, side, low=-1.0, high=1.0) for c in held])


def size(states, n, margin, points):
    """Largest chance of rejection over discordances, the mean being exactly -margin."""
    psis = np.linspace(max(margin, 1e-6), 1, points)
    return max(
        multinomial.pmf(states, n, [(psi - margin) / 2, (psi + margin) / 2, 1 - psi]).sum() if len(states) else 0.0
        for psi in psis
    )


def check(n, margin, points, levels=LEVELS):
    for side in ("pass", "fail"):
        states, p = p_values(n, margin, side)
        for alpha in levels:
            assert size(states[p <= alpha], n, margin, points) <= alpha


@pytest.mark.parametrize("n", range(1, 61))
def test_the_size_on_paired_binary_scores(n):
    check(n, 0.05, 40, (0.0125, 0.0375))


@pytest.mark.parametrize("n", [3, 10, 25, 40])
@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_the_size_at_other_margins(n, margin):
    check(n, margin, 40, (0.0125, 0.0375))


@pytest.mark.slow
@pytest.mark.parametrize("n", [*range(1, 61), 80, 100, 150, 200])
@pytest.mark.parametrize("margin", [0.0, 0.01, 0.02, 0.05, 0.1])
def test_the_size_on_paired_binary_scores_everywhere(n, margin):
    check(n, margin, 400 if n <= 60 else 100)


def test_the_enumeration_can_fail():
    """A normal approximation on the same counts, at the same level, exceeds it."""
    n, margin, alpha = 25, 0.05, 0.025
    states = []
    for wins, losses in product(range(n + 1), repeat=2):
        mean = (wins - losses) / n
        error = np.sqrt(max((wins + losses) / n - mean**2, 1e-9) / n)
        if wins + losses <= n and mean + margin > 1.96 * error:
            states.append((wins, losses, n - wins - losses))
    assert size(np.array(states), n, margin, 60) > alpha


def graded_size(rng, n, alpha, tries):
    """Largest size over random four-point distributions whose mean is the null (a conjecture, looked for a counterexample)."""
    largest = 0.0
    for _ in range(tries):
        values = np.sort(rng.uniform(-1, 1, 4))
        weights = rng.dirichlet(np.full(4, rng.choice([0.3, 1.0, 3.0])))
        null = float(values @ weights)
        chance = 0.0
        for counts in product(range(n + 1), repeat=4):
            if sum(counts) != n:
                continue
            held = {float(v): c for v, c in zip(values, counts, strict=True) if c}
            if final_look_counts(held, null, "pass", low=-1.0, high=1.0) <= alpha:
                chance += multinomial.pmf(counts, n, weights)
        largest = max(largest, chance)
    return largest


@pytest.mark.parametrize("n", [3, 6])
def test_the_size_on_random_graded_scores(n):
    assert graded_size(np.random.default_rng(n), n, 0.05, 25) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 6, 10])
@pytest.mark.parametrize("alpha", [0.0125, 0.025, 0.05])
def test_the_size_on_many_random_graded_scores(n, alpha):
    assert graded_size(np.random.default_rng(n), n, alpha, 400) <= alpha
