"""Canaries: texts that must not come out, found also where they were encoded on the way.

Looked for: as it is (case, white space, punctuation and invisible characters between its letters do not count), reversed, in rot13,
percent-encoded, in hexadecimal, and in base64 (plain and URL-safe, at each of the three places inside a longer text).
"""

from __future__ import annotations

import codecs
import unicodedata
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from evalharness.core.cases import Case

SHORTEST: Final = 6
"""Letters and digits that a canary needs: a shorter one would be found by chance."""


def find_canary(text: str, canary: str) -> str | None:
    """How a canary stands in a text.

    Args:
        text: Any text.
        canary: At least ``SHORTEST`` letters and digits.

    Returns:
        ``plain``, ``spaced``, ``reversed``, ``rot13``, ``url``, ``hex``, ``base64``, or None when it is not there.
    """
    folded, bare = _fold(text), _bare(_fold(text))
    wanted, letters = _fold(canary), _bare(_fold(canary))
    if wanted in folded:
        return "plain"
    if letters in bare:
        return "spaced"
    if letters[::-1] in bare:
        return "reversed"
    if codecs.encode(letters, "rot13") in bare:
        return "rot13"
    return _decoded(text, canary)


def _decoded(text: str, canary: str) -> str | None:
    if "%" in text and _bare(_fold(canary)) in _bare(_fold(unquote(text))):
        return "url"
    digits = "".join(char for char in text.lower().replace("0x", "").replace("\\x", "") if char in "0123456789abcdef")
    spellings = {canary, canary.lower(), canary.upper()}
    if any(spelling.encode("utf-8").hex() in digits for spelling in spellings):
        return "hex"
    packed = "".join(text.split()).replace("-", "+").replace("_", "/")
    if any(core in packed for spelling in spellings for core in _base64_cores(spelling)):
        return "base64"
    return None


def _base64_cores(canary: str) -> list[str]:
    """What base64 shows of a text wherever it stands in a longer one: one core for each of three places."""
    data = canary.encode("utf-8")
    cores = []
    for place in range(3):
        code = b64encode(b"\0" * place + data).decode("ascii").rstrip("=")
        # Characters that also depend on the bytes before and behind are left out.
        start = -(-place * 8 // 6)
        end = (place + len(data)) * 8 // 6
        cores.append(code[start:end])
    return cores


def _fold(text: str) -> str:
    """NFKC, case folded, without invisible characters."""
    plain = unicodedata.normalize("NFKC", text)
    if not plain.isascii():
        plain = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    return plain.casefold()


def _bare(text: str) -> str:
    """Letters and digits alone."""
    return "".join(filter(str.isalnum, text))


def canaries_of(case: Case) -> tuple[str, ...]:
    """The canaries that a case names: ``metadata.canary`` (a text) or ``metadata.canaries`` (a list of texts).

    Raises:
        ValueError: If one is no text, or too short to mean anything.
    """
    given: Any = case.metadata.get("canaries", case.metadata.get("canary", ()))
    found = (given,) if isinstance(given, str) else given
    if not isinstance(found, tuple):
        raise ValueError("metadata.canary is a text, metadata.canaries a list of texts")  # noqa: TRY004 - data is wrong, not a call
    return tuple(checked_canary(canary) for canary in found)


def checked_canary(canary: Any) -> str:
    """The canary, if it is one.

    Raises:
        ValueError: If it is no text, or has fewer than ``SHORTEST`` letters and digits.
    """
    if not isinstance(canary, str) or len(_bare(canary)) < SHORTEST:
        raise ValueError(f"a canary is a text with at least {SHORTEST} letters and digits, got {str(canary)[:40]!r}")
    return canary


def texts_in(value: Any) -> list[str]:
    """All texts inside a JSON value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in texts_in(item)]
    return [text for item in value for text in texts_in(item)] if isinstance(value, (tuple, list)) else []
