"""B2: the mean of running maxima is not an e-value: metrics that dip one after another cross a bar that no moment crosses.

Defence: the *current* e-values are merged, and the maximum is taken of the merged value.
"""

from __future__ import annotations

import math

import pytest

from evalharness.stats import mean_log_e
from tests.verdict.arms import Facts, cases, gate, judge, limit, merged, results

N = 3000
FACTS = [Facts(name=f"m{i}", signature=f"m{i}", binary=False) for i in range(2)]


def test_the_judge_merges_what_is_there_now() -> None:
    some = cases(N)
    before = merged(*(results(some, [0.5] * N, f"m{i}") for i in range(2)))
    judged = judge(some, before, gate(limit("m0"), limit("m1"), stop="never"), scorers=FACTS)
    bar = -math.log(0.025 * 0.5)  # of the merged evidence; a metric alone fails at twice that e-value
    engines = [track.engine for track in judged.guards()]
    best = [0.0, 0.0]
    phase = 0
    naive = now = -math.inf
    for case in judged.order():
        # The first metric dips to above the merged bar, below its own, and recovers; then the second one dips.
        values = [0.45, 0.45]  # on the margin: no evidence for anything
        if phase in (0, 2):
            values[phase // 2] = 0.4
        elif phase == 1:
            values[0] = 0.6
        judged.observe(merged(results([case], values[:1], "m0"), results([case], values[1:], "m1"))[case.id])
        logs = [engine.log_e_now.fail for engine in engines]  # type: ignore[union-attr]
        best = [max(pair) for pair in zip(best, logs, strict=True)]
        naive, now = max(naive, mean_log_e(best)), max(now, mean_log_e(logs))
        if (phase == 0 and logs[0] > bar + 0.2) or (phase == 1 and logs[0] < 0):
            phase += 1
        if phase == 2 and logs[1] > bar + 0.2:
            break
    assert phase == 2
    assert naive > bar + 0.15  # what the attack would merge: both dips count at once, and nobody has regressed
    assert now < bar - 0.2  # what is merged: one dip at a time
    assert not judged.family_failed
    assert not judged.failed


def test_two_metrics_that_are_down_together_do_fail() -> None:
    some = cases(400)
    before = merged(*(results(some, [0.5] * 400, f"m{i}") for i in range(2)))
    judged = judge(some, before, gate(limit("m0"), limit("m1")), scorers=FACTS)
    for case in judged.order():
        if judged.observe(merged(results([case], [0.3], "m0"), results([case], [0.3], "m1"))[case.id]):
            break
    assert judged.family_failed == ("m0", "m1") or judged.failed


def test_alpha_is_spent_once_where_tracks_have_unlike_shares() -> None:
    """A slice below 300 units watches a quarter of its alpha, the gate half: weighted so, the budget adds up to one."""
    from evalharness.core.cases import Case

    some = tuple(Case(id=f"c{i:04d}", input="q", metadata={"part": "a" if i < 200 else "b"}) for i in range(600))
    rule = gate(limit("m0"), slices={"part": (limit("m0"),)})
    judged = judge(some, results(some, [0.5] * 600, "m0"), rule, scorers=FACTS[:1])
    rules = [track.rule for track in judged.blocking()]
    shares = [r.running_share for r in rules if r is not None]
    assert sorted(shares) == [0.25, 0.5, 0.5]
    spent = rule.alpha_block * (sum(shares) + sum(1 - share for share in shares)) / judged.family
    assert spent == pytest.approx(rule.alpha_block)
