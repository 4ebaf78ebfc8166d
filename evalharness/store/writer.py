"""The one thread that writes, with the one connection that writes.

Records are handed over in any thread and committed in groups: 20 ms after the first of a group, or at 100 records.
``flush`` is the barrier: when it returns, everything handed over before it is on the disk. The first I/O error is
final: a second fsync that succeeds would say nothing about the data that the first one lost, so nothing is tried again
and nothing more is acknowledged.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

from evalharness.core.errors import EvalhError
from evalharness.store.diagnosis import store_failure
from evalharness.store.faults import FaultPlan
from evalharness.store.rows import Column
from evalharness.store.schema import CHECKED

GROUP_S: Final = 0.020
"""Longest time that a record waits for its group."""
GROUP_RECORDS: Final = 100
"""Records in one group at most."""
WAITING_RECORDS: Final = 2 * GROUP_RECORDS
"""Records handed over and not yet durable at most; then the giver waits."""
_CHUNKS: Final = (64, 16, 4, 1)
"""Rows per INSERT. Each statement gives the interpreter lock away and, beside a busy thread, waits 5 ms to get it
back; one row a statement wrote 300 records/s there, this writes 1,600."""


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT into one table."""

    table: str
    columns: tuple[str, ...]
    clash: str = "IGNORE"
    """What happens to a row whose key is there: ``IGNORE`` keeps the old one, ``REPLACE`` the new one."""

    def sql(self, rows: int) -> str:
        """The statement for so many rows."""
        places = "(" + ",".join("?" * len(self.columns)) + ")"
        names = ",".join(self.columns)
        head = f"INSERT OR {self.clash} INTO {self.table}({names}) VALUES "  # noqa: S608 - names of ours
        return head + ",".join([places] * rows)


def _insert(table: str, clash: str = "IGNORE", extra: tuple[str, ...] = ()) -> Insert:
    return Insert(table, (*extra, *CHECKED[table], "crc"), clash)


INSERTS: Final[Mapping[str, Insert]] = {
    "answers": _insert("answers"),
    "attempts": _insert("attempts"),
    "scores": _insert("scores"),
    "runs": _insert("runs", "REPLACE"),
    "case_sets": _insert("case_sets"),
    "run_cases": _insert("run_cases", "REPLACE", ("run", "replayed")),
    "spend": _insert("spend", "REPLACE"),
    "looks": _insert("looks"),
    "tries": _insert("tries"),
    "plans": _insert("plans", "REPLACE"),
}
"""Table -> how its rows are written; columns as in ``CHECKED``, then ``crc`` (run_cases: ``run``, ``replayed`` first)."""
_SQL: Final = {(table, rows): insert.sql(rows) for table, insert in INSERTS.items() for rows in _CHUNKS}


@dataclass(slots=True)
class _Row:
    table: str
    values: Sequence[Column]
    name: Hashable


@dataclass(slots=True)
class _Statement:
    sql: str
    values: Sequence[Column]


