from __future__ import annotations

import random

import pytest

from evalharness.core.cases import Case
from evalharness.stats import exact_plan
from evalharness.verdict.conclusion import Ending, conclude
from evalharness.verdict.facts import missed_if_merged
from evalharness.verdict.sentences import moved
from tests.verdict.arms import Facts, cases, feed, gate, judge, limit, result, results

GRADED = Facts(name="rouge", use="rougeL", signature="rougeL", binary=False)


def test_what_merging_an_inconclusive_by_hand_would_let_through() -> None:
    some = cases(200)
    before = [i % 20 != 0 for i in range(200)]
    after = [i % 20 != 1 for i in range(200)]  # 10 won, 10 lost: discordance 0.1
    judged = judge(some, results(some, before), gate(stop="never"))
    feed(judged, results(some, after))
    (track,) = judged.guards()
    missed = missed_if_merged(track)
    expected = exact_plan(200, 0.05).outcome(20 / len(track.cases), -0.05)
    assert missed == (expected.p_pass, expected.p_inconclusive, True)


def test_on_the_general_path_it_is_about_what_the_spread_says() -> None:
    some = cases(200)
    rng = random.Random(2)
    judged = judge(some, results(some, [0.5] * 200, "rouge"), gate(limit("rouge")), scorers=(GRADED,))
    arm = results(some, [0.5 + rng.uniform(-0.5, 0.5) for _ in range(200)], "rouge")
    assert missed_if_merged(judged.guards()[0]) is None
    feed(judged, arm)
    missed = missed_if_merged(judged.guards()[0])
    assert missed is not None
    assert not missed.exact
    assert missed.p_pass == 0.05
    assert 0.2 < missed.p_inconclusive < 0.95
    nothing = judge(some, results(some, [0.5] * 200, "rouge"), gate(limit("rouge", margin=0.0)), scorers=(GRADED,))
    feed(nothing, arm)
    assert missed_if_merged(nothing.guards()[0]) is None


def test_a_name_for_the_family_when_no_single_metric_failed() -> None:
    """The merged evidence may cross where nobody's own does; then the gate fails by name of the family."""
    n = 300
    some = cases(n)
    facts = [Facts(name=f"m{i}", signature=f"m{i}", binary=False) for i in range(6)]
    from tests.verdict.arms import merged

    rule = gate(*(limit(f"m{i}") for i in range(6)), split=1.0)
    before = merged(*(results(some, [0.8] * n, f"m{i}") for i in range(6)))
    rng = random.Random(0)
    after = merged(*(results(some, [0.8 - rng.choice((0.0, 0.4)) for _ in range(n)], f"m{i}") for i in range(6)))
    judged = judge(some, before, rule, scorers=facts)
    feed(judged, after)
    verdict = conclude(judged, Ending())
    assert verdict.outcome == "regression"
    assert judged.family_failed
    if all(scorer.outcome != "regression" for scorer in verdict.scorers):
        assert verdict.reason.startswith("taken together the metrics are proven worse: m")


def test_the_family_has_a_name_of_its_own_where_nobody_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = judge(cases(10), results(cases(10), [True] * 10))
    judged.family_failed = ("one of several",)
    verdict = conclude(judged, Ending())
    assert verdict.reason == "taken together the metrics are proven worse: one of several"


def test_a_commit_and_a_file_are_named_with_the_baseline() -> None:
    some = cases(60)
    judged = judge(
        some, results(some, [True] * 60), path="reports/baselines/g.jsonl", commit="abc", created="2026-01-02"
    )
    feed(judged, results(some, [True] * 60))
    facts = conclude(judged, Ending()).baseline
    assert dict(facts) == {
        "name": "old",
        "digest": "d" * 64,
        "created": "2026-01-02",
        "stored": "reports/baselines/g.jsonl",
        "commit": "abc",
    }


def test_tiny_moves_are_not_printed_as_zero() -> None:
    assert moved(0.0001, "points", lower_is_better=False) == "hardly moved"
    assert moved(None, "points", lower_is_better=False) == "did not move"


def test_one_case_gives_no_advice_on_how_many_it_takes() -> None:
    some = cases(30)
    judged = judge(some, results(some, [0.5] * 30, "rouge"), gate(limit("rouge")), scorers=(GRADED,))
    judged.observe(result(judged.order()[0], 0.5, name="rouge"))
    scorer = conclude(judged, Ending()).scorers[0]
    assert scorer.needed_cases is not None
    assert scorer.needed_cases.if_unchanged is None


def test_a_unit_whose_cases_disagree_belongs_to_no_guard_slice() -> None:
    some = tuple(
        Case(id=f"c{i:02d}", input="q", cluster=f"k{i // 2}", metadata={"half": str(i % 2 if i < 20 else 0)})
        for i in range(40)
    )
    rule = gate(limit(margin=0.3), slices={"half": (limit(margin=0.3),)})
    judged = judge(some, results(some, [True] * 40), rule)
    assert [(part.value, len(part.units)) for part in judged.slices] == [("0", 10)]


def test_hard_checks_skip_cases_that_have_no_baseline() -> None:
    some = cases(3)
    rule = gate(limit(margin=0.3), limit("safe", margin=None, every=True), stop="never")
    stored = {case.id: result(case, True) for case in some[:2]}
    judged = judge(some, stored, rule, scorers=(Facts(), Facts(name="safe")))
    judged.observe(result(some[2], False))
    assert judged.hard[0].judged == 0
    assert not judged.hard[0].guards(None)
