"""Strict JSON: what the standard reader lets through (NaN, duplicate keys, huge depth) is an error here."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 64
"""Deepest nesting of arrays and objects that is read."""

_LONGEST_DOUBLE: Final = 308
"""Integers with at most this many characters always fit the double range."""

_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")


class StrictJSONError(ValueError):
    """The text is not strict JSON. ``column`` is 1-based and counts characters, 0 when unknown."""

    def __init__(self, message: str, column: int = 0) -> None:
        super().__init__(message)
        self.column = column


def loads(text: str) -> Any:
    """Parse one JSON value strictly.

    Args:
        text: The whole text; white space around the value is allowed.

    Returns:
        The value in plain dicts, lists, strings, numbers, booleans and None.

    Raises:
        StrictJSONError: On anything outside RFC 8259, and on NaN, Infinity, numbers out of the double range,
            duplicate keys, lone surrogates, or nesting deeper than ``MAX_DEPTH``.
    """
    if text.count("[") + text.count("{") > MAX_DEPTH:  # else it cannot be too deep
        _check_depth(text)
    if not text.isascii():
        _check_text(text)
    try:
        value = _value(text)
    except json.JSONDecodeError as error:
        raise StrictJSONError(f"not JSON: {error.msg}", error.colno) from None
    if "\\u" in text and _SURROGATE_ESCAPE.search(text):  # an escaped pair is fine, so look at what it became
        _check_surrogates(value)
    return value


def _value(text: str) -> Any:
    if text.startswith("{"):  # an object and nothing around it needs no search for white space
        value, end = _DECODER.raw_decode(text)
        if end == len(text):
            return value
    return _DECODER.decode(text)


def _check_depth(text: str) -> None:
    depth = 0
    in_string = escaped = False
    for column, char in enumerate(text, 1):
        if in_string:
            in_string = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            in_string = True
        elif char in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise StrictJSONError(f"nested deeper than {MAX_DEPTH}", column)
        elif char in "]}":
            depth -= 1


def _check_text(text: str) -> None:
    # Encoding is the fastest search for surrogates; text decoded from UTF-8 has none, a model's reply could.
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise StrictJSONError("a lone surrogate is not Unicode text", error.start + 1) from None


def _check_surrogates(value: Any) -> None:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise StrictJSONError("a lone surrogate is not Unicode text") from None
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_surrogates(key)
            _check_surrogates(item)
    elif isinstance(value, list):
        for item in value:
            _check_surrogates(item)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise StrictJSONError(f"duplicate key {json.dumps(key)}")
            seen.add(key)
    return result


def _constant(word: str) -> NoReturn:
    raise StrictJSONError(f"{word} is not a JSON number")


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise StrictJSONError(f"the number {text[:40]} is out of range")
    return value


def _int(text: str) -> int:
    if len(text) > _LONGEST_DOUBLE and abs(float(text)) == float("inf"):
        raise StrictJSONError(f"the number {text[:40]}... is out of range")
    return int(text)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_constant, parse_float=_float, parse_int=_int
)
