"""What an SQLite error means for a person: a full disk, a damaged file, another program, or a fault of ours."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from evalharness.core.errors import DiskFailed, EvalhError, StoreError
from evalharness.store.schema import DOCTOR

_DISK: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_HELD: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def store_failure(error: sqlite3.Error, path: Path) -> EvalhError:
    """The error to raise for one that SQLite met while writing."""
    code = _primary(error)
    if code in _DISK:
        return DiskFailed(
            f"the store could not be written ({error}; file {_size(path)}, {_free(path.parent)} free)",
            where=str(path),
            tip="make room and run it again: what was acknowledged is kept and is not paid again",
        )
    return read_failure(error, path)


def read_failure(error: sqlite3.Error, path: Path) -> EvalhError:
    """The error to raise for one that SQLite met while reading."""
    code = _primary(error)
    if code in _HELD:
        return StoreError("another program holds the store", where=str(path), tip="close it, then run this again")
    if code in _DAMAGED:
        return damaged(str(error), path)
    return StoreError(f"the store cannot be read ({error})", where=str(path), tip=DOCTOR)


def damaged(what: str, path: Path) -> StoreError:
    """The error for damage: nothing of the damaged part was used."""
    return StoreError(f"the store is damaged: {what}", where=str(path), tip=DOCTOR, code="store_damaged")


def _primary(error: sqlite3.Error) -> int:
    code = getattr(error, "sqlite_errorcode", None)  # errors of the Python layer carry none
    return code & 0xFF if isinstance(code, int) else sqlite3.SQLITE_ERROR


def _size(path: Path) -> str:
    total = 0
    for name in (path, path.with_name(path.name + "-wal")):
        try:
            total += name.stat().st_size
        except OSError:
            continue
    return _megabytes(total)


def _free(folder: Path) -> str:
    try:
        facts = os.statvfs(folder)
    except OSError:
        return "unknown space"
    return _megabytes(facts.f_bavail * facts.f_frsize)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