class Writer:
    """The writing thread of one process. Give it an open connection and leave that connection alone."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.unsaved: dict[Hashable, Any] = {}
        """Name -> value of what was handed over under a name and is not yet committed."""
        self._connection, self._path = connection, path
        self._fault = FaultPlan.from_environment()
        self._mutex = threading.Lock()
        self._work = threading.Condition(self._mutex)
        self._progress = threading.Condition(self._mutex)
        self._pending: list[_Row | _Statement] = []
        self._newest: dict[Hashable, tuple[_Row, int]] = {}
        """Name -> the row that ``put_newest`` gave last, and its number among all records."""
        self._given = self._taken = self._saved = self._urgent = 0
        self._closing = False
        self.failure: EvalhError | None = None
        """The first error; raised to every caller from then on."""
        self._thread = threading.Thread(target=self._run, name="evalh-store", daemon=True)
        self._thread.start()

    def put(self, table: str, values: Sequence[Column], *, name: Hashable = None, value: Any = None) -> None:
        """Hand over a row; returns before it is durable.

        Args:
            table: Key of ``INSERTS``.
            values: Its columns.
            name: Name under which ``value`` can be found in ``unsaved`` until the row is committed.
            value: See ``name``.

        Raises:
            DiskFailed: If writing failed before; the row was not taken.
            StoreError: If the store turned out to be damaged.
        """
        self._give(_Row(table, values, name), value)

    def put_newest(self, table: str, values: Sequence[Column], *, name: Hashable) -> None:
        """Hand over a row that makes the one before it under the same name needless, if that one still waits.

        Args:
            table: Key of ``INSERTS``; one whose rows replace each other.
            values: Its columns.
            name: What the rows are of.

        Raises:
            DiskFailed: If writing failed before; the row was not taken.
            StoreError: If the store turned out to be damaged.
        """
        with self._mutex:
            row, number = self._newest.get(name, (None, 0))
            if row is not None and number > self._taken and self.failure is None:
                row.values = values
                return
        row = _Row(table, values, None)
        self._newest[name] = (row, self._give(row, None))

    def run_sql(self, sql: str, values: Sequence[Column] = ()) -> None:
        """Hand over a statement; it runs after everything handed over before it, and before what comes later."""
        self._give(_Statement(sql, values), None)

    def _give(self, item: _Row | _Statement, value: Any) -> int:
        """Hand over a record; returns its number."""
        with self._mutex:
            while len(self._pending) >= WAITING_RECORDS and self.failure is None:
                self._progress.wait()
            self._check()
            if self._closing:
                raise ValueError("the store is closed")
            if isinstance(item, _Row) and item.name is not None:
                self.unsaved.setdefault(item.name, value)
            self._pending.append(item)
            self._given += 1
            if len(self._pending) == 1 or len(self._pending) == GROUP_RECORDS:
                self._work.notify()
            return self._given

    def flush(self) -> None:
        """Return when everything handed over so far is on the disk.

        Raises:
            DiskFailed: If it could not be written.
            StoreError: If the store turned out to be damaged.
        """
        with self._mutex:
            target = self._given
            self._urgent = max(self._urgent, target)
            self._work.notify()
            while self._saved < target and self.failure is None:
                self._progress.wait()
            self._check()

    def finish(self) -> None:
        """Write what was handed over, merge the log into the one file, and end the thread; sets ``failure``.

        After a failure nothing is written any more. The connection stays open: it is its owner's to close.
        """
        with self._mutex:
            self._closing = True
            self._work.notify()
        self._thread.join()
        if self.failure is None:
            try:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.Error as error:
                self.failure = store_failure(error, self._path)

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure

    # --- in the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        failure: EvalhError | None = EvalhError("the store's writer ended by a fault of evalh")
        try:
            while group := self._next_group():
                self._commit(group)
                self._acknowledge(group)
            failure = None
        except sqlite3.Error as error:
            failure = store_failure(error, self._path)
        finally:
            with self._mutex:
                self.failure = self.failure or failure
                self._progress.notify_all()

    def _next_group(self) -> list[_Row | _Statement]:
        with self._mutex:
            while not self._pending and not self._closing:
                self._work.wait()
            self._work.wait_for(self._is_due, timeout=GROUP_S)
            group = self._pending[:GROUP_RECORDS]
            del self._pending[:GROUP_RECORDS]
            self._taken += len(group)
            return group

    def _is_due(self) -> bool:
        return self._closing or len(self._pending) >= GROUP_RECORDS or self._urgent > self._saved

    def _commit(self, group: Sequence[_Row | _Statement]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        rows: dict[str, list[Sequence[Column]]] = {}
        for item in group:
            if isinstance(item, _Row):
                rows.setdefault(item.table, []).append(item.values)
            else:
                self._insert(rows)
                self._connection.execute(item.sql, item.values)
        self._insert(rows)
        self._fault.reached("commit")
        self._connection.execute("COMMIT")
        self._fault.reached("ack")

    def _insert(self, rows: dict[str, list[Sequence[Column]]]) -> None:
        """Rows of one table keep their order; between tables the order inside one commit means nothing."""
        for table, waiting in rows.items():
            start = 0
            for size in _CHUNKS:
                while len(waiting) - start >= size:
                    self._fault.reached("insert", size)
                    chunk = waiting[start : start + size]
                    self._connection.execute(_SQL[table, size], list(chain.from_iterable(chunk)))
                    start += size
        rows.clear()

    def _acknowledge(self, group: Sequence[_Row | _Statement]) -> None:
        with self._mutex:
            self._saved += len(group)
            for item in group:
                if isinstance(item, _Row) and item.name is not None:
                    self.unsaved.pop(item.name, None)
            self._progress.notify_all()
