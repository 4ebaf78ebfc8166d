r"""The one door for untrusted text: case data, model output, names. Each output format has one writer here.

What a model wrote must reach a reader inert and *visible*: escape sequences, bidirectional and invisible characters are
shown as ``\u{202e}``, ordinary right-to-left text and emoji stay as they are.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

_INVISIBLE: Final = frozenset(
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f\u3164\ufeff\uffa0"
)
_JOINERS: Final = frozenset("\u200c\u200d")
"""Shown as they are between letters or emoji, where they belong; made visible elsewhere."""
_FORMULA: Final = frozenset("=+-@\t\r\uff1d\uff0b\uff0d\uff20")


def visible(text: str, *, keep_newlines: bool = False, limit: int | None = None) -> str:
    """Text with everything that could act on a reader made visible.

    Args:
        text: Anything.
        keep_newlines: True where the sink itself puts lines apart; else a newline becomes ``⏎``.
        limit: Characters kept; the cut is marked with ``…``. Cutting comes before cleaning.

    Returns:
        Printable text: no control, escape, bidirectional, tag or zero-width characters, no lone surrogates.
    """
    cut = limit is not None and len(text) > limit
    text = text[:limit] if cut else text
    if text.isascii() and text.isprintable():
        return text + "…" if cut else text
    shown = "".join(_visible_char(text, index, keep_newlines=keep_newlines) for index in range(len(text)))
    return shown + "…" if cut else shown


def _visible_char(text: str, index: int, *, keep_newlines: bool) -> str:
    char = text[index]
    if char == "\n":
        return "\n" if keep_newlines else "⏎"
    if char == "\t":
        return "    "
    if char in _JOINERS:
        around = text[index - 1 : index] + text[index + 1 : index + 2]
        joined = len(around) == 2 and all(unicodedata.category(c)[0] in "LMS" for c in around)
        return char if joined else _escape(char)
    code = ord(char)
    if char in _INVISIBLE or 0xE0000 <= code <= 0xE0FFF or 0xFFF0 <= code <= 0xFFFB or 0xD800 <= code <= 0xDFFF:
        return _escape(char)
    return _escape(char) if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") else char


def _escape(char: str) -> str:
    return f"\\u{{{ord(char):x}}}"


def ascii_only(text: str) -> str:
    r"""Visible text for terminals that show only ASCII: other characters as ``\u{e9}``, newlines kept."""
    return "".join(char if char == "\n" or " " <= char <= "~" else _escape(char) for char in text)


def csv_line(values: Iterable[str | float | int | None]) -> str:
    """One CSV record: everything quoted, text that a spreadsheet would run as a formula led by an apostrophe.

    Args:
        values: Numbers are written as they are; None is empty.
    """
    return ",".join(_csv_cell(value) for value in values) + "\r\n"


def _csv_cell(value: str | float | int | None) -> str:
    if value is None:
        return '""'
    if not isinstance(value, str):
        return f'"{value!r}"'
    text = visible(value, keep_newlines=True)
    lead = text.lstrip(" \u00a0\u3000\u200b")
    if lead[:1] in _FORMULA:
        text = "'" + text
    return '"' + text.replace('"', '""') + '"'


def xml_text(text: str, limit: int | None = None) -> str:
    """Text for XML content and attributes: visible (so no forbidden character is left) and escaped."""
    clean = visible(text, keep_newlines=True, limit=limit)
    for char, entity in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ('"', "&quot;"),
        ("'", "&apos;"),
        ("\n", "&#10;"),
    ):
        clean = clean.replace(char, entity)
    return clean


def html_text(text: str, limit: int | None = None) -> str:
    """Text for HTML content and quoted attributes: visible and escaped."""
    return xml_text(text, limit).replace("&#10;", "\n").replace("&apos;", "&#39;")


def md_fence(text: str, *, language: str = "", limit: int | None = None) -> str:
    """A fenced block around untrusted text: the fence is longer than any run of backticks inside."""
    clean = visible(text, keep_newlines=True, limit=limit)
    fence = "`" * max(3, _longest_run(clean, "`") + 1)
    return f"{fence}{language}\n{clean}\n{fence}"


def md_code(text: str, limit: int | None = None) -> str:
    """An inline code span that no backtick inside can leave; pipes are kept out of tables by their entity-free escape."""
    clean = visible(text, limit=limit).replace("|", "\\|")
    ticks = "`" * (_longest_run(clean, "`") + 1)
    pad = " " if clean.startswith("`") or clean.endswith("`") or not clean else ""
    return f"{ticks}{pad}{clean}{pad}{ticks}"


def github_command(kind: str, message: str, *, file: str = "", line: int = 0, title: str = "") -> str:
    """A workflow command line (``::error ...``) whose data cannot start another one.

    Args:
        kind: ``error``, ``warning`` or ``notice``.
        message: Untrusted text.
        file: Path relative to the repository, or empty.
        line: Line in it, or 0.
        title: Short heading.
    """
    pairs = (("file", file), ("line", str(line) if line else ""), ("title", title))
    properties = ",".join(f"{key}={_command_property(value)}" for key, value in pairs if value)
    return (
        f"::{kind} {properties}::{_command_data(visible(message, keep_newlines=True))}"
        if properties
        else (f"::{kind}::{_command_data(visible(message, keep_newlines=True))}")
    )


def _command_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _command_property(text: str) -> str:
    return _command_data(visible(text)).replace(":", "%3A").replace(",", "%2C")


def _longest_run(text: str, char: str) -> int:
    longest = run = 0
    for c in text:
        run = run + 1 if c == char else 0
        longest = max(longest, run)
    return longest
