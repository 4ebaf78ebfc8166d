"""How a guard's evidence grew, and what the gate would have seen at other true changes."""

from __future__ import annotations

import math
import random

import pytest

from evalharness.core.verdicts import ChancePoint
from evalharness.stats import exact_plan
from evalharness.stats.design import chance_to_decide
from evalharness.stats.laws import law_of
from evalharness.verdict.judge import GateJudge
from evalharness.verdict.sight import CHANGES, chances
from tests.verdict.arms import Facts, cases, feed, gate, judge, limit, results

GRADED = Facts(binary=False)


def judged(n: int, lost: int, *, graded: bool = False, **fields: object) -> GateJudge:
    """``n`` cases of which so many, spread evenly, flip from right to wrong; graded scores move by a quarter of that."""
    some = cases(n)
    rng = random.Random(5)
    falls = [i < lost for i in range(n)]
    rng.shuffle(falls)
    old = results(some, [0.8] * n if graded else [True] * n)
    new = results(some, [0.8 - 0.25 * fell for fell in falls] if graded else [not fell for fell in falls])
    rule = gate(limit(**fields.pop("limit", {})), **fields)  # type: ignore[arg-type]
    made = judge(some, old, rule, scorers=[GRADED if graded else Facts()], recorded=True)
    feed(made, new)
    return made


def test_the_path_ends_at_the_proof() -> None:
    made = judged(200, 120)
    (path,) = made.paths().values()
    assert path[0].units == 1
    assert path[-1].failing >= 1
    assert [point.units for point in path] == sorted({point.units for point in path})
    assert all(point.failing < 1 and point.passing < 1 for point in path[:-1])
    assert path[-1].units == made.tracks[0].engine.n_used < 200  # type: ignore[union-attr]


def test_the_path_of_a_long_run_is_short() -> None:
    (path,) = judged(3000, 60, graded=True, stop="never").paths().values()
    assert path[-1].passing >= 1
    assert len(path) < 50 * math.log(3000)


def test_evidence_that_spends_nothing_while_running_is_no_share_of_a_proof() -> None:
    (path,) = judged(60, 10, graded=True, split=0.0).paths().values()
    assert {(point.passing, point.failing) for point in path} == {(0.0, 0.0)}


def test_a_gate_without_a_used_case_has_no_path() -> None:
    some = cases(30)
    made = judge(some, results(some, [True] * 30), recorded=True)
    assert (made.paths(), made.chances()) == ({}, {})


def by_change(points: tuple[ChancePoint, ...]) -> dict[float, ChancePoint]:
    return {round(point.change / 0.05, 6): point for point in points}


def test_exact_chances_keep_the_stated_rates() -> None:
    (points,) = chances(judged(200, 10)).values()
    found = by_change(tuple(points))
    assert tuple(found) == CHANGES
    assert found[-1.0].passes <= 0.05
    assert found[0.0].blocks <= 0.025
    assert found[0.0].passes > 0.5
    assert found[-2.0].blocks > 0.9
    rising = [point.passes for point in found.values()]
    assert rising == sorted(rising)
    plan = exact_plan(200, 0.05)
    assert [(p.passes, p.blocks) for p in points] == [tuple(plan.outcome(0.05, p.change)[:2]) for p in points]


@pytest.mark.parametrize("proven_drop", ["fail", "inconclusive"])
def test_the_formula_says_about_the_same(proven_drop: str) -> None:
    (points,) = chances(judged(600, 60, graded=True, stop="never", proven_drop=proven_drop)).values()
    found = by_change(tuple(points))
    assert found[-1.0].passes == pytest.approx(0.05)
    assert found[0.0].passes > 0.95
    # A drop within the margin is blocked only where it counts as one.
    assert (found[-0.75].blocks > 0.5) == (proven_drop == "fail")
    assert found[-2.0].blocks > 0.9
    assert found[-2.0].passes == 0.0
    assert found[0.0].blocks == pytest.approx(0.025 if proven_drop == "fail" else 0.0)


def test_a_large_exact_plan_takes_the_formula() -> None:
    """A point of the enumeration costs some tenths of a second there."""
    made = judged(520, 26, stop="never")
    (points,) = chances(made).values()
    (track,) = made.guards()
    assert track.method == "exact"
    assert track.rule is not None
    law = law_of([mean for mean, *_ in track.differences])
    found = by_change(tuple(points))
    assert found[-1.0].passes == track.rule.alpha_pass  # the enumeration says less
    expected = chance_to_decide(520, law.sd, 0.05, 0.05, alpha=0.05, split=track.rule.running_share)
    assert found[0.0].passes == pytest.approx(expected)


def test_a_guard_that_must_improve_and_one_with_few_units_are_left_out() -> None:
    assert chances(judged(12, 1)) == {}
    both = judged(40, 2, graded=True, stop="never", limit={"role": "improve", "margin": 0.0})
    assert chances(both) == {}
    assert list(both.paths()) == ["exact"]
