"""Holding a store: the lock, the connection that writes, and what happens before the first record."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from evalharness.core.errors import ConfigError, DiskFailed, StoreError
from evalharness.store.absent import MOST, Absent
from evalharness.store.diagnosis import damaged, store_failure
from evalharness.store.lock import StoreLock, open_lock_file
from evalharness.store.read import Reader
from evalharness.store.schema import check_file, connect_writer, create
from evalharness.store.writer import Writer

DATABASE: Final = "store.db"
LOCK: Final = "store.lock"


def prepare(folder: Path) -> None:
    """Make the folder with its ``.gitignore``, and find out whether it can be written.

    Raises:
        ConfigError: If it cannot.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", "utf-8")
        os.close(open_lock_file(folder / LOCK))
        if (folder / DATABASE).exists():
            os.close(os.open(folder / DATABASE, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        raise ConfigError(
            f"the store cannot be written: {error.strerror or error}",
            where=str(folder),
            tip="make the folder writable, or set EVALH_DIR to a folder that is",
        ) from error


class Hold:
    """The lock and the writer of one store, both taken on the first claim and kept until ``close``."""

    def __init__(
        self, folder: Path, *, wait_s: float, on_wait: Callable[[str], None] | None = None, read_only: bool = False
    ) -> None:
        self.path = folder / DATABASE
        self.reader = Reader(self.path)
        self.writer: Writer | None = None
        """None until the lock is held."""
        self.absent = Absent(self._keys)
        """Which answers and scores are certainly not there; asked only while the lock is held."""
        self.read_only = read_only
        self._connection: sqlite3.Connection | None = None
        self._lock = StoreLock(folder / LOCK)
        self._wait_s, self._on_wait = wait_s, on_wait
        self._last_number = 0

    def claim(self) -> Writer:
        """The writer; takes the lock, waiting for another process, and makes the database if there is none.

        Raises:
            StoreError: If another process holds it for too long, or the store is damaged.
            DiskFailed: If the database cannot be made.
        """
        return self.writer or self._claim(self._wait_s)

    def claim_at_once(self) -> bool:
        """Take the lock if nobody holds it; False when somebody does, or when the store is read only."""
        if self.read_only:
            return False
        try:
            self.writer or self._claim(0.0)
        except StoreError as error:
            if error.code != "store_held":
                raise
            return False
        return True

    def _claim(self, wait_s: float) -> Writer:
        if self.read_only:
            raise StoreError("the store was opened for reading only", where=str(self.path.parent))
        self._lock.acquire(wait_s=wait_s, on_wait=self._on_wait)
        try:
            connection = _connect(self.path, self.reader, check=self._lock.after_failure)
        except BaseException as error:
            if self._lock.after_failure or isinstance(error, DiskFailed):
                self._lock.mark_failed()
            self._lock.release(clean=False)
            raise
        self._last_number = self.reader.last_number()
        self._connection = connection
        self.writer = Writer(connection, self.path)
        return self.writer

    def _keys(self, table: str) -> list[bytes] | None:
        """The keys of ``answers`` or ``scores``, everything that was handed over included; None where that is unknown."""
        if self.writer is not None:
            try:
                self.writer.flush()
            except (DiskFailed, StoreError):
                return None  # who writes is told; reading goes on
        return self.reader.keys(table, MOST)

    def take_number(self) -> int:
        """A number that no run of this store has; the lock is held."""
        self._last_number += 1
        return self._last_number

    def close(self) -> None:
        """Let the writer finish, and give the lock back.

        Raises:
            DiskFailed: If the last records could not be written.
        """
        writer, connection = self.writer, self._connection
        self.writer = self._connection = None
        self.absent.forget()
        if writer is None or connection is None:
            self.reader.close()
            return
        writer.finish()
        if writer.failure is not None:
            # The reader stays open until the writer is closed: the last connection would merge the log into the
            # file on its way out, and writing is what just failed.
            connection.close()
            self.reader.close()
            self._lock.mark_failed()
            self._lock.release(clean=False)
            raise writer.failure
        self.reader.close()
        connection.close()
        self._lock.release()


@contextmanager
def held_connection(
    folder: Path, *, wait_s: float, on_wait: Callable[[str], None] | None = None
) -> Iterator[tuple[sqlite3.Connection, Reader]]:
    """The lock, a connection that writes in one transaction, and a reader that sees what was there before it.

    For work on the whole store, without the writer's thread. The transaction is committed when the block ends well;
    then the file is written anew without what was deleted.

    Raises:
        StoreError: If the store is held, damaged, foreign or newer.
        DiskFailed: If it cannot be written.
    """
    path = folder / DATABASE
    lock, reader = StoreLock(folder / LOCK), Reader(path)
    lock.acquire(wait_s=wait_s, on_wait=on_wait)
    try:
        connection = _connect(path, reader, check=lock.after_failure)
        try:
            connection.execute("PRAGMA secure_delete=ON").fetchall()
            connection.execute("BEGIN IMMEDIATE")
            yield connection, reader
            connection.execute("COMMIT")
            reader.close()
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            raise store_failure(error, path) from error
        finally:
            reader.close()
            connection.close()
    finally:
        lock.release()


def _connect(path: Path, reader: Reader, *, check: bool) -> sqlite3.Connection:
    """The connection that writes; ``check`` when the holder before met an I/O error (seconds for large files)."""
    try:
        if not check_file(path):
            create(path)
        reader.close()  # the journal mode cannot be changed beside it
        connection = connect_writer(path)
        try:
            reader.open()
            if check:
                quick_check(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise store_failure(error, path) from error
    except OSError as error:
        raise DiskFailed(f"the store could not be made: {error.strerror or error}", where=str(path)) from error
    return connection


def quick_check(connection: sqlite3.Connection, path: Path) -> None:
    """Let SQLite check the structure of the file.

    Raises:
        StoreError: If it finds anything.
    """
    found = connection.execute("PRAGMA quick_check(1)").fetchall()
    if found != [("ok",)]:
        raise damaged(str(found[0][0]), path)
