"""What each field of a case may hold. One check a field; a check returns nothing or raises ``FieldError``.

Used for every line of an eval set, so a check costs little when the value is right and explains when it is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

from evalharness.core.cases import ID_PATTERN
from evalharness.core.results import MOST_AMOUNT
from evalharness.evalset.lines import FieldError, seen

MOST_WEIGHT: Final = 1e6
"""Weights lie between its inverse and it: beyond, one case is all that counts."""
_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_PASSAGE_FIELDS: Final = frozenset({"id", "text"})
_LEAVE_OUT: Final = "leave the field out when there is none"

_matches_id: Final = re.compile(ID_PATTERN).fullmatch


def check_case(data: dict[str, Any]) -> None:
    """Check all fields of one case.

    Args:
        data: A JSON object.

    Raises:
        FieldError: At the first wrong, unknown or missing field.
    """
    checks = _CHECKS
    for name, value in data.items():
        check = checks.get(name)
        if check is None:
            raise unknown_field(name, checks)
        check(name, value)
    for name in ("id", "input"):
        if name not in data:
            raise FieldError(name, "seen no such field, expected every case to have id and input")
    if "variant" in data and "group" not in data:
        raise FieldError("variant", "seen a variant without a group, expected both", "name the behaviour group too")


def unknown_field(name: str, known: Iterable[str]) -> FieldError:
    """The error for a field that nobody knows, with the nearest name."""
    from evalharness.core.nearest import nearest

    names = list(known)
    near = nearest(name[:64], names)  # what is longer is like none of them
    tip = f"did you mean {near!r}?" if near else "keep other facts under metadata"
    return FieldError(seen(name)[1:-1], f"seen an unknown field, expected one of {', '.join(names)}", tip)


def check_id(name: str, value: Any) -> None:
    """A case id: ASCII, so no two ids are equal only after normalisation, and few look alike (``core.cases.id_look``)."""
    if not isinstance(value, str) or not _matches_id(value):
        raise FieldError(
            name,
            f"seen {seen(value)}, expected 1 to 64 of the characters A-Z a-z 0-9 . _ - that start with a letter or digit",
        )


def check_messages(name: str, value: Any) -> None:
    """A non-empty list of chat messages ``{role, content, ..}`` in OpenAI form."""
    if not isinstance(value, list) or not value:
        raise FieldError(name, f"seen {seen(value)}, expected a list of chat messages")
    for index, message in enumerate(value):
        place = f"{name}[{index}]"
        if not isinstance(message, dict):
            raise FieldError(place, f"seen {seen(message)}, expected a chat message {{role, content}}")
        if not isinstance(message.get("role"), str) or message["role"] not in _ROLES:
            raise FieldError(f"{place}.role", f"seen {seen(message.get('role'))}, expected one of {_listed(_ROLES)}")
        content = message.get("content")
        parts = isinstance(content, list) and all(isinstance(part, dict) for part in content)
        called = content is None and bool(message.get("tool_calls"))  # an assistant turn that only calls tools
        if not (isinstance(content, str) or parts or called):
            raise FieldError(f"{place}.content", f"seen {seen(content)}, expected text or a list of content parts")


def check_strings(name: str, value: Any) -> None:
    """A list of texts."""
    if not isinstance(value, list):
        raise FieldError(name, f"seen {seen(value)}, expected a list of texts")
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise FieldError(f"{name}[{index}]", f"seen {seen(item)}, expected text")


def check_object(name: str, value: Any) -> None:
    """Any JSON object."""
    if not isinstance(value, dict):
        raise FieldError(name, f"seen {seen(value)}, expected an object")


def check_word(name: str, value: Any) -> None:
    """A text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise FieldError(name, f"seen {seen(value)}, expected text that is not blank", _LEAVE_OUT)


def check_amount(name: str, value: Any) -> None:
    """A number >= 0; a boolean is none."""
    if not is_number(value) or not 0 <= value <= MOST_AMOUNT:
        raise FieldError(name, f"seen {seen(value)}, expected a number from 0 to {MOST_AMOUNT:g}")


def is_number(value: Any) -> bool:
    """True for JSON numbers; Python counts booleans as numbers, JSON does not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _listed(words: Collection[str]) -> str:
    return ", ".join(sorted(words))


def _check_input(name: str, value: Any) -> None:
    if isinstance(value, (str, dict)):
        return
    if not isinstance(value, list):
        raise FieldError(name, f"seen {seen(value)}, expected text, a list of chat messages or an object")
    check_messages(name, value)


def _check_target(name: str, value: Any) -> None:
    if isinstance(value, list):
        if not value:
            raise FieldError(name, "seen an empty list, expected at least one reference", _LEAVE_OUT)
        for index, item in enumerate(value):
            if item is None:
                raise FieldError(f"{name}[{index}]", "seen null, expected a reference")
    elif not isinstance(value, (str, dict)) and not is_number(value):
        problem = f"seen {seen(value)}, expected text, a number, an object or a list of references"
        raise FieldError(name, problem, _LEAVE_OUT if value is None else 'write it as text, for example "true"')


def _check_relevant(name: str, value: Any) -> None:
    check_object(name, value)
    for document, grade in value.items():
        if not is_number(grade) or not 0 <= grade <= MOST_AMOUNT:
            problem = f"seen {seen(grade)}, expected a grade from 0 to {MOST_AMOUNT:g}"
            raise FieldError(f"{name}.{seen(document)[1:-1]}", problem)


def _check_context(name: str, value: Any) -> None:
    if not isinstance(value, list):
        raise FieldError(name, f"seen {seen(value)}, expected a list of texts or {{id, text}}")
    for index, item in enumerate(value):
        if isinstance(item, str):
            continue
        whole = isinstance(item, dict) and item.keys() == _PASSAGE_FIELDS
        if not whole or not all(isinstance(part, str) for part in item.values()):
            raise FieldError(f"{name}[{index}]", f"seen {seen(item)}, expected text or {{id, text}}, both text")


def _check_weight(name: str, value: Any) -> None:
    if not is_number(value) or value <= 0:
        raise FieldError(name, f"seen {seen(value)}, expected a number > 0", "use deprecated to leave a case out")
    if not 1 / MOST_WEIGHT <= value <= MOST_WEIGHT:
        raise FieldError(
            name, f"seen {seen(value)}, expected {1 / MOST_WEIGHT:g} to {MOST_WEIGHT:g}", "weigh cases against 1"
        )


def _check_checks(name: str, value: Any) -> None:
    if not isinstance(value, list):
        raise FieldError(name, f"seen {seen(value)}, expected a list of scorer tables")
    for index, table in enumerate(value):
        if not isinstance(table, dict):
            raise FieldError(
                f"{name}[{index}]", f"seen {seen(table)}, expected a scorer table such as {{use: contains}}"
            )
        check_word(f"{name}[{index}].use", table.get("use"))


_CHECKS: Final[dict[str, Callable[[str, Any], None]]] = {
    "id": check_id,
    "input": _check_input,
    "target": _check_target,
    "relevant": _check_relevant,
    "context": _check_context,
    "metadata": check_object,
    "tags": check_strings,
    "cluster": check_word,
    "weight": _check_weight,
    "group": check_word,
    "variant": check_word,
    "checks": _check_checks,
    "deprecated": check_word,
}

FIELDS: Final = tuple(_CHECKS)
"""Names of all case fields, in canonical order."""
