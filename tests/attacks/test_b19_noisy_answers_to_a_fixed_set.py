"""B19: a fixed eval set, noisy answers, mean exactly at the margin: nothing is drawn from a population.

Still below 5 %, for given the counts the order is uniform. More patterns, and where the claim ends:
``tests/proofs/test_exact_attacks.py``.
"""

from __future__ import annotations

import numpy as np

from evalharness.stats import exact_plan
from tests.proofs.test_exact_attacks import binomial, noisy_rate, not_passed

N, LOST = 80, 4


def test_every_pattern_of_a_fixed_set_stays_below_alpha() -> None:
    passed = 1 - not_passed(N, [exact_plan(N, 0.05)])
    fixed = [passed[w, w + LOST] for w in range((N - LOST) // 2 + 1)]
    stored = []
    for failed in range(0, 61, 5):
        for held in range(5, N + 1 - failed, 5):
            for win in (0.0, 0.05, 0.2, 0.5, 1.0):
                loss = (LOST + failed * win) / held
                if loss <= 1:
                    chances = binomial(failed, win), binomial(held, loss)
                    stored.append(float(chances[0] @ passed[: failed + 1, : held + 1] @ chances[1]))
    noisy = [
        noisy_rate(passed, 0, cases, (after * (1 - before), (1 - after) * before))
        for cases in range(10, N + 1, 10)
        for before in (0.3, 0.5, 0.7, 0.9)
        if (after := before - LOST / cases) >= 0
    ]
    worst = [float(np.max(rates)) for rates in (fixed, stored, noisy)]
    assert len(stored) > 200
    assert max(worst) <= 0.05
    assert min(worst) > 0.005
