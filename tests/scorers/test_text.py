from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.results import Failure, Output, Score, Unscored
from evalharness.scorers.closeness import squad_words
from evalharness.scorers.references import json_equal
from tests.scorers.scoring import passes, refusal_of, result_of, scorer_of, value_of


@pytest.mark.parametrize(
    ("output", "value", "expected"),
    [
        ("hello", "hello", True),
        ("hello ", "hello", False),
        ("Hello", "hello", False),
        ("e\u0301", "\u00e9", False),
        ('{"a": 1, "b": [2]}', {"b": [2], "a": 1}, True),
        ('{"a": true}', {"a": 1}, False),
        ('{"a": 1.0}', {"a": 1}, True),
        ('{"a": NaN}', {"a": 1}, False),
        ("[1, 2]", [1, 2], True),
        ("[2, 1]", [1, 2], False),
        ("[1]", [1, 2], False),
        ("[1]", {"a": 1}, False),
        ('{"a": 1}', [1], False),
        ("5", 5, True),
        ("5.0", 5, True),
        ("five", 5, False),
        ("true", True, True),
        ("True", True, False),
        ("null", None, True),
    ],
)
def test_equals(output: str, value: Any, expected: bool) -> None:
    assert passes("equals", output, value=value) is expected


def test_equals_takes_any_reference() -> None:
    assert passes("equals", "b", target=["a", "b"]) is True
    assert passes("equals", "c", target=["a", "b"]) is False
    assert passes("equals", "2", values=[1, 2]) is True
    assert passes("equals", "[1, 2]", values=[1, 2]) is False
    assert "a list of alternatives" in refusal_of("equals", values="a").message


def test_needs_follow_the_table() -> None:
    for use in ("equals", "contains", "levenshtein", "number", "json_diff", "numeric_diff", "exact_match"):
        assert scorer_of(use).needs == {"target"}
        assert scorer_of(use, value="1").needs == frozenset()
        assert isinstance(result_of(use, "1"), Unscored)


@pytest.mark.parametrize(
    ("use", "output", "value", "expected"),
    [
        ("contains", "hello world", "world", True),
        ("contains", "hello world", "World", False),
        ("contains", "version 2.5", 2.5, True),
        ("icontains", "STRASSE", "straße", True),
        ("contains_any", "hello", ["x", "ell"], True),
        ("contains_any", "hello", ["x", "y"], False),
        ("contains_all", "hello", ["h", "ell"], True),
        ("contains_all", "hello", ["h", "y"], False),
        ("icontains_any", "HELLO", ["x", "ell"], True),
        ("icontains_all", "HELLO", ["h", "ell"], True),
        ("icontains_all", "HELLO", ["h", "y"], False),
        ("starts_with", "hello", "he", True),
        ("starts_with", " hello", "he", False),
        ("ends_with", "hello", "lo", True),
        ("ends_with", "hello\n", "lo", False),
        ("ends_with", "hello", ["x", "lo"], True),
    ],
)
def test_substrings(use: str, output: str, value: Any, expected: bool) -> None:
    result = result_of(use, output, value=value)
    assert isinstance(result, Score)
    assert result.passed is expected
    assert result.value == float(expected)
    assert result.reason


def test_an_empty_reference_decides_nothing() -> None:
    assert "not empty" in refusal_of("contains", value="").message
    assert "not empty" in refusal_of("contains_any", values=["a", ""]).message
    assert isinstance(result_of("contains", "x", target=""), Unscored)
    assert "a text or number" in refusal_of("contains", value=[True]).message
    assert "a text or number" in refusal_of("contains", value=[]).message
    assert "expected a text, or a list" in refusal_of("levenshtein", value=123).message


def test_a_reason_names_expected_and_seen_and_is_cut() -> None:
    result = result_of("contains_any", "x" * 10_000, values=["first", "second", "third", "fourth"])
    assert isinstance(result, Score)
    assert "'first' or 'second' or 'third' (and 1 more)" in result.reason
    assert len(result.reason) < 400


@pytest.mark.parametrize(
    ("output", "value", "options", "expected"),
    [
        ("Paris", "paris", {}, False),
        ("Paris", "paris", {"case": False}, True),
        (" Paris\n", "Paris", {}, False),
        (" Paris\n", "Paris", {"strip": True}, True),
        ("e\u0301", "\u00e9", {}, False),
        ("e\u0301", "\u00e9", {"nfc": True}, True),
        ("123", 123, {}, True),
        ('{"a":1,"b":2}', '{"b": 2, "a": 1}', {}, True),
        ('{"a":1,"b":2}', '{"b": 2, "a": 1}', {"json": False}, False),
        ("{a", "{b", {}, False),
        ("", "", {}, True),
        ("None", None, {}, False),
        ("null", None, {}, True),
    ],
)
def test_exact_match(output: str, value: Any, options: dict[str, Any], expected: bool) -> None:
    assert passes("exact_match", output, value=value, **options) is expected


