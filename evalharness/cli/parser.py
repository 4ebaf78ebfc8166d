"""From words to arguments: finds the command, builds its parser alone, and says what is wrong in one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from evalharness.cli.grammar import Flag, Verb
from evalharness.cli.tree import GLOBAL_FLAGS, VERBS, actions_of, find_verb, verb_names
from evalharness.core.errors import UsageError

WIDTH: Final = 80
"""Help is the same on every screen, so that the docs can show it."""


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would print and exit."""

    def error(self, message: str) -> NoReturn:
        missing = message.removeprefix("the following arguments are required: ")
        if missing != message:
            meant = next((a for a in self._actions if missing in (*a.option_strings, a.metavar, a.dest)), None)
            what = f": {meant.help}" if meant is not None and meant.help else ""
            raise UsageError(f"{missing} is missing{what}", tip=f"{self.prog} --help lists the options")
        field, found, problem = message.removeprefix("argument ").partition(": ")
        is_field = message.startswith("argument ") and found
        tip = f"{self.prog} --help lists the options"
        raise UsageError(problem if is_field else message, where=field if is_field else "", tip=tip)


def _formatter(prog: str) -> argparse.HelpFormatter:
    # With a width of its own the formatter does not import shutil to ask for the terminal's.
    return argparse.HelpFormatter(prog, width=WIDTH, max_help_position=26)


def _whole(text: str, least: int) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:20]) < least or len(text) > 18:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, got {text!r}")
    return int(text)


def _count(text: str) -> int:
    return _whole(text, 1)


def _days(text: str) -> int:
    return _whole(text, 0)


