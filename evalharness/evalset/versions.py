"""What changed between two states of an eval set, and the semantic version that follows from it.

* patch: tags, metadata, weight, cluster or the wording of a deprecation;
* minor: cases added, deprecated, or asked again;
* major: what a living case means was edited (``core.cases.MEANING``), or a line was removed.

How the old state is known. evalh.lock keeps 15 bytes a case (``Fingerprint``): enough to sort every case into the
classes above without git, whether or not the old file was ever committed, and to name the edited cases. The lock of a
set with more than ``MAX_FINGERPRINTS`` cases would be over a megabyte, so it keeps none: there the old file is taken
from git when its digest is the locked one, and when it cannot be found the change counts as major, which is said.
A table of digests by id was not chosen (one line a case in the lock of a big set), nor a file beside each set (one
more file to merge), nor git alone (the state that was locked need not be one that was committed).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

from evalharness.core.cases import MEANING, Case
from evalharness.core.specs import EMPTY, canonical_json, digest

Bump: TypeAlias = Literal["none", "patch", "minor", "major"]

FIRST_VERSION: Final = "1.0.0"
MAX_FINGERPRINTS: Final = 50_000
"""Sets with more cases keep no fingerprint in the lock."""

_ID, _MEANING, _WHOLE = 6, 5, 4  # bytes: two ids of 50,000 meet with chance 4e-6, an edit hides with chance 1e-12
_WIDTH: Final = _ID + _MEANING + _WHOLE
_NAMED: Final = 3


class _State(NamedTuple):
    meaning: bytes
    whole: bytes
    living: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Cases by what happened to them. A case is in one class only. A removed id reads ``#HEX`` when only its hash is known."""

    added: tuple[str, ...] = ()
    deprecated: tuple[str, ...] = ()
    """Living before, deprecated now."""
    restored: tuple[str, ...] = ()
    """Deprecated before, living now."""
    removed: tuple[str, ...] = ()
    edited: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    """Living case -> its meaning fields that differ; no fields when only fingerprints are known."""
    described: tuple[str, ...] = ()
    """Only what describes the case differs."""

    @property
    def bump(self) -> Bump:
        """Which part of the version moves."""
        if self.edited or self.removed:
            return "major"
        if self.added or self.deprecated or self.restored:
            return "minor"
        return "patch" if self.described else "none"

    def summary(self, version: str = "") -> str:
        """One line, for example ``+3 cases, 1 target edited (refund-017), 2 deprecated -> 1.4.0``.

        Args:
            version: The version that the change leads to, or empty.
        """
        parts = [f"+{_cases(len(self.added))}"] if self.added else []
        if self.removed:
            parts.append(f"-{_cases(len(self.removed))}")
        parts += [f"{len(ids)} {what} edited ({_few(ids)})" for what, ids in self._edited_by_fields()]
        for ids, word in (
            (self.deprecated, "deprecated"),
            (self.restored, "asked again"),
            (self.described, "described"),
        ):
            if ids:
                parts.append(f"{len(ids)} {word}")
        text = ", ".join(parts) or "unchanged"
        return f"{text} -> {version}" if version else text

    def _edited_by_fields(self) -> list[tuple[str, list[str]]]:
        by_fields: dict[str, list[str]] = {}
        for case_id, names in self.edited.items():
            by_fields.setdefault(" and ".join(names) or "meaning", []).append(case_id)
        return sorted(by_fields.items())


