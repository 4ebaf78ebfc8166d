"""B11: epochs that differ between the arms: a majority of three against one moves an unchanged candidate by 5 points.

Defence: an epoch is only ever averaged. Unlike numbers of them stay unbiased and go the general path; a config that asks
for anything else is refused.
"""

from __future__ import annotations

import random

import pytest

from evalharness.core.errors import ConfigError
from evalharness.verdict.conclusion import Ending, conclude
from tests.attacks.shop import Shop
from tests.verdict.arms import cases, feed, gate, judge, result


def arms(rng: random.Random, some, epochs: int):
    """Every case is right with chance 0.8."""
    return {case.id: result(case, epochs=[float(rng.random() < 0.8) for _ in range(epochs)]) for case in some}


def test_means_over_unlike_epochs_stay_where_they_were_and_majorities_do_not() -> None:
    rng = random.Random(2)
    some = cases(400)
    means, majorities, verdicts = [], [], []
    for _ in range(12):
        judged = judge(some, arms(rng, some, 1), gate(epochs=3, stop="never"), epochs=1)
        new = arms(rng, some, 3)
        feed(judged, new)
        scorer = conclude(judged, Ending()).scorers[0]
        assert scorer.method == "general"
        means.append(scorer.difference or 0.0)
        verdicts.append(scorer.outcome)
        votes = [sum(t.scores["exact"].value for t in r.trials) >= 2 for r in new.values()]  # type: ignore[union-attr]
        majorities.append(sum(votes) / len(votes) - 0.8)
    assert abs(sum(means) / 12) < 0.02
    assert sum(majorities) / 12 > 0.06
    assert verdicts.count("regression") <= 3  # P(Bin(12, .025) >= 4) < 2e-4


def test_nothing_but_the_mean_can_be_asked_for(tmp_path) -> None:
    shop = Shop(tmp_path)
    shop.cases(30)
    shop.answers("old.jsonl", [True] * 30)
    shop.answers("new.jsonl", [True] * 30)
    shop.config(limits='exact = { margin = 0.05, aggregate = "majority" }')
    with pytest.raises(ConfigError, match="aggregate"), shop.open():
        pass
