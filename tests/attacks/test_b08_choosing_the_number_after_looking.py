"""B8: look at 50, 100, 150 and 200 cases and claim whichever passes: 8.9 % instead of 5 %.

Defence: the planned number is that of the paired cases, fixed before the first call; before it there is no last bar.
The rates, enumerated: ``tests/proofs/test_exact_attacks.py``.
"""

from __future__ import annotations

from evalharness.core.options import RunOptions
from evalharness.stats import exact_plan
from evalharness.verdict.conclusion import Ending, conclude
from tests.attacks.shop import Shop
from tests.verdict.arms import cases, feed, judge, results


def test_a_run_that_stops_where_a_shorter_plan_would_pass_does_not_pass() -> None:
    some = cases(200)
    judged = judge(some, results(some, [True] * 200))
    order = judged.order()
    short = exact_plan(100, 0.05).start()
    for place, case in enumerate(order[:100]):
        right = place != 99
        short.update(0 if right else -1)
        judged.observe(results([case], [right])[case.id])
    assert short.finish().verdict == "pass"  # had 100 been planned
    verdict = conclude(judged, Ending(stopped="budget"))
    assert verdict.outcome == "incomplete"
    assert verdict.scorers[0].outcome == "inconclusive"
    assert verdict.scorers[0].details["planned"] == 200
    assert "missing" in verdict.scorers[0].details


def test_taking_fewer_cases_by_hand_gives_no_verdict(tmp_path) -> None:
    shop = Shop(tmp_path)
    shop.cases(200)
    shop.answers("old.jsonl", [True] * 200)
    shop.answers("new.jsonl", [True] * 200)
    shop.config()
    assert shop.gate(RunOptions(limit=100)).outcome == "incomplete"


def test_the_whole_plan_decides() -> None:
    some = cases(200)
    judged = judge(some, results(some, [True] * 200))
    feed(judged, results(some, [True] * 200))
    assert conclude(judged, Ending()).outcome == "pass"
