"""Checks of numbers on their way in: a value outside its declared range is an error, never clipped."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal, SupportsFloat, TypeAlias

Side: TypeAlias = Literal["pass", "fail"]
"""``pass``: evidence that the mean is above the null; ``fail``: evidence that it is below."""

TOLERANCE = 1e-9
"""A value this near to a bound is the bound: rounding of c - b must not refuse a score."""


def in_range(value: SupportsFloat, low: float, high: float) -> float:
    """Return the value as a float within [low, high].

    Args:
        value: A number.
        low: Lower end of the declared range.
        high: Upper end of the declared range.

    Returns:
        The value; the bound itself where the value is within 1e-9 of it.

    Raises:
        ValueError: If the value is outside the range by more than 1e-9, or NaN.
    """
    number = float(value)
    if abs(number - low) <= TOLERANCE:
        return low
    if abs(number - high) <= TOLERANCE:
        return high
    if low < number < high:
        return number
    raise ValueError(f"value {number!r} is outside the declared range [{low:g}, {high:g}]")


def all_in_range(values: Iterable[SupportsFloat], low: float, high: float) -> list[float]:
    """``in_range`` for each value; accepts any iterable of numbers, NumPy arrays among them.

    Each different value is looked at once: 0/1 scores have three, however many cases there are.
    """
    found = list(values)
    known = {value: in_range(value, low, high) for value in set(found)}
    return [known[value] for value in found]


def check_range(low: float, high: float) -> None:
    """Raise ValueError unless low < high are finite."""
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"a range needs finite ends with low < high, got [{low!r}, {high!r}]")


def check_null(null: float, low: float, high: float) -> None:
    """Raise ValueError unless low < high are finite and the null value lies between them (ends included)."""
    check_range(low, high)
    if not low <= null <= high:
        raise ValueError(f"null value {null!r} is outside the range [{low:g}, {high:g}]")


def check_side(side: str) -> None:
    """Raise ValueError unless the side is "pass" or "fail"."""
    if side not in {"pass", "fail"}:
        raise ValueError(f'side must be "pass" or "fail", got {side!r}')


def check_share(name: str, value: float, *, zero: bool = False, one: bool = False) -> None:
    """Raise ValueError unless 0 < value < 1; ``zero`` and ``one`` admit the ends."""
    if (zero and value == 0) or (one and value == 1) or 0 < value < 1:
        return
    raise ValueError(f"{name} must lie in {'[' if zero else '('}0, 1{']' if one else ')'}, got {value!r}")
