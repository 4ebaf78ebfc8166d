"""Reading the store: needs no lock, sees only what is committed, and checks every row before it is used."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalharness.core.results import Output, ScoreResult
from evalharness.core.rows import score_from_row
from evalharness.store.diagnosis import damaged, read_failure
from evalharness.store.rows import Column, DamagedRow, checksum, unpack
from evalharness.store.schema import CHECKED, check_file, connect_reader


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One row of ``runs``, as it is stored."""

    id: int
    """Number of the run inside the store."""
    run_id: str
    identity: str
    state: str
    """``running`` (or killed) until the run is finished, then ``finished``."""
    same_as: int | None
    """Number of the run whose case rows are this run's too; None when it has its own."""
    cases: int
    """How many case rows it has."""
    created: float
    """Unix time, shown only."""
    finished: float | None
    complete: int
    stopped: str
    outcome: str
    """Outcome word of the verdict, or empty."""
    case_set: bytes
    """Name of its case digests in ``case_sets``."""
    header: bytes
    calls: bytes
    verdict: bytes

    @property
    def values(self) -> tuple[Column, ...]:
        """The columns in the order of the table, with the checksum."""
        columns = tuple(getattr(self, name) for name in CHECKED["runs"])
        return (*columns, checksum(columns))


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One row of ``run_cases``, checked."""

    position: int
    case_id: str
    case_digest: str | None
    """None: as in the run's header."""
    replayed: str
    data: bytes
    """The trials as JSON."""


