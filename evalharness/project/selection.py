"""``-k EXPR``: words joined by and, or, not and parentheses, matched against a case's id and tags. Data, never code."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from evalharness.core.cases import Case
from evalharness.core.errors import UsageError

Matcher = Callable[[Case], bool]
_TOKEN: Final = re.compile(r"\s*(\(|\)|[^\s()]+)")


def matcher(expression: str) -> Matcher:
    """A test of cases from an expression.

    Args:
        expression: For example ``refund and not (eu or us)``; a word matches when it is part of the id or equals a tag,
            without regard to case.

    Raises:
        UsageError: If it is not an expression.
    """
    parser = _Parser(_TOKEN.findall(expression))
    found = parser.either()
    if parser.rest:
        raise UsageError(f"-k: unexpected {parser.rest[0]!r} in {expression!r}")
    return found


class _Parser:
    """Recursive descent over a handful of tokens."""

    def __init__(self, tokens: list[str]) -> None:
        self.rest = tokens

    def either(self) -> Matcher:
        left = self.both()
        while self._take("or"):
            left = _either(left, self.both())
        return left

    def both(self) -> Matcher:
        left = self.one()
        while self._take("and"):
            left = _both(left, self.one())
        return left

    def one(self) -> Matcher:
        if self._take("not"):
            inner = self.one()
            return lambda case: not inner(case)
        if self._take("("):
            inner = self.either()
            if not self._take(")"):
                raise UsageError("-k: a parenthesis is not closed")
            return inner
        if not self.rest or self.rest[0] in (")", "and", "or"):
            raise UsageError("-k: a word is missing")
        word = self.rest.pop(0).lower()
        return lambda case: word in case.id.lower() or word in (tag.lower() for tag in case.tags)

    def _take(self, word: str) -> bool:
        if self.rest and self.rest[0].lower() == word:
            self.rest.pop(0)
            return True
        return False


def _either(left: Matcher, right: Matcher) -> Matcher:
    return lambda case: left(case) or right(case)


def _both(left: Matcher, right: Matcher) -> Matcher:
    return lambda case: left(case) and right(case)
