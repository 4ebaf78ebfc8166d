"""IFEval's 25 instructions: held against the original's recorded answers, and against what the original gets wrong."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.cases import Case
from evalharness.core.results import Failure, Output, Score, Unscored
from evalharness.scorers.behaviour_languages import tell_language
from evalharness.scorers.ifeval_rules import INSTRUCTIONS
from evalharness.scorers.ifeval_words import count_sentences, count_words
from tests.scorers.ifeval_texts import ANSWERS, ARGUMENTS
from tests.scorers.scoring import refusal_of, scorer_of

CASE = Case(id="c1", input="?")
BY_LANGUAGE = {"language:response_language", "change_case:english_capital", "change_case:english_lowercase"}
"""Instructions that ask the original's language detector, which guesses on texts of a few letters."""
ENOUGH_LETTERS = 40
PAGE = Path(__file__).parents[2] / "docs" / "ifeval.md"


def follows(instruction: str, text: str, /, kwargs: dict[str, Any] | None = None, **options: Any) -> bool:
    result = scorer_of("ifeval", instruction=instruction, kwargs=kwargs or {}, **options).score(Output(text=text), CASE)
    assert isinstance(result, Score), result
    assert result.value == float(bool(result.passed))
    return bool(result.passed)


@cache
def recorded() -> dict[str, Any]:
    table = json.loads((Path(__file__).parent / "ifeval_oracle.json").read_text(encoding="utf-8"))
    assert table["texts"] == len(ANSWERS)
    return table


def test_all_25_are_there_and_recorded() -> None:
    assert len(INSTRUCTIONS) == 25
    assert {row["instruction"] for row in recorded()["rows"]} == set(INSTRUCTIONS) == set(ARGUMENTS)


def disagreements(instruction: str, *, compat: bool) -> tuple[Counter[str], list[tuple[str, dict[str, Any], str]]]:
    """How many answers were compared, and where ours is another than the original's."""
    counts: Counter[str] = Counter()
    unlike = []
    for row in recorded()["rows"]:
        if row["instruction"] != instruction:
            continue
        for mode in ("strict", "loose"):
            scorer = scorer_of(
                "ifeval", instruction=instruction, kwargs=row["kwargs"], loose=mode == "loose", compat=compat
            )
            for text, said in zip(ANSWERS, row[mode], strict=True):
                counts[said] += 1
                result = scorer.score(Output(text=text), CASE)
                assert isinstance(result, Score)
                if said != "?" and result.value != float(said):
                    unlike.append((mode, row["kwargs"], text))
    return counts, unlike


def on_the_page(name: str) -> tuple[int, int]:
    """The page's row for an instruction, or for all: verdicts compared, and how many are unlike."""
    row = re.search(rf"^\| {re.escape(name)} \| ([\d,]+) \| (\d+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert row is not None, name
    return int(row[1].replace(",", "")), int(row[2])


def test_the_page_adds_up() -> None:
    rows = [on_the_page(f"`{instruction}`") for instruction in INSTRUCTIONS]
    assert (sum(compared for compared, _ in rows), sum(unlike for _, unlike in rows)) == on_the_page("all 25")


@pytest.mark.parametrize("instruction", sorted(INSTRUCTIONS))
def test_compat_agrees_with_the_original(instruction: str) -> None:
    counts, unlike = disagreements(instruction, compat=True)
    assert min(counts["0"], counts["1"]) > 1, "the texts must tell followers from others"
    assert on_the_page(f"`{instruction}`") == (counts["0"] + counts["1"], len(unlike)), "docs/ifeval.md"
    if instruction in BY_LANGUAGE:
        unlike = [case for case in unlike if tell_language(case[2]).letters >= ENOUGH_LETTERS]
    if instruction == "length_constraints:number_sentences":  # Punkt takes the marks of "!!! ???" for two sentences
        unlike = [case for case in unlike if case[2] != "!!! ??? 123"]
    assert unlike == []


def test_few_letters_are_where_the_detectors_differ() -> None:
    counts, unlike = disagreements("language:response_language", compat=True)
    assert len(unlike) <= 0.005 * counts.total()


MENDED = [
    ("keywords:existence", {"keywords": ["fox"]}, "firefox", True, False),
    ("keywords:existence", {"keywords": ["a.b"]}, "acb", True, False),
    ("keywords:existence", {"keywords": ["c++"]}, "We use C++ here", None, True),
    ("keywords:frequency", {"keyword": "cat", "frequency": 2, "relation": "at least"}, "cat, concatenate", True, False),
    ("keywords:forbidden_words", {"forbidden_words": ["a.b"]}, "acb", False, True),
    ("detectable_format:number_bullet_lists", {"num_bullets": 1}, "- one\n---", False, True),
    ("detectable_format:number_bullet_lists", {"num_bullets": 1}, "* one\n* * *", False, True),
    ("detectable_format:json_format", {}, "12", True, False),
    ("detectable_format:json_format", {}, '{"a": NaN}', True, False),
    ("detectable_format:json_format", {}, "[1]", True, True),
    ("language:response_language", {"language": "de"}, "123", True, False),
    ("change_case:capital_word_frequency", {"capital_frequency": 2, "capital_relation": "at least"}, "DON'T", True, False),
    ("length_constraints:number_sentences", {"num_sentences": 2, "relation": "less than"}, "See e.g. that.", False, True),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "amp.s. no", True, False),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "two"},
        "One.\n\n\n\nTwo.",
        False,
        True,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("instruction", "kwargs", "text", "original", "ours"), MENDED)
