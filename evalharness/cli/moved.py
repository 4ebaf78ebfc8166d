"""``init --from KIND FILE`` and ``evalset import KIND:FILE`` for files of other tools and logs of production."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli import console
from evalharness.cli.new_files import common_files, ignore, set_name, write_new
from evalharness.core.errors import UsageError

if TYPE_CHECKING:
    from evalharness.moving.moved import Moved
    from evalharness.moving.redaction import Redactor


def start(args: argparse.Namespace, root: Path) -> int:
    """A new project from a file of another tool: eval set, answers, prompts, config, and the account of every item.

    Raises:
        UsageError: If ``--from`` names no kind of file, or the project has a config already.
        EvalSetError: If the file is wrong, or something of the project is there already.
    """
    from evalharness.moving.registry import KINDS
    from evalharness.project.moved_config import project_of
    from evalharness.project.moving_in import read_source, write_moved

    kind, file = args.source
    if kind not in KINDS:
        from evalharness.core.nearest import name_tip

        kinds = ("csv", *KINDS)
        raise UsageError(f"unknown kind {kind!r}", where="--from", tip=name_tip(kind, kinds, title="kinds"))
    if args.map:
        raise UsageError(f"--map is for tables; the fields of {kind} are known", where="--map")
    if (root / "evalh.toml").exists():
        tip = f"evalh evalset import {kind}:{file} adds an eval set to a project"
        raise UsageError("evalh.toml is there already, and init never overwrites", where=str(root), tip=tip)
    moved, redactor = read_source(kind, file, state=root / ".evalh")
    if not moved.cases:
        raise UsageError(f"{file!r} holds no cases to start from", tip=f"evalh evalset import {kind}:{file}")
    name = set_name(Path(file).stem)
    path = root / "evalsets" / f"{name}.jsonl"
    written = write_moved(moved, name=name, origin=f"{kind}:{Path(file).name}", root=root, path=path)
    project = project_of(moved, name=name, recorded=written.recorded)
    made: list[str] = list(written.files)
    kept: list[str] = []
    contents = {"evalh.toml": project.config, **project.files, **dict(common_files(args.ci))}
    for place, content in contents.items():
        (made if write_new(root / place, content) else kept).append(place)
    if ignore(root / ".gitignore"):
        made.append(".gitignore")
    if args.json:
        console.answer_json({"directory": str(root), "written": made, "kept": kept, **_facts(moved, redactor)})
        return 0
    lines = [*moved.lines(f"{kind}:{file}"), *(redactor.lines() if redactor else [])]
    console.answer("\n".join([*lines, *_next(root, made, kept, moved)]))
    return 0


def add(args: argparse.Namespace, *, kind: str, file: str, root: Path, path: Path, name: str, known: bool) -> int:
    """Add the eval set of a file of another tool to a project.

    Args:
        args: The command line.
        kind: Word of the format.
        file: The file.
        root: Folder of the project.
        path: File of the eval set.
        name: Its name.
        known: Whether the config knows that name.

    Raises:
        EvalSetError: If the file is wrong, or something is there already.
    """
    from evalharness.project.moving_in import read_source, write_moved

    if args.map:
        raise UsageError(f"--map is for tables; the fields of {kind} are known", where="--map")
    moved, redactor = read_source(kind, file, state=root / ".evalh")
    written = write_moved(moved, name=name, origin=f"{kind}:{Path(file).name}", root=root, path=path)
    if args.json:
        facts = {"name": name, "version": written.version, "written": list(written.files)}
        console.answer_json({**facts, **_facts(moved, redactor)})
        return 0
    lines = [*moved.lines(f"{kind}:{file}"), *(redactor.lines() if redactor else [])]
    console.answer("\n".join([*lines, *(f"wrote {place}" for place in written.files), *_waiting(moved)]))
    if written.evalset is not None and not known:
        console.say(f'to use it: [evalsets] {name} = {{ path = "evalsets/{path.name}" }}')
    for system, place in written.recorded.items():
        console.say(f'answers of {system}: [candidates] {set_name(system)} = {{ recorded = "{place}" }}')
    return 0


def _facts(moved: Moved, redactor: Redactor | None) -> dict[str, object]:
    return {
        "cases": len(moved.cases),
        "records": moved.rows,
        "counted": moved.counted,
        "answers": {system: len(lines) for system, lines in moved.answers.items()},
        "labels": len(moved.labels),
        "proposed": len(moved.proposed),
        "redacted": dict(redactor.found) if redactor else {},
        "account": [entry.to_json() for entry in moved.entries],
    }


def _waiting(moved: Moved) -> Iterator[str]:
    if moved.labels:
        yield f"{len(moved.labels)} labels from users, with their source: for evalh calibrate"
    if moved.proposed:
        yield f"{len(moved.proposed)} cases with a thumbs-down are quarantined: read them, then move the good ones into the set"


def _next(root: Path, made: list[str], kept: list[str], moved: Moved) -> Iterator[str]:
    yield from (f"wrote {place}" for place in made)
    yield from (f"kept  {place} (it was there)" for place in kept)
    yield from _waiting(moved)
    where = "" if root == Path() else f" -C {root}"
    yield ""
    yield "Next  read evalh.toml, then"
    yield f"      evalh{where} lint --fix"
    yield f'      evalh{where} promote --why "first baseline"'
    yield f"      evalh{where} gate"
