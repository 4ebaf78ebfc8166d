"""The nearest known name, for the tip under an error about an unknown one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MOST_NAMES: Final = 20
"""Names that a tip lists; there are seventy scorer words."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like ``name``, or None when none is near.

    Args:
        name: What was typed.
        known: The names that would have been right.
    """
    from difflib import get_close_matches  # 13 ms of start-up, wanted only on the way to an error

    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(name.lower(), list(by_lower), n=1)
    return by_lower[matches[0]] if matches else None


def name_tip(name: str, known: Iterable[str], *, title: str) -> str:
    """``did you mean 'correct'? defined scorers: correct, grounded``.

    Args:
        name: What was typed.
        known: The names that would have been right, in the order to show.
        title: What they are, for example ``defined scorers``.
    """
    names = list(known)
    near = nearest(name, names)
    question = f"did you mean {near!r}? " if near else ""
    rest = len(names) - MOST_NAMES
    some = f"{', '.join(names[:MOST_NAMES])} and {rest} more" if rest > 0 else ", ".join(names)
    return f"{question}{title}: {some}" if names else ""
