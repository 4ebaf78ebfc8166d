"""The real clock."""

from __future__ import annotations

import time


class SystemClock:
    """Monotonic time and real waiting."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait at least this long."""
        import asyncio

        await asyncio.sleep(seconds)
