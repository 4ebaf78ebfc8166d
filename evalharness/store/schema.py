"""The database file: its tables, its marks, and how it is created, opened and checked.

One file, ``store.db``, SQLite in WAL mode with ``synchronous=FULL``. The file carries an application id and a version;
a file without them, or with a newer version, is refused before SQLite opens it, so it stays as it is, byte for byte.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from evalharness.core.errors import StoreError
from evalharness.store.mounts import is_remote

APPLICATION_ID: Final = 0x65766C68
"""``evlh`` in ASCII, at byte 68 of the file."""
VERSION: Final = 1
"""``user_version``, at byte 60 of the file. A change of ``TABLES`` is a new version."""
PAGE_SIZE: Final = 16384
"""Rows are about 1.4 kB; at 4096 bytes a page half of the file would be empty."""

DOCTOR: Final = "evalh doctor --check names what is damaged; losing the folder loses recorded answers and run history"

TABLES: Final[dict[str, str]] = {
    "answers": "CREATE TABLE answers(id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, run INTEGER NOT NULL, "
    "case_id TEXT NOT NULL, created REAL NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL)",
    "attempts": "CREATE TABLE attempts(id INTEGER PRIMARY KEY, run INTEGER NOT NULL, key BLOB NOT NULL, "
    "kind TEXT NOT NULL, cost_usd REAL NOT NULL, latency_s REAL, created REAL NOT NULL, crc INTEGER NOT NULL)",
    "scores": "CREATE TABLE scores(id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, case_id TEXT NOT NULL, "
    "created REAL NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL)",
    "runs": "CREATE TABLE runs(id INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, identity TEXT NOT NULL, "
    "state TEXT NOT NULL, same_as INTEGER, cases INTEGER NOT NULL, created REAL NOT NULL, finished REAL, "
    "complete INTEGER NOT NULL, stopped TEXT NOT NULL, outcome TEXT NOT NULL, case_set BLOB NOT NULL, "
    "header BLOB NOT NULL, calls BLOB NOT NULL, verdict BLOB NOT NULL, crc INTEGER NOT NULL)",
    "case_sets": "CREATE TABLE case_sets(digest BLOB PRIMARY KEY, body BLOB NOT NULL, crc INTEGER NOT NULL) "
    "WITHOUT ROWID",
    "run_cases": "CREATE TABLE run_cases(run INTEGER NOT NULL, position INTEGER NOT NULL, case_id TEXT NOT NULL, "
    "case_digest TEXT, replayed TEXT NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL, "
    "PRIMARY KEY(run, position)) WITHOUT ROWID",
    "spend": "CREATE TABLE spend(run INTEGER PRIMARY KEY, calls INTEGER NOT NULL, cost_usd REAL NOT NULL, "
    "crc INTEGER NOT NULL)",
    "looks": "CREATE TABLE looks(gate TEXT NOT NULL, baseline TEXT NOT NULL, run_id TEXT NOT NULL, "
    "created REAL NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY(gate, baseline, run_id)) WITHOUT ROWID",
    "tries": "CREATE TABLE tries(pull_request TEXT NOT NULL, gate TEXT NOT NULL, candidate TEXT NOT NULL, "
    "created REAL NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY(pull_request, gate, candidate)) WITHOUT ROWID",
    "plans": "CREATE TABLE plans(name TEXT PRIMARY KEY, body BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID",
}
"""Table -> the statement that makes it, exactly as SQLite keeps it. What the tables are for: ``docs/store.md``."""

INDEXES: Final[dict[str, str]] = {"runs_identity": "CREATE INDEX runs_identity ON runs(identity)"}

CHECKED: Final[dict[str, tuple[str, ...]]] = {
    "answers": ("key", "run", "case_id", "created", "body"),
    "attempts": ("run", "key", "kind", "cost_usd", "latency_s", "created"),
    "scores": ("key", "case_id", "created", "body"),
    "runs": (
        *("id", "run_id", "identity", "state", "same_as", "cases", "created", "finished"),
        *("complete", "stopped", "outcome", "case_set", "header", "calls", "verdict"),
    ),
    "case_sets": ("digest", "body"),
    "run_cases": ("position", "case_id", "case_digest", "body"),
    "spend": ("run", "calls", "cost_usd"),
    "looks": ("gate", "baseline", "run_id", "created"),
    "tries": ("pull_request", "gate", "candidate", "created"),
    "plans": ("name", "body"),
}
"""Table -> the columns that its ``crc`` covers, in order. ``run`` and ``replayed`` of run_cases stay outside, so that
rows can be handed to another run as they are."""

SAFE_PRAGMAS: Final = ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0", "temp_store=MEMORY")
"""Both kinds of connection: nothing in the file runs as code, and damage is an error instead of a crash."""
SYNC_PRAGMAS: Final = ("synchronous=FULL", "fullfsync=ON", "checkpoint_fullfsync=ON")
"""The writing connection. ``fullfsync`` counts on macOS, where fsync alone does not reach the disk."""
REMOTE_PRAGMAS: Final = ("synchronous=EXTRA", "fullfsync=ON")
"""On a network or FUSE folder, where WAL's shared memory does not work: a rollback journal instead."""
BUSY_S: Final = 30.0
"""How long SQLite itself waits for another program (a person's ``sqlite3`` shell) that holds the file."""


