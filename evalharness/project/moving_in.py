"""Other tools' files and logs into a project: the eval set with its provenance, answers, labels, proposals.

Nothing is overwritten: a file that is there already is refused before the first one is written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evalharness import __version__
from evalharness.core.errors import DiskFailed, EvalSetError
from evalharness.core.files import shown, write_atomic
from evalharness.core.specs import canonical_json
from evalharness.core.text import inert_json
from evalharness.evalset.grow import Proposals, write_proposals
from evalharness.evalset.importers import Import, write_import
from evalharness.evalset.lock import Source
from evalharness.moving.moved import Moved
from evalharness.moving.redaction import Redactor
from evalharness.moving.registry import LOGS, read_log, read_set

REDACTION_KEY: Final = "redaction.key"
"""File in the state folder: with it the same e-mail address gets the same placeholder next time too."""
LABELS: Final = ".labels.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written into a project."""

    version: str
    """Of the eval set in evalh.lock; empty when there are no cases."""
    evalset: Path | None
    recorded: Mapping[str, str]
    """System -> path of its answers, relative to the project."""
    files: tuple[str, ...]
    """Everything, relative to the project."""


def read_source(kind: str, file: str, *, state: Path) -> tuple[Moved, Redactor | None]:
    """A file of another tool, its two counts compared; logs of production come redacted.

    Args:
        kind: Word of the format.
        file: The file.
        state: State folder of the project, which keeps the key of the placeholders.

    Raises:
        UsageError: If the word is unknown.
        EvalSetError: If the file is not of this format, or its counts differ.
        ExtraMissing: If reading it needs an optional package.
    """
    path = Path(file)
    if kind not in LOGS:
        moved = read_set(kind, path)
        moved.check_count(shown(path))
        return moved, None
    from evalharness.moving.from_logs import moved_of_log

    redactor = Redactor(redaction_key(state))
    moved = moved_of_log(read_log(kind, path), redactor)
    moved.check_count(shown(path))
    return moved, redactor


def redaction_key(state: Path) -> bytes:
    """The project's key for placeholders, made when it is wanted first.

    Args:
        state: State folder; it ignores itself in git, so the key is never committed.

    Raises:
        DiskFailed: If it cannot be read or written.
    """
    path = state / REDACTION_KEY
    try:
        if path.exists():
            return bytes.fromhex(path.read_text(encoding="ascii").strip())
        state.mkdir(parents=True, exist_ok=True)
        ignore = state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="ascii")
        key = os.urandom(32)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key.hex() + "\n")
    except OSError as error:
        raise DiskFailed(f"cannot be used: {error.strerror or error}", where=shown(path)) from None
    except ValueError:
        raise DiskFailed("seen no hexadecimal key", where=shown(path), tip="delete it: a new one is made") from None
    return key


def write_moved(moved: Moved, *, name: str, origin: str, root: Path, path: Path) -> Written:
    """Write everything that a source became.

    Args:
        moved: What was read.
        name: Name of the eval set.
        origin: What evalh.lock says about where it is from.
        root: Folder of the project.
        path: File of the eval set.

    Raises:
        EvalSetError: If one of the files is there already.
        DiskFailed: If one cannot be written.
    """
    recorded = dict(_recorded_paths(moved, name))
    labels = path.with_name(path.stem + LABELS)
    targets = [root / file for file in recorded.values()]
    targets += [path] if moved.cases else []
    targets += [labels] if moved.labels else []
    for target in targets:
        if target.exists():
            tip = "import under another name: --name"
            raise EvalSetError("exists already, and an import never overwrites", where=shown(target), tip=tip)
    try:
        for target in [*targets, path]:
            target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskFailed(f"cannot be written: {error.strerror}", where=shown(root)) from None
    version = write_import(path, _import(moved, origin), name=name, root=root) if moved.cases else ""
    for system, file in recorded.items():
        _write_lines(root / file, moved.answers[system])
    if moved.labels:
        _write_lines(labels, moved.labels)
    files = [path] if moved.cases else []
    files += [root / file for file in recorded.values()] + ([labels] if moved.labels else [])
    if moved.proposed:
        files.append(write_proposals(path, Proposals(cases=moved.proposed))[0])
    return Written(
        version=version,
        evalset=path if moved.cases else None,
        recorded=recorded,
        files=tuple(_inside(file, root) for file in files),
    )


def _recorded_paths(moved: Moved, name: str) -> Iterator[tuple[str, str]]:
    """``recorded/NAME.jsonl``, or one file a system where there are several."""
    taken: set[str] = set()
    for system in moved.answers:
        word = re.sub(r"[^a-z0-9]+", "-", system.lower()).strip("-")[:40] or "system"
        base = f"{name}-{word}" if len(moved.answers) > 1 else name
        file, number = base, 2
        while file in taken:
            file, number = f"{base}-{number}", number + 1
        taken.add(file)
        yield system, f"recorded/{file}.jsonl"


def _import(moved: Moved, origin: str) -> Import:
    return Import(
        cases=tuple(sorted(moved.cases, key=lambda case: case.id)),
        rows=moved.rows,
        counted=moved.counted,
        columns={},
        changed=(),
        dropped=(),
        source=Source(origin=origin, sha256=moved.sha256, importer=f"evalharness {__version__}"),
    )


def _write_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    write_atomic(path, "".join(f"{inert_json(canonical_json(line))}\n" for line in lines).encode("utf-8"))


def _inside(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()
