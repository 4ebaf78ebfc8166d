"""Shows that long work goes on: one transient bar on a terminal, now and then a line in a log."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from evalharness.cli import console
from evalharness.core.protocols import Progress, ProgressSink
from evalharness.core.text import visible

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

EVERY_S: Final = 10.0
EVERY_SHARE: Final = 0.1
"""A log gets a line when both have passed since the last one: whichever is rarer decides."""
REDRAW_S: Final = 0.1


def progress_sink(args: argparse.Namespace) -> ProgressSink | None:
    """What shows progress under these flags; None with ``-q``."""
    if args.quiet:
        return None
    is_plain = not console.is_terminal(sys.stderr) or not console.wants_unicode(sys.stderr)
    return LogProgress() if is_plain else BarProgress(color=console.wants_color(args.color, sys.stderr))


class LogProgress:
    """A line on stderr every 10 s or 10 %, whichever is rarer.

    Args:
        clock: Monotonic seconds.
        say: Where the lines go.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, say: Callable[[str], None] = console.say
    ) -> None:
        self._clock = clock
        self._say = say
        self._title: str | None = None
        self._last_time = clock()
        self._last_done = 0
        self._last_note = ""

    def update(self, progress: Progress) -> None:
        """Print a line when it is time for one."""
        if self._title not in (None, progress.title):
            self._last_time, self._last_done = self._clock(), 0
        self._title = progress.title
        if progress.note and progress.note != self._last_note:
            self._last_note = progress.note
            self._say(f"evalh: {progress.title} {facts(progress)}")
            return
        step = progress.done - self._last_done
        if self._clock() - self._last_time < EVERY_S or step < max(1.0, EVERY_SHARE * progress.total):
            return
        self._last_time, self._last_done = self._clock(), progress.done
        self._say(f"evalh: {progress.title} {facts(progress)}")

    def close(self) -> None:
        """Nothing is on the screen that has to go."""


class BarProgress:
    """One bar that vanishes at the end.

    Args:
        color: Whether it may be coloured.
    """

    def __init__(self, *, color: bool) -> None:
        self._color = color
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._drawn = 0.0

    def update(self, progress: Progress) -> None:
        """Move the bar, at most ten times a second."""
        now = time.monotonic()
        is_news = progress.note or progress.done >= progress.total
        if self._bar is not None and now - self._drawn < REDRAW_S and not is_news:
            return
        self._drawn = now
        if self._bar is None:
            self._bar = self._start()
            self._task = self._bar.add_task("", total=None, facts="")
        assert self._task is not None
        self._bar.update(
            self._task,
            total=progress.total,
            completed=progress.done,
            description=visible(progress.title),
            facts=facts(progress),
        )

    def _start(self) -> Bar:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        screen = Console(file=sys.stderr, no_color=not self._color, highlight=False)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[facts]}", markup=False),
        )
        bar = Bar(*columns, console=screen, transient=True, redirect_stdout=False, redirect_stderr=False)
        bar.start()
        return bar

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None


def facts(progress: Progress) -> str:
    """``100/200  $0.20 of $2.00  3 retries  eta 20s``; what is not known or nothing is left out."""
    parts = [f"{progress.done}/{progress.total}"]
    if progress.max_cost is not None:
        parts.append(f"${progress.cost_usd:.2f} of ${progress.max_cost:.2f}")
    elif progress.cost_usd:
        parts.append(f"${progress.cost_usd:.2f}")
    if progress.retries:
        parts.append(f"{progress.retries} {'retry' if progress.retries == 1 else 'retries'}")
    if progress.eta_s is not None:
        parts.append(f"eta {duration(progress.eta_s)}")
    if progress.note:
        parts.append(progress.note)
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """``20s``, ``3m 05s``, ``2h 10m``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
