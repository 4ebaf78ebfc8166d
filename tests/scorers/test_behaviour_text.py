"""Language, length, table and grounding: what counts, what does not, and what is not scored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.cases import Case
from evalharness.core.results import Output, Score, ScoreResult, Unscored
from evalharness.scorers.behaviour_languages import LANGUAGES, tell_language
from evalharness.scorers.behaviour_text import UNITS, markdown_tables
from tests.scorers.ifeval_texts import ANSWERS
from tests.scorers.scoring import passes, refusal_of, result_of, scorer_of

SENTENCES = {
    "en": "You can send the parcel back within fourteen days if the box is still closed.",
    "de": "Sie können das Paket innerhalb von vierzehn Tagen zurückschicken, wenn der Karton noch zu ist.",
    "fr": "Vous pouvez renvoyer le colis dans les quatorze jours si la boîte est encore fermée.",
    "es": "Puede devolver el paquete en un plazo de catorce días si la caja todavía está cerrada.",
    "pt": "Você pode devolver o pacote em até catorze dias se a caixa ainda estiver fechada.",
    "it": "Può restituire il pacco entro quattordici giorni se la scatola è ancora chiusa.",
    "nl": "U kunt het pakket binnen veertien dagen terugsturen als de doos nog dicht is.",
    "sv": "Du kan skicka tillbaka paketet inom fjorton dagar om lådan fortfarande är stängd och inte öppnad.",
    "da": "Du kan sende pakken tilbage inden for fjorten dage, hvis æsken stadig er lukket af dig.",
    "no": "Du kan sende pakken tilbake innen fjorten dager hvis esken fortsatt er lukket av deg.",
    "fi": "Voit palauttaa paketin neljäntoista päivän sisällä, jos laatikko on vielä kiinni.",
    "pl": "Możesz odesłać paczkę w ciągu czternastu dni, jeśli pudełko jest jeszcze zamknięte.",
    "cs": "Balíček můžete vrátit do čtrnácti dnů, pokud je krabice ještě zavřená.",
    "hr": "Paket možete vratiti u roku od četrnaest dana ako je kutija još zatvorena.",
    "ro": "Puteți returna pachetul în termen de paisprezece zile dacă cutia este încă închisă.",
    "hu": "A csomagot tizennégy napon belül küldheti vissza, ha a doboz még zárva van.",
    "tr": "Kutu hâlâ kapalıysa paketi on dört gün içinde geri gönderebilirsiniz ve bu ücretsiz olur.",
    "id": "Anda dapat mengembalikan paket dalam empat belas hari jika kotaknya masih tertutup.",
    "vi": "Bạn có thể trả lại gói hàng trong vòng mười bốn ngày nếu hộp vẫn còn đóng.",
    "sw": "Unaweza kurudisha kifurushi ndani ya siku kumi na nne kama sanduku bado limefungwa.",
    "ca": "Podeu tornar el paquet en un termini de catorze dies si la caixa encara és tancada.",
    "ru": "Вы можете вернуть посылку в течение четырнадцати дней, если коробка ещё закрыта.",
    "uk": "Ви можете повернути посилку протягом чотирнадцяти днів, якщо коробка ще закрита.",
    "bg": "Можете да върнете пакета в рамките на четиринадесет дни, ако кутията все още е затворена.",
    "el": "Μπορείτε να επιστρέψετε το πακέτο εντός δεκατεσσάρων ημερών.",
    "zh": "如果盒子还没有打开，您可以在十四天内退回包裹。",
    "ja": "箱が開封されていなければ、十四日以内に返品できます。",
    "ko": "상자가 아직 닫혀 있으면 14일 이내에 반품할 수 있습니다.",
    "ar": "يمكنك إعادة الطرد في غضون أربعة عشر يوما إذا كان الصندوق لا يزال مغلقا.",
    "fa": "اگر جعبه هنوز بسته است می‌توانید بسته را در چهارده روز پس بفرستید.",
    "ur": "اگر ڈبہ ابھی بند ہے تو آپ چودہ دن کے اندر پارسل واپس کر سکتے ہیں۔",
    "hi": "यदि डिब्बा अभी भी बंद है तो आप चौदह दिन के भीतर पार्सल वापस कर सकते हैं।",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_each_language_is_told_and_no_other(language: str) -> None:
    assert language in LANGUAGES
    for variant in (SENTENCES[language], SENTENCES[language].upper()):
        told = tell_language(variant)
        assert told.language == language, told
    result = result_of("language", SENTENCES[language], language=language)
    assert isinstance(result, Score)
    assert result.passed
    assert result.evidence["told"] == language
    others = [other for other in SENTENCES if other != language]
    assert not any(passes("language", SENTENCES[language], language=other) for other in others)


@pytest.mark.parametrize("text", ["Paris", "42", "???", "12:30", "Anna Müller, Köln"])
def test_no_language_is_made_up(text: str) -> None:
    assert isinstance(result_of("language", text, language="en"), Unscored)


def test_the_case_may_say_which_language() -> None:
    scorer = scorer_of("language")
    case = Case(id="c", input="?", metadata={"language": "de"})
    result = scorer.score(Output(text=SENTENCES["de"]), case)
    assert isinstance(result, Score)
    assert result.passed
    assert isinstance(scorer.score(Output(text="x"), Case(id="c", input="?")), Unscored)
    unknown = Case(id="c", input="?", metadata={"language": "tlh"})
    assert isinstance(scorer.score(Output(text="x"), unknown), Unscored)
    assert "tlh" in str(refusal_of("language", language="tlh"))


@given(st.sampled_from(list(SENTENCES)), st.sampled_from(list(SENTENCES)))
def test_telling_is_the_same_each_time_and_does_not_depend_on_what_came_before(one: str, other: str) -> None:
    first = tell_language(SENTENCES[one])
    tell_language(SENTENCES[other])
    assert tell_language(SENTENCES[one]) == first
    assert tell_language(f"{SENTENCES[one]} {SENTENCES[one]}").language == one


@given(st.text())
def test_any_text_can_be_asked(text: str) -> None:
    told = tell_language(text)
    assert told.language is None or told.language in LANGUAGES
    assert sum(told.scripts.values()) == pytest.approx(1.0 if told.letters else 0.0)


# --- length ---------------------------------------------------------------------------------------------------------------

TEXT = "One two.\n\nThree, four five!\nSix"


@pytest.mark.parametrize(
    ("unit", "text", "count"),
    [
        ("words", TEXT, 6),
        ("sentences", TEXT, 3),
        ("lines", TEXT, 3),
        ("paragraphs", TEXT, 2),
        ("characters", "e\u0301 ab", 4),
        ("tokens", "Don't pay 3.50 €!", 9),
        ("tokens", "東京は in 2024", 5),
        ("words", "", 0),
        ("paragraphs", " \n\n ", 0),
    ],
)
def test_units(unit: str, text: str, count: int) -> None:
    assert UNITS[unit](text) == count
    assert passes("length", text, unit=unit, min=count, max=count)
    assert not passes("length", text, unit=unit, min=count + 1)
    if count:
        assert not passes("length", text, unit=unit, max=count - 1)


def test_length_says_what_it_counted() -> None:
    result = result_of("length", "one two three", max=2)
    assert isinstance(result, Score)
    assert result.reason == "3 words, expected 0 to 2"
    assert result.evidence == {"words": 3}


@pytest.mark.parametrize("table", [{}, {"min": 3, "max": 2}, {"max": -1}, {"unit": "bytes", "max": 1}])
def test_wrong_ranges_are_refused(table: dict[str, Any]) -> None:
    assert refusal_of("length", **table)


# --- table ----------------------------------------------------------------------------------------------------------------

GOOD = "Here:\n\n| Name | Days |\n|---|:-:|\n| box | 14 |\n| cable \\| plug | 30 |\n\nDone."


def test_a_table_of_the_wanted_shape() -> None:
    assert markdown_tables(GOOD) == [[["Name", "Days"], ["box", "14"], ["cable | plug", "30"]]]
    assert passes("table", GOOD, columns=["name", "days"], min=2, max=2)
    assert passes("table", "a | b\n--|--\n1 | 2")


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("no table", {}),
        ("| a | b |\n| 1 | 2 |", {}),
        (GOOD + "\n" + GOOD, {}),
        (GOOD, {"columns": ["Name"]}),
        (GOOD, {"min": 3}),
        (GOOD, {"max": 1}),
        ("| a | b |\n|---|---|\n| 1 |", {}),
        ("| a | b |\n|---|---|", {}),
    ],
)
def test_other_shapes_fail(text: str, params: dict[str, Any]) -> None:
    assert not passes("table", text, **params)


# --- grounding ------------------------------------------------------------------------------------------------------------

PASSAGES = ("Returns are accepted within 30 days.", {"id": "kb-2", "text": "Audio products: 14 days, “box unopened”."})
ASKED = Case(id="c", input="?", context=PASSAGES)


def grounding(text: str, case: Case = ASKED, **params: Any) -> ScoreResult:
    return scorer_of("grounding", **params).score(Output(text=text), case)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Within 30 days [1].", 1.0),
        ("Within 30 days. [1] Audio sooner. [kb-2]", 1.0),
        ("Audio within 14 days [KB-2][1].", 1.0),
        ("Both [1, kb-2].", 1.0),
        ('It says "accepted within 30 days" [1].', 1.0),
        ("It says “Returns  are accepted” [1].", 1.0),
        ('It says "14 days, "box unopened"" [2].', 1.0),
        ("Within 30 days.", 0.0),
        ("Within 30 days [3].", 0.0),
        ("Within 30 days [kb-9].", 0.0),
        ('It says "accepted within 90 days" [1].', 0.0),
        ('It says "accepted within 30 days" [2].', 0.0),
        ("Within 30 days [1]. Postage is free.", 0.5),
        ("Within 30 days [1]. Audio 14 [kb-2]. Postage is free [7]. Or not.", 0.5),
        ('It says "ok" [1].', 1.0),
    ],
)
def test_grounding(text: str, value: float) -> None:
    result = grounding(text)
    assert isinstance(result, Score)
    assert result.value == value, result.reason
    assert result.passed == (value == 1.0)


def test_sentences_without_citation_may_be_left_out_but_not_all_of_them() -> None:
    assert grounding("Within 30 days [1]. Postage is free.", cite="some").value == 1.0  # type: ignore[union-attr]
    assert grounding("Within 30 days [9]. Postage is free.", cite="some").value == 0.0  # type: ignore[union-attr]
    assert grounding("Postage is free.", cite="some").value == 0.0  # type: ignore[union-attr]


def test_faults_are_named() -> None:
    result = grounding("Within 30 days [1]. Postage is free [7].")
    assert isinstance(result, Score)
    assert result.evidence["faults"][0]["fault"] == "cites '7', which does not exist"
    assert "Postage is free" in result.reason


def test_retrieved_documents_come_before_the_context() -> None:
    output = Output(text="It takes 3 days [d1].", documents=({"id": "d1", "text": "It takes 3 days."},))  # type: ignore[arg-type]
    result = scorer_of("grounding").score(output, ASKED)
    assert isinstance(result, Score)
    assert result.value == 1.0
    assert isinstance(grounding("x", Case(id="c", input="?")), Unscored)


@given(st.text(), st.text())
def test_grounding_stays_on_its_scale(text: str, passage: str) -> None:
    result = grounding(text, Case(id="c", input="?", context=[passage]))
    assert isinstance(result, Score)
    assert 0.0 <= result.value <= 1.0


@pytest.mark.parametrize("use", ["language", "length", "table", "grounding"])
def test_an_answer_without_text_fails(use: str) -> None:
    table = {"language": {"language": "en"}, "length": {"min": 0, "max": 9}}.get(use, {})
    result = scorer_of(use, **table).score(Output(text=None), ASKED)
    assert isinstance(result, Score)
    assert (result.value, result.passed) == (0.0, False)


@pytest.mark.parametrize("use", ["language", "length", "table", "grounding"])
@pytest.mark.parametrize(
    "text", ["[" * 99_999, '"' * 99_999, "|\n" * 50_000, "a. " * 33_000, "[a]" * 33_000, "“" * 50_000]
)
def test_hostile_texts_take_no_square_time(use: str, text: str) -> None:
    """Square work on 100,000 characters would take minutes, and this test with it."""
    table = {"language": {"language": "en"}, "length": {"unit": "sentences", "min": 0}}.get(use, {})
    assert scorer_of(use, **table).score(Output(text=text), ASKED) is not None


def test_answers_of_another_suite_are_all_readable() -> None:
    assert all(grounding(text) is not None and tell_language(text) is not None for text in ANSWERS)
