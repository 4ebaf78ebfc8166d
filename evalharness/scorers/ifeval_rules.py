r"""IFEval's 25 instructions as checks of a text.

Each rule takes the text, the checked arguments and ``compat``; it answers with whether the text follows and with what was
seen. Without ``compat`` these faults of the original are mended:

- keywords are literal and whole words; there they are patterns and match inside words (``forbidden_words`` escapes nothing);
- ``---`` is a rule and no bullet; a bare ``12`` or ``"yes"`` is no JSON answer, and NaN or a key twice is no JSON;
- a text in which no language can be told does not follow; there the exception counts as a pass;
- blank paragraphs are not counted while looking for the n-th; a postscript's mark does not begin inside a word;
- ``e.g.``, ``Fig.`` and their like end no sentence; a word of capitals is one word (``DON'T``); there clitics are words of their own.

Source: Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models", arXiv 2311.07911, section 2 and the
rules as lm-evaluation-harness runs them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from evalharness.core import strictjson
from evalharness.scorers import ifeval_arguments as kinds
from evalharness.scorers.behaviour_languages import tell_language
from evalharness.scorers.ifeval_arguments import Arguments, Kind
from evalharness.scorers.ifeval_words import count_sentences, count_words, plain_words, treebank_words

Seen: TypeAlias = tuple[bool, str]
"""Whether the text follows, and what was seen of it."""
_Rule: TypeAlias = Callable[..., Seen]

_POSSIBLE_ANSWERS: Final = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_STOPS_A_WORD: Final = frozenset(".,?!'\"")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: the arguments it takes and its rule."""

    kinds: Mapping[str, Kind]
    rule: _Rule

    def follows(self, text: str, arguments: Arguments, *, compat: bool) -> Seen:
        """Whether a text follows; a blank one never does."""
        if not text.strip():
            return False, "the text is blank"
        return self.rule(text, arguments, compat)


def _compared(seen: int, wanted: int, relation: str, what: str) -> Seen:
    follows = seen < wanted if relation == "less than" else seen >= wanted
    return follows, f"{seen} {what}, asked for {relation} {wanted}"


def _literal(text: str) -> str:
    return rf"(?<!\w){re.escape(text)}(?!\w)"


def _keyword(text: str, compat: bool) -> re.Pattern[str]:  # noqa: FBT001 - every rule is handed it in this place
    return re.compile(text if compat else _literal(text), re.IGNORECASE)


# --- keywords -----------------------------------------------------------------------------------------------------------


def _existence(text: str, args: Arguments, compat: bool) -> Seen:  # noqa: FBT001
    lacking = [word for word in args["keywords"] if not _keyword(word, compat).search(text)]
    return not lacking, f"lacks {lacking}" if lacking else "has all keywords"


def _frequency(text: str, args: Arguments, compat: bool) -> Seen:  # noqa: FBT001
    found = sum(1 for _ in _keyword(args["keyword"], compat).finditer(text))
    return _compared(found, args["frequency"], args["relation"], f"times {args['keyword']!r}")


def _forbidden(text: str, args: Arguments, compat: bool) -> Seen:  # noqa: FBT001
    used = [
        w for w in args["forbidden_words"] if re.search(rf"\b{w}\b" if compat else _literal(w), text, re.IGNORECASE)
    ]
    return not used, f"uses {used}" if used else "uses no forbidden word"


def _letters(text: str, args: Arguments, _compat: bool) -> Seen:  # noqa: FBT001
    letter = args["letter"]
    return _compared(
        text.lower().count(letter), args["let_frequency"], args["let_relation"], f"times the letter {letter!r}"
    )


# --- language and case --------------------------------------------------------------------------------------------------


def _is_language(text: str, language: str, *, compat: bool) -> Seen:
    seen = tell_language(text)
    if seen.language is None:
        # The original's detector raises where there are no letters, and its exception is counted as a pass.
        return compat and not seen.letters, "no language can be told"
    return seen.language == language, f"the language looks like {seen.language}, asked for {language}"


def _response_language(text: str, args: Arguments, compat: bool) -> Seen:  # noqa: FBT001
    return _is_language(text, args["language"], compat=compat)


def _capital(text: str, _args: Arguments, compat: bool) -> Seen:  # noqa: FBT001
    if not text.isupper():
        return False, "not all letters are capitals"
    return _is_language(text, "en", compat=compat)


def _lowercase(text: str, _args: Arguments, compat: bool) -> Seen:  # noqa: FBT001
    if not text.islower():
        return False, "not all letters are small"
    return _is_language(text, "en", compat=compat)


def _capital_words(text: str, args: Arguments, compat: bool) -> Seen:  # noqa: FBT001
    words = treebank_words(text) if compat else plain_words(text)
    found = sum(1 for word in words if word.isupper())
    return _compared(found, args["capital_frequency"], args["capital_relation"], "words in capitals")


# --- length -------------------------------------------------------------------------------------------------------------


def _sentences(text: str, args: Arguments, compat: bool) -> Seen:  # noqa: FBT001
    return _compared(count_sentences(text, compat=compat), args["num_sentences"], args["relation"], "sentences")


