"""Runs of words and of characters (n-grams): what two texts share of them, each as often as in the one that has fewer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

BITS: Final = 62
"""Bits of a whole number that a run of characters may take, so that one sort serves all its beginnings."""


def runs(words: Sequence[str], order: int) -> Iterable[Any]:
    """Each word, or each run of ``order`` neighbouring words (tuples)."""
    return words if order == 1 else zip(*(words[n:] for n in range(order)), strict=False)


def paired(items: Iterable[Any], bag: Mapping[Any, int]) -> int:
    """How many items find their like in a bag, each of which counts once: the size of the intersection of two bags."""
    left, found = dict(bag), 0
    for item in items:
        if item in left:  # half the time of counting the items first
            more = left[item] - 1
            found += 1
            if more:
                left[item] = more
            else:
                del left[item]
    return found


def shared_characters(one: str, other: str, longest: int) -> list[int] | None:
    """Of each run of 1 .. ``longest`` characters of two texts: how many both share.

    Every run of the longest order becomes one number, a few bits a character, and all of both texts are sorted: runs that
    begin alike stand together, so that the same order serves every length.

    Args:
        one: A text.
        other: Another one.
        longest: Characters in the longest runs.

    Returns:
        The shared runs, shortest first; None where the texts have too many unlike characters for ``BITS``.
    """
    import numpy as np

    both = one + other
    codes = np.frombuffer(both.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    alphabet = np.unique(codes)
    width = len(alphabet).bit_length()  # 0 stands for what comes after the end of a text
    if width * longest > BITS:
        return None
    if not one or not other:
        return [0] * longest
    numbers = np.empty(int(alphabet[-1]) + 1, dtype=np.int64)
    numbers[alphabet] = np.arange(1, len(alphabet) + 1)
    packed = np.concatenate([_packed(numbers[part], width, longest) for part in np.split(codes, [len(one)])])
    packed = (packed << 1) | (np.arange(len(both)) >= len(one))
    packed.sort()
    theirs = np.concatenate([[0], np.cumsum(packed & 1)])
    return [
        _shared(packed >> 1 + width * (longest - order), theirs, (1 << width) - 1) for order in range(1, longest + 1)
    ]


def _packed(numbers: Any, width: int, longest: int) -> Any:
    """The run that begins at each character, as one number."""
    import numpy as np

    padded = np.concatenate([numbers, np.zeros(longest - 1, dtype=np.int64)])
    whole = np.zeros(len(numbers), dtype=np.int64)
    for place in range(longest):
        whole = (whole << width) | padded[place : place + len(numbers)]
    return whole


def _shared(runs: Any, theirs: Any, last: int) -> int:
    """The intersection of two sorted bags of runs: of equal ones, the smaller of two counts.

    Args:
        runs: All of them, in order.
        theirs: How many of the first n are the other text's.
        last: Bits of the last character, which are 0 in a run that a text is too short for.
    """
    import numpy as np

    starts = np.concatenate([[0], np.flatnonzero(runs[1:] != runs[:-1]) + 1])
    ends = np.concatenate([starts[1:], [len(runs)]])
    others = theirs[ends] - theirs[starts]
    whole = (runs[starts] & last) != 0
    return int(np.minimum(others, ends - starts - others)[whole].sum())
