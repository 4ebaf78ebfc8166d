"""B15: unequal clusters and weights: an unweighted mean of cluster means tests -3.4 points where -9 are lost.

Defence: z = (w / w_max)(d + margin) with w_max from the whole plan, never from the prefix; a unit that outweighs the others
is named. Cases of one cluster taken as independent: ``tests/proofs/test_validity.py``.
"""

from __future__ import annotations

import pytest

from evalharness.core.cases import Case
from evalharness.verdict.conclusion import Ending, conclude
from evalharness.verdict.warnings import about_weights
from tests.verdict.arms import Facts, feed, gate, judge, limit, results

SIZES = [30] + [1] * 70
SOME = tuple(
    Case(id=f"c{i:03d}", input="q", cluster=f"k{k:02d}")
    for i, k in enumerate(k for k, size in enumerate(SIZES) for _ in range(size))
)
GRADED = Facts(name="rouge", use="rougeL", signature="rougeL", binary=False)


def judged_on(after: dict[str, float]):
    stored = results(SOME, [0.8] * len(SOME), "rouge")
    judged = judge(SOME, stored, gate(limit("rouge"), stop="never"), scorers=(GRADED,))
    feed(judged, results(SOME, [after[case.cluster or ""] for case in SOME], "rouge"))
    return judged


def test_every_case_counts_the_same_whatever_its_cluster() -> None:
    """The big cluster lost 30 points, the others nothing: nine points of the cases, half a point of the clusters."""
    after = {f"k{k:02d}": 0.5 if k == 0 else 0.8 for k in range(len(SIZES))}
    scorer = conclude(judged_on(after), Ending()).scorers[0]
    assert scorer.difference == pytest.approx(-0.09)
    assert sum(value - 0.8 for value in after.values()) / len(after) == pytest.approx(-0.3 / 71)
    assert scorer.outcome != "pass"


def test_the_largest_unit_is_that_of_the_plan_also_before_it_comes() -> None:
    judged = judge(SOME, results(SOME, [0.8] * 100, "rouge"), gate(limit("rouge")), scorers=(GRADED,))
    (track,) = judged.guards()
    assert track.rule is not None
    assert track.rule.largest == 30.0
    assert track.rule.planned == 71


def test_a_unit_that_outweighs_the_others_is_named() -> None:
    judged = judge(SOME, results(SOME, [0.8] * 100, "rouge"), gate(limit("rouge")), scorers=(GRADED,))
    (warned,) = about_weights(judged.units)
    assert "cluster:k00 weighs 21.3 times" in warned.message
