"""Knows which keys are certainly not in the store, so that a new run does not ask for each of its answers in vain.

A Bloom filter: what it has not seen was never put. What it has seen is looked up as before. Keys are SHA-256 digests, so
parts of the key itself serve as its hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

MOST: Final = 200_000
"""Keys that are read at the start at most; a larger store is asked each time."""
_BYTES: Final = 1 << 21
"""With a million keys, one in 250 unknown ones is looked up in vain."""


class Absent:
    """Tells of the tables of a store which keys they lack. Right only while nobody else writes.

    Args:
        read: The keys of a table; None where there are too many to read.
    """

    def __init__(self, read: Callable[[str], Iterable[bytes] | None]) -> None:
        self._read = read
        self._seen: dict[str, Seen | None] = {}

    def lacks(self, table: str, key: bytes) -> bool:
        """True: the key is not there. False: look."""
        if table not in self._seen:
            keys = self._read(table)
            self._seen[table] = None if keys is None else Seen(keys)
        seen = self._seen[table]
        return seen is not None and key not in seen

    def put(self, table: str, key: bytes) -> None:
        """A key is being put."""
        seen = self._seen.get(table)
        if seen is not None:
            seen.add(key)

    def forget(self) -> None:
        """Others may write from now on."""
        self._seen.clear()


class Seen:
    """The keys that were put, or may have been.

    Args:
        keys: Digests of 32 bytes, those that are there.
    """

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._bits = bytearray(_BYTES)
        for key in keys:
            self.add(key)

    def add(self, key: bytes) -> None:
        """Remember a key."""
        for place in _places(key):
            self._bits[place >> 3] |= 1 << (place & 7)

    def __contains__(self, key: bytes) -> bool:
        """False: it was never added. True: it probably was."""
        return all(self._bits[place >> 3] >> (place & 7) & 1 for place in _places(key))


def _places(key: bytes) -> tuple[int, int, int]:
    return (
        int.from_bytes(key[0:3], "big"),
        int.from_bytes(key[3:6], "big"),
        int.from_bytes(key[6:9], "big"),
    )
