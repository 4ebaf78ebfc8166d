"""One OS lock per store: whoever holds it is the only process that writes, and so the only one that pays.

``flock`` on ``store.lock``, which holds the pid of the holder. The lock belongs to the process, not to the file: when
the process is gone, however it went, the lock is gone too.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from evalharness.core.errors import ConfigError, Interrupted, StoreError

WAIT_S: Final = 600.0
"""Seconds to wait for another process when EVALH_WAIT says nothing."""
_TELL_EVERY_S: Final = 30.0
_POLL_S: Final = (0.02, 0.5)
"""Shortest and longest pause between two tries."""
_FAILED: Final = b"failed"


def wait_seconds(environment: str | None = None) -> float:
    """How long to wait for the lock, from EVALH_WAIT (seconds, >= 0).

    Raises:
        ConfigError: If the variable is set to anything else.
    """
    text = os.environ.get("EVALH_WAIT", "") if environment is None else environment
    if not text:
        return WAIT_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.0 <= seconds < float("inf"):
        raise ConfigError(f"EVALH_WAIT is {text!r}, expected a number of seconds", tip="for example EVALH_WAIT=60")
    return seconds


class StoreLock:
    """The lock file of one store. Not held until :meth:`acquire` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None
        self.after_failure = False
        """True when the holder before met an I/O error: the database is checked before it is written again."""

    @property
    def held(self) -> bool:
        """True while this object holds the lock."""
        return self._handle is not None

    def acquire(self, *, wait_s: float, on_wait: Callable[[str], None] | None = None) -> None:
        """Take the lock, waiting for another holder.

        Args:
            wait_s: Seconds to wait at most, >= 0; 0 tries once.
            on_wait: Called with a sentence that names the holder, at once and then every 30 seconds.

        Raises:
            StoreError: If it is still held after that time.
            Interrupted: After Ctrl-C or SIGTERM; who waits has asked nothing yet.
            ConfigError: If the lock file cannot be opened.
        """
        if self._handle is not None:
            return
        handle = open_lock_file(self.path)
        try:
            if not _try_lock(handle):
                with _left_by_a_signal():
                    self._wait(handle, wait_s, on_wait)
            self.after_failure = _FAILED in _content(handle)
            _write(handle, b"%d\n" % os.getpid())
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        _hold(handle)

    def _wait(self, handle: int, wait_s: float, on_wait: Callable[[str], None] | None) -> None:
        deadline = time.monotonic() + wait_s
        tell_at, pause = 0.0, _POLL_S[0]
        while not _try_lock(handle):
            now = time.monotonic()
            holder = self.holder() or "unknown"
            if now >= deadline:
                raise StoreError(
                    f"the store is held by process {holder}; waited {wait_s:g} s",
                    where=str(self.path.parent),
                    tip="let it finish, or set EVALH_WAIT to more seconds",
                    code="store_held",
                )
            if on_wait is not None and now >= tell_at:
                on_wait(f"waiting for process {holder}, which holds the store {self.path.parent}")
                tell_at = now + _TELL_EVERY_S
            time.sleep(min(pause, max(0.0, deadline - now)))
            pause = min(2 * pause, _POLL_S[1])

    def holder(self) -> str:
        """Pid written in the lock file, or empty. Says who held it last; whether it still does, only a try can tell."""
        try:
            word = self.path.read_bytes()[:32].split()[0].decode("ascii")
        except (OSError, IndexError, UnicodeDecodeError):
            return ""
        return word if word.isdigit() else ""

    def mark_failed(self) -> None:
        """Leave a note that writing failed, for the next holder. A full disk may refuse even that."""
        if self._handle is not None:
            try:
                _write(self._handle, b"%d %s\n" % (os.getpid(), _FAILED))
            except OSError:
                return

    def release(self, *, clean: bool = True) -> None:
        """Give the lock back; ``clean`` empties the file."""
        if self._handle is None:
            return
        handle, self._handle = self._handle, None
        _HELD.discard(handle)
        try:
            if clean:
                os.ftruncate(handle, 0)
        finally:
            os.close(handle)


@contextmanager
def _left_by_a_signal() -> Iterator[None]:
    """While entered, one signal ends the waiting. A run would only note it, to save calls in flight; here there are none."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise Interrupted(
            "interrupted while waiting for another process: nothing was asked", tip="run it again to go on"
        )

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def open_lock_file(path: Path) -> int:
    """Open (and create, mode 0600) the lock file without locking it; follows no link.

    Raises:
        ConfigError: If it cannot be opened for writing: the store could not be written either.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise ConfigError(
            f"the store cannot be written: {error.strerror}",
            where=str(path.parent),
            tip="make the folder writable, or set EVALH_DIR to a folder that is",
        ) from error


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


def _content(handle: int) -> bytes:
    return os.pread(handle, 64, 0)


def _write(handle: int, text: bytes) -> None:
    os.pwrite(handle, text, 0)
    os.ftruncate(handle, len(text))


_HELD: Final[set[int]] = set()
"""Lock handles of this process. A forked worker closes its copies, or it would keep the lock of a killed parent."""


def _hold(handle: int) -> None:
    if not _HELD and not _FORK_HOOK:
        _FORK_HOOK.append(True)
        os.register_at_fork(after_in_child=_drop_in_child)
    _HELD.add(handle)


_FORK_HOOK: Final[list[bool]] = []


def _drop_in_child() -> None:
    for handle in _HELD:
        os.close(handle)
    _HELD.clear()
