"""The first eval set of a project: three sample cases, or the rows of a CSV file (standard library only)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from evalharness.core.cases import ID_PATTERN, Case
from evalharness.core.errors import EvalSetError
from evalharness.core.specs import digest

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id",),
    "input": ("input", "question", "prompt", "query", "text"),
    "target": ("target", "answer", "expected", "expected_output", "ideal", "reference"),
}
"""Field of a case -> names its column may have, the first that is there counts; all others become metadata."""

SAMPLE: Final = (
    Case(id="capital-france", input="What is the capital of France? Answer with one word.", target="Paris"),
    Case(id="sum-17-25", input="What is 17 + 25? Answer with the number alone.", target="42"),
    Case(id="opposite-hot", input="What is the opposite of hot? Answer with one word.", target="cold"),
)


def cases_from_csv(path: Path) -> tuple[Case, ...]:
    """The rows of a CSV file as cases; rows that say the same are kept once.

    Args:
        path: UTF-8, comma-separated, first row the column names.

    Returns:
        Cases in file order. Without an id column the id is made from the row's content.

    Raises:
        EvalSetError: If the file cannot be read, has no column for the input, or a row is wrong.
    """
    rows = _rows(path)
    _, names = next(rows, (0, list[str]()))
    columns = _columns(names, path)
    cases: dict[str, Case] = {}
    for line, row in rows:
        if len(row) != len(names):
            raise EvalSetError(f"expected {len(names)} columns, got {len(row)}", where=f"{path}:{line}")
        case = _case(dict(zip(names, row, strict=True)), columns, where=f"{path}:{line}")
        twin = cases.setdefault(case.id.lower(), case)
        if twin != case:
            raise EvalSetError(f"the id {case.id!r} stands twice", where=f"{path}:{line}: {columns['id']}")
    if not cases:
        raise EvalSetError("no rows below the column names", where=str(path))
    return tuple(cases.values())


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every row that is not empty."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            for row in reader:
                if row:
                    yield reader.line_num, row
    except OSError as error:
        raise EvalSetError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError as error:
        raise EvalSetError(f"not UTF-8: {error.reason}", where=str(path), tip="save it as UTF-8") from None
    except csv.Error as error:
        raise EvalSetError(f"not CSV: {error}", where=f"{path}:{reader.line_num}") from None


def _columns(names: Sequence[str], path: Path) -> dict[str, str]:
    """Field of a case -> name of its column."""
    by_lower = {name.strip().lower(): name for name in names}
    if len(by_lower) != len(names):
        raise EvalSetError("two columns have one name", where=f"{path}:1")
    found = {field: next((by_lower[a] for a in aliases if a in by_lower), "") for field, aliases in COLUMNS.items()}
    if not found["input"]:
        seen = ", ".join(repr(name) for name in names[:8])
        tip = f"name one of them {' or '.join(COLUMNS['input'])}"
        raise EvalSetError(f"no column for the input; seen {seen or 'nothing'}", where=f"{path}:1", tip=tip)
    return found


def _case(row: Mapping[str, str], columns: Mapping[str, str], *, where: str) -> Case:
    text, target = row[columns["input"]], row.get(columns["target"], "")
    if not text.strip():
        raise EvalSetError("empty, expected the input", where=f"{where}: {columns['input']}")
    metadata = {name: value for name, value in row.items() if name not in columns.values() and value != ""}
    case_id = row.get(columns["id"], "") or f"c-{digest([text, target, metadata])[:12]}"
    if not ID_PATTERN.fullmatch(case_id):
        tip = "ids have letters, digits, . _ - and at most 64 characters; or leave the column out"
        raise EvalSetError(f"{case_id[:80]!r} is no id", where=f"{where}: {columns['id']}", tip=tip)
    return Case(id=case_id, input=text, target=target or None, metadata=metadata)
