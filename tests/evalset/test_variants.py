"""Variants made by code: what changes, what never does, and that a seed settles it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.cases import Case
from evalharness.evalset.variants import TYPO_EVERY, typos, variants_of

LONG = "Where can Maria Lopez pay the 25 euro fine from https://desk.example.com/pay or by mail to help@desk.example?"


def differing(one: str, other: str) -> list[int]:
    return [place for place, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]


def test_one_slip_for_each_forty_characters_and_at_least_one() -> None:
    text = "nothing here stands under protection because every single word is small " * 3
    slips = typos(text, seed="a")
    changed = sum(one != other for one, other in zip(text.split(), slips.split(), strict=True))
    assert changed == len(text) // TYPO_EVERY == 5
    assert len(differing("short words", typos("short words", seed="a"))) in (1, 2)


@pytest.mark.parametrize("seed", [f"seed-{number}" for number in range(40)])
def test_names_numbers_and_addresses_stay(seed: str) -> None:
    slips = typos(LONG, seed=seed)
    assert slips != LONG
    for kept in ("Maria Lopez", "25", "https://desk.example.com/pay", "help@desk.example", "Where"):
        assert kept in slips
    assert re.findall(r"\b\w", slips) == re.findall(r"\b\w", LONG), "the first letter of each word"


def test_a_seed_settles_it_and_another_one_differs() -> None:
    assert typos(LONG, seed="a") == typos(LONG, seed="a")
    assert len({typos(LONG, seed=str(seed)) for seed in range(20)}) > 5


@pytest.mark.parametrize("text", ["", "25", "Wie?", "東京はどこですか", "A Big NAME", "см. выше"])
def test_what_has_no_word_for_it_stays(text: str) -> None:
    assert typos(text, seed="a") == text


@given(st.text(), st.text(max_size=5))
def test_any_text_keeps_its_length_and_all_but_small_letters(text: str, seed: str) -> None:
    slips = typos(text, seed=seed)
    assert len(slips) == len(text)
    places = differing(text, slips)
    assert all(re.fullmatch("[a-z]", text[place]) and re.fullmatch("[a-z]", slips[place]) for place in places)


def test_passages_change_their_order_and_nothing_else_does() -> None:
    case = Case(id="a", input={"q": 1}, context=("one", "two", "three"))
    ((name, turned),) = variants_of(case)
    assert (name, turned.context) == ("passages", ("three", "two", "one"))
    assert not list(variants_of(Case(id="a", input={"q": 1}, context=("one",))))
    assert not list(variants_of(Case(id="a", input={"q": 1}, context=("one", "one"))))


def test_a_chat_changes_where_its_user_spoke_last() -> None:
    told = [{"role": "user", "content": "Hello there"}, {"role": "assistant", "content": "Hello"}]
    assert not list(variants_of(Case(id="a", input=told)))
    asked = dict(variants_of(Case(id="a", input=[*told, {"role": "user", "content": "Where is the door?"}])))
    assert asked["lower-case"].input[-1]["content"] == "where is the door?"
    assert asked["typos"].input[0]["content"] == "Hello there"