def test_faults_are_kept_only_under_compat(
    instruction: str, kwargs: dict[str, Any], text: str, original: bool | None, ours: bool
) -> None:
    assert follows(instruction, text, kwargs) is ours
    if original is not None:
        assert follows(instruction, text, kwargs, compat=True) is original
        assert follows(instruction, text, kwargs, compat="ifeval") is original


def test_zero_counts_and_is_refused_where_the_original_draws_at_random() -> None:
    kwargs = {"num_placeholders": 0}
    assert follows("detectable_content:number_placeholders", "none", kwargs)
    assert "at random" in str(
        refusal_of("ifeval", instruction="detectable_content:number_placeholders", kwargs=kwargs, compat=True)
    )
    letters = {"letter": "#", "let_frequency": 1, "let_relation": "at least"}
    assert follows("keywords:letter_frequency", "# title", letters)
    assert "another letter" in str(
        refusal_of("ifeval", instruction="keywords:letter_frequency", kwargs=letters, compat=True)
    )


def test_loose_forgives_a_first_line_a_last_line_and_asterisks_and_says_which() -> None:
    text = 'Sure:\n{"a": 1}\nDone'
    assert not follows("detectable_format:json_format", text)
    scorer = scorer_of("ifeval", instruction="detectable_format:json_format", loose=True)
    result = scorer.score(Output(text=text), CASE)
    assert isinstance(result, Score)
    assert result.passed
    assert result.evidence["in"] == "without its first and last line"
    assert not follows("detectable_format:json_format", "no json at all", loose=True)


@pytest.mark.parametrize("instruction", sorted(INSTRUCTIONS))
@pytest.mark.parametrize("text", ["", "  \n\t", "\u3000"])
def test_a_blank_text_never_follows(instruction: str, text: str) -> None:
    for kwargs in ARGUMENTS[instruction]:
        assert not follows(instruction, text, kwargs, loose=True, compat=True)


def test_the_case_may_ask_for_several_and_all_must_hold() -> None:
    target = {
        "instructions": [
            {"instruction": "punctuation:no_comma"},
            {"instruction": "length_constraints:number_words", "kwargs": {"num_words": 3, "relation": "at least", "x": None}},
        ]
    }  # fmt: skip
    scorer = scorer_of("ifeval")
    assert scorer.needs == {"target"}
    asked = Case(id="c1", input="?", target=target)
    good = scorer.score(Output(text="one two three"), asked)
    bad = scorer.score(Output(text="one, two three"), asked)
    assert isinstance(good, Score)
    assert isinstance(bad, Score)
    assert (good.value, bad.value) == (1.0, 0.0)
    assert [part.passed for part in bad.parts.values()] == [False, True]
    assert bad.evidence["followed"] == 1
    assert isinstance(scorer.score(Output(text="x"), Case(id="c1", input="?", target="other")), Unscored)


