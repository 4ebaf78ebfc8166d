"""B13: a time or money limit that cuts the run just before a slow loss.

Not a stopping time of the prefix, and still harmless: what is bounded is the chance that the running bar is *ever* crossed,
and there is no last bar before the planned last case. Enumerated in ``tests/proofs/test_exact_attacks.py``.
"""

from __future__ import annotations

import random

from evalharness.verdict.conclusion import Ending, conclude
from tests.verdict.arms import Facts, cases, gate, judge, limit, results

GRADED = Facts(name="rouge", use="rougeL", signature="rougeL", binary=False)


def test_no_place_to_cut_wins_more_than_the_running_bar() -> None:
    rng = random.Random(8)
    some = cases(150)
    runs, cut_passes = 60, 0
    for _ in range(runs):
        judged = judge(some, results(some, [0.7] * 150, "rouge"), gate(limit("rouge")), scorers=(GRADED,))
        (track,) = judged.guards()
        for case in judged.order()[:-1]:  # every place to cut but the planned end
            value = 0.7 + rng.choice((-0.45, -0.05, 0.05, 0.25))  # mean exactly at the margin, and all on the scale
            judged.observe(results([case], [value], "rouge")[case.id])
            assert track.engine is not None
            # What a verdict would say here is the running verdict, never that of a last look.
            assert track.engine.finish().verdict != "pass" or track.decided == "pass"
            if track.decided is not None:
                break
        cut_passes += conclude(judged, Ending(stopped="budget")).outcome == "pass"
    # P(Bin(60, .0125) >= 6) < 1e-4: a quarter of 5 % watches while running.
    assert cut_passes <= 5
