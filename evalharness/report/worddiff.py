"""Word diff of two answers, capped so that a huge answer cannot make it slow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

_WORD: Final = re.compile(r"\s+|[^\s]+")
MOST_WORDS: Final = 400
"""Words and gaps compared in each answer (the time grows with the square); the rest is shown as it is."""


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
    old, new = _WORD.findall(before), _WORD.findall(after)
    kept_old, kept_new = _common(old[:MOST_WORDS], new[:MOST_WORDS])
    return _pieces(old, kept_old), _pieces(new, kept_new)


def merged_diff(before: str, after: str) -> str:
    """Both answers as one text, such as ``You have [-30-]{+14+} days``.

    Args:
        before: Baseline's answer.
        after: Candidate's answer.

    Returns:
        The words of both; what only ``before`` has in ``[-...-]``, what only ``after`` has in ``{+...+}``.
    """
    old, new = _WORD.findall(before), _WORD.findall(after)
    start = _common_start(old, new)
    end = _common_start(old[start:][::-1], new[start:][::-1])
    # Only the middle is compared, so that a word put into a long answer is one change wherever it stands.
    old, head, tail = old[start : len(old) - end], "".join(old[:start]), "".join(old[len(old) - end :])
    new = new[start : len(new) - end]
    kept_old, kept_new = _common(old[:MOST_WORDS], new[:MOST_WORDS])
    changes: list[tuple[str, str, str]] = []  # (gone, come, what follows in both)
    i = j = 0
    for left, right in zip(sorted(kept_old), sorted(kept_new), strict=True):
        changes.append(("".join(old[i:left]), "".join(new[j:right]), old[left]))
        i, j = left + 1, right + 1
    changes.append(("".join(old[i:]), "".join(new[j:]), tail))
    return head + "".join(_marked(*change) for change in _joined(changes))


def _joined(changes: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Neighbouring changes with nothing but a gap between them as one: phrases read better than single words."""
    found = [changes[0]]
    for gone, come, after in changes[1:]:
        before = found[-1]
        if (before[0] or before[1]) and (gone or come) and before[2].isspace():
            found[-1] = (before[0] + before[2] + gone, before[1] + before[2] + come, after)
        else:
            found.append((gone, come, after))
    return found


def _marked(gone: str, come: str, after: str) -> str:
    return (f"[-{gone}-]" if gone else "") + (f"{{+{come}+}}" if come else "") + after


def _common_start(old: Sequence[str], new: Sequence[str]) -> int:
    """How many words both begin with alike."""
    count = 0
    for left, right in zip(old, new, strict=False):
        if left != right:
            break
        count += 1
    return count


def _common(old: Sequence[str], new: Sequence[str]) -> tuple[set[int], set[int]]:
    """Places in both of one longest common subsequence."""
    rows = [[0] * (len(new) + 1)]
    for word in reversed(old):
        below, row, best = rows[-1], [0], 0
        for index in range(len(new) - 1, -1, -1):
            place = len(new) - index
            best = below[place - 1] + 1 if new[index] == word else max(best, below[place])
            row.append(best)
        rows.append(row)
    left, right = set(), set()
    i = j = 0
    while i < len(old) and j < len(new):
        if old[i] == new[j]:
            left.add(i)
            right.add(j)
            i, j = i + 1, j + 1
        elif rows[len(old) - i - 1][len(new) - j] >= rows[len(old) - i][len(new) - j - 1]:
            i += 1
        else:
            j += 1
    return left, right


def _pieces(words: Sequence[str], kept: set[int]) -> list[Piece]:
    pieces: list[Piece] = []
    for changed, group in groupby(range(len(words)), key=lambda i: i < MOST_WORDS and i not in kept):
        pieces.append(Piece("".join(words[i] for i in group), changed))
    return pieces
