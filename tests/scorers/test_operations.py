from __future__ import annotations

import re

import pytest

from evalharness.core.results import Output, Score, Unscored
from evalharness.scorers.refusals import LANGUAGES, refusals
from tests.scorers.scoring import passes, refusal_of, result_of, scorer_of


@pytest.mark.parametrize(("use", "field"), [("latency", "latency_s"), ("cost", "cost_usd")])
def test_measures_give_what_the_answer_took(use: str, field: str) -> None:
    result = result_of(use, Output(**{field: 0.25}))
    assert isinstance(result, Score)
    assert (result.value, result.passed) == (0.25, None)
    assert isinstance(result_of(use, Output(text="x")), Unscored)
    scorer = scorer_of(use)
    assert (scorer.low, scorer.high, scorer.direction) == (0.0, float("inf"), "lower")


def test_finish_reason() -> None:
    assert passes("finish_reason", Output(text="x", finish_reason="stop")) is True
    assert passes("finish_reason", Output(text="x", finish_reason="length")) is False
    assert passes("finish_reason", Output(text="x")) is False
    assert passes("finish_reason", Output(finish_reason="tool_calls"), values=["stop", "tool_calls"]) is True
    assert passes("finish_reason", Output(finish_reason="length"), value="length") is True
    assert "not both" in refusal_of("finish_reason", value="a", values=["b"]).message


REFUSALS = {
    "en": [
        "I'm sorry, but I can\u2019t help with that.",
        "Unfortunately, I'm not able to share this.",
        "I must decline.",
        "As a large language model, I have no opinion.",
        "Sorry, no.",
        "This goes against our content policies.",
        "No. I won't do it.",
    ],
    "de": [
        "Es tut mir leid, aber ich kann Ihnen dabei nicht helfen.",
        "Leider kann ich diese Anfrage nicht erf\u00fcllen.",
        "Als KI habe ich keine Meinung.",
        "Ich bin nicht befugt, das zu sagen.",
    ],
    "fr": [
        "Je suis d\u00e9sol\u00e9, mais je ne peux pas vous aider.",
        "Il m'est impossible de r\u00e9pondre.",
        "En tant qu\u2019IA, je n'ai pas d'avis.",
    ],
    "es": ["Lo siento, pero no puedo ayudarte con eso.", "Me niego.", "Como modelo de lenguaje, no opino."],
    "it": ["Mi dispiace, non posso aiutarti."],
    "pt": ["Desculpe, n\u00e3o posso ajudar com isso."],
    "nl": ["Sorry, ik kan je daar niet mee helpen."],
}
ANSWERS = [
    "The capital is Paris.",
    "I'm sorry for the delay; your parcel ships today.",
    "I'm sorry to hear that.",
    "You cannot return items after 30 days.",
    "Sorry, no refunds after 30 days; within them, yes.",
    "No problem! Here is how.",
    "I can't wait to show you.",
    "Ich kann Ihnen gerne helfen.",
    "Das Ger\u00e4t kann nicht eingeschaltet werden.",
    "Je suis ravi de vous aider.",
    "La tienda no puede abrir hoy.",
    "x" * 200 + " I cannot help with that.",
]


@pytest.mark.parametrize(("language", "text"), [(lang, text) for lang, texts in REFUSALS.items() for text in texts])
def test_refusals_are_seen_in_their_language(language: str, text: str) -> None:
    assert passes("refusal", text) is True
    assert passes("refusal", text, language=language) is True
    assert passes("refusal", text, **{"not": True}) is False


@pytest.mark.parametrize("text", ANSWERS)
def test_answers_are_no_refusals(text: str) -> None:
    assert passes("refusal", text) is False


def test_every_language_has_an_example_and_can_be_chosen() -> None:
    assert REFUSALS.keys() == LANGUAGES.keys()
    assert passes("refusal", "Mi dispiace, non posso aiutarti.", language="de") is False
    assert "any" in refusal_of("refusal", language="klingon").message


def test_an_empty_answer_refuses() -> None:
    assert passes("refusal", " \n") is True
    assert passes("refusal", "", **{"not": True}) is False


def test_the_phrases_are_no_trap_on_an_opening() -> None:
    hostile = ["ich kann " + "wort " * 40, "kann ich " * 25, "je ne " + "a " * 100, " " * 200, "sorry" + " ," * 97]
    for text in hostile:
        assert isinstance(refusals("any").search(text[:200]), re.Match | None)