def test_exact_match_takes_any_reference_and_survives_endless_marks() -> None:
    assert passes("exact_match", "b", values=["a", "b"]) is True
    assert passes("exact_match", "b", target=["a", "b"]) is True
    assert passes("exact_match", "e" + "\u0301\u0323" * 300_000, value="e", nfc=True) is False


@pytest.mark.parametrize(
    ("output", "params", "expected"),
    [
        ("one two", {"value": 2}, True),
        ("one\u00a0two\u3000three", {"value": 3}, True),
        ("one two", {"value": "2"}, True),
        ("one two", {"min": 2, "max": 2}, True),
        ("one two", {"max": 1}, False),
        ("one two", {"min": 3}, False),
        ("", {"value": 0}, True),
    ],
)
def test_word_count(output: str, params: dict[str, Any], expected: bool) -> None:
    assert passes("word_count", output, **params) is expected


@pytest.mark.parametrize("params", [{}, {"value": "many"}, {"min": 5, "max": 2}, {"value": 1, "min": 1}, {"value": -1}])
def test_word_count_refuses(params: dict[str, Any]) -> None:
    refusal_of("word_count", **params)


# --- closeness ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "value", "expected"),
    [("", "", 1.0), ("a", "", 0.0), ("kitten", "sitting", 1 - 3 / 7), ("abc", ["x", "abd"], 2 / 3)],
)
def test_levenshtein(output: str, value: Any, expected: float) -> None:
    assert value_of("levenshtein", output, value=value) == pytest.approx(expected, abs=1e-12)


@given(st.text(max_size=12), st.text(max_size=12))
def test_levenshtein_is_the_textbook_distance(one: str, other: str) -> None:
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        previous, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    longer = max(len(one), len(other))
    assert value_of("levenshtein", one, value=other) == pytest.approx(1 - row[-1] / longer if longer else 1.0)
    assert passes("max_edits", one, value=other, max=row[-1]) is True
    assert row[-1] == 0 or passes("max_edits", one, value=other, max=row[-1] - 1) is False


def test_an_endless_output_is_the_candidates_failure() -> None:
    for use in ("levenshtein", "json_diff"):
        result = result_of(use, "a" * 200_000, value="b" * 200_000)
        assert isinstance(result, Failure)
        assert (result.kind, result.blame) == ("too_long", "candidate")
    assert passes("max_edits", "a" * 200_000, value="b" * 200_000, max=3) is False


def test_squad_normalisation() -> None:
    assert squad_words("The  Cat, an a-b the.") == ["cat", "ab"]
    assert squad_words("theatre") == ["theatre"]


@pytest.mark.parametrize(
    ("output", "value", "em", "f1"),
    [
        ("The cat", "cat.", 1.0, 1.0),
        ("3.5", "35", 1.0, 1.0),
        ("the", "", 1.0, 1.0),
        ("cat", "", 0.0, 0.0),
        ("dog", "cat", 0.0, 0.0),
        ("black cat", "the cat", 0.0, 2 / 3),
        ("cat cat", "cat", 0.0, 2 / 3),
        ("red", ["blue", "red car"], 0.0, 2 / 3),
        ("1990", 1990, 1.0, 1.0),
    ],
)
def test_squad(output: str, value: Any, em: float, f1: float) -> None:
    assert value_of("squad_em", output, value=value) == em
    assert value_of("squad_f1", output, value=value) == pytest.approx(f1, abs=1e-12)


WORDS = st.lists(
    st.sampled_from(["The", "cat", "a", "Dog,", "3.5", "", "an-d", "\u4e2d\u6587", "\u201cq\u201d", "x"]), max_size=6
)


def test_squad_equals_torchmetrics() -> None:
    squad = pytest.importorskip("torchmetrics.functional.text", reason="torchmetrics is not installed").squad

    @given(WORDS, st.lists(WORDS, min_size=1, max_size=3))
    def check(words: list[str], references: list[list[str]]) -> None:
        output, texts = " ".join(words), [" ".join(reference) for reference in references]
        theirs = squad(
            [{"prediction_text": output, "id": "1"}],
            [{"answers": {"answer_start": [0] * len(texts), "text": texts}, "id": "1"}],
        )
        assert value_of("squad_em", output, value=texts) == pytest.approx(theirs["exact_match"].item() / 100)
        assert value_of("squad_f1", output, value=texts) == pytest.approx(theirs["f1"].item() / 100, abs=1e-6)

    check()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_json_equality_is_equality_of_canonical_texts(one: Any, other: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert json_equal(one, other) is same
    assert json_equal(one, json.loads(json.dumps(one)))


@pytest.mark.parametrize("use", ["equals", "contains", "exact_match", "word_count", "squad_em", "is_json", "refusal"])
def test_without_text_every_assertion_fails(use: str) -> None:
    params = {"min": 0} if use == "word_count" else {} if use in ("is_json", "refusal") else {"value": "a"}
    result = result_of(use, Output(error="boom"), **params)
    assert isinstance(result, Score)
    assert (result.value, result.passed, result.reason) == (0.0, False, "the output has no text")
