"""Strict JSON: what the standard reader lets through (NaN, duplicate keys, huge depth) is an error here."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 64
"""Deepest nesting of arrays and objects that is read."""


class StrictJSONError(ValueError):
    """The text is not strict JSON. ``column`` is 1-based, 0 when unknown."""

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
    _check_depth(text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise StrictJSONError(f"not JSON: {error.msg}", error.colno) from None
    except RecursionError:
        raise StrictJSONError(f"nested deeper than {MAX_DEPTH}") from None
    if "\\u" in text or not text.isascii():
        _check_surrogates(value)
    return value


def _check_depth(text: str) -> None:
    # Counting brackets outside strings is only needed when there could be too many at all.
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = deepest = 0
    in_string = escaped = False
    for char in text:
        if in_string:
            in_string = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            in_string = True
        elif char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    if deepest > MAX_DEPTH:
        raise StrictJSONError(f"nested deeper than {MAX_DEPTH}")


def _check_surrogates(value: Any) -> None:
    if isinstance(value, str):
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise StrictJSONError("a lone surrogate is not Unicode text")
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
    if len(text) > 400:
        raise StrictJSONError(f"the number {text[:40]}... is out of range")
    return int(text)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_constant, parse_float=_float, parse_int=_int
)
