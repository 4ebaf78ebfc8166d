"""Groups scored as one: each expectation holds and fails, one value a group, missing members as bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.cases import Case
from evalharness.core.protocols import CaseScorer, GroupScorer
from evalharness.core.results import Failure, Output, Score, ScoreResult, Unscored
from evalharness.scorers.registry import build_scorer, spec_of
from tests.scorers.scoring import refusal_of

LOST = Failure(stage="candidate", kind="timeout", message="no answer in 120 s")
REFUSED = Failure(stage="candidate", kind="bad_reply", message="not a reply", blame="candidate")
YES_NO = {"labels": ["yes", "no"]}


def group_scorer(use: str, **params: Any) -> GroupScorer:
    scorer = build_scorer(spec_of({"use": use, **params}), root=Path())
    assert isinstance(scorer, GroupScorer)
    assert not isinstance(scorer, CaseScorer)
    return scorer


def scored(scorer: GroupScorer, base: Any, *variants: Any, target: Any = "yes", names: Any = None) -> ScoreResult:
    """A group from its answers: texts, failures, or None for one that was not asked."""
    answers = (base, *variants)
    names = names or [None, *(f"v-{place}" for place in range(1, len(answers)))]
    cases = [
        Case(id=f"c{place}", input="?", target=target, group="g", variant=name) for place, name in enumerate(names)
    ]
    outputs = {
        case.id: Output(text=answer) if isinstance(answer, str) else answer
        for case, answer in zip(cases, answers, strict=True)
        if answer is not None
    }
    return scorer.score_group(outputs, cases)


def share(result: ScoreResult) -> tuple[float, bool | None]:
    assert isinstance(result, Score), result
    return result.value, result.passed


def test_invariance_counts_variants_that_are_answered_like_the_base() -> None:
    scorer = group_scorer("invariance")
    assert share(scored(scorer, "Paris.", "paris", " PARIS! ", "Rome")) == (2 / 3, False)
    assert share(scored(scorer, "Paris.", "paris")) == (1.0, True)
    assert share(scored(scorer, "Paris", "It is Paris")) == (0.0, False)


def test_labels_and_verdicts_can_be_compared_instead_of_texts() -> None:
    assert share(scored(group_scorer("invariance", **YES_NO), "Yes, sure", "I say yes", "No")) == (0.5, False)
    by_verdict = group_scorer("invariance", of={"use": "icontains_any"})
    assert share(scored(by_verdict, "yes!", "well, yes", "no")) == (0.5, False)
    assert share(scored(by_verdict, "no", "never")) == (1.0, True), "the same verdict, though a bad one"
    by_value = group_scorer("invariance", of="rouge1", tol=0.2)
    assert share(scored(by_value, "a b c d e", "a b c d", "x", target="a b c d e")) == (0.5, False)


def test_one_that_says_nothing_is_not_invariant() -> None:
    scorer = group_scorer("invariance")
    assert share(scored(scorer, "", "")) == (0.0, False)
    assert share(scored(group_scorer("invariance", **YES_NO), "maybe", "maybe")) == (0.0, False)
    assert share(scored(scorer, REFUSED, "a", "b")) == (0.0, False)
    assert share(scored(scorer, "a", REFUSED)) == (0.0, False)


def test_evidence_names_the_member_and_what_was_seen() -> None:
    result = scored(group_scorer("invariance"), "Paris", "Rome", "paris")
    assert isinstance(result, Score)
    assert result.evidence["base"] == {"c0": "'Paris'"}
    assert result.evidence["members"]["c1"] == {"variant": "v-1", "holds": False, "saw": "'Rome'"}
    assert result.evidence["members"]["c2"]["holds"] is True
    assert "v-1: 'Rome'" in result.reason
    assert result.signature.startswith("invariance")


@pytest.mark.parametrize(
    ("table", "base", "good", "bad"),
    [
        ({"expect": "flips", **YES_NO}, "yes", "no", "Yes."),
        ({"expect": "flips"}, "It ships on Monday", "It does not ship", "it ships on monday"),
        ({"expect": "not_lower", "of": "rouge1"}, "a", "a b", "x"),
        ({"expect": "not_higher", "of": "rouge1"}, "a b", "a", "a b c"),
        ({"expect": "higher", "of": "rouge1", "by": 0.1}, "a", "a b c", "a"),
        ({"expect": "lower", "of": "rouge1"}, "a b c", "a", "a b c"),
        ({"expect": "shorter"}, "one two three", "one two", "a b c"),
        ({"expect": "longer", "by": 1}, "one", "one two three", "one two"),
        ({"expect": "unknown"}, "14 days", "The text does not say.", "14 days"),
        ({"expect": "unknown", "pattern": "no idea"}, "14 days", "No idea!", "It is not known"),
        ({"expect": "unknown"}, "14 Tage", "Das ist nicht bekannt.", "15 Tage"),
    ],
)
def test_direction(table: dict[str, Any], base: str, good: str, bad: str) -> None:
    scorer = group_scorer("direction", **table)
    target = "a b c"
    assert share(scored(scorer, base, good, target=target)) == (1.0, True)
    assert share(scored(scorer, base, bad, target=target)) == (0.0, False)
    assert share(scored(scorer, base, good, bad, target=target)) == (0.5, False)


def test_always_not_knowing_is_no_direction() -> None:
    scorer = group_scorer("direction", expect="unknown")
    assert share(scored(scorer, "I do not know", "I do not know")) == (0.0, False)


def test_each_scorer_looks_at_its_own_variants() -> None:
    names = [None, "typos-1", "negated"]
    typos = group_scorer("invariance", variants="typos-*", **YES_NO)
    negated = group_scorer("direction", variants="negated", expect="flips", **YES_NO)
    assert share(scored(typos, "yes", "yes", "no", names=names)) == (1.0, True)
    assert share(scored(negated, "yes", "yes", "no", names=names)) == (1.0, True)
    result = scored(group_scorer("invariance", variants="case-*"), "yes", "no")
    assert isinstance(result, Unscored)


@pytest.mark.parametrize("names", [["a", "b"], [None, None]])
def test_a_group_needs_one_base(names: list[str | None]) -> None:
    assert isinstance(scored(group_scorer("invariance"), "x", "x", names=names), Unscored)


@pytest.mark.parametrize("lost", [LOST, None])
def test_lost_members_leave_bounds(lost: Failure | None) -> None:
    scorer = group_scorer("invariance")
    for answers, bounds in [
        (("a", "a", "b", lost), (1 / 3, 2 / 3)),
        (("a", lost), (0.0, 1.0)),
        ((lost, "a", "a"), (0.0, 1.0)),
        (("a", "b", lost), (0.0, 0.5)),
        ((lost, REFUSED, "a"), (0.0, 0.5)),
    ]:
        result = scored(scorer, *answers)
        assert isinstance(result, Failure)
        assert result.blame == "infrastructure"
        assert result.bounds == pytest.approx(bounds)
    assert share(scored(scorer, REFUSED, lost)) == (0.0, False), "known whatever the lost answer was"


ANSWERS = st.one_of(st.sampled_from(["a", "b", "A."]), st.just(LOST), st.just(REFUSED))


@given(st.lists(ANSWERS, min_size=2, max_size=6), st.lists(st.sampled_from(["a", "b", "A."]), min_size=6, max_size=6))
def test_whatever_the_lost_answers_were_the_value_is_within_the_bounds(answers: list[Any], instead: list[str]) -> None:
    scorer = group_scorer("invariance")
    result = scored(scorer, *answers)
    filled = [new if answer is LOST else answer for answer, new in zip(answers, instead, strict=False)]
    value, _ = share(scored(scorer, *filled))
    low, high = (result.bounds or (0.0, 1.0)) if isinstance(result, Failure) else (result.value, result.value)
    assert low - 1e-12 <= value <= high + 1e-12


def test_bounds_survive_being_written_down() -> None:
    result = scored(group_scorer("invariance"), "a", "a", LOST)
    assert isinstance(result, Failure)
    assert Failure.from_json(result.to_json()) == result
    assert "bounds" not in LOST.to_json()
    assert Failure.from_json(LOST.to_json()) == LOST


def test_what_the_part_cannot_score_leaves_the_group_unscored() -> None:
    result = scored(group_scorer("invariance", of="equals"), "a", "a", target=None)
    assert isinstance(result, Unscored)
    assert "equals of c0" in result.reason


@pytest.mark.parametrize(
    ("use", "table", "said"),
    [
        ("direction", {}, "expect"),
        ("direction", {"expect": "sideways"}, "expect"),
        ("direction", {"expect": "lower"}, "'of'"),
        ("direction", {"expect": "unknown", "of": "equals"}, "reads the text"),
        ("direction", {"expect": "unknown", "pattern": "("}, "pattern"),
        ("invariance", {"of": "equals", "labels": ["a"]}, "not both"),
        ("invariance", {"of": "pass_at_k"}, "k"),
        ("invariance", {"of": {"use": "pass_at_k", "k": 1}}, "single answers"),
        ("invariance", {"of": 3}, "scorer table"),
        ("invariance", {"nonsense": 3}, "no parameter"),
    ],
)
def test_wrong_tables_are_refused(use: str, table: dict[str, Any], said: str) -> None:
    assert said in str(refusal_of(use, **table))


def test_not_and_threshold_work_as_everywhere() -> None:
    assert share(scored(group_scorer("invariance", threshold=0.5), "a", "a", "b")) == (0.5, True)
    assert share(scored(group_scorer("invariance", **{"not": True}), "a", "a")) == (0.0, False)
