"""Splitting into items: sentences in several scripts, lists, code, abbreviations; chunks of a context."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.sentences import sentences
from evalharness.judging.items import split_items

SPLIT = {
    "two": (
        "Within 14 days if the box is unopened [2]. Our store pays.",
        ["Within 14 days if the box is unopened [2].", "Our store pays."],
    ),
    "abbreviations": (
        "Dr. Smith paid 3.5 dollars, e.g. in May. No. 5 is alive.",
        ["Dr. Smith paid 3.5 dollars, e.g. in May.", "No. 5 is alive."],
    ),
    "initials": (
        "J. R. R. Tolkien wrote it. He was born in 1892.",
        ["J. R. R. Tolkien wrote it.", "He was born in 1892."],
    ),
    "quotes": ('He left! "Why?" she asked.', ["He left!", '"Why?" she asked.']),
    "numbers begin": ("It was late. 42 people came.", ["It was late.", "42 people came."]),
    "chinese": ("今日は晴れです。明日は雨でしょう。「本当?」", ["今日は晴れです。", "明日は雨でしょう。", "「本当?」"]),
    "wide quotes": ("「行く。」と言った。終わり", ["「行く。」", "と言った。", "終わり"]),
    "spanish": ("¿Qué es? ¡Es una casa! Sí.", ["¿Qué es?", "¡Es una casa!", "Sí."]),
    "cyrillic": ("Это дом. Он большой.", ["Это дом.", "Он большой."]),
    "list": ("Steps:\n- one\n2. two\n* three", ["Steps:", "one", "two", "three"]),
    "heading": ("## Title\nText.", ["Title", "Text."]),
    "code": ("Run:\n```py\na = 1. \nb!\n```\nDone.", ["Run:", "```py\na = 1. \nb!\n```", "Done."]),
    "open code": ("```\nx", ["```\nx"]),
    "table": ("|a|b|\n|--|--|\n|1|2|", ["|a|b|", "|1|2|"]),
    "url": ("See https://a.b/c.d?e=f. Then go.", ["See https://a.b/c.d?e=f.", "Then go."]),
    "ellipsis": ("Well... maybe. Yes", ["Well... maybe.", "Yes"]),
    "blank": (" \n\t", []),
    "rule": ("a\n---\nb", ["a", "b"]),
}


@pytest.mark.parametrize(("text", "expected"), SPLIT.values(), ids=SPLIT)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


CHUNKS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (["one", {"id": "d", "text": "two"}, " "], ("one", "two")),
    ("only", ("only",)),
    (None, ()),
)


@pytest.mark.parametrize(("context", "expected"), CHUNKS)
def test_chunks(context: Any, expected: tuple[str, ...]) -> None:
    assert split_items("context.chunks", {"context": context}) == expected


def test_several_references_and_numbers_are_split_too() -> None:
    assert split_items("reference.sentences", {"reference": ["A b. C.", "D."]}) == ("A b.", "C.", "D.")
    assert split_items("reference.sentences", {"reference": 12}) == ("12",)
    assert split_items("output.sentences", {}) == ()


@given(st.text())
def test_no_word_is_lost_and_no_item_is_blank(text: str) -> None:
    found = sentences(text)
    assert all(item.strip() for item in found)
    kept = "".join("".join(found).split())
    assert len(kept) <= len("".join(text.split()))
    letters = [char for char in text if char.isalpha()]
    assert [char for char in kept if char.isalpha()] == letters
