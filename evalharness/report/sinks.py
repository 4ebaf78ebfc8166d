r"""The one door for untrusted text: case data, model output, names. Each output format has one writer here.

What a model wrote must reach a reader inert and *visible*: escape sequences, bidirectional and invisible characters are
shown as ``\u{202e}``, ordinary right-to-left text and emoji stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from evalharness.core.text import ascii_only, escaped, inert_json, json_text, visible

__all__ = [
    "ascii_only",
    "csv_line",
    "escaped",
    "github_command",
    "github_stopped",
    "html_json",
    "html_text",
    "inert_json",
    "json_text",
    "md_code",
    "md_fence",
    "md_text",
    "visible",
    "xml_text",
]

_FORMULA: Final = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
_MARKUP: Final = re.compile(r"[\\`*_\[\]<>&|~$!]")
_BLOCK: Final = re.compile(r"^(\d*)([-+#.)=:])")
"""What begins a heading, a list or a table at the start of a line."""
_LINKED: Final = re.compile(r"@|://|www\.|#\d|\bgh-\d|^\s|\s$", re.IGNORECASE)
"""What a host turns into a mention, a link or an issue wherever it stands in prose."""


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
    text = visible(value)
    if text.lstrip("⏎ \u00a0\u3000")[:1] in _FORMULA:
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


def html_json(value: Any) -> str:
    """JSON for a ``<script type="application/json">`` block: nothing in it can end the block or start markup."""
    text = json_text(value, indent=None)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def md_code(text: str, limit: int | None = None, *, cell: bool = False) -> str:
    """An inline code span that no backtick inside can leave.

    Args:
        text: Untrusted text.
        limit: Characters kept.
        cell: True inside a table: a pipe is spelled out there, for no escape of it holds after a backslash.
    """
    clean = visible(text, limit=limit)
    if cell:
        clean = clean.replace("|", escaped("|"))
    ticks = "`" * (_longest_run(clean, "`") + 1)
    pad = " " if clean[:1] in ("`", " ", "") or clean[-1:] in ("`", " ") else ""
    return f"{ticks}{pad}{clean}{pad}{ticks}"


def md_text(text: str, limit: int | None = None) -> str:
    """A sentence as Markdown prose; one that a host would turn into a mention or a link becomes a code span."""
    clean = visible(text, limit=limit)
    if _LINKED.search(clean):
        return md_code(clean)
    return _BLOCK.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", clean))


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
    lead = f"{kind} {properties}" if properties else kind
    return f"::{lead}::{_command_data(visible(message, keep_newlines=True))}"


def github_stopped(text: str, token: str) -> str:
    """Text between ``::stop-commands::`` lines, so that nothing in it is taken for a workflow command.

    Args:
        text: What is printed; indenting it is no defence, for the runner trims lines and finds ``##[`` anywhere.
        token: Random, unknown to whoever wrote the text.
    """
    return f"::stop-commands::{token}\n{text}\n::{token}::"


def _command_data(text: str) -> str:
    return text.replace("%", "%25").replace("\n", "%0A").replace("##[", "# #[")


def _command_property(text: str) -> str:
    return _command_data(visible(text)).replace(":", "%3A").replace(",", "%2C")


def _longest_run(text: str, char: str) -> int:
    longest = run = 0
    for c in text:
        run = run + 1 if c == char else 0
        longest = max(longest, run)
    return longest