@pytest.mark.parametrize(
    "items",
    [[], "x", [{"instruction": "no:such"}], [{"instruction": "punctuation:no_comma", "kwargs": [1]}], [3]],
)
def test_a_wrong_request_of_a_case_is_a_fault_of_the_set(items: Any) -> None:
    result = scorer_of("ifeval").score(Output(text="x"), Case(id="c1", input="?", target={"instructions": items}))
    assert isinstance(result, Failure)
    assert (result.kind, result.blame) == ("bad_target", "infrastructure")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"instruction": "keywords:existance"}, "keywords:existence"),
        ({"instruction": "keywords:existence"}, "needs 'keywords'"),
        ({"instruction": "punctuation:no_comma", "kwargs": {"n": 1}}, "no argument 'n'"),
        ({"instruction": "language:response_language", "kwargs": {"language": "tlh"}}, "language code"),
        ({"kwargs": {"n": 1}}, "instruction"),
        ({"instruction": "keywords:existence", "kwargs": {"keywords": ["(a+)+$"]}, "compat": True}, "may not end"),
        ({"instruction": "keywords:existence", "kwargs": {"keywords": ["("]}, "compat": True}, "it is none"),
        ({"instruction": "punctuation:no_comma", "compat": 1}, "true, false"),
        (
            {"instruction": "length_constraints:number_words", "kwargs": {"num_words": -1, "relation": "at least"}},
            ">= 0",
        ),
        (
            {"instruction": "length_constraints:number_words", "kwargs": {"num_words": 1, "relation": "more"}},
            "less than",
        ),
        (
            {
                "instruction": "length_constraints:nth_paragraph_first_word",
                "kwargs": {"num_paragraphs": 1, "nth_paragraph": 2, "first_word": "x"},
            },
            "more than num_paragraphs",
        ),
    ],
)
def test_wrong_tables_are_refused(table: dict[str, Any], said: str) -> None:
    error = refusal_of("ifeval", **table)
    assert said in f"{error} {error.tip}"


def test_an_endless_answer_is_the_candidates_failure() -> None:
    scorer = scorer_of("ifeval", instruction="punctuation:no_comma")
    result = scorer.score(Output(text="x" * 100_001), CASE)
    assert isinstance(result, Failure)
    assert result.blame == "candidate"


HOSTILE = (
    "*" * 99_999,
    "\n" * 99_999,
    "[" * 99_999,
    "<<" * 49_000,
    "- \n" * 33_000,
    "a " * 49_999,
    "." * 99_999,
    "? " * 49_000,
)


@pytest.mark.parametrize("instruction", sorted(INSTRUCTIONS))
def test_hostile_answers_take_no_square_time(instruction: str) -> None:
    """Square work on 100,000 characters would take minutes, and this test with it."""
    scorer = scorer_of("ifeval", instruction=instruction, kwargs=ARGUMENTS[instruction][0], compat=True)
    for text in HOSTILE:
        assert isinstance(scorer.score(Output(text=text), CASE), Score)


@given(st.lists(st.sampled_from(["One went home.", "Two slept!", "Did three eat?"]), min_size=1, max_size=8))
def test_plain_sentences_are_counted_whatever_their_number(parts: list[str]) -> None:
    assert count_sentences(" ".join(parts)) == count_sentences("\n".join(parts)) == len(parts)


@given(st.text())
def test_counts_are_the_same_with_blank_ends(text: str) -> None:
    assert count_words(text) == count_words(f" {text}\n")
    assert count_sentences(text.strip()) <= max(1, text.count(".") + text.count("!") + text.count("?") + 1)


def test_signature_holds_what_is_asked() -> None:
    one = scorer_of("ifeval", instruction="punctuation:no_comma").signature
    other = scorer_of("ifeval", instruction="punctuation:no_comma", loose=True).signature
    third = scorer_of("ifeval", instruction="startend:quotation").signature
    assert len({one, other, third}) == 3
    assert "loose:false" in one
