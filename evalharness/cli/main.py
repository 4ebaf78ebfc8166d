"""``evalh``: finds the command, runs it, and is the one place where errors become messages and exit codes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from evalharness.cli import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from evalharness.cli.parser import Words
    from evalharness.core.errors import EvalhError

REPORT = (
    "this is a bug in evalharness: please report it with the output of `evalh doctor` and of the same command with -vv"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The words after ``evalh``; the process's own when None.

    Returns:
        The exit code (contract, section 4).
    """
    words = list(sys.argv[1:] if argv is None else argv)
    console.prepare_streams()
    try:
        return _run(words)
    except KeyboardInterrupt:
        console.say("interrupted")
        return 130
    except Exception as error:  # noqa: BLE001 - the boundary: whatever comes becomes a message and an exit code
        return _report(error, words)


def _run(words: list[str]) -> int:
    if not words or words in (["-h"], ["--help"]):
        from evalharness.cli.tree import OVERVIEW

        console.answer(OVERVIEW.rstrip("\n"))
        return 0
    from evalharness.cli.parser import Words

    command = Words(words)
    if command.asks("-V", "--version"):
        from evalharness import __version__

        console.answer(f"evalh {__version__}")
        return 0
    if command.verb is None or command.asks("-h", "--help"):
        return _help(command)
    from evalharness.cli.parser import parse
    from evalharness.runner.collector import rarer_collections

    args = parse(command.verb, command.rest)
    args.verb = command.verb.name
    with rarer_collections():
        return _execute(args, command.verb.module)


def _help(command: Words) -> int:
    from evalharness.cli.parser import group_text, help_text
    from evalharness.cli.tree import OVERVIEW
    from evalharness.core.errors import UsageError

    if command.verb is None and not command.asks("-h", "--help"):
        raise UsageError("no command", tip="evalh alone lists the commands")
    text = help_text(command.verb) if command.verb else group_text(command.group) if command.group else OVERVIEW
    console.answer(text.rstrip("\n"))
    return 0


def _execute(args: argparse.Namespace, module: str) -> int:
    """Run a command in the folder that ``-C`` names."""
    from importlib import import_module

    execute = import_module(f"evalharness.cli.{module}").execute
    before = _here()
    if args.directory is None:
        return int(execute(args))
    try:
        os.chdir(args.directory)
    except OSError as error:
        from evalharness.core.errors import UsageError

        raise UsageError(f"{args.directory!r}: {error.strerror}", where="-C") from None
    try:
        return int(execute(args))
    finally:
        os.chdir(before)


def _here() -> str:
    try:
        return os.getcwd()
    except OSError:
        from evalharness.core.errors import UsageError

        raise UsageError("the folder that this shell is in is gone", tip="cd into one that is there") from None


def _report(error: Exception, words: list[str]) -> int:
    """Say what went wrong: one JSON object for ``--json``, else lines on stderr."""
    from evalharness.core.errors import EvalhError

    known = error if isinstance(error, EvalhError) else _bug(error)
    if _verbosity(words) >= 2:
        import traceback

        from evalharness.core.masking import mask

        console.say(mask("".join(traceback.format_exception(error)).rstrip("\n")))
    if "--json" in words and known.where != console.ANSWER:
        console.answer_json(_error_object(known))
    else:
        console.say(str(known) if known.where else f"evalh: {known}")
    return known.exit_code


def _bug(error: Exception) -> EvalhError:
    from evalharness.core.errors import EvalhError
    from evalharness.core.masking import mask

    lines = mask(str(error)).splitlines() or [""]  # before it is cut: half a key is not found any more
    return EvalhError(f"internal error: {type(error).__name__}: {lines[0][:200]}", tip=REPORT)


def _error_object(error: EvalhError) -> dict[str, object]:
    """The object of the contract's section 5 for a command that ended in an error."""
    from evalharness.core.verdicts import SCHEMA

    return {
        "schema": SCHEMA,
        "outcome": error.outcome,
        "exit_code": error.exit_code,
        "warnings": [],
        "gates": [],
        "error": error.to_json(),
    }


def _verbosity(words: list[str]) -> int:
    short = sum(word.count("v") for word in words if word[:1] == "-" and word[1:] and not word[1:].strip("vq"))
    return short + words.count("--verbose")
