"""Rows of CSV, TSV and JSON Lines files, read without changing a value and counted a second way.

``datasets`` is not used for these forms, because it cannot be made faithful: in CSV a row with a cell too many loses
its *first* cell and a row too short is filled up; in JSON ids 1 and "2" become one type, dates become datetimes and
long integers become floats. Here a CSV cell is the text that stands in the file (id ``001``, answer ``NA``).
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from evalharness.core.errors import EvalSetError
from evalharness.core.files import shown
from evalharness.core.strictjson import StrictJSONError, loads
from evalharness.evalset.lines import MAX_LINE, FieldError, scan_objects, seen

_BOM = b"\xef\xbb\xbf"


class Table(NamedTuple):
    """The rows of a source."""

    columns: tuple[str, ...]
    rows: list[Mapping[str, Any]]
    counted: int | None
    """Rows by an independent count; None when there is no second way to count."""
    sha256: str
    """Of the source's bytes."""
    text_cells: bool = False
    """True when every cell is text because the form knows nothing else."""
    notes: tuple[str, ...] = ()
    """What was changed on the way in."""


def read_bytes(path: Path) -> bytes:
    """The content of a source file.

    Raises:
        EvalSetError: If it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise EvalSetError("no such file", where=shown(path), tip="check the path") from None
    except OSError as error:
        raise EvalSetError(f"cannot be read: {error.strerror or error}", where=shown(path)) from None


def read_csv(path: Path, delimiter: str = ",") -> Table:
    """A CSV or TSV file with a header row, RFC 4180 quoting.

    Raises:
        EvalSetError: If a row has more or fewer cells than the header, quoting is broken, or it is not UTF-8.
    """
    data = read_bytes(path)
    notes = ("byte-order mark removed",) if data.startswith(_BOM) else ()
    try:
        text = data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise EvalSetError(
            f"seen byte 0x{data[error.start]:02x}, expected UTF-8", where=f"{shown(path)}:{line}"
        ) from None
    records = _records(path, text, delimiter)
    header = next(records, (1, []))[1]
    if not header:
        raise EvalSetError("the file is empty, expected a header row", where=shown(path))
    _check_header(path, header)
    rows: list[Mapping[str, Any]] = [_row(path, header, line, cells) for line, cells in records]
    return Table(
        columns=tuple(header),
        rows=rows,
        counted=_count_records(text) - 1,
        sha256=hashlib.sha256(data).hexdigest(),
        text_cells=True,
        notes=notes,
    )


def read_jsonl(path: Path) -> Table:
    """A file with one strict JSON object a line.

    Raises:
        EvalSetError: At the first faulty line.
    """
    rows: list[Mapping[str, Any]] = []
    for line, value in scan_objects(str(path)):
        if isinstance(value, FieldError):
            raise value.at(str(path), line)
        rows.append(value)
    data = read_bytes(path)
    counted = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    return Table(columns=_columns(rows), rows=rows, counted=counted, sha256=hashlib.sha256(data).hexdigest())


def read_json(path: Path) -> Table:
    """A JSON file as data sets carry it: one array of objects, or one object a line.

    Raises:
        EvalSetError: If it is neither.
    """
    data = read_bytes(path)
    if not data.lstrip().startswith(b"["):
        return read_jsonl(path)
    try:
        rows = loads(data.decode("utf-8"))
    except (UnicodeDecodeError, StrictJSONError) as error:
        raise EvalSetError(f"seen {error}, expected strict JSON", where=shown(path)) from None
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise EvalSetError(f"seen {seen(row)} as item {index}, expected an object", where=shown(path))
    return Table(columns=_columns(rows), rows=rows, counted=None, sha256=hashlib.sha256(data).hexdigest())


def _records(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    limit = csv.field_size_limit(MAX_LINE)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if cells:  # an empty line is no row
                yield reader.line_num, cells
    except csv.Error as error:
        raise EvalSetError(f"seen broken CSV: {error}", where=f"{shown(path)}:{reader.line_num}") from None
    finally:
        csv.field_size_limit(limit)


def _check_header(path: Path, header: list[str]) -> None:
    where = f"{shown(path)}:1"
    if len(header) == 1 and ";" in header[0]:
        raise EvalSetError(
            "seen cells separated by ';', expected ','", where=where, tip="save it with commas, or as .tsv"
        )
    for name in header:
        if not name.strip() or header.count(name) > 1:
            raise EvalSetError(
                f"seen the column name {seen(name)}, expected names that are unique and not blank", where=where
            )


def _row(path: Path, header: list[str], line: int, cells: list[str]) -> dict[str, Any]:
    if len(cells) != len(header):
        raise EvalSetError(
            f"seen {len(cells)} cells, expected {len(header)} as in the header", where=f"{shown(path)}:{line}"
        )
    return dict(zip(header, cells, strict=True))


def _count_records(text: str) -> int:
    """Records by the parity of quotation marks alone: a line ends a record when its quotes are closed."""
    count, is_open, blank = 0, False, True
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        is_open ^= line.count('"') % 2 == 1
        blank = blank and not line
        if not is_open:
            count += not blank
            blank = True
    return count


def _columns(rows: list[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for row in rows for name in row))
