"""A chat endpoint that is not there: it gives scripted replies, for tests and replays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from evalharness.core.results import Failure, Output
from evalharness.core.specs import digest

Reply: TypeAlias = Output | Failure | str
"""A reply; a string is an answer that ended by itself and cost nothing."""
Script: TypeAlias = Iterable[Reply] | Mapping[str, Reply] | Callable[[Mapping[str, Any]], Reply]
"""Replies in order, by digest of the body, or worked out from the body."""

MISSING = Failure(stage="candidate", kind="not_recorded", message="the script has no reply to this request")


class ScriptedChat:
    """A ``ChatClient`` that answers from a script and remembers what it was asked.

    Args:
        script: Where replies come from. A request that the script does not know is a Failure, never an invention.
    """

    def __init__(self, script: Script) -> None:
        self.bodies: list[Mapping[str, Any]] = []
        """What was asked, in order."""
        self.closed = False
        self._script = script if isinstance(script, Mapping) or callable(script) else iter(script)

    async def chat(self, body: Mapping[str, Any], *, timeout_s: float) -> Output | Failure:
        """The scripted reply; ``timeout_s`` is not needed."""
        del timeout_s
        self.bodies.append(body)
        if isinstance(self._script, Mapping):
            reply = self._script.get(digest(body), MISSING)
        elif callable(self._script):
            reply = self._script(body)
        else:
            reply = next(self._script, MISSING)
        return Output(text=reply, cost_usd=0.0, finish_reason="stop") if isinstance(reply, str) else reply

    async def close(self) -> None:
        """Nothing to give back."""
        self.closed = True
