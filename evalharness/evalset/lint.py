"""``lint``: every data file of a project, and evalh.lock; ``--fix`` sorts, tidies, works out versions and locks.

The config itself was checked when it was loaded. Rubrics are read and locked here; what they say is checked where they
are used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from evalharness.core.builtin import rubric_path
from evalharness.core.errors import ConfigError, EvalhError, EvalSetError, RubricError
from evalharness.core.files import shown
from evalharness.core.specs import digest
from evalharness.evalset.answers import load_corpus, read_answers
from evalharness.evalset.findings import Finding, look_at_set
from evalharness.evalset.jsonl import read_cases
from evalharness.evalset.lock import (
    LOCK_NAME,
    Lock,
    LockedRubric,
    LockedSet,
    lock_set,
    read_lock,
    read_sides,
    write_lock,
)

if TYPE_CHECKING:
    from evalharness.config.model import Config

CommittedFile: TypeAlias = Callable[[Path], bytes | None]
"""Gives the content of a file as it was last committed, or None."""

_UNDIGESTED: Final = ("title", "version", "anchors")


def lint_config(
    config: Config,
    paths: Sequence[str | Path] = (),
    fix: bool = False,  # noqa: FBT001, FBT002 - the signature that the command and the API agreed on
    *,
    committed: CommittedFile | None = None,
) -> list[Finding]:
    """Inspect the data files of a project.

    Args:
        config: The loaded config.
        paths: Only these files; all that the config names when empty.
        fix: Sort and tidy eval sets, and bring evalh.lock up to date.
        committed: Reads committed files; needed only to work out the version of sets whose lock has no fingerprints.

    Returns:
        What was found, file by file; fixed findings are marked.

    Raises:
        DiskFailed: If a file cannot be rewritten.
    """
    work = _Work(config, frozenset(Path(path).resolve() for path in paths), fix=fix, committed=committed)
    work.read_lock()
    for name in config.evalsets:
        work.eval_set(name)
    work.recorded()
    work.rubrics()
    work.settle_lock()
    return work.findings


@dataclass(slots=True)
class _Work:
    """One run of lint: the config, the lock as it was, and the lock as it should be."""

    config: Config
    only: frozenset[Path]
    fix: bool
    committed: CommittedFile | None
    findings: list[Finding] = field(default_factory=list)
    sides: tuple[Lock, ...] = ()
    conflict: bool = False
    """The lock has to be written even if nothing else changed."""
    can_lock: bool = True
    evalsets: dict[str, LockedSet] = field(default_factory=dict)
    rubric_entries: dict[str, LockedRubric] = field(default_factory=dict)

    @property
    def lock_path(self) -> Path:
        return self.config.root / LOCK_NAME

    def read_lock(self) -> None:
        """Read the lock, or both of its sides when a merge left a conflict."""
        try:
            self.sides = (read_lock(self.lock_path),)
        except EvalSetError as error:
            self.conflict = error.code == "lock_conflict"
            try:
                self.sides = read_sides(self.lock_path) if self.conflict else ()
            except EvalSetError as other:
                error = other
            self.can_lock = bool(self.sides)
            self._note(error, fixable=self.can_lock, fixed=self.can_lock and self.fix)
        for side in reversed(self.sides):
            self.evalsets |= side.evalsets
            self.rubric_entries |= side.rubrics

    def eval_set(self, name: str) -> None:
        """Inspect one eval set and its corpus."""
        entry = self.config.evalsets[name]
        for path in self._files(entry.path, entry.where):
            with self._caught():
                look = look_at_set(path, fix=self.fix)
                self.findings += look.findings
                if look.readable and self.can_lock:
                    self._lock_set(name, path, look.cases)
        for path in self._files(entry.corpus, entry.where):
            with self._caught():
                load_corpus(path)

    def recorded(self) -> None:
        """Read every answers file: of recorded candidates, and of gates whose baseline is a file."""
        files = {
            spec.params["recorded"]: spec.where for spec in self.config.candidates.values() if spec.use == "recorded"
        }
        for gate in self.config.gates.values():
            if gate.baseline is not None and gate.baseline not in self.config.candidates:
                files.setdefault(gate.baseline, gate.where)
        for name, where in files.items():
            for path in self._files(name, where):
                with self._caught():
                    if not any(True for _ in read_answers(path)):
                        raise EvalSetError("the answers file is empty, expected at least one answer", where=shown(path))

    def rubrics(self) -> None:
        """Read every rubric that a judge names, and see that its version moves with its content."""
        for scorer in self.config.scorers.values():
            table = scorer.component
            if table.use == "judge" and isinstance(table.params.get("rubric"), str):
                for path in self._rubric_files(table.params["rubric"], table.where):
                    with self._caught():
                        self._lock_rubric(path, _read_rubric(path))

    def _rubric_files(self, name: str, where: str) -> Iterator[Path]:
        """The rubric's file; a shipped one is looked at when the whole project is."""
        path = rubric_path(self.config.root, name)
        if path == self.config.root / name:
            yield from self._files(name, where)
        elif not self.only:
            yield path

    def settle_lock(self) -> None:
        """Drop entries of sets that are gone, and write the lock if it changed."""
        for name in sorted(set(self.evalsets) - set(self.config.evalsets)):
            if self.evalsets[name].source is None:  # an import waits in the lock until the config names it
                self._lock_finding(f"evalsets.{name}", "no such eval set in the config any more")
                del self.evalsets[name]
        now = Lock(evalsets=self.evalsets, rubrics=self.rubric_entries)
        if self.fix and self.can_lock and (self.conflict or now != self.sides[0]):
            write_lock(self.lock_path, now)

    def _lock_set(self, name: str, path: Path, cases: Callable[[], Iterable[Any]]) -> None:
        previous = [side.evalsets[name] for side in self.sides if name in side.evalsets]
        earlier = None
        if self.committed is not None and any(not entry.cases for entry in previous):
            content = self.committed(path)
            earlier = None if content is None else read_cases(path, content=content)
        entry, changed = lock_set(cases, previous=previous, earlier=earlier)
        if entry in previous and not self.conflict:
            return
        if not previous:
            self._lock_finding(f"evalsets.{name}", f"not locked yet -> {entry.version}")
        elif changed is None:
            what = f"changed, and nothing tells what: counted as major -> {entry.version}"
            self._lock_finding(f"evalsets.{name}", what)
        else:
            self._lock_finding(f"evalsets.{name}", changed.summary(entry.version))
        self.evalsets[name] = entry

    def _lock_rubric(self, path: Path, data: Mapping[str, Any]) -> None:
        name = str(data.get("id", path.stem))
        version = data.get("version")
        if type(version) is not int:
            raise RubricError(f"seen {version!r}, expected a whole number", where=f"{shown(path)}: version")
        content = digest({key: value for key, value in data.items() if key not in _UNDIGESTED})
        now = LockedRubric(version=version, n=_anchors(path), digest=content)
        for side in self.sides:
            old = side.rubrics.get(name)
            if old is not None and old.digest != content and old.version >= version:
                message = f"the rubric changed since it was locked, but its version is still {version}"
                raise RubricError(message, where=f"{shown(path)}: version", tip=f"write version = {old.version + 1}")
        if now != self.rubric_entries.get(name):
            self._lock_finding(f"rubrics.{name}", f"version {version} is not locked yet")
            self.rubric_entries[name] = now

    def _files(self, name: str | None, where: str) -> Iterator[Path]:
        """The file that the config names, unless it was not asked for or lies outside the project."""
        if name is None:
            return
        try:
            path = self.config.resolve(name, where=where)
        except ConfigError as error:
            self._note(error)
            return
        if not self.only or path.resolve() in self.only:
            yield path

    def _lock_finding(self, place: str, message: str) -> None:
        self.findings.append(
            Finding(
                file=shown(self.lock_path),
                field=place,
                message=message,
                tip="evalh lint --fix locks it",
                fixable=True,
                fixed=self.fix,
            )
        )

    def _note(self, error: EvalhError, *, fixable: bool = False, fixed: bool = False) -> None:
        self.findings.append(replace(Finding.of(error, file=self.config.path), fixable=fixable, fixed=fixed))

    @contextmanager
    def _caught(self) -> Iterator[None]:
        """A block whose refusals become findings; other errors go on."""
        try:
            yield
        except (EvalSetError, RubricError) as error:
            self._note(error)


def _read_rubric(path: Path) -> dict[str, Any]:
    import tomllib  # 25 ms of start-up

    try:
        data = tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise RubricError("no such file", where=shown(path)) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RubricError(f"not a TOML file: {error}", where=shown(path)) from None
    try:
        digest(data)
    except (TypeError, ValueError):
        raise RubricError(
            "seen a date or an infinite number, expected text and finite numbers", where=shown(path)
        ) from None
    return data


def _anchors(path: Path) -> int:
    """Anchors in the file beside a rubric, one a line."""
    file = path.parent / "anchors" / f"{path.stem}.jsonl"
    return file.read_bytes().count(b"\n") if file.is_file() else 0
