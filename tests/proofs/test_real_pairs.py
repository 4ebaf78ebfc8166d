"""Real pairs as populations: the two error rates and A/A on what real systems did, not on shapes that we made up.

Cases are drawn from a pair of GSM8K solvers with the pair's true drop as the margin, so that every PASS is an error; with
the arms swapped at random nothing has changed, so that every FAIL is one. Both are enumerated: no simulation error.
"""

import gzip
import json
import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t as student

from evalharness.stats.exact import exact_plan
from evalharness.stats.exact_evidence import evidence, null_mean
from evalharness.stats.exact_size import size, trinomials
from evalharness.stats.exact_survival import survival

from .many_runs import too_many


@pytest.fixture(scope="module")
def pairs():
    """Differences of every two systems, the worse as the candidate."""
    root = os.environ.get("EVALH_TEST_DATA")
    if not root:
        pytest.skip("EVALH_TEST_DATA names no folder of test data")
    with gzip.open(Path(root) / "gsm8k" / "gsm8k_even.jsonl.gz", "rt") as lines:
        rows = [json.loads(line)["official_correct"] for line in lines]
    scores = {name: np.array([float(row[name]) for row in rows]) for name in sorted(rows[0])}
    differences = [scores[b] - scores[a] for a, b in combinations(scores, 2)]
    return [-np.abs(x.mean()) / x.mean() * x for x in differences]


def passed_at_the_margin(x, n):
    plan = exact_plan(n, float(-x.mean()))
    alive = survival(evidence(null_mean("pass", plan.margin)), plan.passing.bar, n)
    wins, losses = np.indices(alive.shape)
    kept = np.where(losses <= np.array(plan.pass_max_losses)[wins], 0.0, alive)
    return float(size(kept, trinomials(np.array([np.mean(x > 0)]), np.array([np.mean(x < 0)])))[0])


@pytest.mark.parametrize("n", [60, 100])
def test_a_true_drop_of_the_margin_passes_at_most_at_alpha(pairs, n):
    rates = [passed_at_the_margin(x, n) for x in pairs]
    assert 0.01 < max(rates) <= 0.05


@pytest.mark.parametrize("n", [60, 100])
def test_a_against_a_is_blocked_at_most_at_alpha(pairs, n):
    rates = [exact_plan(n, 0.05).outcome(float(np.mean(x != 0)), 0.0).p_fail for x in pairs]
    assert 0.005 < max(rates) <= 0.025


def test_a_t_test_that_peeks_on_the_same_pairs_fails_the_same_test(pairs):
    """Negative control: looked at every 10 cases, the t-test passes the true drop far too often."""
    runs, n = 600, 100
    errors = 0
    for seed, x in enumerate(pairs):
        drawn = np.random.default_rng(seed).choice(x, (runs, n))
        passed = np.zeros(runs, bool)
        for look in range(10, n + 1, 10):
            part = drawn[:, :look]
            error = np.maximum(part.std(axis=1, ddof=1), 1e-9) / look**0.5
            passed |= (part.mean(axis=1) - x.mean()) / error > student.ppf(0.95, look - 1)
        errors += int(passed.sum())
    assert too_many(errors, runs * len(pairs), 0.05)
