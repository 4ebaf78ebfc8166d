"""What fails in code before any judge is asked: answers that are no answers, and that judges pass all the same.

":" or "Thought process:" as the whole answer passed reference-based judges in up to 80-90 % of cases, large models among
them; voting and reasoning do not help (arXiv 2507.08794). So these never reach a judge.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from evalharness.judging.rubric import Rubric
from evalharness.judging.subject import PAIR, Subject
from evalharness.scorers.refusals import refusals

SHORT_REFERENCE: Final = 3
"""Words of a reference up to which a one-word answer may be right without sharing a word with it."""
SHORT_REFUSAL: Final = 200
"""Characters of an answer up to which a refusal is the whole of it."""
_TOKEN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_OPENERS: Final = frozenset(
    opener.strip()
    for opener in """
    solution|answer|the answer|the answer is|my answer|my answer is|final answer|the final answer is|response|result
    thought process|thinking process|my thought process|thoughts|reasoning|analysis|explanation|step 1|step one|steps
    lets think|lets think step by step|lets solve this|lets solve this step by step|lets solve this problem step by step
    lets solve the problem step by step|let us think step by step|let us solve this step by step|lets break this down
    lets break it down|lets analyze this|lets go through this step by step|i will solve this step by step
    i will think step by step|to solve this problem|to answer this question|here is|here is the answer
    here is my answer|here is the solution|heres the answer|heres the solution|heres my answer|sure|sure thing|certainly
    of course|absolutely|okay|ok|great question|good question|happy to help|i am happy to help|id be happy to help
    the solution is|the solution|solution process|solve|output|verdict|correct|pass|passed|met|yes i can help|assistant
    lösung|antwort|gedankengang|schritt 1|lass uns schritt für schritt vorgehen|solución|respuesta|proceso de pensamiento
    paso 1|vamos a resolverlo paso a paso|réponse|étape 1|процесс мышления|ответ|решение|解|解答|解析|答案|思考过程|かいせつ|解説
    """.replace("\n", "|").split("|")
)
_LEAD_WORDS: Final = 10
"""Words of an announcement ("Thought process:") at most."""


def no_answer(rubric: Rubric, subject: Subject) -> str:
    """Why an answer fails without a judge, one phrase; empty when a judge has to look at it.

    Args:
        rubric: ``short_answers`` says that one word or a short refusal may be a whole answer.
        subject: What is to be judged; its ``output`` is looked at, if the rubric's judge sees it.
    """
    if "output" not in rubric.uses:
        return ""
    return _fault(subject.text("output"), subject, short_answers=rubric.short_answers)


def no_answers(rubric: Rubric, subject: Subject) -> tuple[str, str]:
    """As :func:`no_answer` for the two answers of a pair."""
    first, second = (_fault(subject.text(name), subject, short_answers=rubric.short_answers) for name in PAIR)
    return first, second


def _fault(text: str, subject: Subject, *, short_answers: bool) -> str:
    plain = unicodedata.normalize("NFKC", text)
    seen = "".join(char for char in plain if unicodedata.category(char) not in ("Cf", "Cc", "Cn", "Co"))
    if not seen.strip():
        return "the answer is blank"
    words = _words(seen)
    if not words:
        return "the answer holds no word"
    reference = _words(subject.text("reference"))
    if _is_opener(seen, words) and words != reference:
        return "the answer only announces an answer"
    if len(words) == 1 and not short_answers and not _may_be_short(words[0], subject, reference):
        return "the answer is a single word"
    if reference and not short_answers and len(seen) <= SHORT_REFUSAL and _refuses(seen, words, subject, reference):
        return "the answer is a refusal, and the reference is none"
    return ""


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _TOKEN.findall(text.replace("'", "").replace("’", ""))]


def _is_opener(text: str, words: list[str]) -> bool:
    announces = text.strip().strip("*_#> ").endswith(":") and "\n" not in text.strip() and len(words) <= _LEAD_WORDS
    together = " ".join(words) if len(words[0]) > 1 else "".join(words)  # Han and Kana are one token a character
    return announces or together in _OPENERS


def _may_be_short(word: str, subject: Subject, reference: list[str]) -> bool:
    """A single word can be right where the reference is short too or names it, or where nothing is known of the length.

    Without a reference it often is: of the five single words among the answers of LLMBar Natural people prefer four. A
    reply in a conversation is more than a word.
    """
    if not reference:
        return "conversation" not in subject.fields
    return len(reference) <= SHORT_REFERENCE or word in reference


def _refuses(text: str, words: list[str], subject: Subject, reference: list[str]) -> bool:
    """A short refusal that shares nothing with the reference, where that is no refusal itself."""
    pattern = refusals("any")
    shared = {word for word in words if len(word) > 2 or word.isdigit()} & set(reference)
    return bool(pattern.search(text)) and not shared and not pattern.search(subject.text("reference"))
