"""What fails in code, and what has to go to a judge."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalharness.judging.guards import no_answer
from evalharness.judging.rubric import Rubric
from evalharness.judging.subject import Subject
from tests.judging.rubrics import MAIN, SUPPORT, read

NO_ANSWERS = (
    *("", " ", "\n\t", "\u200b\u2060\ufeff", "\u00a0", "\x00", "\u202e", "\U000e0041"),
    *(":", ".", ",", "...", "?!", "---", "```", "| |", "😀", "、"),
    *("Thought process:", "thought process", "Solution", "**Solution:**", "Answer:", "The answer is", "Final answer:"),
    *(
        "Let's solve this problem step by step.",
        "Let’s think step by step:",
        "To solve this problem:",
        "Sure!",
        "Certainly.",
    ),
    *(
        "Here is the answer:",
        "Okay",
        "Step 1:",
        "Lösung:",
        "Respuesta",
        "解",
        "解答",
        "かいせつ",
        "思考过程:",
        "Réponse :",
    ),
    *("Here you can find what you were looking for:", "met", "PASS", "Assistant:"),
)


@pytest.mark.parametrize("text", NO_ANSWERS)
@pytest.mark.parametrize("reference", ["1923", None, "It opened in the year 1923, in spring."])
def test_no_answer(text: str, reference: str | None, tmp_path: Path) -> None:
    fields = {"output": text} if reference is None else {"output": text, "reference": reference}
    assert no_answer(read(tmp_path), Subject(fields=fields)) != ""


ANSWERS = (
    ("1923", "1923"),
    ("1923.", "It opened in the year 1923, in spring."),
    ("NYC", "New York City"),
    ("Paris", "paris"),
    ("okay", "Okay"),
    ("12", "twelve"),
    ("東京は日本の首都です", "東京"),
    ("Two words", None),
    ("Kilogram", None),
    ("5", None),
    ("The solution is to restart it.", "Restart it."),
    ("Certainly: it opened in 1923.", "1923"),
    ("Here is the list:\n- one\n- two", None),
    ("I cannot say the exact day, but it was 1923.", "1923"),
    ("I'm sorry, I can't help with that.", "I cannot help with that."),
    ("I'm sorry, I can't help with that.", None),
)


@pytest.mark.parametrize(("text", "reference"), ANSWERS)
def test_an_answer_goes_to_the_judge(text: str, reference: str | None, tmp_path: Path) -> None:
    fields = {"output": text} if reference is None else {"output": text, "reference": reference}
    assert no_answer(read(tmp_path), Subject(fields=fields)) == ""


def test_a_single_word_and_a_refusal_fail_where_they_cannot_be_right(tmp_path: Path) -> None:
    rubric: Rubric = read(tmp_path, MAIN)
    long = "The station was opened in the spring of 1923."
    assert no_answer(rubric, Subject(fields={"output": "Yes", "reference": long})) == "the answer is a single word"
    chat = ({"role": "user", "content": "Where is my parcel?"},)
    assert no_answer(rubric, Subject(fields={"output": "Yes", "conversation": chat})) == "the answer is a single word"
    refusal = "I'm sorry, but I can't help with that."
    assert "refusal" in no_answer(rubric, Subject(fields={"output": refusal, "reference": long}))
    assert no_answer(rubric, Subject(fields={"output": refusal + " " + "x " * 200, "reference": long})) == ""


def test_a_rubric_may_let_single_words_through(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN, top="short_answers = true\n")
    assert no_answer(rubric, Subject(fields={"output": "Yes", "reference": "It opened in the year 1923."})) == ""
    refusal = "I'm sorry, but I can't help with that."
    assert no_answer(rubric, Subject(fields={"output": refusal, "reference": "Says that it opened in 1923."})) == ""
    assert no_answer(rubric, Subject(fields={"output": ":"})) != ""
    assert no_answer(rubric, Subject(fields={"output": "Solution"})) != ""


def test_where_no_answer_is_looked_at_none_is_missed(tmp_path: Path) -> None:
    passages = ("It opened in 1923.",)
    sees_none = read(tmp_path, SUPPORT.replace("output.sentences", "context.chunks"), uses=("input", "context"))
    assert no_answer(sees_none, Subject(fields={"input": "When?", "context": passages})) == ""
    sees_it = read(tmp_path, SUPPORT, uses=("input", "output", "context"))
    assert no_answer(sees_it, Subject(fields={"input": "When?", "context": passages})) != ""
