"""B3: an order seed that contains the candidate's digest lets white-space commits draw orders until one passes early.

Defence: the seed is eval set, baseline run and pull request; a hand-set seed is flagged.
"""

from __future__ import annotations

from evalharness.stats.order import order_seed as seed_of_stats
from evalharness.verdict.pairing import order_seed
from tests.attacks.shop import Shop
from tests.proofs.test_exact_attacks import not_passed


def test_what_the_attack_would_win() -> None:
    kept = not_passed(100)
    rates = [1 - kept[w, w + 5] for w in range(3, 21)]
    assert max(rates) < 0.05  # one order
    assert max(1 - (1 - rate) ** 200 for rate in rates) > 0.5  # the best of 200


def test_white_space_draws_no_new_order(tmp_path) -> None:
    shop = Shop(tmp_path)
    shop.cases(60)
    shop.answers("old.jsonl", [True] * 60)
    shop.config()
    seeds = set()
    for blank in ("", " ", "  ", "\n"):
        shop.answers("new.jsonl", [True] * 50 + [False] * 10, wrong=f"no{blank}")
        seeds.add(shop.gate(EVALH_PULL_REQUEST="7").order_seed)
    assert len(seeds) == 1
    assert shop.gate(EVALH_PULL_REQUEST="8").order_seed not in seeds


def test_the_seed_has_no_place_for_a_candidate() -> None:
    assert order_seed("e", "r", "7") == seed_of_stats("e", "r", "7")


def test_a_hand_set_seed_is_flagged(tmp_path) -> None:
    shop = Shop(tmp_path)
    shop.cases(60)
    shop.answers("old.jsonl", [True] * 60)
    shop.answers("new.jsonl", [True] * 59 + [False])
    shop.config(gate='order_seed = "lucky"')
    assert "order_seed" in {warned.code for warned in shop.gate().warnings}
