"""Money: the worst case of a call is set aside before it is made, and settled when the answer is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evalharness.core.protocols import Request
from evalharness.core.results import Failure, Output

UNBILLED: Final = frozenset(
    {"rate_limited", "server_error", "bad_request", "unauthorized", "not_found", "redirected", "unreachable"}
)
"""Failures that the endpoint answered with an HTTP error, or that never reached it: nobody bills those, but what a conversation
had cost before. Any other failed call may have been billed and is booked at its worst case."""
_BYTES_PER_TOKEN: Final = 16
"""More bytes than this per token on average is no tokenizer but a usage report that is wrong."""
_PICO: Final = 1e-12
"""US dollars that rounding may cost."""


class Budget:
    """What a run may still spend, and what is set aside for calls in flight.

    Args:
        limit: US dollars; None = no limit.
        price: (input, output) US dollars per million tokens; None = unknown, counted as 0.
    """

    def __init__(self, limit: float | None, price: tuple[float, float] | None) -> None:
        self.spent = 0.0
        self.held = 0.0
        """Set aside for calls in flight."""
        self._limit = limit
        self._price = price or (0.0, 0.0)
        self.free = self._price == (0.0, 0.0)
        """True when no call can cost anything that is known."""

    def worst(self, request: Request) -> float:
        """US dollars that one call can cost at most."""
        tokens_in, tokens_out = request.worst_tokens
        return (tokens_in * self._price[0] + tokens_out * self._price[1]) / 1e6

    def take(self, amount: float) -> bool:
        """Set an amount aside if the limit allows it even when every call in flight costs its worst."""
        if self._limit is not None and self.spent + self.held + amount > self._limit + _PICO:
            return False
        self.held += amount
        return True

    def could_take(self, amount: float) -> bool:
        """Whether the amount may fit once calls in flight have turned out cheaper than their worst."""
        return self.held > _PICO and (self._limit is None or self.spent + amount <= self._limit + _PICO)

    def settle(self, worst: float, cost: float) -> None:
        """Replace what was set aside for a call by what it is booked at."""
        self.held = max(0.0, self.held - worst)
        self.spent += cost


def booked(output: Output | Failure, worst: float, request: Request) -> float:
    """What a finished call is booked at, in US dollars.

    Args:
        output: How it ended.
        worst: Its worst case.
        request: What was asked.

    Returns:
        The reported cost; the worst case where a failed call may have been billed, or where the usage is missing or
        smaller than any tokenizer would give.
    """
    if isinstance(output, Failure):
        return (output.cost_usd or 0.0) if output.kind in UNBILLED else worst
    if worst == 0.0:
        return output.cost_usd or 0.0
    if output.cost_usd is None or not _plausible(output.usage, output, request):
        return max(worst, output.cost_usd or 0.0)
    return output.cost_usd


class WorstCases:
    """Calls that are booked at the most they could cost, because nobody knows what they did cost."""

    def __init__(self) -> None:
        self.unbelieved = 0
        """Answers whose reported usage is missing, or too small for what was sent and answered."""
        self.lost = 0
        """Calls that failed or were cancelled and may have been billed."""
        self.cost_usd = 0.0

    def note(self, output: Output | Failure | None, worst: float, cost: float) -> None:
        """Take a call that was booked.

        Args:
            output: How it ended; None when it was cancelled.
            worst: Its worst case, US dollars.
            cost: What it was booked at.
        """
        if not worst or not cost or (isinstance(output, Output) and output.cost_usd == cost):
            return
        self.cost_usd += cost
        if isinstance(output, Output):
            self.unbelieved += 1
        else:
            self.lost += 1

    def sentences(self, made: int) -> tuple[str, ...]:
        """What a person has to be told.

        Args:
            made: Calls made.
        """
        parts = (
            (self.unbelieved, "reported a usage that is missing or too small to be true"),
            (self.lost, "failed or were cancelled and may have been billed"),
        )
        reasons = ", ".join(f"{count} {reason}" for count, reason in parts if count)
        if not reasons:
            return ()
        count = self.unbelieved + self.lost
        return (f"{count} of {made} calls are counted at the most they could cost, ${self.cost_usd:.4f}: {reasons}",)


def _plausible(usage: Mapping[str, object], output: Output, request: Request) -> bool:
    tokens_in, tokens_out = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not isinstance(tokens_in, int) or not isinstance(tokens_out, int):
        return False
    size_out = len((output.text or "").encode("utf-8", "replace"))
    # Without better knowledge the worst case is taken, which counts bytes and so bounds the prompt's size from above.
    size_in = request.sent_bytes or request.worst_tokens[0]
    return tokens_in * _BYTES_PER_TOKEN >= size_in and tokens_out * _BYTES_PER_TOKEN >= size_out
