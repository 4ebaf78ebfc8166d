"""Pinned arms, guard and reported slices, declared looks, block-only gates."""

from __future__ import annotations

import random

import pytest

from evalharness.core.cases import Case
from evalharness.core.errors import BaselineError
from evalharness.verdict.conclusion import Ending, conclude
from evalharness.verdict.preflight import preflight
from evalharness.verdict.sides import units_known_to
from tests.verdict.arms import Facts, baseline, cases, feed, gate, judge, limit, merged, result, results

GRADED = Facts(name="rouge", use="rougeL", signature="rougeL", binary=False)


def sliced(n: int) -> tuple[Case, ...]:
    return tuple(Case(id=f"c{i:04d}", input="q", metadata={"topic": f"t{i % 12:02d}"}) for i in range(n))


# --- pinned -----------------------------------------------------------------------------------------------------------


def test_a_pass_needs_both_arms_and_either_can_fail() -> None:
    some = cases(200)
    last = [i % 5 != 0 for i in range(200)]  # eight merges later: 20 points below the pinned arm
    held = judge(some, results(some, last), pinned=baseline(results(some, [True] * 200)))
    assert held.family == 2
    feed(held, results(some, last))
    verdict = conclude(held, Ending())
    assert verdict.outcome == "regression"
    main, pinned = verdict.scorers
    assert (main.scorer, main.details.get("against")) == ("exact", None)
    assert (pinned.scorer, pinned.details["against"], pinned.details["scorer"]) == ("exact (pinned)", "pinned", "exact")
    assert pinned.outcome == "regression"
    assert "against the pinned baseline" in verdict.reason
    assert main.alpha_block == pinned.alpha_block == 0.0125
    # Without the pinned arm the same answers pass.
    alone = judge(some, results(some, last))
    feed(alone, results(some, last))
    assert conclude(alone, Ending()).outcome == "pass"


def test_a_pass_against_both_says_so() -> None:
    some = cases(120)
    same = results(some, [True] * 120)
    held = judge(some, same, pinned=baseline(same))
    feed(held, same)
    verdict = conclude(held, Ending())
    assert verdict.outcome == "pass"
    assert "against either baseline" in verdict.reason


def test_only_cases_that_the_pinned_arm_knows_unchanged_count_against_it() -> None:
    some = cases(100)
    stored = merged(results(some, [True] * 100), results(some, [True] * 100, "gain"))
    old = {case.id: stored[case.id] for case in some[:80]}
    held = judge(
        some,
        stored,
        gate(limit(), limit("gain", role="improve", margin=None)),
        pinned=baseline(old, epochs=2),
        scorers=(Facts(), Facts(name="gain", signature="g")),
    )
    assert held.pinned is not None
    assert len(held.pinned.units) == 80
    assert [track.name for track in held.pinned.tracks] == ["exact (pinned)"]  # a gain is over the last baseline
    assert held.epochs_of(held.pinned.tracks[0]) == (2, 1)
    assert held.epochs_of(held.main.tracks[0]) == (1, 1)
    edited = {case.id: result(Case(id=case.id, input="other"), True) for case in some}
    assert units_known_to(held.units, edited) == ()


def test_a_pinned_arm_without_a_score_is_refused() -> None:
    some = cases(30)
    with pytest.raises(BaselineError, match="of the pinned baseline"):
        judge(some, results(some, [True] * 30), pinned=baseline(results(some, [None] * 30)))


def test_worst_cases_are_those_against_the_last_baseline() -> None:
    some = cases(60)
    held = judge(
        some, results(some, [True] * 60), gate(limit(), stop="never"), pinned=baseline(results(some, [True] * 60))
    )
    feed(held, results(some, [False] * 3 + [True] * 57))
    assert len(conclude(held, Ending()).worst_cases) == 3


# --- slices -----------------------------------------------------------------------------------------------------------


def slice_run(drops: set[str], seed: int = 0):
    n = 720
    some = sliced(n)
    rng = random.Random(seed)
    after = [rng.random() > (0.5 if case.metadata["topic"] in drops else 0.02) for case in some]
    judged = judge(some, results(some, [True] * n), gate(limit(margin=0.3), stop="never"), slice_fields=("topic",))
    feed(judged, results(some, after))
    return conclude(judged, Ending()).slices


