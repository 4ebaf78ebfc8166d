"""Word diff of two answers, capped so that a huge answer cannot make it slow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_WORD: Final = re.compile(r"\s+|[^\s]+")
MOST_WORDS: Final = 800
"""Words looked at in each answer; the rest is shown as it is."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one answer."""

    text: str
    changed: bool
    """True when the other answer does not have it."""


def word_diff(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """Both answers in pieces, the words that only one of them has marked.

    Args:
        before: Baseline's answer.
        after: Candidate's answer.

    Returns:
        Pieces of ``before`` and of ``after``; joined they are the answers again.
    """
    from difflib import SequenceMatcher

    old, new = _WORD.findall(before), _WORD.findall(after)
    matcher = SequenceMatcher(a=old[:MOST_WORDS], b=new[:MOST_WORDS], autojunk=False)
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if b > a:
            left.append(Piece("".join(old[a:b]), tag != "equal"))
        if d > c:
            right.append(Piece("".join(new[c:d]), tag != "equal"))
    for pieces, words in ((left, old), (right, new)):
        if len(words) > MOST_WORDS:
            pieces.append(Piece("".join(words[MOST_WORDS:]), changed=False))
    return left, right
