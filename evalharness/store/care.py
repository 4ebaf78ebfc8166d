"""Looking after a store: ``doctor --check``, ``--prune DAYS`` and ``--forget CASE``."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from evalharness.store.ahead import keys_of
from evalharness.store.hold import DATABASE, held_connection
from evalharness.store.lock import wait_seconds
from evalharness.store.read import CaseRow, Reader, RunRow
from evalharness.store.rows import checksum
from evalharness.store.schema import CHECKED, check_file, connect_reader

_DAY_S: Final = 86400.0
_SHOWN: Final = 20
"""Findings of one kind that are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What was deleted."""

    runs: int = 0
    cases: int = 0
    """Cases of runs."""
    answers: int = 0
    scores: int = 0


# --- check ----------------------------------------------------------------------------------------------------------


def check(folder: Path) -> list[str]:
    """Look for damage: SQLite's own check, the checksum of every row, and every reference. Needs no lock.

    Args:
        folder: The store's folder.

    Returns:
        One sentence per finding; empty for a sound store, and for none.

    Raises:
        StoreError: If the file is not a store of this version.
    """
    path = folder / DATABASE
    if not check_file(path):
        return []
    found: list[str] = []
    try:
        connection = connect_reader(path)
    except sqlite3.Error as error:
        return [f"the file cannot be opened: {error}"]
    try:
        found += [
            f"structure: {line}" for (line,) in connection.execute(f"PRAGMA quick_check({_SHOWN})") if line != "ok"
        ]
        for table in CHECKED:
            found += _check_rows(connection, table)
        found += _check_references(connection)
    except sqlite3.Error as error:
        found.append(f"the file cannot be read to its end: {error}")
    finally:
        connection.close()
    return found


def _check_rows(connection: sqlite3.Connection, table: str) -> list[str]:
    names = CHECKED[table]
    rows = connection.execute(f"SELECT {','.join(names)},crc FROM {table}")  # noqa: S608 - names of ours
    bad = sum(checksum(row[:-1]) != row[-1] for row in rows)
    return [f"{table}: {bad} rows do not fit their checksum"] if bad else []


def _check_references(connection: sqlite3.Connection) -> list[str]:
    questions = {
        "runs point to a run that is gone": "SELECT count(*) FROM runs WHERE same_as IS NOT NULL "
        "AND same_as NOT IN (SELECT id FROM runs)",
        "runs have lost their case digests": "SELECT count(*) FROM runs WHERE case_set NOT IN "
        "(SELECT digest FROM case_sets)",
        "cases belong to no run": "SELECT count(*) FROM run_cases WHERE run NOT IN (SELECT id FROM runs)",
    }
    counts = ((what, connection.execute(sql).fetchone()[0]) for what, sql in questions.items())
    return [f"{count} {what}" for what, count in counts if count]


# --- prune ----------------------------------------------------------------------------------------------------------


def prune(
    folder: Path, days: float, *, wait_s: float | None = None, on_wait: Callable[[str], None] | None = None
) -> Removed:
    """Delete runs older than so many days, and older answers and scores that no later run refers to.

    Counts of looks and tries stay: they are append-only. A judge's score is not known by its runs, so an old one goes
    even if its answer stays; the scores inside runs are copies and stay with them.

    Args:
        folder: The store's folder.
        days: >= 0.
        wait_s: As in ``open_store``.
        on_wait: As in ``open_store``.

    Raises:
        StoreError: If the store is held by another process, damaged, foreign or newer.
        DiskFailed: If it cannot be written.
    """
    if not check_file(folder / DATABASE):
        return Removed()
    before = time.time() - days * _DAY_S
    wait = wait_seconds() if wait_s is None else wait_s
    with held_connection(folder, wait_s=wait, on_wait=on_wait) as (connection, reader):
        rows = reader.runs()
        old = {row.id for row in rows if (row.finished or row.created) < before}
        kept = [row for row in rows if row.id not in old]
        _keep_answers(connection, reader, kept)
        _bequeath(connection, old, kept)
        cases = _delete_runs(connection, old)
        return Removed(
            runs=len(old),
            cases=cases,
            answers=_delete(connection, "answers", "created<? AND key NOT IN (SELECT key FROM temp.kept)", before),
            scores=_delete(connection, "scores", "created<?", before),
        )


def _keep_answers(connection: sqlite3.Connection, reader: Reader, kept: Iterable[RunRow]) -> None:
    connection.execute("CREATE TEMP TABLE kept(key BLOB PRIMARY KEY) WITHOUT ROWID")
    roots = {row.id if row.same_as is None else row.same_as for row in kept}
    keys = ((key,) for root in roots for case in _all_cases(reader, root) for key in keys_of(case))
    connection.executemany("INSERT OR IGNORE INTO temp.kept VALUES (?)", keys)


def _bequeath(connection: sqlite3.Connection, old: set[int], kept: Iterable[RunRow]) -> None:
    """Give the case rows of a run that goes to the longest of the runs that replayed it; the others point there."""
    heirs: dict[int, RunRow] = {}
    for row in sorted(kept, key=lambda row: (-row.cases, row.id)):
        if row.same_as is None or row.same_as not in old:
            continue
        heir = heirs.get(row.same_as)
        if heir is None:
            heirs[row.same_as] = row
            connection.execute("UPDATE run_cases SET run=?, replayed='' WHERE run=?", (row.id, row.same_as))
        _rewrite(connection, replace(row, same_as=None if heir is None else heir.id))


def _rewrite(connection: sqlite3.Connection, row: RunRow) -> None:
    names = (*CHECKED["runs"], "crc")
    places = ",".join("?" * len(names))
    connection.execute(f"INSERT OR REPLACE INTO runs({','.join(names)}) VALUES ({places})", row.values)  # noqa: S608 - names of ours


def _delete_runs(connection: sqlite3.Connection, old: Iterable[int]) -> int:
    cases = 0
    for number in old:
        cases += _delete(connection, "run_cases", "run=?", number)
        for table, column in (("attempts", "run"), ("spend", "run"), ("runs", "id")):
            _delete(connection, table, f"{column}=?", number)
    _delete(connection, "case_sets", "digest NOT IN (SELECT case_set FROM runs)")
    return cases


# --- forget ---------------------------------------------------------------------------------------------------------


def forget(
    folder: Path, case_id: str, *, wait_s: float | None = None, on_wait: Callable[[str], None] | None = None
) -> Removed:
    """Delete everything that was answered or said about a case, in all runs; what is left of it are ids and digests.

    Cases that asked word for word the same share its answers and go too. Scores that were stored without a case id
    cannot be told apart, so they all go. The file is written anew, so the bytes are gone from it.

    Args:
        folder: The store's folder.
        case_id: Id of the case.
        wait_s: As in ``open_store``.
        on_wait: As in ``open_store``.

    Raises:
        StoreError: If the store is held by another process, damaged, foreign or newer.
        DiskFailed: If it cannot be written.
    """
    if not check_file(folder / DATABASE):
        return Removed()
    wait = wait_seconds() if wait_s is None else wait_s
    with held_connection(folder, wait_s=wait, on_wait=on_wait) as (connection, reader):
        gone = {key for (key,) in reader.rows("SELECT key FROM answers WHERE case_id=?", (case_id,))}
        places = [
            (row.id, case.position)
            for row in reader.runs("same_as IS NULL")
            for case in _all_cases(reader, row.id)
            if case.case_id == case_id or gone.intersection(keys_of(case))
        ]
        connection.executemany("DELETE FROM run_cases WHERE run=? AND position=?", places)
        return Removed(
            cases=len(places),
            answers=_delete(connection, "answers", "case_id=?", case_id),
            scores=_delete(connection, "scores", "case_id=? OR case_id=''", case_id),
        )


def _all_cases(reader: Reader, run: int) -> Iterator[CaseRow]:
    return reader.cases(run, reader.case_count(run))


def _delete(connection: sqlite3.Connection, table: str, where: str, *values: float | str) -> int:
    return connection.execute(f"DELETE FROM {table} WHERE {where}", values).rowcount  # noqa: S608 - constants of ours
