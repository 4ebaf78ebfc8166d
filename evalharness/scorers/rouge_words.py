"""The words that ROUGE compares: the two tokenizers, Porter stems, and how much of a text a tokenizer loses.

``default`` is rouge-score's: lower case, then every run of a-z and 0-9; words longer than three characters are stemmed
when asked. It drops all other letters, so "café" is "caf" and a Chinese text is nothing. ``unicode`` takes lower case,
then one token for each Han or Kana character, else runs of letters and digits of any script with their combining marks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import accumulate
from typing import Final

_ALPHABET: Final = "".join(chr(code).lower() if chr(code).isalnum() or code == 10 else " " for code in range(128))
"""What ASCII letters and digits become (lower case); all other characters are spaces, but for the newline."""

_SINGLE: Final = (
    "\u2e80-\u2fd5\u3005\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303b\u3041-\u309f\u30a0-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
"""Han (radicals, ideographs, iteration marks), Hiragana and Katakana, half width too."""

LONGEST_WORD: Final = 200
"""Characters; a longer word has no stem (older nltk takes quadratic time over a run of y)."""

REMEMBERED: Final = 20_000
"""Characters; the words of longer texts are not remembered."""

TEXTS: Final = 512
"""Texts whose words are remembered: several ROUGE words in one config read the same ones, and both arms the same
references."""

FORMS: Final = 1 << 16
"""Word forms whose stems are remembered."""

Words = tuple[str, ...]


def words(text: str, *, unicode: bool = False, stemmer: bool = False) -> Words:
    """The words of a text, in order.

    Args:
        text: Any text.
        unicode: The ``unicode`` tokenizer in place of rouge-score's.
        stemmer: Porter stems (nltk's variant, as rouge-score) of the words of more than three characters; words with
            letters outside a-z stay as they are.
    """
    return (_remembered_words if len(text) <= REMEMBERED else _words)(text, unicode, stemmer)


def lines(text: str, *, unicode: bool = False, stemmer: bool = False) -> tuple[Words, ...]:
    """The same words, line by line; lines end at newlines only, and those without a word are left out."""
    return (_remembered_lines if len(text) <= REMEMBERED else _lines)(text, unicode, stemmer)


def lost_share(text: str) -> float:
    """Share of the letters of a text that rouge-score's tokenizer drops, 0..1; 0 for a text without letters."""
    if text.isascii():
        return 0.0
    letters = [letter for letter in text.lower() if letter.isalpha()]
    return sum(not letter.isascii() for letter in letters) / len(letters) if letters else 0.0


def stemmer_version() -> str:
    """Package and version of the stemmer, for a signature."""
    from importlib.metadata import version

    return f"nltk {version('nltk')}"


def _words(text: str, unicode: bool, stemmer: bool) -> Words:  # noqa: FBT001 - positions make a fast key
    found = _unicode_pattern().findall(text.lower()) if unicode else _plain(text).split()
    return tuple(map(_STEMS.__getitem__, found)) if stemmer else tuple(found)


def _lines(text: str, unicode: bool, stemmer: bool) -> tuple[Words, ...]:  # noqa: FBT001 - as above
    flat = words(text, unicode=unicode, stemmer=stemmer)
    if unicode:
        sizes = [len(_unicode_pattern().findall(line)) for line in text.lower().split("\n")]
    else:
        sizes = [len(line.split()) for line in _plain(text).split("\n")]
    ends = list(accumulate(sizes))
    return tuple(flat[end - size : end] for size, end in zip(sizes, ends, strict=True) if size)


_remembered_words = lru_cache(maxsize=TEXTS)(_words)
_remembered_lines = lru_cache(maxsize=TEXTS)(_lines)


def _plain(text: str) -> str:
    """A text in a-z, 0-9, newlines and spaces: translating is three times as fast as a pattern, with the same words."""
    if not text.isascii():  # in lower case first: the Kelvin sign becomes a k
        text = text.lower().encode("ascii", "replace").decode("ascii")
    return text.translate(_ALPHABET)


class _Stems(dict[str, str]):
    """Word form -> stem, computed when first asked for."""

    def __missing__(self, word: str) -> str:
        if len(self) >= FORMS:
            self.clear()
        stemmed = len(word) > 3 and len(word) <= LONGEST_WORD and word.isascii() and word.isalnum()
        self[word] = stem = _porter()(word) if stemmed else word
        return stem


_STEMS: Final = _Stems()


@cache
def _porter() -> Callable[[str], str]:
    from nltk.stem.porter import PorterStemmer  # takes half a second and loads much: only for those who ask for stems

    stem: Callable[[str], str] = PorterStemmer().stem
    return stem


@cache
def _unicode_pattern() -> re.Pattern[str]:
    """Python's ``re`` has no class for combining marks; the database knows them (8 ms, once)."""
    marks = "".join(map(chr, (c for c in range(0x300, 0x10000) if unicodedata.category(chr(c))[0] == "M")))
    return re.compile(f"[{_SINGLE}]|(?:(?![{_SINGLE}])[^\\W_][{marks}]*)+")
