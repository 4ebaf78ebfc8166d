"""What a command of ``evalh`` is made of: arguments, options, and the verb that has them."""

from __future__ import annotations

from typing import NamedTuple


class Flag(NamedTuple):
    """One option."""

    names: tuple[str, ...]
    help: str
    dest: str
    metavar: str | None = None
    """None for a switch."""
    kind: str = "text"
    """``text``, ``count`` (>= 1), ``whole`` (>= 0), ``money``, ``share``, ``level`` (how often it is given)."""
    repeat: bool = False
    """May be given several times; the value is then a list."""
    values: int = 1
    """How many words follow."""
    choices: tuple[str, ...] = ()
    required: bool = False
    group: str = "options"
    """Heading in the help."""
    file: bool = False
    """Its value is a file or folder (for completion)."""


class Argument(NamedTuple):
    """One positional argument."""

    dest: str
    metavar: str
    help: str
    nargs: str | None = None
    """None for exactly one, else ``?``, ``*`` or ``+``."""
    choices: tuple[str, ...] = ()
    file: bool = False


class Verb(NamedTuple):
    """One command; a command with actions has one of these per action (``evalset import``)."""

    name: str
    help: str
    """One line, lower case, for lists."""
    module: str
    """Module in ``evalharness.cli`` with ``execute(args) -> int``."""
    arguments: tuple[Argument, ...] = ()
    flags: tuple[Flag, ...] = ()
    text: str = ""
    """More about it, for its own help."""
