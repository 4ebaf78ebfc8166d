"""B12: answers that would have been wrong never arrive: a drop of 10 points whose losses are hidden to 60 %.

Defence: a missing answer counts at its worst for PASS and at its best for FAIL: it can help neither.
"""

from __future__ import annotations

import random

from evalharness.verdict.conclusion import Ending, conclude
from tests.verdict.arms import LOST, cases, feed, gate, judge, results

N, RUNS = 300, 40


def one(rng: random.Random, *, dropped: bool) -> str:
    some = cases(N)
    before = [rng.random() < 0.9 for _ in range(N)]
    after: list[object] = []
    for right in before:
        lost = right and rng.random() < 0.11
        after.append(LOST if lost and rng.random() < 0.6 else right and not lost)
    if dropped:
        kept = [i for i in range(N) if after[i] is not LOST][:250]
        some, before, after = tuple(some[i] for i in kept), [before[i] for i in kept], [after[i] for i in kept]
    judged = judge(some, results(some, before), gate(max_missing=1.0))
    feed(judged, results(some, after))
    return conclude(judged, Ending()).outcome


def test_hidden_losses_never_pass_and_dropping_them_would() -> None:
    rng = random.Random(5)
    ours = [one(rng, dropped=False) for _ in range(RUNS)]
    naive = [one(rng, dropped=True) for _ in range(RUNS)]
    assert ours.count("pass") == 0
    assert naive.count("pass") > 0.15 * RUNS


def test_by_default_a_missing_answer_is_incomplete() -> None:
    some = cases(N)
    judged = judge(some, results(some, [True] * N))
    first = judged.order()[0].id
    feed(judged, results(some, [LOST if case.id == first else True for case in some]))
    assert conclude(judged, Ending()).outcome == "incomplete"


def test_losses_to_the_network_block_nobody() -> None:
    """Five answers in a hundred lost at random, nothing changed: never a regression."""
    rng = random.Random(6)
    some = cases(N)
    for _ in range(20):
        judged = judge(some, results(some, [True] * N), gate(max_missing=1.0))
        feed(judged, results(some, [LOST if rng.random() < 0.05 else True for _ in range(N)]))
        assert conclude(judged, Ending()).outcome != "regression"
