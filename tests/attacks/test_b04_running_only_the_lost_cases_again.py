"""B4: run only the cases again that were lost, keep the better half: a true drop of the margin passes in 99 % of runs.

Defence: a run is whole or void. A selection gives scores and no verdict, and only infrastructure errors are retried.
"""

from __future__ import annotations

import random

from evalharness.core.options import RunOptions
from evalharness.stats import exact_plan
from tests.attacks.shop import Shop


def test_what_the_attack_would_win() -> None:
    rng = random.Random(3)
    plan = exact_plan(200, 0.05)
    runs, honest, cheated = 200, 0, 0
    for _ in range(runs):
        # Answers flip with chance 0.1; five more points are lost on average.
        before = [rng.random() < 0.9 for _ in range(200)]
        after = [rng.random() < 0.85 for _ in range(200)]
        again = [new or (old and rng.random() < 0.85) for old, new in zip(before, after, strict=True)]
        for arm, name in ((after, "honest"), (again, "cheated")):
            state = plan.start()
            for old, new in zip(before, arm, strict=True):
                state.update(int(new) - int(old))
            passed = state.finish().verdict == "pass"
            honest, cheated = honest + (passed and name == "honest"), cheated + (passed and name == "cheated")
    assert honest / runs < 0.12
    assert cheated / runs > 0.9


def test_a_selection_has_no_verdict(tmp_path) -> None:
    shop = Shop(tmp_path)
    shop.cases(80)
    shop.answers("old.jsonl", [True] * 80)
    shop.answers("new.jsonl", [True] * 80)
    shop.config()
    verdict = shop.gate(RunOptions(case="c0001 or c0002"))
    assert (verdict.outcome, verdict.exit_code) == ("incomplete", 4)
    assert verdict.reason == "not judged: 2 of 80 selected"
