"""JSON as other tools write it: bounded, without duplicate keys, and counted a second way.

The one thing read here that an eval set refuses is NaN and Infinity, which Python's writers put into logs: each
becomes null and is counted in the account. Everything else is strict.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evalharness.core.errors import EvalSetError
from evalharness.core.files import shown
from evalharness.core.strictjson import StrictJSONError, loads
from evalharness.evalset.lines import seen

MAX_FILE: Final = 1 << 30
"""Largest source file in bytes."""
MAX_RECORD: Final = 64_000_000
"""Longest line or archive member in bytes."""
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_NOT_A_NUMBER: Final = re.compile(r"is not a JSON number|out of range")


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The objects of a file, in order."""

    rows: tuple[tuple[str, Mapping[str, Any]], ...]
    """(place, object)."""
    sha256: str
    counted: int
    """Objects by lines or by brackets, without the parser."""
    counted_by: str
    nulls: int = 0
    """Numbers that are none (NaN, Infinity), read as null."""


def read_source(path: Path) -> bytes:
    """The bytes of a source.

    Raises:
        EvalSetError: If it cannot be read, or is larger than ``MAX_FILE``.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE:
            raise EvalSetError(f"seen {size:,} bytes, expected at most {MAX_FILE:,}", where=shown(path), tip="split it")
        return path.read_bytes()
    except OSError as error:
        raise EvalSetError(f"cannot be read: {error.strerror or error}", where=shown(path)) from None


def beside(folder: Path, name: str) -> Path:
    """A file that a config names, inside the config's folder.

    Raises:
        EvalSetError: If it leads out of the folder, through a link too, or names no plain file.
    """
    text = name.removeprefix("file://")
    if re.match(r"[a-z][a-z0-9+.-]*:", text, re.IGNORECASE):
        return Path(text)  # an address: no suffix that is read, so it is dropped with the reason
    path = folder / text
    real, root = path.resolve(), folder.resolve()
    if root != real and root not in real.parents:
        raise EvalSetError(f"seen {name[:100]!r}, expected a file inside {shown(folder)}", where=f"file {name[:100]}")
    return path


def text_of(data: bytes, where: str) -> str:
    """UTF-8 text, a byte-order mark left out.

    Raises:
        EvalSetError: If it is another encoding.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise EvalSetError(f"seen byte 0x{data[error.start]:02x}, expected UTF-8", where=f"{where}:{line}") from None


def parse(text: str, where: str) -> tuple[Any, int]:
    """One JSON value, and how many NaN or Infinity in it became null.

    Raises:
        EvalSetError: If it is no JSON, nested too deep, or has a duplicate key.
    """
    try:
        return loads(text), 0
    except StrictJSONError as error:
        if not _NOT_A_NUMBER.search(str(error)):
            raise EvalSetError(f"seen {error}, expected JSON", where=where) from None
    nulls: list[str] = []
    try:
        loose = json.loads(text, parse_constant=nulls.append, object_pairs_hook=_unique)
        return loads(json.dumps(loose)), len(nulls)
    except (ValueError, RecursionError) as error:
        raise EvalSetError(f"seen {error}, expected JSON", where=where) from None


def read_records(path: Path) -> Records:
    """The objects of a JSON array, of one object, or of JSON Lines.

    Raises:
        EvalSetError: At the first fault, with file and line or item.
    """
    data = read_source(path)
    where = shown(path)
    text = text_of(data, where)
    sha256 = hashlib.sha256(data).hexdigest()
    if text.lstrip()[:1] == "[":
        value, nulls = parse(text, where)
        rows = tuple((f"item {index}", _object(row, f"{where}: item {index}")) for index, row in enumerate(value))
        return Records(rows=rows, sha256=sha256, counted=count_items(text), counted_by="brackets", nulls=nulls)
    if path.suffix == ".json" and text.lstrip()[:1] == "{":
        value, nulls = _whole(text, where)
        if value is not None:
            return Records(rows=(("the object", value),), sha256=sha256, counted=1, counted_by="brackets", nulls=nulls)
    lines = list(_lines(text, where))
    counted = len(re.findall(rb"^[^\S\n]*\S", data, re.MULTILINE))
    nulls = sum(count for _, _, count in lines)
    rows = tuple((place, row) for place, row, _ in lines)
    return Records(rows=rows, sha256=sha256, counted=counted, counted_by="lines", nulls=nulls)


def count_items(text: str) -> int:
    """Objects of a top-level array, by brackets alone."""
    depth = count = 0
    for token in _TOKEN.finditer(text):
        char = text[token.start()]
        if char == '"':
            continue
        if char in "[{":
            count += char == "{" and depth == 1
            depth += 1
        else:
            depth -= 1
    return count


def _whole(text: str, where: str) -> tuple[Any, int]:
    """One object that fills the file; None when several lines hold one each."""
    first = text.strip().partition("\n")[0].rstrip()
    if first.endswith("}") and text.strip() != first:
        return None, 0
    return parse(text, where)


def _lines(text: str, where: str) -> Iterator[tuple[str, Mapping[str, Any], int]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        if len(line) > MAX_RECORD:
            raise EvalSetError(f"seen a line of {len(line):,} characters", where=f"{where}:{number}")
        value, nulls = parse(line, f"{where}:{number}")
        yield f"line {number}", _object(value, f"{where}:{number}"), nulls


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise EvalSetError(f"seen {seen(value)}, expected an object", where=where)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise StrictJSONError("duplicate key")
    return table
