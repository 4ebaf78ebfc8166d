r"""Words and sentences as IFEval counts them: nltk's tokenizers there, written out as rules here.

Sentences follow Punkt (Kiss & Strunk 2006) with its English habits: every ``?`` and ``!`` before white space ends one; so
does a full stop, unless it closes an abbreviation, an initial, an ordinal before a small letter, or an ellipsis; a line's
end alone ends none. Words for counting capitals follow the Penn Treebank: punctuation and clitics (``'S``, ``N'T``) stand
alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from unicodedata import category

_CLOSERS: Final = "\"')]}"
_AFTER: Final = "?!)\";}]*:@'({["
"""What may stand right behind the mark that ends a sentence."""
_ABBREVIATION_LIST: Final = """
    mr mrs ms dr prof st jr sr vs u.s u.k u.n u.s.a d.c inc ltd co corp gen col lt sen rep reps maj jan feb aug sep sept oct
    nov dec tues wed fri p.m a.m ph.d a.d adm ave bros messrs n.y n.j n.c l.a ok ft yr va pa ill mg ga
"""
_FURTHER_LIST: Final = """
    etc e.g i.e sgt rev hon gov mar apr jun jul m.d no nos fig figs vol cf al approx dept est blvd mt capt cmdr p.s p.p.s
    b.a m.a ed eds eq sec pp
"""
_BEFORE_A_NAME_LIST: Final = """
    mr mrs ms dr prof st gen col lt sgt rev hon gov sen rep capt cmdr adm messrs vs e.g i.e cf
"""
_STARTER_LIST: Final = """
    the a an it he she we they i you this that these those there in on at but and or if when while as after before for
    his her its our their my your what who how why where no not so then however one some many most all
"""
_ABBREVIATIONS: Final = frozenset(_ABBREVIATION_LIST.split())
_FURTHER: Final = frozenset(_FURTHER_LIST.split())
"""Abbreviations that Punkt's English model does not know: it ends a sentence behind each ``e.g.``"""
_BEFORE_A_NAME: Final = frozenset(_BEFORE_A_NAME_LIST.split())
"""Abbreviations that end no sentence whatever follows."""
_STARTERS: Final = frozenset(_STARTER_LIST.split())
"""Words that, written with a capital, begin a sentence rather than a name."""
_NEXT: Final = re.compile(r"\s+(\S+)")
_CLITICS: Final = re.compile(r"(?i)(?<=\w)(n't|'s|'m|'d|'ll|'re|'ve)(?=\s|$)")
_JOINED: Final = re.compile(r"(?i)\b(can)(not)\b|\b(gim|lem)(me)\b|\b(gon|wan)(na)\b|\b(got)(ta)\b")
_PUNCTUATION: Final = re.compile(r"\.{2,}|--+|[;@#$%&?!()\[\]{}<>*\"“”«»‘’`…]|[,:](?!\d)")
_TRAILING_STOP: Final = re.compile(r"(?<=[^.\s])\.(?=[\"')\]}]*\s*$)")


def count_words(text: str) -> int:
    r"""Runs of letters with their marks, digits and underscores (``\w+``, as nltk's ``regex`` module reads it)."""
    if not text.isascii():
        text = "".join("m" if category(char)[0] == "M" else char for char in text)
    return sum(1 for _ in re.finditer(r"\w+", text))


def count_sentences(text: str, *, compat: bool = False) -> int:
    """The number of sentences of an English text; 0 for a blank one. ``compat``: only abbreviations that Punkt knows."""
    return sum(1 for _ in sentences(text, compat=compat))


def sentences(text: str, *, compat: bool = False) -> Iterator[str]:
    """The sentences of an English text, in order, stripped."""
    start = 0
    for end in _ends(text, known=_ABBREVIATIONS if compat else _ABBREVIATIONS | _FURTHER):
        part = text[start:end].strip()
        if part:
            yield part
        start = end
    rest = text[start:].strip()
    if rest:
        yield rest


def _ends(text: str, *, known: frozenset[str]) -> Iterator[int]:
    """Places behind the closing marks of each sentence but the last."""
    for match in re.finditer(r"\S+", text):
        token = match[0]
        following = _NEXT.match(text, match.end())
        mark = _last_mark(token, last=following is None)
        if mark < 0 or not any(map(str.isalnum, token)):
            continue
        rest = token[mark + 1 :].lstrip(_CLOSERS)
        if _closes(token[: mark + 1], rest or (following[1] if following else ""), known):
            yield match.end() - len(rest)


def _last_mark(token: str, *, last: bool) -> int:
    """Place of the last ``.?!`` that may end a sentence: at the token's end, or before punctuation inside it; else -1."""
    for place in range(len(token) - 1, -1, -1):
        if token[place] in ".?!" and (token[place + 1 : place + 2] in _AFTER if place + 1 < len(token) else not last):
            return place
    return -1


def _closes(token: str, following: str, known: frozenset[str]) -> bool:
    if token[-1] in "?!":
        return True
    first = following.lstrip("\"'([{*“‘")
    if token.endswith(".."):
        return first[:1].isupper()
    word = token[:-1].lstrip("\"'([{*“‘").lower()
    return not _abbreviates(word, first, known)


def _abbreviates(word: str, first: str, known: frozenset[str]) -> bool:
    """Whether the stop behind ``word`` belongs to the word rather than to the sentence that ends there."""
    capital_start = first[:1].isupper() and first.lower().strip(".,;:!?'\"") in _STARTERS
    if word in known:
        return not (capital_start and word not in _BEFORE_A_NAME)
    if len(word) == 1 and word.isalpha():
        return not capital_start
    if word.isdigit():
        return first[:1].islower()
    return False


def treebank_words(text: str) -> list[str]:
    """The tokens of a text in the manner of the Penn Treebank, punctuation included."""
    words: list[str] = []
    for sentence in sentences(text, compat=True):
        spaced = _TRAILING_STOP.sub(" .", sentence)
        spaced = _PUNCTUATION.sub(lambda match: f" {match[0]} ", spaced)
        spaced = re.sub(r"(?<=\S)'(?=\s|$)", " ' ", spaced)
        spaced = _CLITICS.sub(r" \1", spaced)
        spaced = _JOINED.sub(lambda match: " ".join(part for part in match.groups() if part), spaced)
        words.extend(spaced.split())
    return words


def plain_words(text: str) -> list[str]:
    """Words as people count them: letters and digits with apostrophes, hyphens, stops and ampersands inside."""
    return re.findall(r"[^\W_]+(?:['’.&-][^\W_]+)*", text)
