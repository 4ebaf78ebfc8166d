"""The tool calls that a case expects, and how well calls fit them: arguments, and the best assignment of call to expectation.

An expected tool is a name, or ``{name, args, match, ignore, tol}``:

- ``match = "exact"``: the arguments are equal; ``"subset"``: those given are there and equal, others may be added;
  ``"ignore"`` (the default without ``args``): any; ``"schema"``: ``args`` is a JSON Schema that they satisfy.
- ``ignore``: argument names that are not compared. ``tol``: how far numbers may be off, one for all or by argument name.

Arguments are compared as parsed JSON: 1 equals 1.0, key order does not count, "1" is not 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Any, Final

from evalharness.core import strictjson
from evalharness.core.specs import EMPTY, canonical_json, thaw
from evalharness.scorers.numerals import near
from evalharness.scorers.references import json_equal
from evalharness.scorers.schemas import Schema
from evalharness.scorers.tool_trace import ToolCall

MATCHES: Final = ("exact", "subset", "ignore", "schema")
_KEYS: Final = frozenset({"name", "args", "match", "ignore", "tol"})


class BadExpectationError(ValueError):
    """What is expected cannot be read; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One expected call."""

    name: str
    args: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    match: str = "ignore"
    ignore: frozenset[str] = frozenset()
    tol: Mapping[str, Decimal] = field(default_factory=lambda: EMPTY)
    """Argument name -> how far its number may be off; ``*`` for all others."""

    def __str__(self) -> str:
        return self.name if self.match == "ignore" else f"{self.name}({canonical_json(self.args)[:80]}, {self.match})"

    def share(self, call: ToolCall) -> float:
        """How much of a call of this name is right, in 0..1: right arguments / all arguments that count."""
        if self.match == "ignore":
            return 1.0
        if call.args is None:
            return 0.0
        if self.match == "schema":
            return float(_valid(canonical_json(self.args), canonical_json(call.args)))
        keys = self.args.keys() if self.match == "subset" else self.args.keys() | call.args.keys()
        counted = keys - self.ignore
        right = sum(self._same(key, call.args) for key in counted)
        return right / len(counted) if counted else 1.0

    def _same(self, key: str, args: Mapping[str, Any]) -> bool:
        if key not in args or key not in self.args:
            return False
        wanted, seen = self.args[key], args[key]
        tol = self.tol.get(key, self.tol.get("*"))
        if tol is not None and _is_number(wanted) and _is_number(seen):
            return near(Decimal(repr(seen)), Decimal(repr(wanted)), abs_tol=tol, rel_tol=Decimal(0))
        return json_equal(wanted, seen)


def read_expected(value: Any, *, match: str = "exact") -> tuple[Expected, ...]:
    """Expected calls from a list of names and objects.

    Args:
        value: The list.
        match: How arguments are matched where an entry does not say.

    Raises:
        BadExpectationError: If it is no such list; the message names the entry.
    """
    if not isinstance(value, (list, tuple)):
        raise BadExpectationError("expected a list of tool names or of {name, args, match}")
    return tuple(_expected(item, place, match) for place, item in enumerate(value))


def _expected(item: Any, place: int, match: str) -> Expected:
    if isinstance(item, str) and item:
        return Expected(name=item)
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str) or item.keys() - _KEYS:
        raise BadExpectationError(f"tools[{place}]: expected a name or {{name, args, match, ignore, tol}}")
    args, kind, ignore = item.get("args"), item.get("match", match), item.get("ignore", ())
    if kind not in MATCHES:
        raise BadExpectationError(f"tools[{place}].match: expected one of {', '.join(MATCHES)}, got {kind!r:.40}")
    if args is None:
        return Expected(name=item["name"])
    if not isinstance(args, Mapping):
        raise BadExpectationError(f"tools[{place}].args: expected an object")
    if not isinstance(ignore, (list, tuple)) or not all(isinstance(key, str) for key in ignore):
        raise BadExpectationError(f"tools[{place}].ignore: expected a list of argument names")
    if kind == "schema":
        _check_schema(args, place)
    tol = _tolerances(item.get("tol", 0), place)
    return Expected(name=item["name"], args=args, match=kind, ignore=frozenset(ignore), tol=tol)


def _tolerances(value: Any, place: int) -> Mapping[str, Decimal]:
    given = value if isinstance(value, Mapping) else {"*": value}
    if not all(_is_number(number) and isfinite(number) and number >= 0 for number in given.values()):
        raise BadExpectationError(f"tools[{place}].tol: expected a number of at least 0, or such numbers by argument")
    return {key: Decimal(repr(number)) for key, number in given.items() if number}


def _check_schema(schema: Mapping[str, Any], place: int) -> None:
    try:
        argument_schema(canonical_json(schema))
    except ValueError as error:
        raise BadExpectationError(f"tools[{place}].args: {error}") from None


@lru_cache(maxsize=256)
def argument_schema(text: str) -> Schema:
    """The JSON Schema in a text, checked as data is: where checking it could take long, in the worker process.

    Raises:
        ValueError: If it is no schema.
    """
    return Schema(strictjson.loads(text), formats=True, trusted=False)


def _valid(schema: str, args: str) -> bool:
    return argument_schema(schema).problem(strictjson.loads(args), args) is None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def best_assignment(weights: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """(row, column) pairs of the one-to-one assignment with the greatest sum; pairs of weight 0 are left out.

    Source: the Hungarian method with potentials (Kuhn 1955; Munkres 1957), rows^2 x columns steps.
    """
    if not weights or not weights[0]:
        return []
    if len(weights) > len(weights[0]):
        turned = [list(column) for column in zip(*weights, strict=True)]
        return sorted((row, column) for column, row in best_assignment(turned))
    rows, columns = len(weights), len(weights[0])
    row_potential, column_potential = [0.0] * (rows + 1), [0.0] * (columns + 1)
    owner = [0] * (columns + 1)  # the row (from 1) that has a column; 0: none
    for row in range(1, rows + 1):
        _add_row(weights, row, owner, (row_potential, column_potential))
    pairs = [(owner[column] - 1, column - 1) for column in range(1, columns + 1) if owner[column]]
    return sorted((row, column) for row, column in pairs if weights[row][column] > 0)


def _add_row(
    weights: Sequence[Sequence[float]], row: int, owner: list[int], potentials: tuple[list[float], list[float]]
) -> None:
    """Find the cheapest alternating path from a new row to a free column, and turn it round."""
    row_potential, column_potential = potentials
    size = len(owner)
    least, before, seen = [float("inf")] * size, [0] * size, [False] * size
    owner[0], here = row, 0
    while owner[here]:
        seen[here] = True
        at, step, nearest = owner[here], float("inf"), 0
        for column in range(1, size):
            if seen[column]:
                continue
            cost = -weights[at - 1][column - 1] - row_potential[at] - column_potential[column]
            if cost < least[column]:
                least[column], before[column] = cost, here
            if least[column] < step:
                step, nearest = least[column], column
        for column in range(size):
            if seen[column]:
                row_potential[owner[column]] += step
                column_potential[column] -= step
            else:
                least[column] -= step
        here = nearest
    while here:
        owner[here] = owner[before[here]]
        here = before[here]


def frozen_list(expected: Sequence[Expected]) -> list[Any]:
    """Expected calls for a signature."""
    return [[e.name, thaw(e.args), e.match, sorted(e.ignore), {k: str(t) for k, t in e.tol.items()}] for e in expected]
