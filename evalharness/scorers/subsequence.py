"""Longest common subsequences by whole-number bit operations: a row of the usual table is one integer.

Bit i of a row says that the table grows by one from reference word i to i + 1 in that column, which is all that the
length and one way back through the table need. Source: Hyyrö 2004, "Bit-parallel LCS-length computation revisited".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import chain


def places(reference: Iterable[str]) -> Mapping[str, int]:
    """Word -> integer with bit i set where it is word i of the reference."""
    found: dict[str, int] = {}
    for place, word in enumerate(reference):
        found[word] = found.get(word, 0) | (1 << place)
    return found


class Lines:
    """Some lines, ready to be compared with others: where the words stand in them, and where each line ends.

    Args:
        lines: The words of each line.
        wanted: The words that others have; the rest are passed over.
    """

    __slots__ = ("_ends", "_spots")

    def __init__(self, lines: Sequence[Sequence[str]], wanted: Container[str]) -> None:
        self._ends: list[int] = []  # by place in all the lines as one
        self._spots: defaultdict[str, list[int]] = defaultdict(list)
        for line in lines:
            self._ends += [len(self._ends) + len(line)] * len(line)
        for place, word in enumerate(chain.from_iterable(lines)):
            if word in wanted:
                self._spots[word].append(place)

    def common_words(self, reference: Sequence[str]) -> list[str]:
        """The words of a reference that are in its longest common subsequence with any of the lines.

        Of several longest ones it is the one that rouge-score reads out of its table (:func:`common_places`).
        """
        spots, ends, length = self._spots, self._ends, len(reference)
        met = {spot: here for word, here in places(reference).items() if word in spots for spot in spots[word]}
        chosen = new = end = 0
        found: list[tuple[int, int]] = []
        for place in (*sorted(met), len(ends)):
            if place >= end:  # the line before is complete
                if new & ~chosen:  # else it can add nothing
                    chosen |= common_places(found, end, length)
                if place == len(ends):
                    break
                found, new, end = [], 0, ends[place]
            here = met[place]
            found.append((place, here))
            new |= here
        return [word for place, word in enumerate(reference) if chosen >> place & 1]


def common_places(found: Sequence[tuple[int, int]], size: int, length: int) -> int:
    """The places of *one* longest common subsequence in the reference: the one that rouge-score reads out.

    Going back from the end of both texts, that package takes equal words as a pair, else drops the text's last word
    when the table is larger with the reference's last word kept, else drops the reference's last word.

    Args:
        found: (place in the other text, ``places`` of the word in the reference) of each word that both have, in the
            order of the other text.
        size: Words in the other text.
        length: Words in the reference.

    Returns:
        Bit i is set where reference word i is part of it.
    """
    if len(found) == 1:
        [(place, here)] = found
        return 1 << (here.bit_length() - 1) if place + 1 == size else here & -here
    if len(found) == 2:
        first, second = found[0][1], found[1][1]
        if first < second and not first & (first - 1) and not second & (second - 1):
            return first | second  # two words, once each and in order: both
    full = flat = (1 << length) - 1
    columns = []  # (place, places of the word, where the table grows along the reference after it)
    for place, here in found:
        matched = flat & here
        flat = ((flat + matched) | (flat - matched)) & full
        columns.append((place, here, full ^ flat))
    chosen, left, after = 0, full, size  # left: the reference words that are still to be walked
    for place, here, grows in reversed(columns):
        if place + 1 < after:  # words that pair with nothing: given up at the last growth before them
            left &= (1 << (grows & left).bit_length()) - 1
        after = place
        top = ((here | grows) & left).bit_length() - 1  # the last word that pairs up, or where this column is given up
        if top < 0:
            break
        if here >> top & 1:
            chosen |= 1 << top
            left = (1 << top) - 1
        else:
            left = (2 << top) - 1
    return chosen
