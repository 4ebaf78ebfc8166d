"""B20: INCONCLUSIVE is merged by hand: at the margin PASS and INCONCLUSIVE together are 29 % at 200 cases.

Nothing can prevent it. Defence: every INCONCLUSIVE says what it would let through, exactly for 0/1 scores, and has an exit
code of its own. The rates: ``tests/proofs/test_exact_attacks.py``.
"""

from __future__ import annotations

import re

from tests.attacks.shop import Shop


def test_every_inconclusive_says_what_merging_it_would_let_through(tmp_path) -> None:
    shop = Shop(tmp_path)
    shop.cases(200)
    shop.answers("old.jsonl", [i % 14 != 0 for i in range(200)])
    shop.answers("new.jsonl", [i % 13 != 1 for i in range(200)])
    shop.config()
    verdict = shop.gate()
    assert (verdict.outcome, verdict.exit_code) == ("inconclusive", 3)
    said = " ".join(verdict.notes)
    found = re.search(r"get through in (\d+)% of cases \((\d+)% PASS, (\d+)% INCONCLUSIVE\)", said)
    assert found is not None
    total, passed, open_ = (int(number) for number in found.groups())
    assert abs(total - passed - open_) <= 1
    assert 15 <= total <= 60


def test_letting_it_through_is_a_word_in_the_config_and_changes_no_outcome(tmp_path) -> None:
    shop = Shop(tmp_path)
    shop.cases(40)
    shop.answers("old.jsonl", [True] * 40)
    shop.answers("new.jsonl", [True] * 39 + [False])
    shop.config(gate='inconclusive = "pass"')
    verdict = shop.gate()
    assert (verdict.outcome, verdict.exit_code) == ("inconclusive", 0)
    assert "would get through" in " ".join(verdict.notes)
