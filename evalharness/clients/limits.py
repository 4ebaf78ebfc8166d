"""The limits around calls, and the one retry policy: shared by all calls of a command, candidate's and judges' alike.

* Only what may work later is tried again, after equal jitter (half of the wait is fixed, half is drawn), so that
  retries neither come at once nor all together.
* Retries are paid from one bucket that successes refill. Small until the first success, it is full after it; a call
  that finds it empty waits for others to succeed, and when nobody is left who could, the endpoint counts as down.
* A 429 pauses the whole host, for as long as the server asks, and halves the calls in flight; it is charged once for
  all calls that were on their way when it came.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from evalharness.clients.bucket import RetryBucket
from evalharness.clients.descriptors import connections
from evalharness.clients.gate import Gate
from evalharness.core.protocols import ChatClient, Clock
from evalharness.core.results import Failure, Output
from evalharness.core.specs import EMPTY

LONGEST_WAIT_S: Final = 60.0
"""Longest wait that a server may ask for; a longer one ends the run."""
MAX_CALLS: Final = 8
"""Calls for one answer at most."""
HOPELESS: Final = frozenset({"unauthorized", "not_found", "quota", "redirected"})
"""Failures that every further call would share, unless one has worked already."""
_BASE_S: Final = 0.5


class Pacing:
    """The retry policy and the limits of one command.

    Args:
        jobs: Calls in flight to one host at most; fewer where the process may not have that many files open.
        clock: Time.
        rates: Host -> ``rpm``, ``tpm``.
        draw: Gives numbers in [0, 1) for the jitter.
    """

    def __init__(
        self,
        *,
        jobs: int,
        clock: Clock,
        rates: Mapping[str, Mapping[str, float]] = EMPTY,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.retries = 0
        """Retries so far."""
        self.down = ""
        """Why the endpoint counts as down; empty while it works."""
        self.bucket = RetryBucket()
        self._jobs = connections(jobs)
        self._clock = clock
        self._rates = rates
        self._draw = draw
        self._gates: dict[str, Gate] = {}

    def gate(self, host: str) -> Gate:
        """The gate of a host."""
        gate = self._gates.get(host)
        if gate is None:
            rates = self._rates.get(host) or self._rates.get(host.rpartition(":")[0]) or EMPTY
            gate = self._gates[host] = Gate(self._jobs, rates, self._clock)
        return gate

    async def call(
        self, send: Callable[..., Awaitable[Output | Failure]], *given: Any, host: str, tokens: int
    ) -> Output | Failure:
        """Send until it works or there is no point in going on.

        Args:
            send: Makes one attempt.
            given: What it is called with.
            host: Whose limits apply.
            tokens: Tokens that the call can use at most.

        Returns:
            What the last attempt gave; ``Failure.attempts`` counts them. When it was the endpoint's end, ``down`` says
            why.
        """
        self.bucket.begin()
        try:
            return await self._call(send, given, self.gate(host), tokens)
        finally:
            self.bucket.end()

    async def _call(
        self, send: Callable[..., Awaitable[Output | Failure]], given: Sequence[Any], gate: Gate, tokens: int
    ) -> Output | Failure:
        calls = 0
        while not self.down:
            await gate.enter(tokens)
            sent_at = self._clock.monotonic()
            try:
                output = await send(*given)
            finally:
                gate.leave()
            calls += 1
            if isinstance(output, Output) or output.blame == "candidate":
                gate.succeeded()
                self.bucket.succeeded()
                return output if isinstance(output, Output) else replace(output, attempts=calls)
            wait = await self._wait(gate, output, calls, sent_at)
            if wait is None:
                return replace(output, attempts=calls, message=self.down or output.message)
            self.retries += 1
            if wait > 0:
                await self._clock.sleep(wait)
        return Failure(stage="candidate", kind="provider_down", message=f"not sent: {self.down}", attempts=calls)

    async def _wait(self, gate: Gate, failure: Failure, calls: int, sent_at: float) -> float | None:
        """Seconds to wait before the next attempt (0 where the gate waits); None to give up."""
        hint = failure.retry_after_s
        if failure.kind in HOPELESS and not gate.worked:
            self.down = self.down or failure.message
        if hint is not None and hint > LONGEST_WAIT_S and failure.retryable:
            self.down = self.down or f"{failure.message} (asks to wait {hint:,.0f} s, longer than {LONGEST_WAIT_S:g} s)"
        if self.down or not failure.retryable or calls >= MAX_CALLS:
            return None
        wait = self._backoff(calls) if hint is None else hint
        limited = failure.kind == "rate_limited"
        is_news = gate.slow_down(wait, sent_at) if limited else True
        if is_news and not await self.bucket.take():
            self.down = self.down or f"too many calls fail, the last with: {failure.message}"
            return None
        return 0.0 if limited else wait

    def _backoff(self, calls: int) -> float:
        """Equal jitter: between half of the wait and all of it; the wait doubles up to 20 s."""
        most = min(20.0, _BASE_S * 2.0 ** (calls - 1))
        return most / 2 + most / 2 * self._draw()


class PacedChat:
    """A ``ChatClient`` behind the shared limits, for judges.

    Args:
        inner: Makes the calls.
        pacing: The limits.
        host: Whose limits apply.
    """

    def __init__(self, inner: ChatClient, pacing: Pacing, *, host: str) -> None:
        self.calls = 0
        """Calls sent, retries included."""
        self.cost_usd = 0.0
        """US dollars of the answers so far, where known."""
        self._inner = inner
        self._pacing = pacing
        self._host = host

    async def chat(self, body: Mapping[str, Any], *, timeout_s: float) -> Output | Failure:
        """As the inner client's, with retries."""
        tokens = len(str(body)) // 4
        output = await self._pacing.call(self._once, body, timeout_s, host=self._host, tokens=tokens)
        self.cost_usd += (output.cost_usd or 0.0) if isinstance(output, Output) else 0.0
        return output

    async def _once(self, body: Mapping[str, Any], timeout_s: float) -> Output | Failure:
        self.calls += 1
        return await self._inner.chat(body, timeout_s=timeout_s)

    async def close(self) -> None:
        """Close the inner client."""
        await self._inner.close()
