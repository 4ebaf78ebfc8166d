"""Recorded answers by system, while a source is read: repeats become epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalharness.moving.fields import without_none


class Answers:
    """Collects lines of recorded-answers files."""

    def __init__(self) -> None:
        self._lines: dict[str, list[dict[str, Any]]] = {}
        self._times: dict[tuple[str, str], int] = {}

    def add(self, system: str, case_id: str, **fields: Any) -> None:
        """Add an answer; a second one of the same case and system becomes the next epoch.

        Args:
            system: What answered.
            case_id: Id in the eval set.
            **fields: Fields of an answers file; None is left out.
        """
        epoch = self._times.get((system, case_id), 0)
        self._times[system, case_id] = epoch + 1
        line = {"id": case_id, **without_none(fields)}
        if not any(name in line for name in ("output", "documents", "messages", "error")):
            line["error"] = "the source holds no answer"
        if epoch:
            line["epoch"] = epoch
        self._lines.setdefault(system, []).append(line)

    def done(self) -> Mapping[str, tuple[Mapping[str, Any], ...]]:
        """System -> lines."""
        return {system: tuple(lines) for system, lines in self._lines.items()}
