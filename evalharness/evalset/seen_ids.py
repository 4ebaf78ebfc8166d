"""Which ids were already seen, in 8 bytes each, so that a million cases stream in little memory."""

from __future__ import annotations

from array import array


class SeenIds:
    """A set of 64-bit hashes with open addressing: half-full at most, so 16 to 32 bytes an id.

    It remembers hashes, not ids. A hit therefore means "probably seen": the reader looks the line up again, and two
    ids that only share a hash are told apart there. String hashes are salted per process, so nobody can make a file
    whose ids collide.
    """

    __slots__ = ("_count", "_mask", "_slots")

    def __init__(self) -> None:
        self._mask = (1 << 10) - 1
        self._slots = array("q", [0]) * (1 << 10)
        self._count = 0

    def add(self, key: str) -> bool:
        """Remember a key.

        Returns:
            True when its hash was there already.
        """
        code = hash(key) or 1  # 0 marks a free slot
        slots, mask = self._slots, self._mask
        place = code & mask
        while slots[place]:
            if slots[place] == code:
                return True
            place = (place + 1) & mask
        slots[place] = code
        self._count += 1
        if self._count * 2 > mask:
            self._grow()
        return False

    def _grow(self) -> None:
        old = self._slots
        mask = self._mask = len(old) * 2 - 1
        slots = self._slots = array("q", [0]) * (mask + 1)
        for code in old:
            if code:
                place = code & mask
                while slots[place]:
                    place = (place + 1) & mask
                slots[place] = code