def check_file(path: Path) -> bool:
    """Look at the first 100 bytes of the file, without SQLite.

    Returns:
        False when there is no file yet.

    Raises:
        StoreError: If it is no store of ours, or one from a newer version. Nothing was touched.
    """
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except FileNotFoundError:
        return False
    if len(head) < 100 or not head.startswith(b"SQLite format 3\0"):
        raise StoreError("this is not a store, or its first page is damaged", where=str(path), tip=DOCTOR)
    application, version = int.from_bytes(head[68:72], "big"), int.from_bytes(head[60:64], "big")
    if application != APPLICATION_ID or version < 1:
        raise StoreError(
            "this SQLite file was not made by evalh", where=str(path), tip="move it away, or set EVALH_DIR"
        )
    if version > VERSION:
        raise StoreError(
            f"the store has version {version}, this evalh reads up to {VERSION}",
            where=str(path),
            tip="use the newer evalh, or set EVALH_DIR to another folder",
        )
    return True


def create(path: Path) -> None:
    """Make an empty store under a temporary name and give it its name when it is whole.

    The caller holds the lock. A crash on the way leaves at most the temporary file, which the next call removes.
    """
    draft = path.with_name(path.name + ".new")
    for leftover in (draft, *(draft.with_name(draft.name + end) for end in ("-journal", "-wal", "-shm"))):
        leftover.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(draft, isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size={PAGE_SIZE}")
        connection.execute("BEGIN")
        for pragma in (f"application_id={APPLICATION_ID}", f"user_version={VERSION}"):
            connection.execute(f"PRAGMA {pragma}")
        for statement in (*TABLES.values(), *INDEXES.values()):
            connection.execute(statement)
        connection.execute("COMMIT")
        # Here and not by the first writer: the change itself goes through a rollback journal, and a crash in it would
        # leave a store that readers cannot read.
        connection.execute(f"PRAGMA journal_mode={journal_mode(path)}").fetchall()
    finally:
        connection.close()
    os.replace(draft, path)
    sync_folder(path.parent)


def journal_mode(path: Path) -> str:
    """``WAL``; in a network or FUSE folder, where its shared memory does not work, ``DELETE``."""
    return "DELETE" if is_remote(path.parent) else "WAL"


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes; the caller holds the lock. Used from one thread at a time.

    Raises:
        StoreError: If the tables are not ours.
        sqlite3.Error: If SQLite cannot open or set up the file.
    """
    mode = journal_mode(path)
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA journal_mode={mode}").fetchall()
        for pragma in (*SAFE_PRAGMAS, *(SYNC_PRAGMAS if mode == "WAL" else REMOTE_PRAGMAS)):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        check_schema(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads: ``mode=ro``, never a checkpoint. May be used from any thread, one at a time.

    In a folder that cannot be written SQLite has no place for its shared memory; when no log of unmerged commits is
    there either, the file is opened as unchangeable. What a crash left half written under a rollback journal is put
    back first, which no connection that only reads can do.

    Raises:
        StoreError: If the tables are not ours.
        sqlite3.Error: If SQLite cannot open the file.
    """
    address = path.absolute().as_uri() + "?mode=ro"
    connection = _connect_read_only(address)
    try:
        try:
            check_schema(connection, path)
        except sqlite3.OperationalError as error:
            if _is_half_written(error):
                roll_back(path)
            elif path.with_name(path.name + "-wal").exists() or os.access(path.parent, os.W_OK):
                raise
            else:
                address += "&immutable=1"
            connection.close()
            connection = _connect_read_only(address)
            check_schema(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_half_written(error: sqlite3.OperationalError) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_ROLLBACK


def roll_back(path: Path) -> None:
    """Undo what a dead process left half written. SQLite does it, under its own locks, on the first read that may write."""
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    finally:
        connection.close()


def _connect_read_only(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    for pragma in (*SAFE_PRAGMAS, "query_only=ON"):
        with suppress(sqlite3.OperationalError):  # what is wrong with the file is told by the first read
            connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Compare every table and index with ours, word by word.

    Raises:
        StoreError: If one differs: a trigger, a view or a changed table is never used.
    """
    rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    if dict(rows.fetchall()) != {**TABLES, **INDEXES}:
        raise StoreError("the tables of the store are not those of this version", where=str(path), tip=DOCTOR)
