"""What of untrusted text is shown as it is, and what is spelled out."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evalharness.core.text import ascii_only, inert_json, json_text, visible

ACTING = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
ANY = st.text(st.characters(exclude_categories=()), max_size=60)


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "é e\u0301 naïve",
        "שלום לעולם",
        "مرحبا بالعالم",
        "می\u200cخواهم",  # Persian needs its non-joiner
        "क्\u200dष",  # Devanagari its joiner
        "👨\u200d👩\u200d👧\u200d👦 ❤️\u200d🔥 👍🏽 1️⃣ 🇩🇪",
        "日本語 한국어 ไทย",
        "a\u00a0b\u3000c",
        "x² ∑ → ✓",
    ],
)
def test_ordinary_writing_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\u{1b}[31mred"),
        ("\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}"),
        ("\x9b31m \x85 \x90", "\\u{9b}31m \\u{85} \\u{90}"),
        ("a\u202eb\u2066c", "a\\u{202e}b\\u{2066}c"),
        ("\u200b\u2060\ufeff\u00ad", "\\u{200b}\\u{2060}\\u{feff}\\u{ad}"),
        ("\U000e0041\U000e007f", "\\u{e0041}\\u{e007f}"),
        ("pass\u200cword", "pass\\u{200c}word"),  # between Latin letters a joiner only hides a difference
        ("\u200d", "\\u{200d}"),
        ("x\ufe00\ufe01\ufe02", "x\ufe00\\u{fe01}\\u{fe02}"),  # a row of selectors carries a message
        ("\ufe0f", "\\u{fe0f}"),
        ("\u3164\u115f", "\\u{3164}\\u{115f}"),
        ("\ud800", "\\u{d800}"),
        ("\x7f\x00", "\\u{7f}\\u{0}"),
        ("a\r\nb", "a\\u{d}⏎b"),
        ("a\tb", "a    b"),
        ("\u2028\u2029", "\\u{2028}\\u{2029}"),
    ],
)
def test_what_could_act_is_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_newlines_stay_only_where_the_sink_asks() -> None:
    assert visible("a\nb", keep_newlines=True) == "a\nb"
    assert visible("a\nb\x1b", keep_newlines=True) == "a\nb\\u{1b}"
    assert visible("a\nb") == "a⏎b"


def test_the_cut_comes_before_the_cleaning_and_is_marked() -> None:
    assert visible("abcdef", limit=3) == "abc…"
    assert visible("abc", limit=3) == "abc"
    assert visible("\x1b\x1b\x1b", limit=2) == "\\u{1b}\\u{1b}…"


@given(ANY)
@example("\U000e0041" * 3)
def test_nothing_that_acts_is_left(text: str) -> None:
    shown = visible(text)
    assert not [c for c in shown if unicodedata.category(c) in ACTING and c not in "\u200c\u200d"]
    assert visible(shown) == shown
    assert ascii_only(shown).isascii()
    assert ascii_only(shown).isprintable()


@given(
    st.recursive(ANY, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY, inner, max_size=3), max_leaves=6)
)
def test_json_is_the_same_value_and_shows_nothing_that_acts(value: object) -> None:
    for text in (json_text(value), json_text(value, indent=None), json_text(value, ascii_only=True)):
        assert json.loads(text) == json.loads(json.dumps(value))
        assert not [c for c in text if c != "\n" and unicodedata.category(c) in ACTING]
        assert "##[" not in text


def test_json_keeps_what_people_read() -> None:
    assert json_text({"é": "日本 שלום"}, indent=None) == '{"é": "日本 שלום"}'
    assert inert_json('{"a":"\u202e\U000e0041"}') == '{"a":"\\u202e\\udb40\\udc41"}'
    with pytest.raises(ValueError, match="Out of range"):
        json_text(float("nan"))


@pytest.mark.parametrize("hidden", ["\u3164", "\u115f", "\ufe0f", "\u202e"])
def test_a_joiner_beside_something_spelled_out_joins_nothing(hidden: str) -> None:
    """Found by fuzzing: what comes out was not clean."""
    text = f"\U0001f468\u200d{hidden}\U0001f469"
    assert "\u200d" not in visible(text)
    assert visible(visible(text)) == visible(text)
    assert visible("\u2764\ufe0f\u200d\U0001f525") == "\u2764\ufe0f\u200d\U0001f525"
