"""The words that ROUGE compares: the two tokenizers, Porter stems, and how much of a text a tokenizer loses.

``default`` is rouge-score's: lower case, then every run of a-z and 0-9; words longer than three characters are stemmed
when asked. It drops all other letters, so "café" is "caf" and a Chinese text is nothing. ``unicode`` takes lower case,
then one token for each Han or Kana character, else runs of letters and digits of any script with their combining marks.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import chain
from typing import Any, Final, TypeVar

from evalharness.scorers.ngrams import runs

_ALPHABET: Final = "".join(chr(code).lower() if chr(code).isalnum() or code == 10 else " " for code in range(128))
"""What ASCII letters and digits become (lower case); all other characters are spaces, but for the newline."""

_SINGLE: Final = (
    "\u2e80-\u2fd5\u3005\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303b\u3041-\u309f\u30a0-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
"""Han (radicals, ideographs, iteration marks), Hiragana and Katakana, half width too."""

LONGEST_WORD: Final = 200
"""Characters; a longer word has no stem (older nltk takes quadratic time over a run of y)."""

TEXTS: Final = 1 << 20
"""Characters of texts that are remembered as read (50 MB): several ROUGE words in one config read the same texts, and both
arms the same references."""

LINES: Final = 1 << 22
"""Characters of lines that are remembered (20 MB): the two arms' outputs to a case have most of them in common."""

FORMS: Final = 1 << 22
"""Characters of word forms whose stems are remembered (10 MB)."""

Words = tuple[str, ...]
_Made = TypeVar("_Made")


class _Memo(dict[str, _Made]):
    """Text -> what is made of it, when it is first asked for.

    Args:
        make: Makes it.
        limit: Characters of texts, each with a hundred for its place, above which all is forgotten.
    """

    def __init__(self, make: Callable[[str], _Made], limit: int) -> None:
        self._make, self._limit, self._size = make, limit, 0

    def __missing__(self, text: str) -> _Made:
        made = self._make(text)
        size = len(text) + 100
        if size <= self._limit // 16:  # else it would drive out too much
            if self._size + size > self._limit:
                self.clear()
            self._size += size
            self[text] = made
        return made

    def clear(self) -> None:
        """Forget all."""
        super().clear()
        self._size = 0


class Reading:
    """A text as ROUGE reads it; what several measures need is computed once.

    Args:
        lines: Its words, line by line, without lines that have none.
    """

    __slots__ = ("_bags", "lines", "words")

    def __init__(self, lines: Iterable[Words]) -> None:
        self.lines: tuple[Words, ...] = tuple(filter(None, lines))
        self.words: Words = tuple(chain.from_iterable(self.lines))
        self._bags: dict[int, Counter[Any]] = {}

    def bag(self, order: int = 1) -> Mapping[Any, int]:
        """How often it has each of its runs of ``order`` words."""
        found = self._bags.get(order)
        if found is None:
            found = self._bags[order] = Counter(runs(self.words, order))
        return found


class Reader:
    """Reads texts into words, and remembers what it has read.

    Args:
        unicode: The ``unicode`` tokenizer in place of rouge-score's.
        stemmer: Porter stems (nltk's variant, as rouge-score) of the words of more than three characters; words with
            letters outside a-z stay as they are.
    """

    def __init__(self, *, unicode: bool = False, stemmer: bool = False) -> None:
        self._unicode, self._stemmer = unicode, stemmer
        self._texts = _Memo(self._text, TEXTS)
        self._lines = _Memo(self._line, LINES)

    def read(self, text: str) -> Reading:
        """The words of a text; its lines end at newlines only."""
        return self._texts[text]

    def forget(self) -> None:
        """Read every text anew from now on."""
        self._texts.clear()
        self._lines.clear()

    def _text(self, text: str) -> Reading:
        plain = text.lower() if self._unicode else _plain(text)
        return Reading(map(self._lines.__getitem__, plain.split("\n")))

    def _line(self, plain: str) -> Words:
        found = _unicode_pattern().findall(plain) if self._unicode else plain.split()
        return tuple(map(_STEMS.__getitem__, found)) if self._stemmer else tuple(found)


def reader(*, unicode: bool = False, stemmer: bool = False) -> Reader:
    """The one reader for some options: all ROUGE words of a config read the same texts."""
    return _READERS[unicode, stemmer]


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


def _plain(text: str) -> str:
    """A text in a-z, 0-9, newlines and spaces: translating is three times as fast as a pattern, with the same words."""
    if not text.isascii():  # in lower case first: the Kelvin sign becomes a k
        text = text.lower().encode("ascii", "replace").decode("ascii")
    return text.translate(_ALPHABET)


def _stem(word: str) -> str:
    plain = len(word) > 3 and len(word) <= LONGEST_WORD and word.isascii() and word.isalnum()
    return _porter()(word) if plain else word


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


_STEMS: Final = _Memo(_stem, FORMS)

_READERS: Final = {
    (unicode, stemmer): Reader(unicode=unicode, stemmer=stemmer)
    for unicode in (False, True)
    for stemmer in (False, True)
}
