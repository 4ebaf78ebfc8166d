"""``evalh evalset import | diff | grow``: thin calls into the eval-set room."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evalharness.cli import console
from evalharness.core.errors import UsageError

if TYPE_CHECKING:
    from evalharness.config.model import Config
    from evalharness.evalset.diff import SetDiff


def execute(args: argparse.Namespace) -> int:
    """Do one of the actions.

    Raises:
        EvalhError: As the action.
    """
    return ACTIONS[args.verb.split()[1]](args)


# --- diff -------------------------------------------------------------------------------------------------------------


def _diff(args: argparse.Namespace) -> int:
    found = list(diffs(args))
    if args.json:
        console.answer_json({"diffs": [diff.to_json() for diff in found]})
    else:
        console.answer("\n".join(line for diff in found for line in diff.lines()))
    return 0


def diffs(args: argparse.Namespace) -> Iterator[SetDiff]:
    """The differences that ``evalset diff A [B]`` asks for: two files, or the config's sets at A and at B (or now).

    Raises:
        UsageError: If A is a file and B is none.
        EvalhError: If there is no config, the ref is unknown, or a set is wrong.
    """
    from evalharness.evalset.diff import diff_cases
    from evalharness.evalset.jsonl import read_cases

    if Path(args.a).is_file():
        new = _second_file(args)
        yield diff_cases(read_cases(args.a), read_cases(new), old_name=args.a, new_name=str(new))
        return
    config = _config(args)
    paths, new_ref = _sets(args.b, config)
    for path in paths:
        shown = str(path.relative_to(config.root))
        old = read_cases(shown, content=_at(config, args.a, path))
        now = read_cases(path) if new_ref is None else read_cases(shown, content=_at(config, new_ref, path))
        yield diff_cases(old, now, old_name=f"{args.a}:{shown}", new_name=f"{new_ref}:{shown}" if new_ref else shown)


def _second_file(args: argparse.Namespace) -> Path:
    """B beside a file A: another file, or an eval set of the config."""
    if args.b is None:
        raise UsageError(f"{args.a!r} is a file: name a second one", tip="evalh evalset diff OLD.jsonl NEW.jsonl")
    if Path(args.b).is_file():
        return Path(args.b)
    config = _config(args)
    if args.b not in config.evalsets:
        raise UsageError(f"no file and no eval set named {args.b!r}")
    return _path(config, args.b)


def _sets(word: str | None, config: Config) -> tuple[list[Path], str | None]:
    """Which files to compare, and the second ref (None: as they are now)."""
    if word is not None and word in config.evalsets:
        return [_path(config, word)], None
    if word is not None and Path(word).is_file():
        return [config.resolve(str(Path(word).resolve()), where="B")], None
    if not config.evalsets:
        raise UsageError("the config has no eval sets", where=config.path)
    return [_path(config, name) for name in config.evalsets], word


def _path(config: Config, name: str) -> Path:
    entry = config.evalsets[name]
    return config.resolve(entry.path, where=entry.where)


def _at(config: Config, ref: str, path: Path) -> bytes:
    """The bytes of a file at a git ref."""
    from evalharness.core.errors import BaselineError, EvalSetError
    from evalharness.project.gitfacts import file_at

    try:
        return file_at(config.root, ref, path)
    except BaselineError as error:  # git's words fit, a baseline's tip does not
        raise EvalSetError(error.message, tip="A and B are files, git refs, or eval sets of the config") from None


def _config(args: argparse.Namespace) -> Config:
    from evalharness.config.load import load_config

    return load_config(Path(), config=args.config)


ACTIONS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {"diff": _diff}