def _number(text: str, *, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= most or value == float("inf"):
        ends = "of at least 0" if most == float("inf") else f"from 0 to {most:g}"
        raise argparse.ArgumentTypeError(f"expected a number {ends}, got {text!r}")
    return value


def _money(text: str) -> float:
    return _number(text, most=float("inf"))


def _share(text: str) -> float:
    return _number(text, most=1.0)


TYPES: Final[dict[str, Any]] = {"count": _count, "whole": _days, "money": _money, "share": _share}
"""``Flag.kind`` -> what reads the word after it."""


def flag_options(flag: Flag) -> dict[str, Any]:
    """The keyword arguments of ``add_argument`` for a flag."""
    options: dict[str, Any] = {"dest": flag.dest, "help": flag.help}
    if flag.kind == "level":
        return options | {"action": "count", "default": 0}
    if flag.choices:
        return options | {"choices": flag.choices, "metavar": "{" + "|".join(flag.choices) + "}"}
    if flag.metavar is None:
        return options | {"action": "store_true"}
    options["metavar"] = tuple(flag.metavar.split()) if " " in flag.metavar else flag.metavar
    if flag.repeat:
        options |= {"action": "append", "default": []}
    if flag.values > 1:
        options["nargs"] = flag.values
    if flag.required:
        options["required"] = True
    if flag.kind in TYPES:
        options["type"] = TYPES[flag.kind]
    return options


def build_parser(verb: Verb) -> argparse.ArgumentParser:
    """The parser of one command, global flags included."""
    extra: dict[str, Any] = {"color": False} if sys.version_info >= (3, 14) else {}
    parser = _Parser(
        prog=f"evalh {verb.name}",
        description=f"{verb.help[0].upper()}{verb.help[1:]}.",
        epilog=verb.text or None,
        add_help=False,
        allow_abbrev=False,
        formatter_class=_formatter,
        **extra,
    )
    add_to_parser(parser, verb)
    return parser


def add_to_parser(parser: argparse.ArgumentParser, verb: Verb) -> None:
    """Add a command's arguments and flags, and the global flags, to a parser."""
    for argument in verb.arguments:
        options: dict[str, Any] = {"metavar": argument.metavar, "help": argument.help}
        if argument.choices:
            options["choices"] = argument.choices
        if argument.nargs:
            options["nargs"] = argument.nargs
        parser.add_argument(argument.dest, **options)
    groups: dict[str, Any] = {}
    for flag in (*verb.flags, *GLOBAL_FLAGS):
        if flag.group not in groups:
            groups[flag.group] = parser.add_argument_group(flag.group)
        groups[flag.group].add_argument(*flag.names, **flag_options(flag))


class Words:
    """A command line, taken apart as far as the command's name.

    Attributes:
        verb: The command, or None when no command is named.
        group: First word of a command with actions whose help is asked for, else empty.
        rest: All words but the command's own.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        """Find the command.

        Raises:
            UsageError: If the command is unknown, an action is missing, or an option before it is unknown.
        """
        self.rest = list(argv)
        self.verb: Verb | None = None
        self.group = ""
        at = _first_plain(self.rest)
        if at is None:
            return
        name = self.rest.pop(at)
        self.verb = find_verb(name)
        actions = actions_of(name)
        if actions:
            self._take_action(name, actions, at)
        elif self.verb is None:
            raise _unknown(f"unknown command {name!r}", name, verb_names(), "commands")

    def _take_action(self, name: str, actions: tuple[str, ...], start: int) -> None:
        at = _first_plain(self.rest, start)
        if at is None and self.asks("-h", "--help"):
            self.group = name
            return
        if at is None:
            raise UsageError(f"evalh {name} needs an action", tip=f"actions: {', '.join(actions)}")
        action = self.rest.pop(at)
        if action not in actions:
            raise _unknown(f"unknown action {action!r} of evalh {name}", action, actions, "actions")
        self.verb = find_verb(f"{name} {action}")

    def asks(self, *flags: str) -> bool:
        """True when one of the flags stands among the words before ``--``."""
        ours = self.rest[: self.rest.index("--")] if "--" in self.rest else self.rest
        return any(flag in ours for flag in flags)


def _first_plain(words: Sequence[str], start: int = 0) -> int | None:
    """Index of the first word that is neither a global flag nor a flag's value."""
    takes_value = {name for flag in GLOBAL_FLAGS if flag.metavar for name in flag.names}
    switches = {name for flag in GLOBAL_FLAGS if not flag.metavar for name in flag.names}
    at = start
    while at < len(words):
        word = words[at]
        if not word.startswith("-") or word == "-":
            return at
        attached = word.partition("=")[0] in takes_value or (word[:2] in takes_value and not word.startswith("--"))
        letters_only = word[1:].replace("q", "").replace("v", "") == ""
        if not (word in takes_value or word in switches or attached or letters_only):
            raise UsageError(
                f"unknown option {word!r} before the command", tip="options of a command stand after its name"
            )
        at += 2 if word in takes_value else 1
    return None


def parse(verb: Verb, words: Sequence[str]) -> argparse.Namespace:
    """The arguments of a command.

    Args:
        verb: The command.
        words: The words after it (global flags may be among them).

    Raises:
        UsageError: If a word is unknown or a value is wrong.
    """
    _check_options(verb, words)
    args, extra = build_parser(verb).parse_known_intermixed_args(list(words))
    if extra:
        raise UsageError(f"unexpected argument {extra[0]!r}", tip=f"evalh {verb.name} --help")
    return args


def _check_options(verb: Verb, words: Sequence[str]) -> None:
    """Refuse an unknown option before argparse complains of what is missing because of it."""
    known = [name for flag in (*verb.flags, *GLOBAL_FLAGS) for name in flag.names]
    for word in words:
        if word == "--":
            return
        option = word.partition("=")[0] if word.startswith("--") else word[:2]
        if option.startswith("-") and option != "-" and option not in known and not option[1:].isdigit():
            message = f"unknown option {option!r} of evalh {verb.name}"
            raise _unknown(message, option, [name for name in known if name.startswith("--")], "")


def _unknown(message: str, name: str, known: Sequence[str], title: str) -> UsageError:
    from evalharness.core.nearest import nearest

    near = nearest(name, known)
    others = f"{title}: {', '.join(known)}" if title else "--help lists the options"
    return UsageError(message, tip=f"did you mean {near!r}?" if near else others)


def help_text(verb: Verb) -> str:
    """The help of a command."""
    return build_parser(verb).format_help()


def group_text(name: str) -> str:
    """The help of a command with actions: the actions."""
    actions = [verb for verb in VERBS if verb.name.startswith(f"{name} ")]
    lines = [f"  evalh {verb.name:<16} {verb.help}" for verb in actions]
    return "\n".join([f"usage: evalh {name} ACTION", "", *lines, "", f"evalh {name} ACTION --help says more.", ""])


def full_parser() -> argparse.ArgumentParser:
    """The parser of everything, for completion scripts; running commands never builds it."""
    parser = argparse.ArgumentParser(prog="evalh", add_help=False, allow_abbrev=False)
    for flag in GLOBAL_FLAGS:
        parser.add_argument(*flag.names, **flag_options(flag))
    commands = parser.add_subparsers(dest="command")
    nested: dict[str, Any] = {}
    for verb in VERBS:
        first, _, action = verb.name.partition(" ")
        if action and first not in nested:
            nested[first] = commands.add_parser(first, help="actions on eval sets", add_help=False).add_subparsers()
        where = nested[first] if action else commands
        add_to_parser(where.add_parser(action or first, help=verb.help, add_help=False), verb)
    return parser