def test_slices_with_a_drop_are_flagged_and_others_are_not() -> None:
    parts = slice_run({"t03", "t07"})
    flagged = {part.value for part in parts if part.scorers[0].details["flag"]}
    assert flagged == {"t03", "t07"}
    assert "at most a tenth" in next(part for part in parts if part.value == "t03").scorers[0].reason
    assert all(part.scorers[0].outcome == "pass" for part in parts)


def test_nothing_is_flagged_where_nothing_changed() -> None:
    for seed in range(10):
        n = 240
        some = sliced(n)
        rng = random.Random(seed)
        arms = [[rng.random() < 0.9 for _ in range(n)] for _ in range(2)]
        judged = judge(some, results(some, arms[0]), gate(limit(margin=0.3), stop="never"), slice_fields=("topic",))
        feed(judged, results(some, arms[1]))
        assert not any(part.scorers[0].details["flag"] for part in conclude(judged, Ending()).slices)


def test_clusters_in_a_slice_are_one_unit_and_unbounded_reports_have_no_flag() -> None:
    some = tuple(
        Case(id=f"c{i:03d}", input="q", cluster=f"k{i // 6}", metadata={"half": str(i % 2)}) for i in range(120)
    )
    latency = Facts(name="latency", use="latency", high=float("inf"), direction="lower", binary=False, signature="l")
    judged = judge(
        some, results(some, [1.0] * 120, "latency"), gate(limit("latency", role="report", margin=None)),
        scorers=(latency,), slice_fields=("half",),
    )  # fmt: skip
    feed(judged, results(some, [2.0] * 120, "latency"))
    assert all("flag" not in part.scorers[0].details for part in conclude(judged, Ending()).slices)
    exact = judge(some, results(some, [True] * 120), gate(limit(margin=0.2), stop="never"), slice_fields=("half",))
    feed(exact, results(some, [False] * 120))
    first = conclude(exact, Ending()).slices[0].scorers[0]
    # 20 clusters of 3 cases each inside, all lost: evidence of 20 units, not of 60 cases.
    from evalharness.stats import Betting

    bet = Betting("fail", 0.0, 0.2)
    for _ in range(20):
        bet.update(-1.0)
    assert first.details["log_e_now"] == pytest.approx(bet.log_e)


def test_a_guard_slice_without_a_baseline_number_says_that_it_judges_nothing() -> None:
    some = sliced(240)
    before = [None if i % 12 == 3 else True for i in range(240)]
    rule = gate(limit(), slices={"topic": (limit(margin=0.3), limit("exact", role="report", margin=None))})
    judged = judge(some, results(some, before), rule)
    feed(judged, results(some, [True] * 240))
    said = {part.value: [scorer.reason for scorer in part.scorers] for part in conclude(judged, Ending()).slices}
    assert said["t03"] == ["no case to judge", "reported, not judged"]
    assert "no case to judge" not in said["t04"]


# --- declared looks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["exact", "rouge"])
def test_a_declared_look_ends_the_run_where_the_data_can_tell(name: str) -> None:
    n = 300
    some = cases(n)
    facts = (Facts(), GRADED)
    # One case in 25 lost, one won: undecided by the running bar alone at 150 cases.
    before = [0.0 if i % 25 == 1 else 1.0 for i in range(n)]
    after = [0.0 if i % 25 == 2 else 1.0 for i in range(n)]
    used = {}
    for looks in ((), (150, 400)):
        rule = gate(limit(name, margin=0.08), extendable=looks)
        judged = judge(some, results(some, before, name), rule, scorers=facts)
        used[looks] = feed(judged, results(some, after, name))
        verdict = conclude(judged, Ending())
        assert verdict.outcome == "pass"
        scorer = verdict.scorers[0]
        assert scorer.interval is not None
        assert scorer.interval[0] >= -0.08 - 1e-9
        assert scorer.details.get("looks") == ([150, 300] if looks else None)
    assert used[(150, 400)] <= 150
    assert used[()] != 150


