"""B6: twenty commits, each a drop of the margin: one of them passes in 62 % of cases.

Defence: tries are counted per pull request and said with the verdict; ``tries = "spend"`` pays for them.
The numbers of the attack itself: ``tests/proofs/test_exact_attacks.py``.
"""

from __future__ import annotations

import pytest

from evalharness.project.tries import under_tries
from evalharness.stats import exact_plan
from evalharness.stats.tries import spent_alpha
from tests.attacks.shop import Shop
from tests.verdict.arms import gate


@pytest.fixture
def shop(tmp_path) -> Shop:
    found = Shop(tmp_path)
    found.cases(80)
    found.answers("old.jsonl", [True] * 80)
    return found


def push(shop: Shop, number: int):
    shop.answers("new.jsonl", [i != number for i in range(80)])
    return shop.gate(EVALH_PULL_REQUEST="12")


def test_every_verdict_says_which_try_it_is(shop: Shop) -> None:
    shop.config()
    said = [" ".join(push(shop, k).notes) for k in range(4)]
    assert "Try" not in said[0]
    assert "Try 2 on this pull request" in said[1]
    assert "at most 10%" in said[1]
    assert "Try 4" in said[3]
    assert "at most 20%" in said[3]
    assert "reserve cases" in said[3]
    # The same candidate again is no new try; another pull request starts over; no pull request, no count.
    assert "Try 2" in " ".join(push(shop, 1).notes)
    assert "Try" not in " ".join(shop.gate(EVALH_PULL_REQUEST="13").notes)
    assert "Try" not in " ".join(shop.gate().notes)


def test_spending_gives_each_try_its_own_share(shop: Shop) -> None:
    shop.config(gate='tries = "spend"')
    alphas = [push(shop, k).scorers[0].alpha_pass for k in range(3)]
    assert alphas == [pytest.approx(spent_alpha(k)) for k in (1, 2, 3)]
    again = push(shop, 0)
    assert again.scorers[0].alpha_pass == pytest.approx(0.025)  # its own try, not a fourth
    assert "Try 1 spends 0.0250 of alpha_pass 0.05" in " ".join(again.notes)
    assert shop.gate().scorers[0].alpha_pass == pytest.approx(0.025)  # elsewhere: like a first try


def test_all_tries_together_keep_the_rate() -> None:
    chances = []
    for number in range(1, 9):
        rule = under_tries(gate(tries="spend"), number)
        chances.append(exact_plan(100, 0.05, alpha_pass=rule.alpha_pass).outcome(0.10, -0.05).p_pass)
    assert sum(chances) <= 0.05
    counted = exact_plan(100, 0.05).outcome(0.10, -0.05).p_pass
    assert 1 - (1 - counted) ** 8 > 0.25  # what counting alone cannot prevent, and says
    assert under_tries(gate(), 5).alpha_pass == 0.05