def _words(text: str, args: Arguments, _compat: bool) -> Seen:  # noqa: FBT001
    return _compared(count_words(text), args["num_words"], args["relation"], "words")


def _paragraphs(text: str, args: Arguments, _compat: bool) -> Seen:  # noqa: FBT001
    parts = re.split(r"\s?\*\*\*\s?", text)
    if any(not part.strip() for part in parts[1:-1]):
        return False, "a paragraph between two dividers is blank"
    found = sum(1 for part in parts if part.strip())
    return found == args["num_paragraphs"], f"{found} paragraphs between ***, asked for {args['num_paragraphs']}"


def _nth_paragraph(text: str, args: Arguments, compat: bool) -> Seen:  # noqa: FBT001
    parts = text.split("\n\n")
    full = [part for part in parts if part.strip()]
    place, wanted = args["nth_paragraph"], args["first_word"].lower()
    looked_at = parts if compat else full
    if len(full) != args["num_paragraphs"] or place > len(full) or not looked_at[place - 1].strip():
        return False, f"{len(full)} paragraphs, asked for {args['num_paragraphs']} and a word in number {place}"
    word = _first_word(looked_at[place - 1])
    return word == wanted, f"paragraph {place} starts with {word!r}, asked for {wanted!r}"


def _first_word(paragraph: str) -> str:
    word = paragraph.split(maxsplit=1)[0].lstrip("'").lstrip('"')
    end = next((place for place, letter in enumerate(word) if letter in _STOPS_A_WORD), len(word))
    return word[:end].lower()


# --- content and format -------------------------------------------------------------------------------------------------


def _placeholders(text: str, args: Arguments, _compat: bool) -> Seen:  # noqa: FBT001
    found = _pairs(text, "[", "]")
    return _compared(found, args["num_placeholders"], "at least", "placeholders")


def _pairs(text: str, opening: str, closing: str) -> int:
    """How often an opening bracket is closed in its line."""
    found = 0
    for line in text.split("\n"):
        place = line.find(opening)
        while place >= 0 and (end := line.find(closing, place + 1)) >= 0:
            found += 1
            place = line.find(opening, end + 1)
    return found


def _postscript(text: str, args: Arguments, compat: bool) -> Seen:  # noqa: FBT001
    marker = args["postscript_marker"]
    known = {"P.S.": r"p\.\s?s\.", "P.P.S": r"p\.\s?p\.\s?s"}
    pattern = known.get(marker, marker.lower() if compat else re.escape(marker.lower()))
    found = re.search(pattern if compat else rf"(?<!\w)(?:{pattern})", text.lower())
    return found is not None, f"{'a' if found else 'no'} postscript {marker!r}"


def _bullets(text: str, args: Arguments, compat: bool) -> Seen:  # noqa: FBT001
    lines = text.split("\n")
    found = _marked_lines(lines) if compat else sum(1 for line in lines if _is_bullet(line.strip()))
    return found == args["num_bullets"], f"{found} bullets, asked for {args['num_bullets']}"


def _is_bullet(line: str) -> bool:
    marked = (line[:1] == "*" and line[1:2] != "*") or (line[:1] == "-" and line[1:2] != "-")
    return marked and bool(line.strip("*- "))


def _marked_lines(lines: list[str]) -> int:
    """The original's two patterns, line by line: a line that is only a star takes the next one with it."""
    found, skip = 0, False
    for place, line in enumerate(lines):
        bare = line.lstrip()
        found += bare.startswith("-")
        if skip:
            skip = False
        elif bare.startswith("*"):
            skip = bare == "*" and place + 1 < len(lines)
            found += skip or bare[1:2] not in ("", "*")
    return found


def _constrained(text: str, _args: Arguments, _compat: bool) -> Seen:  # noqa: FBT001
    found = [answer for answer in _POSSIBLE_ANSWERS if answer in text]
    return bool(found), f"has {found[0]!r}" if found else "has none of the three answers"


def _highlights(text: str, args: Arguments, _compat: bool) -> Seen:  # noqa: FBT001
    single = sum(1 for match in re.finditer(r"\*[^\n*]*\*", text) if match[0].strip("*").strip())
    double = sum(1 for match in re.finditer(r"\*\*[^\n*]*\*\*", text) if match[0][2:-2].strip())
    return _compared(single + double, args["num_highlights"], "at least", "highlighted parts")


def _sections(text: str, args: Arguments, compat: bool) -> Seen:  # noqa: FBT001
    splitter = args["section_spliter"] if compat else re.escape(args["section_spliter"])
    found = sum(1 for _ in re.finditer(rf"\s?{splitter}\s?\d+\s?", text))
    return _compared(found, args["num_sections"], "at least", "sections")


