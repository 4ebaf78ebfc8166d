"""Hands results on strictly in the planned order, however they arrive.

The statistics of the gate hold for a contiguous prefix of an order that was fixed before the first call. Taking cases
as they arrive would favour those that are answered fast.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from evalharness.core.results import CaseResult


class Prefix:
    """The finished prefix of the planned order.

    Args:
        groups: Behaviour group of the case at each position, or None. A case is held back until every member of its
            group is in, because the group is scored together.
    """

    def __init__(self, groups: Sequence[str | None] = ()) -> None:
        self.done = 0
        """Positions handed on so far: the prefix is 0 .. done-1."""
        self._groups = groups
        self._missing = Counter(group for group in groups if group is not None)
        self._waiting: dict[int, CaseResult] = {}

    def add(self, position: int, result: CaseResult) -> Iterable[tuple[int, CaseResult]]:
        """Take a result and hand on what is now contiguous, in order.

        Args:
            position: Place in the planned order, each once.
            result: The finished case.

        Raises:
            ValueError: If the position was already there.
        """
        if position < self.done or position in self._waiting:
            raise ValueError(f"position {position} came twice")
        group = self._group(position)
        if group is None and position == self.done and not self._waiting:
            self.done += 1
            return ((position, result),)
        self._waiting[position] = result
        if group is not None:
            self._missing[group] -= 1
        return self._ready()

    def replace(self, position: int, result: CaseResult) -> None:
        """Put a result that is still waiting anew (with the scores of its group)."""
        if position not in self._waiting:
            raise ValueError(f"position {position} is not waiting")
        self._waiting[position] = result

    def whole_group(self, position: int) -> list[int]:
        """Positions of the group of ``position`` when it has just become whole, else nothing."""
        group = self._group(position)
        if group is None or self._missing[group]:
            return []
        return [place for place, other in enumerate(self._groups) if other == group]

    def waiting(self) -> list[tuple[int, CaseResult]]:
        """Results that came but have a gap in front of them, in order."""
        return sorted(self._waiting.items())

    def at(self, position: int) -> CaseResult:
        """A result that is still waiting."""
        return self._waiting[position]

    def _group(self, position: int) -> str | None:
        return self._groups[position] if self._groups else None

    def _ready(self) -> Iterator[tuple[int, CaseResult]]:
        while self.done in self._waiting:
            group = self._group(self.done)
            if group is not None and self._missing[group]:
                return
            result = self._waiting.pop(self.done)
            self.done += 1
            yield self.done - 1, result
