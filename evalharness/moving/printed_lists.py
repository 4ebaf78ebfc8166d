"""Lists as Python prints them, which is how a data frame writes one into a CSV cell: ``['first', "it's"]``.

Read by their letters, never evaluated. Only flat lists of texts are read: what else stands in brackets stays a text.
"""

from __future__ import annotations

import re
from typing import Final

_TEXT: Final = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_ONE: Final = re.compile(_TEXT, re.DOTALL)
_GAP: Final = re.compile(r"\s*,\s*|\s+")
_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_LETTERS: Final = {"n": "\n", "t": "\t", "r": "\r"}


def printed_list(cell: str) -> list[str] | None:
    """The texts of a printed list; None when the cell is none.

    Args:
        cell: A cell of a table.
    """
    body = cell.strip()
    if not (body.startswith("[") and body.endswith("]")):
        return None
    at, texts = 1, []
    while found := _ONE.match(body, at):
        texts.append(_ESCAPE.sub(_letter, found.group()[1:-1]))
        gap = _GAP.match(body, found.end())
        at = gap.end() if gap else found.end()
    return texts if texts and at == len(body) - 1 else None


def holds_printed_objects(cell: object) -> bool:
    """Whether a cell is a printed list of objects (messages, calls), of which only Python itself could read all."""
    return isinstance(cell, str) and re.match(r"\[\s*\{\s*'", cell) is not None


def _letter(found: re.Match[str]) -> str:
    code = found.group(1)
    if len(code) == 1:
        return _LETTERS.get(code, code)
    number = int(code[1:], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\N{REPLACEMENT CHARACTER}"
