"""Ctrl-C and SIGTERM: once means stop asking and save, twice means out."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncio

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


@contextmanager
def woken_by_signals(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """While entered, a signal ends the loop's waiting for input, so that its handler runs at once.

    Without this a signal that another thread takes, or that comes just before the loop goes to wait, is handled only when
    something else wakes the loop. Outside the main thread, where no handler runs, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    from socket import socketpair

    reading, writing = socketpair()
    with reading, writing:
        for end in (reading, writing):
            end.settimeout(0)
        before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        loop.add_reader(reading, reading.recv, 64)
        try:
            yield
        finally:
            loop.remove_reader(reading)
            signal.set_wakeup_fd(before)
