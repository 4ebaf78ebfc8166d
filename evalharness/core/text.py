r"""What untrusted text may show: characters that could act on a reader are made visible, everything else stays.

Escape sequences, bidirectional controls, tag and invisible characters become ``\u{202e}``; ordinary right-to-left
text, combining marks and emoji stay as they are. The one cleaning that every screen, report and message uses.
"""

from __future__ import annotations

import re
from typing import Any, Final

_FILLERS: Final = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
"""Letters and marks by category that draw nothing (format characters are known by their category)."""
_JOINERS: Final = "\u200c\u200d"
_SELECTORS: Final = range(0xFE00, 0xFE10)
_HIDDEN_CATEGORIES: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_FIRST_JOINED_SCRIPT: Final = 0x590
"""Hebrew and what follows; below it (Latin, Greek, Cyrillic) a joiner only hides that two words differ."""
_PLAIN: Final = {"⏎": "\\n", "…": "...", "→": "->"}
_LOG_COMMAND: Final = re.compile(r"#(?=#(?:vso|teamcity)?\[)")
_NOT_PLAIN_JSON: Final = re.compile(r"[^\n -~]")


def visible(text: str, *, keep_newlines: bool = False, limit: int | None = None) -> str:
    """Text with everything that could act on a reader made visible.

    Args:
        text: Anything.
        keep_newlines: True where the sink itself puts lines apart; else a newline becomes ``⏎``.
        limit: Characters kept; the cut is marked with ``…``. Cutting comes before cleaning.

    Returns:
        Printable text: no control, escape, bidirectional, tag or zero-width characters, no lone surrogates.
    """
    end = ""
    if limit is not None and len(text) > limit:
        text, end = text[:limit], "…"
    bare = text.replace("\n", "") if keep_newlines else text
    if bare.isascii() and bare.isprintable():
        return text + end
    return "".join(_shown(text, index, keep_newlines=keep_newlines) for index in range(len(text))) + end


def _shown(text: str, index: int, *, keep_newlines: bool) -> str:
    char = text[index]
    if " " <= char <= "~":
        return char
    if char == "\n":
        return "\n" if keep_newlines else "⏎"
    if char == "\t":
        return "    "
    if char in _JOINERS:
        return char if _joins(text, index) else escaped(char)
    if _is_selector(char):
        return char if _selects(text, index) else escaped(char)
    return escaped(char) if _is_hidden(char) else char


def _joins(text: str, index: int) -> bool:
    """Whether a joiner stands where writing needs it: between two letters, marks or emoji of a script that joins."""
    from unicodedata import category

    around = text[index - 1 : index] + text[index + 1 : index + 2]
    if len(around) < 2 or _is_selector(around[1]) or (_is_selector(around[0]) and not _selects(text, index - 1)):
        return False
    # Neighbours count as they are shown: beside a filler that is spelled out there is nothing to join.
    return all(ord(c) >= _FIRST_JOINED_SCRIPT and category(c)[0] in "LMS" and not _is_hidden(c) for c in around)


def _selects(text: str, index: int) -> bool:
    """Whether a selector picks the form of the character before it; a row of selectors is a hidden message."""
    return index > 0 and not _is_hidden(text[index - 1]) and not _is_selector(text[index - 1])


def _is_selector(char: str) -> bool:
    return ord(char) in _SELECTORS


def _is_hidden(char: str) -> bool:
    from unicodedata import category

    return category(char) in _HIDDEN_CATEGORIES or char in _FILLERS or 0xE0000 <= ord(char) <= 0xE0FFF


def escaped(char: str) -> str:
    r"""A character spelled out: ``\u{1b}``."""
    return f"\\u{{{ord(char):x}}}"


def ascii_only(text: str) -> str:
    r"""Visible text for terminals that show only ASCII: other characters as ``\u{e9}``, newlines kept."""
    if text.isascii():
        return text
    return "".join(char if char.isascii() else _PLAIN.get(char) or escaped(char) for char in text)


def json_text(value: Any, *, indent: int | None = 1, ascii_only: bool = False) -> str:
    r"""A value as JSON that is inert wherever it is shown: what could act on a reader is written ``\u202e``.

    The value is the same: JSON may spell any character of a string that way.

    Args:
        value: A JSON value.
        indent: Spaces a level; None for one line.
        ascii_only: True for streams that cannot show other characters.

    Raises:
        ValueError: On NaN or an infinite number.
    """
    import json

    return inert_json(json.dumps(value, ensure_ascii=ascii_only, allow_nan=False, indent=indent))


def inert_json(text: str) -> str:
    r"""JSON text with each acting character of its strings spelled ``\u....``.

    Outside strings JSON has only printable ASCII, so that whatever else is found stands inside one. ``##[`` is spelled
    too, and ``##vso[`` and ``##teamcity[``: a CI log takes them for a command wherever they stand.
    """
    if "##" in text:
        text = _LOG_COMMAND.sub(r"\\u0023", text)
    return text if text.isascii() and "\x7f" not in text else _NOT_PLAIN_JSON.sub(_json_char, text)


def _json_char(match: re.Match[str]) -> str:
    char = match.group()
    if not _is_hidden(char) and char not in _JOINERS and not _is_selector(char):
        return char
    code = ord(char)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
