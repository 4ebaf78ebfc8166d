"""``evalh evalset import | diff | grow``: thin calls into the eval-set room."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evalharness.cli import console
from evalharness.cli.new_files import set_name
from evalharness.core.errors import UsageError
from evalharness.core.files import shown

if TYPE_CHECKING:
    from evalharness.config.model import Config
    from evalharness.evalset.diff import SetDiff
    from evalharness.project.workspace import Workspace


def execute(args: argparse.Namespace) -> int:
    """Do one of the actions.

    Raises:
        EvalhError: As the action.
    """
    return ACTIONS[args.verb.split()[1]](args)


# --- import -----------------------------------------------------------------------------------------------------------


def _import(args: argparse.Namespace) -> int:
    from evalharness.cli.options import is_offline
    from evalharness.evalset.importers import import_cases, write_import
    from evalharness.evalset.mapping import parse_map
    from evalharness.moving.registry import split_source

    other = split_source(args.source)
    name = args.name or set_name(_stem(other[1] if other else args.source))
    config = _config_if_any(args)
    root = config.root if config else Path.cwd()
    known = config is not None and name in config.evalsets
    path = _path(config, name) if config and known else root / "evalsets" / f"{name}.jsonl"
    if other:
        from evalharness.cli.moved import add

        return add(args, kind=other[0], file=other[1], root=root, path=path, name=name, known=known)
    imported = import_cases(args.source, mapping=parse_map(args.map), offline=is_offline(args))
    path.parent.mkdir(parents=True, exist_ok=True)
    version = write_import(path, imported, name=name, root=root)
    if args.json:
        console.answer_json({"path": shown(path), "name": name, "version": version, "cases": len(imported.cases)})
        return 0
    console.answer("\n".join([*imported.lines(), f"wrote {shown(path)}, version {version}"]))
    if not known:
        console.say(f'to use it: [evalsets] {name} = {{ path = "{path.relative_to(root).as_posix()}" }}')
    return 0


def _stem(source: str) -> str:
    """What a set is called after: the file's stem, or the data set's name."""
    return source.removeprefix("hf:").split("@")[0] if source.startswith("hf:") else Path(source).stem


def _config_if_any(args: argparse.Namespace) -> Config | None:
    from evalharness.core.errors import ConfigError

    try:
        return _config(args)
    except ConfigError as error:
        if error.code == "no_config":
            return None
        raise


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
        place = path.relative_to(config.root).as_posix()
        old = read_cases(place, content=_at(config, args.a, path))
        now = read_cases(path) if new_ref is None else read_cases(place, content=_at(config, new_ref, path))
        yield diff_cases(old, now, old_name=f"{args.a}:{place}", new_name=f"{new_ref}:{place}" if new_ref else place)


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


# --- grow -------------------------------------------------------------------------------------------------------------


def _grow(args: argparse.Namespace) -> int:
    from evalharness.cli.options import looking
    from evalharness.evalset.grow import propose, write_proposals
    from evalharness.evalset.jsonl import read_cases
    from evalharness.project.workspace import open_workspace

    with open_workspace(Path.cwd(), config=args.config, options=looking()) as workspace:
        name, reasons = _every_base(args, workspace) if args.every else _weak(args, workspace)
        evalset = workspace.evalset(name)
        entry = workspace.config.evalsets[name]
        proposals = propose(
            evalset.cases,
            reasons,
            slices=() if args.every else entry.slices,
            pool=read_cases(args.pool) if args.pool else (),
        )
        path, new = write_proposals(_path(workspace.config, name), proposals)
    if args.json:
        console.answer_json({"path": shown(path), "new": new, "notes": list(proposals.notes)})
        return 0
    console.answer("\n".join([*proposals.notes, _written(path, new)]))
    return 0


def _weak(args: argparse.Namespace, workspace: Workspace) -> tuple[str, list[tuple[str, str]]]:
    """The set, and (case id, why) of what a run got wrong."""
    from evalharness.project.growing import weak_cases
    from evalharness.project.showing import shown_run

    run = shown_run(workspace, args.source or "latest")
    return args.set or str(run.run.header.evalset.get("name")), list(weak_cases(run))


def _every_base(args: argparse.Namespace, workspace: Workspace) -> tuple[str, list[tuple[str, str]]]:
    """The set, and all its living cases but the variants."""
    if args.source or args.pool:
        raise UsageError("--all takes no run and no pool: it makes variants of the set's own cases")
    if args.set is None:
        raise UsageError("--all needs the set", tip="evalh evalset grow --all --set NAME")
    return args.set, [(case.id, "a variant") for case in workspace.evalset(args.set).living if case.variant is None]


def _written(path: Path, new: int) -> str:
    if new == 0:
        return "nothing new to propose"
    return (
        f"{new} new proposal{'' if new == 1 else 's'} in {shown(path)}: read them, then move the good ones into the set"
    )


ACTIONS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {"import": _import, "diff": _diff, "grow": _grow}