def test_slices_have_no_looks_of_their_own() -> None:
    some = sliced(120)
    rule = gate(limit("rouge", margin=0.2), extendable=(5,), slices={"topic": (limit("rouge", margin=0.2),)})
    judged = judge(some, results(some, [1.0] * 120, "rouge"), rule, scorers=(GRADED,))
    assert all(track.rule is not None and track.rule.looks == () for part in judged.slices for track in part.tracks)
    assert judged.main.tracks[0].rule is not None
    assert judged.main.tracks[0].rule.looks == (5,)


def test_an_interval_over_looks_with_clusters_and_strict() -> None:
    some = tuple(Case(id=f"c{i}", input="q", cluster=f"k{i // 3 if i < 90 else i}") for i in range(150))
    for extra in ({}, {"strict": True}):
        rule = gate(limit("rouge", margin=0.2), extendable=(40, 60), stop="never", **extra)
        judged = judge(some, results(some, [0.8] * 150, "rouge"), rule, scorers=(GRADED,))
        feed(judged, results(some, [0.8 if i % 4 else 0.7 for i in range(150)], "rouge"))
        low, high = conclude(judged, Ending()).scorers[0].interval or (0.0, 0.0)
        assert low < -0.025 < high


# --- block only -------------------------------------------------------------------------------------------------------


def test_a_gate_that_only_blocks_calls_nothing_a_pass_that_is_not_shown() -> None:
    some = cases(200)
    rule = gate(limit("rouge", margin=0.0), mode="block_only")
    same = judge(some, results(some, [0.8] * 200, "rouge"), rule, scorers=(GRADED,))
    (note,) = preflight(same)
    assert note.startswith("a gate that only blocks ends inconclusive (exit 3)")
    feed(same, results(some, [0.8 + (0.1 if i % 2 else -0.1) for i in range(200)], "rouge"))
    verdict = conclude(same, Ending())
    assert (verdict.outcome, verdict.exit_outcome, verdict.exit_code) == ("inconclusive", None, 3)
    assert "no drop proven; drops beyond" in verdict.reason
    assert verdict.scorers[0].needed_cases is None
    worse = judge(some, results(some, [0.8] * 200, "rouge"), rule, scorers=(GRADED,))
    feed(worse, results(some, [0.5] * 200, "rouge"))
    verdict = conclude(worse, Ending())
    assert (verdict.outcome, verdict.exit_code) == ("regression", 1)
    assert verdict.reason == "rouge fell 30.0 points: a drop is proven"


def test_a_gate_that_only_blocks_lets_through_what_it_is_told_to() -> None:
    some = cases(200)
    rule = gate(limit("rouge", margin=0.0), mode="block_only", inconclusive="pass")
    same = judge(some, results(some, [0.8] * 200, "rouge"), rule, scorers=(GRADED,))
    assert preflight(same) == ()
    feed(same, results(some, [0.8 + (0.1 if i % 2 else -0.1) for i in range(200)], "rouge"))
    verdict = conclude(same, Ending())
    assert (verdict.outcome, verdict.exit_outcome, verdict.exit_code) == ("inconclusive", "pass", 0)


def test_a_gate_that_only_blocks_may_still_show_a_pass() -> None:
    some = cases(200)
    judged = judge(some, results(some, [True] * 200), gate(limit(), mode="block_only"))
    feed(judged, results(some, [True] * 200))
    assert conclude(judged, Ending()).outcome == "pass"


def test_a_proven_drop_that_is_not_to_fail_is_still_said() -> None:
    some = cases(200)
    rule = gate(limit("rouge", margin=0.3), mode="block_only", proven_drop="inconclusive")
    judged = judge(some, results(some, [0.8] * 200, "rouge"), rule, scorers=(GRADED,))
    rng = random.Random(1)
    feed(judged, results(some, [0.8 - rng.choice((0.0, 0.6)) for _ in range(200)], "rouge"))
    verdict = conclude(judged, Ending())
    assert verdict.outcome == "inconclusive"
    assert "no drop proven" not in verdict.reason