def changes(old: Iterable[Case], new: Iterable[Case]) -> Changes:
    """What happened between two states of a set; the old cases are held in memory, the new ones are not."""
    before = {case.id: case for case in old}
    seen: dict[str, list[str]] = {}
    edited: dict[str, tuple[str, ...]] = {}
    for case in new:
        earlier = before.pop(case.id, None)
        kind = _kind(None if earlier is None else _state(earlier), case)
        seen.setdefault(kind, []).append(case.id)
        if kind == "edited" and earlier is not None:
            edited[case.id] = _edited_fields(earlier, case)
    return _collect(seen, edited, before)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """15 bytes a case: hash of the id, of the meaning, of the whole line, and whether it is asked."""

    rows: tuple[str, ...]
    """Base64, one row for all ids that begin alike, so that an added case moves one row of the lock."""

    @classmethod
    def of(cls, cases: Iterable[Case]) -> Fingerprint:
        """The fingerprint of some cases; independent of their order."""
        return cls.of_entries(map(fingerprint_entry, cases))

    @classmethod
    def of_entries(cls, entries: Iterable[bytes]) -> Fingerprint:
        """The fingerprint made of :func:`fingerprint_entry` of each case."""
        entries = sorted(entries)
        bits = max(0, (len(entries) // 5).bit_length())
        rows: dict[int, bytes] = {}
        for entry in entries:
            row = int.from_bytes(entry[:4], "big") >> (32 - bits)
            rows[row] = rows.get(row, b"") + entry
        return cls(tuple(base64.b64encode(row).decode("ascii") for row in rows.values()))

    def changes(self, new: Iterable[Case]) -> Changes:
        """What happened since, told from hashes.

        Raises:
            ValueError: If the rows are not what :meth:`of` writes.
        """
        before = dict(self._states())
        seen: dict[str, list[str]] = {}
        for case in new:
            kind = _kind(before.pop(_id_hash(case.id), None), case)
            seen.setdefault(kind, []).append(case.id)
        return _collect(seen, dict.fromkeys(seen.get("edited", ()), ()), [f"#{code.hex()}" for code in before])

    def _states(self) -> Iterator[tuple[bytes, _State]]:
        for row in self.rows:
            try:
                data = base64.b64decode(row, validate=True)
            except binascii.Error as error:
                raise ValueError(f"not base64: {error}") from None
            if len(data) % _WIDTH:
                raise ValueError(f"{len(data)} bytes, expected a multiple of {_WIDTH}")
            for at in range(0, len(data), _WIDTH):
                entry = data[at : at + _WIDTH]
                whole = entry[_ID + _MEANING :]
                yield entry[:_ID], _State(entry[_ID : _ID + _MEANING], whole, living=bool(whole[-1] & 1))


def fingerprint_entry(case: Case) -> bytes:
    """The 15 bytes that the lock keeps of a case."""
    state = _state(case)
    return _id_hash(case.id) + state.meaning + state.whole


def next_version(version: str, bump: Bump) -> str:
    """The version that follows; ``FIRST_VERSION`` after none.

    Raises:
        ValueError: If ``version`` is not three numbers joined by dots.
    """
    if not version:
        return FIRST_VERSION
    major, minor, patch = version_key(version)
    following = {
        "none": (major, minor, patch),
        "patch": (major, minor, patch + 1),
        "minor": (major, minor + 1, 0),
        "major": (major + 1, 0, 0),
    }
    return ".".join(map(str, following[bump]))


def version_key(version: str) -> tuple[int, int, int]:
    """A version as three numbers, to be compared.

    Raises:
        ValueError: If it is not three numbers joined by dots.
    """
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise ValueError(f"{version!r} is not a version such as 1.4.0")
    return int(parts[0]), int(parts[1]), int(parts[2])


def _kind(before: _State | None, case: Case) -> str:
    if before is None:
        return "added"
    now = _state(case)
    if before.living != now.living:
        return "restored" if now.living else "deprecated"
    if now.living and before.meaning != now.meaning:
        return "edited"
    return "same" if before.whole == now.whole else "described"


def _edited_fields(before: Case, after: Case) -> tuple[str, ...]:
    # Canonical text, not ==: 1, 1.0 and True are equal in Python, but another meaning on the line.
    return tuple(
        name for name in MEANING if canonical_json(getattr(before, name)) != canonical_json(getattr(after, name))
    )


def _state(case: Case) -> _State:
    living = case.deprecated is None
    whole = bytearray.fromhex(digest(case.to_json()))[:_WHOLE]
    whole[-1] = whole[-1] & 0xFE | living
    return _State(bytes.fromhex(case.digest)[:_MEANING], bytes(whole), living)


def _id_hash(case_id: str) -> bytes:
    return hashlib.sha256(case_id.encode("utf-8")).digest()[:_ID]


def _collect(seen: Mapping[str, list[str]], edited: Mapping[str, tuple[str, ...]], removed: Iterable[str]) -> Changes:
    kinds = ("added", "deprecated", "restored", "described")
    lists = {kind: tuple(sorted(seen.get(kind, ()))) for kind in kinds}
    return Changes(**lists, edited=dict(sorted(edited.items())), removed=tuple(sorted(removed)))


def _cases(count: int) -> str:
    return f"{count} case" if count == 1 else f"{count} cases"


def _few(ids: list[str]) -> str:
    rest = len(ids) - _NAMED
    return ", ".join(ids[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
