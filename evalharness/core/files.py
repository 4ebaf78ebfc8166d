"""Files: names as people read them, and writing so that a reader sees the old content or the new, never a part."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from evalharness.core.errors import DiskFailed


def shown(path: str | os.PathLike[str]) -> str:
    """The path for messages: relative to the working folder when it lies inside it, else as given."""
    text = os.fspath(path)
    if not os.path.isabs(text):
        return text
    relative = os.path.relpath(text)
    return text if relative.startswith(os.pardir) else relative


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace a file's content as a whole.

    Args:
        path: File to write; its folder must exist.
        data: The whole new content.

    Raises:
        DiskFailed: If it could not be written; the old content then stands.
    """
    with atomic_file(path) as file:
        file.write(data)


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file that takes the place of ``path`` when the block ends well, and vanishes when it does not.

    Temporary file in the same folder, fsync, rename, fsync of the folder: after a crash at any moment the name holds
    the old content or the new. An existing file keeps its permissions.

    Raises:
        DiskFailed: If it could not be written; the old content then stands.
    """
    target = Path(path)
    # Not named after the target: a name of 255 bytes must still have room for the rest.
    temporary = target.parent / f".evalh-{os.getpid()}-{os.urandom(6).hex()}.tmp"
    try:
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _keep_mode(target, temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)
    except OSError as error:
        raise DiskFailed(f"could not be written: {error.strerror or error}", where=shown(path)) from error


def _keep_mode(target: Path, temporary: Path) -> None:
    try:
        mode = target.stat().st_mode & 0o7777
    except FileNotFoundError:
        return
    temporary.chmod(mode)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
