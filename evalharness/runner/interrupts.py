"""Ctrl-C and SIGTERM: once means stop asking and save, twice means out."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """While entered, the first signal is noted and the second raises ``KeyboardInterrupt``.

    Outside the main thread, where Python allows no handlers, it notes nothing.
    """

    def __init__(self) -> None:
        self.seen: list[int] = []
        """Signals so far."""
        self.on_first: Callable[[], object] | None = None
        """Called (inside the signal handler) when the first one comes."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.seen.append(number)
        if len(self.seen) > 1:
            raise KeyboardInterrupt
        if self.on_first is not None:
            self.on_first()
