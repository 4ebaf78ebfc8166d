r"""JSON Lines at the border: bytes in, one strict JSON object a line out, every fault with its place.

Lines end at ``\n`` only: U+2028, ``\x0b`` and ``\x85`` are text. Nothing is repaired, skipped or guessed.
"""

from __future__ import annotations

import io
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from evalharness.core.errors import EvalSetError
from evalharness.core.files import shown
from evalharness.core.strictjson import StrictJSONError, loads

MAX_LINE: Final = 4_000_000
"""Longest line in bytes, its newline apart."""

_BOM: Final = b"\xef\xbb\xbf"
_BUFFER: Final = 1 << 18


class FieldError(ValueError):
    """A field of one line is wrong; the reader adds file and line.

    Args:
        field: Path of the field, for example ``input[2].role``; empty for the whole line.
        problem: What was seen and what was expected.
        tip: What to do next, or empty.
    """

    def __init__(self, field: str, problem: str, tip: str = "") -> None:
        super().__init__(problem)
        self.field = field
        self.problem = problem
        self.tip = tip

    def at(self, path: str, line: int) -> EvalSetError:
        """The error with its place: ``FILE:LINE: field: seen ..., expected ...``."""
        where = f"{shown(path)}:{line}"
        return EvalSetError(self.problem, where=f"{where}: {self.field}" if self.field else where, tip=self.tip)


def seen(value: Any) -> str:
    """A value in a few words for a message: short JSON in printable characters, else its kind and size."""
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, dict):
        return "an object" if value else "an empty object"
    cut = value if not isinstance(value, str) or len(value) <= 40 else value[:37] + "..."
    text = json.dumps(cut, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(cut)


def scan_objects(path: str, content: bytes | None = None) -> Iterator[tuple[int, dict[str, Any] | FieldError]]:
    """Each line of a JSONL file as an object, or as the reason why it is none; reading goes on after a bad line.

    Args:
        path: A regular file.
        content: What to read instead of the file (its content at another commit); ``path`` then only names it.

    Yields:
        (line number from 1, object or error).

    Raises:
        EvalSetError: If the file cannot be opened or read.
    """
    with _open(path) if content is None else io.BytesIO(content) as file:
        number = 0
        while raw := _read_line(file, path):
            number += 1
            try:
                yield number, _object(raw, number)
            except FieldError as error:
                yield number, error


def _open(path: str) -> BinaryIO:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe or a device could never end
            raise EvalSetError("not a regular file", where=shown(path), tip="write the lines to a file first")
        return Path(path).open("rb", buffering=_BUFFER)
    except FileNotFoundError:
        raise EvalSetError("no such file", where=shown(path), tip="check the path; paths start at evalh.toml") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        raise EvalSetError(f"cannot be opened: {error}", where=shown(path)) from None


def _read_line(file: BinaryIO, path: str) -> bytes:
    try:
        raw = file.readline(MAX_LINE + 1)
        if len(raw) > MAX_LINE and not raw.endswith(b"\n"):
            while (more := file.readline(_BUFFER)) and not more.endswith(b"\n"):
                pass
    except OSError as error:
        raise EvalSetError(f"cannot be read: {error.strerror or error}", where=shown(path)) from None
    return raw


def _object(raw: bytes, number: int) -> dict[str, Any]:
    if number == 1 and raw.startswith(_BOM):
        raise FieldError("", "seen a byte-order mark, expected plain UTF-8", "save the file as UTF-8 without BOM")
    if len(raw) > MAX_LINE and not raw.endswith(b"\n"):
        raise FieldError("", f"seen a line of more than {MAX_LINE:,} bytes, expected at most that")
    try:
        value = loads(raw.decode("utf-8").rstrip("\n"))  # so that columns count on this line
    except UnicodeDecodeError as error:
        problem = f"column {error.start + 1}: seen byte 0x{raw[error.start]:02x}, expected UTF-8"
        raise FieldError("", problem, "save the file as UTF-8") from None
    except StrictJSONError as error:
        raise _not_json(raw, error) from None
    if type(value) is not dict:
        raise FieldError("", f"seen {seen(value)}, expected one JSON object a line")
    return value


def _not_json(raw: bytes, error: StrictJSONError) -> FieldError:
    if not raw.strip():
        return FieldError("", "seen an empty line, expected one JSON object a line", "delete the line")
    place = f"column {error.column}: " if error.column else ""
    what = str(error) if str(error).startswith("not JSON") else f"seen {error}"
    return FieldError("", f"{place}{what}, expected one strict JSON object a line")