class Reader:
    """Looks things up. One connection, opened at the first look once there is a file; usable from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._mutex = threading.Lock()

    @property
    def there(self) -> bool:
        """True when the store has a file."""
        return self._connection is not None or check_file(self.path)

    def open(self) -> None:
        """Connect, if there is a file."""
        with self._mutex:
            self._open()

    def close(self) -> None:
        """Give the connection back."""
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def rows(self, sql: str, values: Sequence[Column] = ()) -> list[Any]:
        """All rows of a query; none while there is no file.

        Raises:
            StoreError: If the file is damaged, foreign or held.
        """
        with self._mutex:
            try:
                connection = self._open()
                return connection.execute(sql, values).fetchall() if connection is not None else []
            except sqlite3.Error as error:
                raise read_failure(error, self.path) from error

    def _open(self) -> sqlite3.Connection | None:
        if self._connection is None and check_file(self.path):
            try:
                self._connection = connect_reader(self.path)
            except sqlite3.Error as error:
                raise read_failure(error, self.path) from error
        return self._connection

    # --- answers, scores, plans -------------------------------------------------------------------------------------

    def answer(self, key: bytes) -> Output | None:
        """The answer stored under a key."""
        body = self._body("answers", "key", key)
        return None if body is None else Output.from_json(self.value(body))

    def answers(self, keys: Sequence[bytes]) -> dict[bytes, Output]:
        """Those of some answers that are there, by key: at most a few hundred at once."""
        columns, marks = CHECKED["answers"], ",".join("?" * len(keys))
        rows = self.rows(f"SELECT {','.join(columns)},crc FROM answers WHERE key IN ({marks})", keys) if keys else []  # noqa: S608 - names of ours
        found = {}
        for row in rows:
            self.verify(row[:-1], row[-1], "answers")
            found[row[0]] = Output.from_json(self.value(row[columns.index("body")]))
        return found

    def score(self, key: bytes) -> ScoreResult | None:
        """The score stored under a key."""
        body = self._body("scores", "key", key)
        return None if body is None else score_from_row(self.value(body), "")

    def plan(self, name: str) -> bytes | None:
        """The bytes kept under a name."""
        body = self._body("plans", "name", name)
        return None if body is None else self.unpacked(body)

    def case_digests(self, name: bytes) -> dict[str, str]:
        """Case id -> digest of a set of cases."""
        body = self._body("case_sets", "digest", name)
        if body is None:
            raise damaged("the case digests of a run are gone", self.path)
        digests: dict[str, str] = self.value(body)
        return digests

    def keys(self, table: str, most: int) -> list[bytes] | None:
        """The keys of a table; None where there may be more than ``most``.

        Args:
            table: ``answers`` or ``scores``.
            most: See above.
        """
        last = self.rows(f"SELECT max(id) FROM {table}")  # noqa: S608 - a name of ours
        if last and (last[0][0] or 0) > most:
            return None
        return [key for (key,) in self.rows(f"SELECT key FROM {table}")]  # noqa: S608 - a name of ours

    def _body(self, table: str, column: str, name: bytes | str) -> bytes | None:
        columns = CHECKED[table]
        found = self.rows(f"SELECT {','.join(columns)},crc FROM {table} WHERE {column}=?", (name,))  # noqa: S608 - names of ours
        if not found:
            return None
        # What was asked for enters the checksum, so a damaged index cannot hand out another row.
        values = [name if key == column else value for key, value in zip(columns, found[0][:-1], strict=True)]
        self.verify(values, found[0][-1], table)
        return found[0][columns.index("body")]  # type: ignore[no-any-return]

    # --- runs -------------------------------------------------------------------------------------------------------

    def runs(self, where: str = "1", values: Sequence[Column] = (), *, limit: int = -1) -> list[RunRow]:
        """Runs, newest first."""
        names = ",".join(CHECKED["runs"])
        found = self.rows(f"SELECT {names},crc FROM runs WHERE {where} ORDER BY id DESC LIMIT ?", (*values, limit))  # noqa: S608 - constants of ours
        result = []
        for row in found:
            self.verify(row[:-1], row[-1], "runs")
            result.append(RunRow(**dict(zip(CHECKED["runs"], row[:-1], strict=True))))
        return result

    def run_number(self, number: int) -> RunRow | None:
        """The run with a number."""
        return next(iter(self.runs("id=?", (number,))), None)

    def last_number(self) -> int:
        """The highest number that a run has; 0 when there is none."""
        found = self.rows("SELECT max(id) FROM runs")
        return found[0][0] or 0 if found else 0

    def case(self, run: int, position: int) -> CaseRow | None:
        """The row of one case of a run."""
        found = self._cases("run=? AND position=?", (run, position))
        return found[0] if found else None

    def cases(self, run: int, count: int) -> Iterator[CaseRow]:
        """The first ``count`` places of a run in order, read in pieces."""
        step = 500
        for start in range(0, count, step):
            yield from self.places(run, start, min(start + step, count))

    def places(self, run: int, start: int, end: int) -> list[CaseRow]:
        """The rows of a run from one place up to another, that one left out."""
        return self._cases("run=? AND position>=? AND position<?", (run, start, end))

    def case_count(self, run: int) -> int:
        """One more than the last place that has a row."""
        found = self.rows("SELECT max(position) FROM run_cases WHERE run=?", (run,))
        return 0 if not found or found[0][0] is None else 1 + found[0][0]

    def _cases(self, where: str, values: Sequence[Column]) -> list[CaseRow]:
        found = self.rows(
            "SELECT position,case_id,case_digest,body,crc,replayed FROM run_cases "  # noqa: S608 - constants of ours
            f"WHERE {where} ORDER BY position",
            values,
        )
        result = []
        for position, case_id, case_digest, body, crc, replayed in found:
            self.verify((position, case_id, case_digest, body), crc, "run_cases")
            result.append(CaseRow(position, case_id, case_digest, replayed, self.unpacked(body)))
        return result

    def paid_answers(self, run: int) -> int:
        """How many answers the run of a number paid for."""
        return int(self.rows("SELECT COUNT(*) FROM answers WHERE run=?", (run,))[0][0]) if self.there else 0

    def spent(self, run: int) -> tuple[int, float]:
        """(calls, US dollars) of a run."""
        found = self.rows("SELECT run,calls,cost_usd,crc FROM spend WHERE run=?", (run,))
        if not found:
            return 0, 0.0
        self.verify((run, *found[0][1:3]), found[0][3], "spend")
        return found[0][1], found[0][2]

    # --- checks -----------------------------------------------------------------------------------------------------

    def verify(self, columns: Sequence[Column], crc: int, table: str) -> None:
        """Compare a row with its checksum.

        Raises:
            StoreError: If they differ.
        """
        if checksum(columns) != crc:
            raise damaged(f"a row of {table} does not fit its checksum", self.path)

    def unpacked(self, body: bytes) -> bytes:
        """The content of a body whose checksum was right."""
        try:
            return unpack(body)
        except DamagedRow as error:
            raise damaged(str(error), self.path) from error

    def value(self, body: bytes) -> Any:
        """The JSON value in a body whose checksum was right."""
        return json.loads(self.unpacked(body))
