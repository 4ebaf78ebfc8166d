"""B9: INCONCLUSIVE at 200, then 400, then 800 cases with a fresh last bar each: 8.4 % instead of 5 %.

Defence: looks are declared before the run (``extendable``); the staircases of earlier looks are spent in later ones and
the three together are certified. An independent recursion says the same. The attack: ``tests/proofs/test_exact_attacks.py``.
"""

from __future__ import annotations

import pytest

from evalharness.stats import exact_plan
from tests.proofs.test_exact_attacks import not_passed, worst

SIZES = (40, 80, 160)


def test_declared_looks_keep_the_rate_that_fresh_bars_break() -> None:
    plan = exact_plan(SIZES[-1], 0.05, looks=SIZES[:-1])
    assert all(part.pass_certified for part in (*plan.earlier, plan))
    assert worst(not_passed(SIZES[-1], [*plan.earlier, plan])) <= 0.05
    fresh = [exact_plan(size, 0.05) for size in SIZES]
    assert worst(not_passed(SIZES[-1], fresh)) > 0.06


@pytest.mark.slow
def test_the_published_looks() -> None:
    """200, 400 and 800 cases: PASS when unchanged at 10 % discordance is 98 % in the end, and the size 0.0498."""
    plan = exact_plan(800, 0.05, looks=(200, 400), alpha_block=0.05)
    assert worst(not_passed(800, [*plan.earlier, plan])) <= 0.05
    assert plan.outcome(0.10).p_pass == pytest.approx(0.98, abs=0.01)
