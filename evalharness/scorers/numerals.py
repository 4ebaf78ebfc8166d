"""Numbers in running text: which characters form one, and what it is worth.

The grammar: an optional sign, an optional currency sign, digits with or without groups of thousands (comma, no-break
or thin space, apostrophe), an optional fraction after a point, an optional exponent. A minus is ``-`` or U+2212, and
only where a number begins: in ``10-12`` and ``x-5`` it is a dash. Digits that follow a letter belong to a word (``H2O``,
``Q3``). ``50%`` is 50 and ``3/4`` is two numbers. Digits are 0-9; a number always has one.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import Any, Final

LONGEST: Final = 400
"""Digits of a number; longer runs are no numbers but noise."""

_NUMBER: Final = re.compile(
    r"""
    (?<![\w.]) (?=[-+\u2212$\u20ac\u00a3\u00a5.0-9])                # not inside a word or another number
    (?: (?<![)\]%]) (?P<sign>[-+\u2212]) )?                        # a sign, unless it joins two things
    (?: [$\u20ac\u00a3\u00a5]\s? (?P<late>[-\u2212])? )?           # $5, $-5
    (?: (?P<whole> [0-9]{1,3} (?: [,\u00a0\u2009\u202f'\u2019][0-9]{3} )+ (?![0-9]) | [0-9]+ ) (?P<part> \. [0-9]+ )?
      | (?P<bare> \. [0-9]+ ) )
    (?P<exponent> [eE][+-]?[0-9]{1,3} (?![\w]) )?
    """,
    re.VERBOSE,
)
_TAIL: Final = 4_000
_GROUPS: Final = re.compile("[^0-9]")
_EXACT: Final = Context(prec=2 * LONGEST + 2000)


def numbers_in(text: str) -> list[Decimal]:
    """All numbers of a text, in order."""
    return [number for match in _NUMBER.finditer(text) if (number := _worth(match)) is not None]


def last_number(text: str) -> Decimal | None:
    """The last number of a text, or None."""
    # The end of a long answer is enough, unless the only number in it may have been cut in two.
    found = numbers_in(text[-_TAIL:])
    if len(found) < 2 and len(text) > _TAIL:
        found = numbers_in(text)
    return found[-1] if found else None


def first_number(text: str) -> Decimal | None:
    """The first number of a text, or None."""
    return next((number for match in _NUMBER.finditer(text) if (number := _worth(match)) is not None), None)


def number_of(value: Any) -> Decimal | None:
    """A reference as a number: a number as it is, a text by its last number, None when there is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return Decimal(repr(value))
    return last_number(value) if isinstance(value, str) else None


def near(one: Decimal, other: Decimal, *, abs_tol: Decimal, rel_tol: Decimal) -> bool:
    """True when ``|one - other| <= max(abs_tol, rel_tol * |other|)``, in exact decimal arithmetic."""
    if one == other:
        return True
    allowed = max(abs_tol, _EXACT.multiply(rel_tol, other.copy_abs()))
    return allowed > 0 and _EXACT.subtract(one, other).copy_abs() <= allowed


def relative_similarity(one: Decimal, other: Decimal) -> float:
    """``1 - |a - b| / (|a| + |b|)``, in 0..1; 1 when both are 0."""
    if one == other:
        return 1.0
    difference = _EXACT.subtract(one, other).copy_abs()
    total = _EXACT.add(one.copy_abs(), other.copy_abs())
    return float(1 - _EXACT.divide(difference, total))


def _worth(match: re.Match[str]) -> Decimal | None:
    if match.end() - match.start() > LONGEST:
        return None
    negative = match["sign"] in ("-", "\u2212") or match["late"] is not None
    digits = _GROUPS.sub("", match["whole"] or "0") + (match["part"] or match["bare"] or "") + (match["exponent"] or "")
    return Decimal("-" + digits if negative else digits)
