"""Longest common subsequences by whole-number bit operations: a row of the usual table is one integer.

Bit i of a row says that the table grows by one from reference word i to i + 1 in that column, which is all that the
length and one way back through the table need. Source: Hyyrö 2004, "Bit-parallel LCS-length computation revisited".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def common_length(reference: Sequence[str], words: Sequence[str]) -> int:
    """Length of the longest common subsequence of two sequences of words."""
    full = (1 << len(reference)) - 1
    flat = full
    for here in filter(None, map(places(reference).get, words)):
        matched = flat & here
        flat = ((flat + matched) | (flat - matched)) & full
    return len(reference) - flat.bit_count()


def places(reference: Iterable[str]) -> Mapping[str, int]:
    """Word -> integer with bit i set where it is word i of the reference."""
    found: dict[str, int] = {}
    for place, word in enumerate(reference):
        found[word] = found.get(word, 0) | (1 << place)
    return found


def common_places(where: Mapping[str, int], length: int, words: Sequence[str]) -> int:
    """The places of *one* longest common subsequence in the reference: the one that rouge-score reads out.

    Going back from the end of both texts, that package takes equal words as a pair, else drops the text's last word
    when the table is larger with the reference's last word kept, else drops the reference's last word.

    Args:
        where: ``places`` of the reference.
        length: Words in the reference.
        words: The other text.

    Returns:
        Bit i is set where reference word i is part of it.
    """
    chosen, left = 0, (1 << length) - 1  # left: the reference words that are still to be walked
    for here, grows in reversed(_columns(where, length, words)):
        stop = (here | grows) & left  # the last word that pairs up, or at which this column is given up
        if not stop:
            break
        top = stop.bit_length() - 1
        if here >> top & 1:
            chosen |= 1 << top
            left = (1 << top) - 1
        else:
            left = (2 << top) - 1
    return chosen


def _columns(where: Mapping[str, int], length: int, words: Sequence[str]) -> list[tuple[int, int]]:
    """(places of the word, places where the table grows) for each word; runs of unknown words are one column."""
    full = (1 << length) - 1
    flat = full
    columns: list[tuple[int, int]] = []
    for word in words:
        here = where.get(word, 0)
        if here:
            matched = flat & here
            flat = ((flat + matched) | (flat - matched)) & full
        elif columns and not columns[-1][0]:
            continue
        columns.append((here, full ^ flat))
    return columns
