"""What the processes of one test session share: a lock, and small files in a private folder.

Without pytest-xdist there is one process and no folder; then the same things are kept in memory.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evalharness.core.files import write_atomic


class Exchange:
    """One session's shared place.

    Args:
        folder: Made (mode 0700) by the controller of pytest-xdist; None in a session of one process.
    """

    def __init__(self, folder: str | None) -> None:
        self.folder = None if folder is None else Path(folder)
        self._memory: dict[str, Any] = {}
        self._thread = threading.Lock()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While entered, no other process or thread of the session is: whoever comes first answers for all."""
        with self._thread:
            if self.folder is None:
                yield
                return
            import fcntl

            handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)  # gives the lock back, as does the end of the process

    def read(self, name: str) -> Any:
        """The JSON value under a name; None when there is none."""
        if self.folder is None:
            return self._memory.get(name)
        try:
            return json.loads((self.folder / f"{name}.json").read_bytes())
        except FileNotFoundError:
            return None

    def write(self, name: str, value: Any) -> None:
        """Keep a JSON value under a name."""
        if self.folder is None:
            self._memory[name] = value
        else:
            write_atomic(self.folder / f"{name}.json", json.dumps(value).encode("utf-8"))
