"""Eval-set files: strict reader, canonical writer.

A set that this reader accepts means one thing only. Everything else (broken JSON, unknown or mistyped fields,
duplicate ids, NaN, a byte-order mark) is an error ``FILE:LINE: field: seen ..., expected ...``, never a repair.
Recorded answers and corpora are read the same way in ``answers``; they are named here too, for one import.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from sys import intern
from typing import Any

from evalharness.core.cases import Case, EvalSet, id_look
from evalharness.core.errors import EvalSetError
from evalharness.core.files import atomic_file, shown
from evalharness.core.text import inert_json
from evalharness.evalset.answers import AnswerKey, load_answers, load_corpus, read_answers
from evalharness.evalset.fields import check_case
from evalharness.evalset.lines import FieldError, scan_objects, seen
from evalharness.evalset.seen_ids import SeenIds

__all__ = [
    "AnswerKey",
    "case_line",
    "load_answers",
    "load_corpus",
    "load_evalset",
    "read_answers",
    "read_cases",
    "scan_cases",
    "write_cases",
]


def read_cases(path: str | os.PathLike[str], *, content: bytes | None = None) -> Iterator[Case]:
    """The cases of a file in file order, one at a time, deprecated ones included.

    Needs about 60 bytes of memory a case (two hashes of its id), whatever the length of the lines.

    Args:
        path: JSONL file, UTF-8, one case a line.
        content: What to read instead of the file (its content at another commit); ``path`` then only names it.

    Raises:
        EvalSetError: At the first fault, with file, line and field.
    """
    for _, case in scan_cases(path, content=content):
        if isinstance(case, EvalSetError):
            raise case
        yield case


def scan_cases(
    path: str | os.PathLike[str], *, content: bytes | None = None
) -> Iterator[tuple[int, Case | EvalSetError]]:
    """As :func:`read_cases`, but a faulty line is yielded as its error and reading goes on: for ``lint``.

    Yields:
        (line number from 1, case or error).

    Raises:
        EvalSetError: If the file cannot be opened or read.
    """
    name = os.fspath(path)
    ids, looks = SeenIds(), SeenIds()
    for line, data in scan_objects(name, content):
        try:
            if isinstance(data, FieldError):
                raise data
            check_case(data)
            if ids.add(data["id"].lower()) | looks.add(id_look(data["id"])):
                _refuse_duplicate(scan_objects(name, content), line, data["id"])
        except FieldError as error:
            yield line, error.at(name, line)
            continue
        data["id"] = intern(data["id"])  # recorded answers name it too
        yield line, Case.from_json(data)


def load_evalset(
    path: str | os.PathLike[str], *, name: str | None = None, version: str = "", slices: Iterable[str] = ()
) -> EvalSet:
    """Read a whole eval set into memory.

    Args:
        path: JSONL file.
        name: Name in the config; the file's stem when left out.
        version: Semantic version from evalh.lock, or empty.
        slices: Metadata fields that reports slice by.

    Raises:
        EvalSetError: If a line is wrong, or no living case is left.
    """
    cases = tuple(read_cases(path))
    where = shown(path)
    if not cases:
        raise EvalSetError("the eval set is empty, expected at least one case", where=where)
    if all(case.deprecated is not None for case in cases):
        raise EvalSetError(f"all {len(cases)} cases are deprecated, expected at least one living case", where=where)
    stem = Path(path).stem
    return EvalSet(name=stem if name is None else name, cases=cases, version=version, path=where, slices=tuple(slices))


def case_line(case: Case) -> str:
    """The canonical line of a case, without its newline: fields in the order of the contract, Unicode as it is but for what acts on a reader."""
    return inert_json(json.dumps(case.to_json(), ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def write_cases(path: str | os.PathLike[str], cases: Iterable[Case]) -> int:
    """Write cases as canonical lines, atomically, in the order given.

    Args:
        path: JSONL file; its folder must exist.
        cases: May be a generator that reads another file.

    Returns:
        How many were written.

    Raises:
        DiskFailed: If it could not be written; the old file then stands.
    """
    count = 0
    with atomic_file(path) as file:
        for case in cases:
            file.write(case_line(case).encode("utf-8") + b"\n")
            count += 1
    return count


def _refuse_duplicate(lines: Iterable[tuple[int, dict[str, Any] | FieldError]], line: int, case_id: str) -> None:
    """Find the earlier line with this id or one that looks the same; silent when only the hashes were equal."""
    wanted, look = case_id.lower(), id_look(case_id)
    for earlier, data in lines:
        if earlier >= line:
            return
        other = None if isinstance(data, FieldError) else data.get("id")
        if isinstance(other, str) and other.lower() == wanted:
            same = "it" if other == case_id else f"{seen(other)} (case does not count)"
            raise FieldError("id", f"seen {seen(case_id)}, but line {earlier} has {same} already, expected unique ids")
        if isinstance(other, str) and id_look(other) == look:
            problem = (
                f"seen {seen(case_id)}, which looks like {seen(other)} of line {earlier}, expected ids to tell apart"
            )
            raise FieldError("id", problem, "0 and O, and 1, l and I look alike")
