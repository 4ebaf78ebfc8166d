"""B17: guard slices and a pinned baseline as vetoes: further chances to block an unchanged candidate.

Defence: the family that shares alpha_block counts metrics, slices and pinned copies; PASS stays an intersection. The pinned
baseline bounds what many merges lose together, each merge having its own 5 %.
"""

from __future__ import annotations

import random

from evalharness.core.cases import Case
from evalharness.verdict.conclusion import Ending, conclude
from tests.verdict.arms import baseline, feed, gate, judge, limit, results

N = 240
SOME = tuple(Case(id=f"c{i:03d}", input="q", metadata={"region": ("eu", "us")[i % 2]}) for i in range(N))
RULE = gate(limit(margin=0.1), slices={"region": (limit(margin=0.1),)}, split=0.25)


def test_everything_that_can_block_shares_alpha() -> None:
    right = results(SOME, [True] * N)
    judged = judge(SOME, right, RULE, pinned=baseline(right))
    assert judged.family == 4
    assert {track.rule.alpha_block for track in judged.blocking() if track.rule is not None} == {0.025 / 4}
    assert {track.rule.alpha_pass for track in judged.guards() if track.rule is not None} == {0.05}


def test_an_unchanged_candidate_is_not_blocked_more_often() -> None:
    rng = random.Random(4)
    runs, blocked = 60, 0
    for _ in range(runs):
        arms = [results(SOME, [rng.random() < 0.85 for _ in range(N)]) for _ in range(3)]
        judged = judge(SOME, arms[0], RULE, pinned=baseline(arms[1]))
        feed(judged, arms[2])
        ends = [track.engine.finish().verdict for track in judged.blocking() if track.engine is not None]
        blocked += "fail" in ends or bool(judged.family_failed)
    assert blocked <= 8  # P(Bin(60, .025) >= 9) < 1e-4


def test_small_steps_down_meet_the_pinned_arm() -> None:
    """Each merge loses 3 points, inside the margin of 10: against the last baseline all pass, against the pinned one not."""
    outcomes = {True: [], False: []}
    for pinned in (True, False):
        last = anchor = results(SOME, [True] * N)
        lost = 0
        for _ in range(8):
            lost += 7
            now = results(SOME, [i >= lost for i in range(N)])
            judged = judge(SOME, last, gate(limit(margin=0.1)), pinned=baseline(anchor) if pinned else None)
            feed(judged, now)
            outcomes[pinned].append(conclude(judged, Ending()).outcome)
            last = now
    assert "regression" not in outcomes[False]
    assert outcomes[False].count("pass") >= 7
    assert outcomes[True][-1] == "regression"
