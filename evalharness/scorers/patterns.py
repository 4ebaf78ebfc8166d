r"""Patterns: ``regex`` must match somewhere in the output, ``absent`` must match nowhere.

| word | parameters | value |
| --- | --- | --- |
| ``regex`` | ``pattern`` (required), ``flags`` | 1 when the pattern is found, else 0 |
| ``absent`` | ``pattern`` (required), ``flags`` | 1 when the pattern is not found, else 0 |

Syntax is Python's ``re`` with three differences, so that patterns mean what they mean elsewhere: ``$`` is the very end
of the text, not also the place before a last newline (with flag ``m``: the end of a line); ``\d`` is 0-9, not every
digit of Unicode; and ``(?<name>...)`` is accepted for ``(?P<name>...)``. ``flags`` is a word of the letters i m s x a.

A pattern whose work is bounded (``effort.py``) runs here, any other in the worker process; there it may compute for
one second on a text, and after that the case counts as failed (a ``Failure`` of kind ``timeout``).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from typing import Final

from evalharness.core.cases import Case
from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Failure, Output, ScoreResult
from evalharness.scorers import sandbox
from evalharness.scorers.base import Scorer, shown
from evalharness.scorers.effort import safe_length
from evalharness.scorers.parameters import Params

LONGEST_PATTERN: Final = 5_000
"""Characters of a pattern."""

_FLAGS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE, "a": re.ASCII}


class Pattern:
    """A compiled pattern that knows where it may run.

    Args:
        pattern: As a person wrote it.
        flags: Letters of i m s x a.

    Raises:
        ValueError: If it is no pattern, or too long; the message says where.
    """

    def __init__(self, pattern: str, flags: str = "") -> None:
        if len(pattern) > LONGEST_PATTERN:
            raise ValueError(f"a pattern of {len(pattern)} characters; at most {LONGEST_PATTERN} are read")
        number = 0
        for letter in flags:
            number |= _FLAGS[letter]
        self._text = translated(pattern, multiline="m" in flags)
        self._number = int(number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # "possible nested set": it means today what it says
            self._compiled = _compile(self._text, self._number)
            self._safe_length = safe_length(self._text, self._number)

    def search(self, text: str) -> tuple[int, int] | Failure | None:
        """The span of the first match, None when there is none, a ``Failure`` when the worker was stopped."""
        if len(text) <= self._safe_length:
            match = self._compiled.search(text)
            return None if match is None else match.span()
        found = sandbox.call("search", self._text, self._number, text)
        return (found[0], found[1]) if isinstance(found, list) else found


def _compile(pattern: str, flags: int) -> re.Pattern[str]:
    try:
        return re.compile(pattern, flags)
    except re.error as error:
        raise ValueError(f"not a pattern: {error}") from None
    except (RecursionError, OverflowError):
        raise ValueError("not a pattern: nested or repeated too far") from None


def translated(pattern: str, *, multiline: bool = False) -> str:
    """The pattern in plain ``re`` syntax: see the top of this file for the three differences."""
    multiline = multiline or re.search(r"\(\?[aiLsux]*m", pattern) is not None
    pieces: list[str] = []
    position, in_class = 0, False
    while position < len(pattern):
        piece = _piece(pattern, position, in_class=in_class)
        if not in_class and piece.startswith("["):
            in_class = True
        elif in_class and piece == "]":
            in_class = False
        pieces.append(_plain(piece, in_class=in_class, multiline=multiline))
        position += len(piece)
    return "".join(pieces)


def _piece(pattern: str, position: int, *, in_class: bool) -> str:
    """The next piece: an escape, the head of a class with a literal ``]``, the head of a named group, or a character."""
    if pattern[position] == "\\":
        return pattern[position : position + 2]
    if not in_class:
        for head in ("[^]", "[]", "[^", "(?<"):
            if pattern.startswith(head, position):
                return head + pattern[position + 3 : position + 4] if head == "(?<" else head
    return pattern[position]


def _plain(piece: str, *, in_class: bool, multiline: bool) -> str:
    if piece == r"\d":
        return "0-9" if in_class else "[0-9]"
    if piece == r"\D" and not in_class:
        return "[^0-9]"
    if piece == "$" and not in_class and not multiline:
        return r"\Z"
    if piece.startswith("(?<") and piece[3:] not in ("=", "!"):
        return "(?P<" + piece[3:]
    return piece


class Regex(Scorer):
    """``regex``: 1 when the pattern is found anywhere in the output, else 0."""

    binary = asserts = True

    def __init__(self, params: Params) -> None:
        text = params.text("pattern")
        flags = params.text("flags", default="")
        if set(flags) - set(_FLAGS):
            params.refuse("flags", f"letters of {' '.join(_FLAGS)}", flags)
        try:
            self._pattern = Pattern(text, flags)
        except ValueError as error:
            params.refuse("pattern", "a pattern in Python's re syntax", text, tip=str(error))
        self._shown = shown(text, 80)
        super().__init__(params)

    def measure(self, output: Output, _case: Case, /) -> ScoreResult:
        """Search the output."""
        text = output.text or ""
        found = self._pattern.search(text)
        if isinstance(found, Failure):
            return found
        if found is None:
            reason = f"{self._shown} was not found in {shown(text)}"
            return self.verdict(self.holds_when(found=False), reason, {"searched": len(text)})
        seen = shown(text[found[0] : found[1]])
        evidence = {"span": list(found)}
        return self.verdict(self.holds_when(found=True), f"{self._shown} matches {seen}", evidence)

    def holds_when(self, *, found: bool) -> bool:
        """Whether the assertion holds."""
        return found


class Absent(Regex):
    """``absent``: 1 when the pattern is found nowhere in the output, else 0."""

    def holds_when(self, *, found: bool) -> bool:
        """Whether the assertion holds."""
        return not found


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {"regex": Regex, "absent": Absent}
