"""The arguments of IFEval's instructions: their names, kinds, and what is refused instead of being drawn at random.

The original drops every argument that is 0, empty or missing and draws one at random, so that two runs need not agree.
Here a missing argument is an error; 0 counts as 0, and under ``compat`` it is refused because the original has no answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from evalharness.scorers.effort import safe_length

Arguments: TypeAlias = Mapping[str, Any]
"""Checked arguments by name."""

RELATIONS: Final = ("less than", "at least")
MOST_CHARACTERS: Final = 100_000
"""A longer output is the candidate's failure."""
SHORTEST: Final = 2_000
"""Characters that a keyword which is a pattern must at least be able to search with bounded work."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What an argument may be."""

    expected: str
    """For messages."""
    read: Callable[[Any], Any]
    """The value as checks use it; raises ``ValueError`` or ``TypeError`` when it is no such thing."""
    pattern: bool = False
    """True where the original takes the text for a regular expression."""


def _count(value: Any) -> int:
    # Data sets that went through a data frame hold 3.0 for 3.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value) or value < 0:
        raise ValueError
    return int(value)


def _place(value: Any) -> int:
    if not _count(value):
        raise ValueError
    return _count(value)


def _relation(value: Any) -> str:
    if value not in RELATIONS:
        raise ValueError
    return str(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value


def _stripped(value: Any) -> str:
    return _text(value).strip()


def _texts(value: Any) -> tuple[str, ...]:
    items = (value,) if isinstance(value, str) else tuple(value)
    if not items:
        raise ValueError
    return tuple(sorted({_text(item) for item in items}))


def _letter(value: Any) -> str:
    text = _text(value)
    if len(text) != 1:
        raise ValueError
    return text.lower()


def _language(value: Any) -> str:
    from evalharness.scorers.behaviour_languages import LANGUAGES as KNOWN

    text = _text(value)
    if text not in KNOWN:
        raise ValueError
    return text


COUNT: Final = Kind("a whole number >= 0", _count)
PLACE: Final = Kind("a whole number >= 1", _place)
RELATION: Final = Kind('"less than" or "at least"', _relation)
TEXT: Final = Kind("a text that is not blank", _text)
PHRASE: Final = Kind("a text that is not blank", _stripped)
KEYWORD: Final = Kind("a text that is not blank", _stripped, pattern=True)
KEYWORDS: Final = Kind("a list of texts", _texts, pattern=True)
LETTER: Final = Kind("one letter", _letter)
LANGUAGE: Final = Kind("a language code such as en, de, hi", _language)


def read_arguments(kinds: Mapping[str, Kind], given: Mapping[str, Any], *, compat: bool) -> dict[str, Any]:
    """Check an instruction's arguments.

    Args:
        kinds: Name -> kind of every argument that the instruction has; all are required.
        given: Arguments as a person or a data set wrote them; those that are null are taken as not given.
        compat: True to refuse what the original would replace by chance.

    Raises:
        ValueError: If an argument is missing, unknown, or of the wrong kind; the message names it.
    """
    present = {name: value for name, value in given.items() if value is not None}
    for name in present:
        if name not in kinds:
            raise ValueError(f"it has no argument {name!r}; it has: {', '.join(kinds) or 'none'}")
    return {name: _read(name, kind, present, compat=compat) for name, kind in kinds.items()}


def _read(name: str, kind: Kind, present: Mapping[str, Any], *, compat: bool) -> Any:
    if name not in present:
        raise ValueError(f"it needs {name!r}: {kind.expected}")
    try:
        value = kind.read(present[name])
    except (ValueError, TypeError):
        raise ValueError(f"{name} is {kind.expected}, got {str(present[name])[:80]!r}") from None
    if compat:
        _refuse_chance(name, kind, value)
    return value


def _refuse_chance(name: str, kind: Kind, value: Any) -> None:
    """Refuse where the original has no fixed answer, and keywords that would not end."""
    if kind is COUNT and value == 0:
        raise ValueError(f"{name} = 0: the original drops a zero and draws a number at random; leave compat out")
    if kind is LETTER and not "a" <= value <= "z":
        raise ValueError(f"{name} = {value!r}: the original draws another letter at random; leave compat out")
    for pattern in (value if isinstance(value, tuple) else (value,)) if kind.pattern else ():
        _refuse_endless(name, pattern)


def _refuse_endless(name: str, pattern: str) -> None:
    try:
        re.compile(pattern, re.IGNORECASE)
        bounded = safe_length(pattern, re.IGNORECASE) >= SHORTEST
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{name}: the original takes it for a pattern, and it is none: {error}") from None
    if not bounded:
        raise ValueError(f"{name}: the original takes {pattern[:80]!r} for a pattern, and that one may not end")


def longest_text(kinds: Mapping[str, Kind], arguments: Arguments) -> int:
    """Characters that the patterns among the arguments (``compat``) surely search with bounded work."""
    patterns = [
        pattern
        for name, kind in kinds.items()
        if kind.pattern
        for pattern in (arguments[name] if isinstance(arguments[name], tuple) else (arguments[name],))
    ]
    return min((safe_length(pattern, re.IGNORECASE) for pattern in patterns), default=MOST_CHARACTERS)
