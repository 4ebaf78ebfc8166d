"""Shared runs of words and characters against the plain definition."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import sacrebleu
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evalharness.core.cases import Case
from evalharness.core.results import Output
from evalharness.scorers.ngrams import BITS, paired, runs, shared_characters
from evalharness.scorers.registry import build_scorer, spec_of

items = st.lists(st.sampled_from("abcd"), max_size=30)
texts = st.text("ab", max_size=30) | st.text("abc \U0001f642é’\ud800", max_size=15)


@given(items, items)
def test_paired_is_the_size_of_the_intersection(one: list[str], other: list[str]) -> None:
    bag = Counter(other)
    assert paired(one, bag) == (Counter(one) & Counter(other)).total()
    assert bag == Counter(other), "the bag is left as it is"


def test_runs_of_words() -> None:
    assert list(runs("abc", 1)) == ["a", "b", "c"]
    assert list(runs(("x", "y", "z"), 2)) == [("x", "y"), ("y", "z")]
    assert list(runs(("x",), 3)) == []


@given(texts, texts, st.integers(1, 8))
@example("", "", 6)
@example("a", "", 6)
@example("", "ab", 1)
@example("aaaa", "aa", 6)
@settings(max_examples=300, deadline=None)
def test_shared_characters_are_the_plain_count(one: str, other: str, longest: int) -> None:
    def bag(text: str, order: int) -> Counter[str]:
        return Counter(text[start : start + order] for start in range(len(text) - order + 1))

    expected = [(bag(one, order) & bag(other, order)).total() for order in range(1, longest + 1)]
    assert shared_characters(one, other, longest) == expected


def test_too_many_unlike_characters_are_counted_by_the_package() -> None:
    few, many = ("".join(map(chr, range(0x4E00, 0x4E00 + size))) for size in (1_023, 1_024))
    assert shared_characters(few, few, 6) == [1_023 - n for n in range(6)]
    assert BITS < 11 * 6
    assert shared_characters(many, many, 6) is None
    output, target = many[:900] + many, many[500:] + "abc"
    found = build_scorer(
        spec_of({"use": "chrf"}), root=Path()
    ).score(  # type: ignore[attr-defined]
        Output(text=output), Case(id="c", input="", target=[target, many[:3]])
    )
    assert found.value == sacrebleu.CHRF().sentence_score(output, [target, many[:3]]).score / 100