def _json(text: str, _args: Arguments, compat: bool) -> Seen:  # noqa: FBT001
    body = text.strip()
    for fence in ("```json", "```Json", "```JSON", "```"):
        body = body.removeprefix(fence)
    body = body.removesuffix("```").strip()
    try:
        value: Any = json.loads(body) if compat else strictjson.loads(body)
    except (ValueError, RecursionError):
        return False, "not JSON"
    follows = compat or isinstance(value, (dict, list))
    return follows, f"JSON, {'an object or a list' if isinstance(value, (dict, list)) else 'a bare value'}"


def _title(text: str, _args: Arguments, _compat: bool) -> Seen:  # noqa: FBT001
    # The longest <<...>> of each line, as the original's greedy pattern finds it.
    for line in text.split("\n"):
        start, end = line.find("<<"), line.rfind(">>")
        if 0 <= start < end - 2 and line[start : end + 2].lstrip("<").rstrip(">").strip():
            return True, f"titled {line[start : end + 2][:80]!r}"
    return False, "no title in << >>"


# --- combination, start and end, punctuation ----------------------------------------------------------------------------


def _two_responses(text: str, _args: Arguments, _compat: bool) -> Seen:  # noqa: FBT001
    parts = [part.strip() for part in text.split("******")]
    if not all(parts[1:-1]):
        return False, "a response between two dividers is blank"
    full = [part for part in parts if part]
    return len(full) == 2 and full[0] != full[1], f"{len(full)} responses, {len(set(full))} of them unlike"


def _repeat_prompt(text: str, args: Arguments, _compat: bool) -> Seen:  # noqa: FBT001
    follows = text.strip().lower().startswith(args["prompt_to_repeat"].strip().lower())
    return follows, f"{'starts' if follows else 'does not start'} with the prompt"


def _end(text: str, args: Arguments, _compat: bool) -> Seen:  # noqa: FBT001
    follows = text.strip().strip('"').lower().endswith(args["end_phrase"].lower())
    return follows, f"ends with {text.strip()[-60:]!r}"


def _quotation(text: str, _args: Arguments, _compat: bool) -> Seen:  # noqa: FBT001
    body = text.strip()
    follows = len(body) > 1 and body[0] == body[-1] == '"'
    return follows, f"{'is' if follows else 'is not'} wrapped in double quotes"


def _no_comma(text: str, _args: Arguments, _compat: bool) -> Seen:  # noqa: FBT001
    found = text.count(",")
    return found == 0, f"{found} commas"


def _instruction(rule: _Rule, **named: Kind) -> Instruction:
    return Instruction(kinds=named, rule=rule)


INSTRUCTIONS: Final[Mapping[str, Instruction]] = {
    "keywords:existence": _instruction(_existence, keywords=kinds.KEYWORDS),
    "keywords:frequency": _instruction(
        _frequency, keyword=kinds.KEYWORD, frequency=kinds.COUNT, relation=kinds.RELATION
    ),
    "keywords:forbidden_words": _instruction(_forbidden, forbidden_words=kinds.KEYWORDS),
    "keywords:letter_frequency": _instruction(
        _letters, letter=kinds.LETTER, let_frequency=kinds.COUNT, let_relation=kinds.RELATION
    ),
    "language:response_language": _instruction(_response_language, language=kinds.LANGUAGE),
    "length_constraints:number_sentences": _instruction(_sentences, num_sentences=kinds.COUNT, relation=kinds.RELATION),
    "length_constraints:number_paragraphs": _instruction(_paragraphs, num_paragraphs=kinds.COUNT),
    "length_constraints:number_words": _instruction(_words, num_words=kinds.COUNT, relation=kinds.RELATION),
    "length_constraints:nth_paragraph_first_word": _instruction(
        _nth_paragraph, num_paragraphs=kinds.COUNT, nth_paragraph=kinds.PLACE, first_word=kinds.TEXT
    ),
    "detectable_content:number_placeholders": _instruction(_placeholders, num_placeholders=kinds.COUNT),
    "detectable_content:postscript": _instruction(_postscript, postscript_marker=kinds.KEYWORD),
    "detectable_format:number_bullet_lists": _instruction(_bullets, num_bullets=kinds.COUNT),
    "detectable_format:constrained_response": _instruction(_constrained),
    "detectable_format:number_highlighted_sections": _instruction(_highlights, num_highlights=kinds.COUNT),
    "detectable_format:multiple_sections": _instruction(
        _sections, section_spliter=kinds.KEYWORD, num_sections=kinds.COUNT
    ),
    "detectable_format:json_format": _instruction(_json),
    "detectable_format:title": _instruction(_title),
    "combination:two_responses": _instruction(_two_responses),
    "combination:repeat_prompt": _instruction(_repeat_prompt, prompt_to_repeat=kinds.TEXT),
    "startend:end_checker": _instruction(_end, end_phrase=kinds.PHRASE),
    "startend:quotation": _instruction(_quotation),
    "change_case:capital_word_frequency": _instruction(
        _capital_words, capital_frequency=kinds.COUNT, capital_relation=kinds.RELATION
    ),
    "change_case:english_capital": _instruction(_capital),
    "change_case:english_lowercase": _instruction(_lowercase),
    "punctuation:no_comma": _instruction(_no_comma),
}
"""All 25, by the names that the original's data set uses."""
