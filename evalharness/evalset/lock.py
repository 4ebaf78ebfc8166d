"""evalh.lock: version, size and digest of each eval set and rubric, and where imported sets came from.

TOML, sorted, written only by ``evalh lint --fix`` and ``evalh evalset import``. Two branches that both locked something
conflict here; ``lint --fix`` reads both sides and writes the lock anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from evalharness.core.cases import Case
from evalharness.core.errors import EvalSetError
from evalharness.core.files import shown, write_atomic
from evalharness.core.specs import EMPTY, canonical_json
from evalharness.evalset.versions import (
    FIRST_VERSION,
    MAX_FINGERPRINTS,
    Changes,
    Fingerprint,
    changes,
    fingerprint_entry,
    next_version,
    version_key,
)

LOCK_NAME: Final = "evalh.lock"
_HEAD: Final = (
    "# Written by `evalh lint --fix`, not by hand: what each eval set and rubric was when it was last locked.\n"
)
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_MARKER: Final = re.compile(r"^(<{7}|\|{7}|={7}|>{7})( .*)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where an imported set came from."""

    origin: str
    """Path as given, or ``hf:org/name``."""
    revision: str = ""
    """Revision of the data set; empty for files."""
    sha256: str = ""
    """Of the source file (or of the files' digests in order, when there are several)."""
    importer: str = ""
    """Program and version that imported, for example ``evalharness 0.3.0``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedSet:
    """One eval set as it was locked."""

    version: str
    n: int
    """Living cases."""
    deprecated: int = 0
    """Deprecated cases."""
    digest: str
    """``EvalSet.digest``: SHA-256 of the canonical lines in id order."""
    cases: tuple[str, ...] = ()
    """``Fingerprint.rows``; empty for sets over ``MAX_FINGERPRINTS``."""
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedRubric:
    """One rubric as it was locked."""

    version: int
    """The rubric's own ``version``."""
    n: int = 0
    """Anchors."""
    digest: str
    """SHA-256 of its canonical JSON without title, version and anchors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The whole lock."""

    evalsets: Mapping[str, LockedSet] = field(default_factory=lambda: EMPTY)
    """By name in the config."""
    rubrics: Mapping[str, LockedRubric] = field(default_factory=lambda: EMPTY)
    """By rubric id."""

    def version_of(self, name: str, digest: str) -> str:
        """The locked version of a set, ``+edited`` behind it when its digest is another now; empty when not locked."""
        entry = self.evalsets.get(name)
        if entry is None:
            return ""
        return entry.version if entry.digest == digest else f"{entry.version}+edited"


def read_lock(path: str | os.PathLike[str]) -> Lock:
    """The lock; an empty one when there is no file.

    Raises:
        EvalSetError: If it is broken; code ``lock_conflict`` when it holds conflict markers of a merge.
    """
    text = _text(path)
    for number, line in enumerate(text.split("\n"), 1):
        if _MARKER.match(line):
            raise EvalSetError(
                f"seen the conflict marker {line[:7]}, expected a merged lock",
                where=f"{shown(path)}:{number}",
                tip="evalh lint --fix writes it anew",
                code="lock_conflict",
            )
    return _parse(text, shown(path))


def read_sides(path: str | os.PathLike[str]) -> tuple[Lock, ...]:
    """Both sides of a lock with conflict markers, as far as they can be read; the one lock when there are none.

    Raises:
        EvalSetError: If no side can be read.
    """
    text = _text(path)
    sides = dict.fromkeys(_side(text, ours=ours) for ours in (True, False))
    locks: list[Lock] = []
    problem: EvalSetError | None = None
    for side in sides:
        try:
            locks.append(_parse(side, shown(path)))
        except EvalSetError as error:
            problem = error
    if problem is not None and not locks:
        raise problem
    return tuple(locks)


def write_lock(path: str | os.PathLike[str], lock: Lock) -> None:
    """Write the lock atomically.

    Raises:
        DiskFailed: If it could not be written.
    """
    write_atomic(path, lock_text(lock).encode("utf-8"))


def lock_text(lock: Lock) -> str:
    """The lock as TOML: sorted, one fact a line."""
    blocks = [_HEAD + "lock = 1\n"]
    for kind, entries in (("evalsets", lock.evalsets), ("rubrics", lock.rubrics)):
        for name in sorted(entries):
            table = f"{kind}.{_key(name)}"
            entry = entries[name]
            blocks.append(_table(table, entry))
            if isinstance(entry, LockedSet) and entry.source is not None:
                blocks.append(_table(f"{table}.source", entry.source))
    return "\n".join(blocks)


