"""``EVALH_FAULT``: die at a chosen moment, so that crash tests need no luck. Unset, nothing here runs."""

from __future__ import annotations

import os
import signal
from typing import Final

_MOMENTS: Final = ("insert", "commit", "ack")


class FaultPlan:
    """Kills this process at the N-th moment of one kind.

    Words (others belong to other rooms and are ignored here): ``kill@insert:N`` before the statement that holds the
    N-th row, ``kill@commit:N`` just before the N-th commit, ``kill@ack:N`` just after it, before anybody is told.
    """

    def __init__(self, word: str) -> None:
        self._moment, self._left = "", 0
        action, _, rest = word.partition("@")
        moment, _, number = rest.partition(":")
        if action == "kill" and moment in _MOMENTS and number.isdigit():
            self._moment, self._left = moment, int(number)

    @classmethod
    def from_environment(cls) -> FaultPlan:
        """The plan in ``EVALH_FAULT``."""
        return cls(os.environ.get("EVALH_FAULT", ""))

    def reached(self, moment: str, count: int = 1) -> None:
        """Say that ``count`` moments of a kind are about to pass."""
        if moment != self._moment:
            return
        self._left -= count
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
