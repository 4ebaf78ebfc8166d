"""The way to one host: calls in flight, pauses, rates."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from evalharness.core.protocols import Clock

if TYPE_CHECKING:
    import asyncio

_FIRST_IN_FLIGHT: Final = 16
"""Calls in flight before anything is known of a host."""


class PerMinute:
    """A rate with a burst of one second.

    Args:
        rate: Units per minute, > 0.
    """

    def __init__(self, rate: float) -> None:
        self._per_s = rate / 60.0
        self._burst = max(1.0, self._per_s)
        self._level = self._burst
        self._at: float | None = None

    def reserve(self, amount: float, now: float) -> float:
        """Take an amount.

        Args:
            amount: Units.
            now: Monotonic seconds.

        Returns:
            Seconds to wait before using it.
        """
        if self._at is not None:
            self._level = min(self._burst, self._level + (now - self._at) * self._per_s)
        self._at = now
        self._level -= amount
        return max(0.0, -self._level / self._per_s)


class Gate:
    """The way to one host: calls in flight, pauses, rates.

    Args:
        most: Calls in flight at most.
        rates: ``rpm`` and ``tpm``, each optional.
        clock: Time.
    """

    def __init__(self, most: int, rates: Mapping[str, float], clock: Clock) -> None:
        self.limit = float(min(most, _FIRST_IN_FLIGHT))
        """Calls in flight allowed now: doubles with each round that works, is halved by a 429, then grows slowly."""
        self.in_flight = 0
        self.worked = False
        self.pause_until = 0.0
        self._most = most
        self._clock = clock
        self._rpm = PerMinute(rates["rpm"]) if "rpm" in rates else None
        self._tpm = PerMinute(rates["tpm"]) if "tpm" in rates else None
        self._queue: deque[asyncio.Future[None]] = deque()
        self._doubling = True
        self._cut_at = float("-inf")

    async def enter(self, tokens: int) -> None:
        """Wait until a call may be sent, and count it as in flight."""
        while True:
            if self.pause_until:
                await self._pause()
            if self.in_flight < int(self.limit):
                break
            await self._queued()
        self.in_flight += 1
        if self._rpm is not None or self._tpm is not None:
            await self._wait_for_rates(tokens)

    async def _pause(self) -> None:
        while (left := self.pause_until - self._clock.monotonic()) > 0:
            await self._clock.sleep(left)
        self.pause_until = 0.0

    async def _queued(self) -> None:
        import asyncio

        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake()  # the turn was given to somebody who has left
            raise

    async def _wait_for_rates(self, tokens: int) -> None:
        now = self._clock.monotonic()
        waits = [self._rpm.reserve(1, now)] if self._rpm is not None else []
        if self._tpm is not None:
            waits.append(self._tpm.reserve(tokens, now))
        wait = max(waits)
        if wait > 0:
            try:
                await self._clock.sleep(wait)
            except BaseException:
                self.leave()
                raise

    def leave(self) -> None:
        """The call has ended."""
        self.in_flight -= 1
        self._wake()

    def _wake(self) -> None:
        free = int(self.limit) - self.in_flight
        while free > 0 and self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1

    def succeeded(self) -> None:
        """The host answered: allow more in flight."""
        self.worked = True
        if self.limit < self._most:
            self.limit = min(float(self._most), self.limit + (1.0 if self._doubling else 1.0 / self.limit))
            self._wake()

    def slow_down(self, wait_s: float, sent_at: float) -> bool:
        """Pause the host after a 429.

        Args:
            wait_s: Seconds.
            sent_at: When the call was sent.

        Returns:
            True when this is news: the call was sent after the last 429 had been seen.
        """
        now = self._clock.monotonic()
        self.pause_until = max(self.pause_until, now + wait_s)
        if sent_at < self._cut_at:
            return False
        self._cut_at = now
        self._doubling = False
        self.limit = max(1.0, self.limit / 2)
        return True