def lock_set(
    ordered: Callable[[], Iterable[Case]],
    *,
    previous: Iterable[LockedSet] = (),
    earlier: Iterable[Case] | None = None,
) -> tuple[LockedSet, Changes | None]:
    """Lock a set as it is now, with the version that its changes lead to.

    Args:
        ordered: Gives the cases as they are now, in id order; called once or more, so that big sets can be streamed.
        previous: How it was locked; two entries for the two sides of a conflict: the higher version that follows wins.
        earlier: The cases as they were locked, when they are known (from git); else the fingerprints tell.

    Returns:
        The new entry, and what changed since the entry its version follows from; None when the set is new, or when
        nothing tells what changed (then the version moves by a major step).
    """
    now = set_facts(ordered())
    best: tuple[tuple[int, int, int], Changes | None] | None = None
    old = () if earlier is None else tuple(sorted(earlier, key=lambda case: case.id))
    source = None
    for entry in previous:
        source = source or entry.source
        changed = Changes() if entry.digest == now.digest else _changed(entry, ordered, old)
        version = next_version(entry.version, "major" if changed is None else changed.bump)
        if best is None or version_key(version) > best[0]:
            best = (version_key(version), changed)
    if best is None:
        return replace(now, version=FIRST_VERSION), None
    return replace(now, version=".".join(map(str, best[0])), source=source), best[1]


def set_facts(ordered: Iterable[Case]) -> LockedSet:
    """Everything the lock says of a set but its version, in one pass.

    Args:
        ordered: The cases in id order.

    Raises:
        ValueError: If they are not in id order.
    """
    sha = hashlib.sha256()
    entries: list[bytes] = []
    n = deprecated = 0
    last = ""
    for case in ordered:
        if case.id < last:
            raise ValueError(f"{case.id} comes after {last}")
        last = case.id
        sha.update(canonical_json(case.to_json()).encode("utf-8") + b"\n")
        n += case.deprecated is None
        deprecated += case.deprecated is not None
        if n + deprecated <= MAX_FINGERPRINTS:
            entries.append(fingerprint_entry(case))
    rows = Fingerprint.of_entries(entries).rows if n + deprecated <= MAX_FINGERPRINTS else ()
    return LockedSet(version="", n=n, deprecated=deprecated, digest=sha.hexdigest(), cases=rows)


def _changed(entry: LockedSet, ordered: Callable[[], Iterable[Case]], old: tuple[Case, ...]) -> Changes | None:
    if old and set_facts(old).digest == entry.digest:
        return changes(old, ordered())
    return Fingerprint(entry.cases).changes(ordered()) if entry.cases else None


def _text(path: str | os.PathLike[str]) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise EvalSetError(f"cannot be read: {error}", where=shown(path)) from None


def _side(text: str, *, ours: bool) -> str:
    """One side of the conflicts; the part between ``|||||||`` and ``=======`` is of neither."""
    kept: list[str] = []
    place = "both"
    for line in text.split("\n"):
        marker = _MARKER.match(line)
        if marker:
            place = {"<": "ours", "|": "base", "=": "theirs", ">": "both"}[line[0]]
        elif place in {"both", "ours" if ours else "theirs"}:
            kept.append(line)
    return "\n".join(kept)


def _parse(text: str, where: str) -> Lock:
    import tomllib  # 25 ms of start-up

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EvalSetError(
            f"not TOML: {error}", where=where, tip="restore it from git, or delete it and lock anew"
        ) from None
    if data.get("lock", 1) != 1:
        raise EvalSetError(f"seen lock format {data['lock']!r}, expected 1", where=where, tip="update evalharness")
    try:
        return Lock(
            evalsets={name: _locked_set(entry) for name, entry in data.get("evalsets", {}).items()},
            rubrics={name: LockedRubric(**entry) for name, entry in data.get("rubrics", {}).items()},
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise EvalSetError(
            f"seen an entry that evalh did not write: {error}", where=where, tip="restore it from git"
        ) from None


def _locked_set(entry: Mapping[str, Any]) -> LockedSet:
    source = entry.get("source")
    rows = tuple(entry.get("cases", ()))
    version_key(entry.get("version", ""))
    Fingerprint(rows).changes(())  # raises when the rows are damaged
    return LockedSet(**{**entry, "cases": rows, "source": None if source is None else Source(**source)})


def _table(name: str, entry: LockedSet | LockedRubric | Source) -> str:
    lines: list[str] = []
    for f in fields(entry):
        value = getattr(entry, f.name)
        is_left_out = value in {"", (), None} and f.default is not MISSING
        if f.name != "source" and not is_left_out:
            lines.append(f"{f.name} = {_value(value)}\n")
    return f"[{name}]\n{''.join(lines)}"


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return "[\n" + "".join(f"  {_value(item)},\n" for item in value) + "]"
    return str(value) if isinstance(value, int) else _string(value)


def _string(text: str) -> str:
    # JSON's escapes are TOML's too, but for the character 127, which only TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _string(name)
