"""Reads an earlier run in blocks while a run of the same identity replays it: one query for many cases, not two a case."""

from __future__ import annotations

import json
from collections.abc import Iterator

from evalharness.core.results import Output
from evalharness.store.read import CaseRow, Reader

BLOCK = 250
"""Cases that are read at once."""


class ReadAhead:
    """The rows and answers of an earlier run, as its replay comes to need them.

    What it has not got is no statement: ask the reader.

    Args:
        reader: Of the store.
        run: Number of the earlier run.
    """

    def __init__(self, reader: Reader, run: int) -> None:
        self._reader, self._run = reader, run
        self._cases: dict[int, CaseRow] = {}
        self._answers: dict[bytes, Output] = {}
        self._next = 0
        """First place that has not been read."""
        self._ended = False

    def case(self, position: int) -> CaseRow | None:
        """The row at a place, once: asked again, it may have been replaced."""
        while position >= self._next and not self._ended:
            self._read_on()
        found = self._cases.pop(position, None)
        return found if found is not None else self._reader.case(self._run, position)

    def answer(self, key: bytes) -> Output | None:
        """The answer of a case that comes soon."""
        if not self._answers and not self._ended:
            self._read_on()
        return self._answers.pop(key, None)

    def _read_on(self) -> None:
        rows = list(self._reader.places(self._run, self._next, self._next + BLOCK))
        self._next += BLOCK
        self._ended = not rows
        # Of the blocks before, whatever nobody asked for is let go: a replay goes on in order.
        self._cases = {place: row for place, row in self._cases.items() if place >= self._next - 2 * BLOCK}
        self._cases.update((row.position, row) for row in rows)
        self._answers = self._reader.answers([key for row in rows for key in keys_of(row)])


def keys_of(case: CaseRow) -> Iterator[bytes]:
    """Keys of the stored answers that a row refers to."""
    return (bytes.fromhex(trial["key"]) for trial in json.loads(case.data) if trial.get("key"))
