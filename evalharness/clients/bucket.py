"""The bucket that retries are paid from: an outage ends the run instead of becoming a storm."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class RetryBucket:
    """How many retries are left, and who waits for one.

    A success gives back a part of a retry. A call that finds the bucket empty waits for the successes of others; when
    nobody is left whose call could still succeed, there is nothing to wait for.

    Args:
        capacity: Retries once something has worked.
        first: Retries before that.
        refund: What one success gives back.
    """

    def __init__(self, *, capacity: float = 50.0, first: float = 10.0, refund: float = 0.5) -> None:
        self.level = min(first, capacity)
        self.active = 0
        """Calls that may still succeed: begun, not ended, not waiting here."""
        self._capacity = capacity
        self._refund = refund
        self._worked = False
        self._waiting: deque[asyncio.Future[bool]] = deque()

    def begin(self) -> None:
        """A call begins."""
        self.active += 1

    def end(self) -> None:
        """A call has ended, however."""
        self.active -= 1
        if self.active == 0:
            self._give_up()

    def succeeded(self) -> None:
        """A call has worked, and ends now. The first success fills the bucket."""
        self.level = min(self._capacity, self.level + self._refund) if self._worked else self._capacity
        self._worked = True
        while self._waiting and self._spend():
            self._wake(may=True)
        if self._waiting and self.active == 1:
            self._wake(may=True)  # the endpoint works and nobody else asks: one of those who wait may go on

    async def take(self) -> bool:
        """Take one retry, waiting for it if need be.

        Returns:
            False when nobody is left who could earn one.
        """
        if self._spend():
            return True
        if self.active == 1:
            self._give_up()
            return False
        import asyncio

        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self.active -= 1
        try:
            return await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
                self.active += 1
            else:
                self.level += 1.0  # it was given a retry that it will not make
            raise

    def _spend(self) -> bool:
        if self.level < 1.0:
            return False
        self.level -= 1.0
        return True

    def _wake(self, *, may: bool) -> None:
        turn = self._waiting.popleft()
        self.active += 1
        if not turn.done():
            turn.set_result(may)

    def _give_up(self) -> None:
        while self._waiting:
            self._wake(may=False)
