"""Ctrl-C while the loop waits for calls: handled at once, whichever thread the system gives the signal to."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time

from evalharness.runner.interrupts import Interrupts, woken_by_signals


async def noticed(interrupts: Interrupts, *, woken: bool, patience: float) -> bool:
    """Whether a signal that another thread took is handled while nothing else happens in the loop.

    The main thread's system call then goes on, as with a signal that comes just before that call.
    """
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    found: list[bool] = []

    def sends_and_looks() -> None:
        time.sleep(0.5)  # by now the loop waits for input
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        until = time.monotonic() + patience
        while not interrupts.seen and time.monotonic() < until:
            time.sleep(0.01)
        found.append(bool(interrupts.seen))
        loop.call_soon_threadsafe(done.set)

    with woken_by_signals(loop) if woken else contextlib.nullcontext():
        threading.Thread(target=sends_and_looks).start()
        await done.wait()
    return found[0]


def test_a_signal_wakes_the_loop() -> None:
    with Interrupts() as interrupts:
        assert asyncio.run(noticed(interrupts, woken=True, patience=30.0))
    assert interrupts.seen == [signal.SIGINT]
    assert signal.set_wakeup_fd(-1) == -1  # nothing is left behind


def test_without_waking_it_is_not_noticed_until_something_else_happens() -> None:
    """The negative control."""
    with Interrupts() as interrupts:
        assert not asyncio.run(noticed(interrupts, woken=False, patience=0.3))
    assert interrupts.seen == [signal.SIGINT]


def test_in_another_thread_it_does_nothing() -> None:
    found: list[str] = []

    async def short() -> None:
        with woken_by_signals(asyncio.get_running_loop()):
            await asyncio.sleep(0)
        found.append("done")

    thread = threading.Thread(target=lambda: asyncio.run(short()))
    thread.start()
    thread.join()
    assert found == ["done"]
