"""Finds the line that a key stands on, by a second scan of TOML text: ``tomllib`` keeps no positions.

The text has already been accepted by ``tomllib``, so the scan checks no grammar; it only has to walk over it.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final, TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys from the root to a value; an ``int`` is the index in an array."""

_STRING: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_BLANK: Final = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_SCALAR: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]*|[^\s,\]}#]+")


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line (from 1) where each key, table and array element of a TOML text is first named.

    Args:
        text: TOML that ``tomllib.loads`` accepts.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """The line of a key, or of its nearest ancestor that the text names (1 for the root)."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Scanner:
    """Walks over TOML text once; ``lines`` fills on the way."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.elements: dict[KeyPath, int] = {}  # array of tables -> elements so far
        self.breaks = [match.start() for match in re.finditer("\n", text)]

    def document(self) -> None:
        table: KeyPath = ()
        while self.skip(_BLANK):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)

    def skip(self, pattern: re.Pattern[str]) -> bool:
        """Move over what ``pattern`` matches; False at the end of the text."""
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return self.at < len(self.text)

    def mark(self, path: KeyPath, position: int) -> None:
        self.lines.setdefault(path, bisect_right(self.breaks, position - 1) + 1)

    def header(self) -> KeyPath:
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        start = self.at
        keys = self.dotted_key()
        self.at = self.text.index("]", self.at) + (2 if is_array else 1)
        path: KeyPath = ()
        for depth, key in enumerate(keys, start=1):
            path = (*path, key)
            self.mark(path, start)
            if is_array and depth == len(keys):
                self.elements[path] = self.elements.get(path, 0) + 1
            if path in self.elements:
                path = (*path, self.elements[path] - 1)
                self.mark(path, start)
        return path

    def dotted_key(self) -> list[str]:
        keys = []
        while True:
            self.skip(_SPACE)
            quoted = self.text[self.at] in "\"'"
            match = (_STRING if quoted else _BARE).match(self.text, self.at)
            assert match is not None, "tomllib accepted this text"
            self.at = match.end()
            keys.append(tomllib.loads(f"key = {match[0]}")["key"] if quoted else match[0])
            self.skip(_SPACE)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def pair(self, table: KeyPath) -> None:
        start = self.at
        path = table
        for key in self.dotted_key():
            path = (*path, key)
            self.mark(path, start)
        self.at += 1  # the equals sign
        self.skip(_SPACE)
        self.value(path)

    def value(self, path: KeyPath) -> None:
        opening = self.text[self.at]
        if opening in "[{":
            self.at += 1
            self.items(path, is_array=opening == "[")
        else:
            self.skip(_STRING if opening in "\"'" else _SCALAR)

    def items(self, path: KeyPath, *, is_array: bool) -> None:
        """The elements of an array or the pairs of an inline table, up to and with the closing bracket."""
        index = 0
        while self.skip(_BLANK) and self.text[self.at] not in "]}":
            if is_array:
                self.mark((*path, index), self.at)
                self.value((*path, index))
            else:
                self.pair(path)
            index += 1
            self.skip(_BLANK)
            if self.text[self.at] == ",":
                self.at += 1
        self.at += 1
