"""Which cases each track of a gate looks at, and against which stored arm: the gate itself, its pinned copy, its slices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from evalharness.config.model import LimitConfig
from evalharness.core.cases import Case
from evalharness.core.results import CaseResult
from evalharness.verdict.baseline import Baseline
from evalharness.verdict.pairing import Unit
from evalharness.verdict.track import Track

PINNED = "pinned"
"""Word for the second, pinned baseline of a gate."""


@dataclass(slots=True, kw_only=True)
class Side:
    """Tracks that look at the same cases against the same arm."""

    baseline: Baseline
    units: Mapping[str, Unit]
    """Unit name -> the unit with its cases that count here."""
    tracks: list[Track]
    field: str = ""
    """Metadata field of a guard slice, with its ``value``; empty for whole sides."""
    value: str = ""
    live: Mapping[str, frozenset[str]] | None = None
    """As ``GateCase.live``, for sides whose arm is answered in this very run."""


def by_name(units: Iterable[Unit]) -> dict[str, Unit]:
    """Units by their names, in their order."""
    return {unit.name: unit for unit in units}


def units_known_to(units: Iterable[Unit], results: Mapping[str, CaseResult]) -> tuple[Unit, ...]:
    """The units cut down to the cases that another stored arm has unchanged; units without one are left out."""
    return tuple(_kept(units, lambda case: case.id in results and results[case.id].case_digest == case.digest))


def units_where(units: Iterable[Unit], field: str, value: str) -> tuple[Unit, ...]:
    """The units cut down to the cases with a value of a metadata field."""
    return tuple(_kept(units, lambda case: field in case.metadata and str(case.metadata[field]) == value))


def _kept(units: Iterable[Unit], wanted: Callable[[Case], bool]) -> Iterator[Unit]:
    for unit in units:
        cases = tuple(case for case in unit.cases if wanted(case))
        if cases:
            yield replace(unit, cases=cases, weight=sum(case.weight for case in cases))


def guard_slices(
    slices: Mapping[str, tuple[LimitConfig, ...]], units: Sequence[Unit]
) -> list[tuple[str, str, tuple[LimitConfig, ...], tuple[Unit, ...]]]:
    """(field, value, limits, units) of each declared guard slice; a unit belongs where all its cases agree."""
    found: list[tuple[str, str, tuple[LimitConfig, ...], tuple[Unit, ...]]] = []
    for field, limits in slices.items():
        values: dict[str, list[Unit]] = {}
        for unit in units:
            shown = {str(case.metadata[field]) for case in unit.cases if field in case.metadata}
            if len(shown) == 1:
                values.setdefault(shown.pop(), []).append(unit)
        found.extend((field, value, limits, tuple(inside)) for value, inside in sorted(values.items()))
    return found
