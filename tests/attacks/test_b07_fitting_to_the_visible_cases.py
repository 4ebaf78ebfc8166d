"""B7: a prompt fitted to the visible failing cases passes on them whatever alpha is, and the drop stays elsewhere.

No statistic on these cases can see it. Defence: looks at a holdout are counted and printed, from the third try a run on
reserve cases is suggested, and that run, at the same alpha, sees the drop.
"""

from __future__ import annotations

from tests.attacks.shop import Shop


def test_the_reserve_sees_what_the_visible_cases_cannot(tmp_path) -> None:
    shop = Shop(tmp_path)
    shop.cases(200)
    shop.answers("old.jsonl", [i % 10 != 0 for i in range(200)])
    shop.answers("new.jsonl", [i % 10 != 0 for i in range(200)])  # learnt by heart
    shop.config()
    assert shop.gate().outcome == "pass"
    shop.cases(200, start=1000)
    shop.answers("old.jsonl", [i % 10 != 0 for i in range(200)], start=1000)
    shop.answers("new.jsonl", [i % 5 > 1 for i in range(200)], start=1000)
    assert shop.gate().outcome == "regression"


def test_looks_at_the_same_cases_are_counted_and_said(tmp_path) -> None:
    shop = Shop(tmp_path)
    shop.cases(60)
    shop.answers("old.jsonl", [True] * 60)
    shop.config()
    verdicts = []
    for look in range(11):
        shop.answers("new.jsonl", [i != look for i in range(60)])
        verdicts.append(shop.gate(EVALH_PULL_REQUEST="1"))
    assert not any("look" in note for note in verdicts[0].notes)
    assert "look 2 at these cases against this baseline" in verdicts[1].notes
    assert "reserve cases" in " ".join(verdicts[2].notes)
    assert "many_looks" not in {warned.code for warned in verdicts[8].warnings}
    assert "many_looks" in {warned.code for warned in verdicts[10].warnings}
