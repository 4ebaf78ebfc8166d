"""Small readings that several formats share: values of other tools as fields of our answers."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, Final

_ROLES: Final[Mapping[str, str]] = {"human": "user", "ai": "assistant", "model": "assistant"}
_KNOWN_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool"})


def first(row: Mapping[str, Any], *names: str) -> Any:
    """The first of some fields that is there and not null, else None."""
    return next((row[name] for name in names if row.get(name) is not None), None)


def mapping(value: Any) -> Mapping[str, Any]:
    """The value when it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> list[Any]:
    """The value when it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def amount(value: Any) -> float | None:
    """A finite number >= 0, else None; texts that are numbers count."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def count(value: Any) -> int | None:
    """A whole number >= 0, else None."""
    number = amount(value)
    return None if number is None else int(number)


def usage(prompt: Any, completion: Any) -> dict[str, int] | None:
    """Tokens in our words, or None when neither is known."""
    pairs = {"prompt_tokens": count(prompt), "completion_tokens": count(completion)}
    known = {name: value for name, value in pairs.items() if value is not None}
    return known or None


def moment(value: Any) -> float | None:
    """Seconds since 1970 of a time: a number of seconds, milli- or nanoseconds, or ISO 8601 text."""
    number = amount(value)
    if number is not None:
        return number / 1e9 if number > 1e17 else number / 1e3 if number > 1e11 else number
    if not isinstance(value, str):
        return None
    try:
        read = dt.datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=dt.UTC)).timestamp()


def seconds_between(start: Any, end: Any) -> float | None:
    """Seconds from one time to another, None when unknown or negative."""
    begin, finish = moment(start), moment(end)
    if begin is None or finish is None or finish < begin:
        return None
    return round(finish - begin, 6)


def text_of_content(content: Any) -> str | None:
    """The text of a message's content: plain, or the text parts of a list; None when there is none."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [text for part in content if (text := _part(part)) is not None]
        return "".join(parts) if parts else None
    return None


def _part(part: Any) -> str | None:
    if isinstance(part, str):
        return part
    table = mapping(part)
    if table.get("type") in ("text", "input_text", "output_text", None):
        text = first(table, "text", "content")
        return text if isinstance(text, str) else None
    return None


def message(value: Any) -> dict[str, Any] | None:
    """A chat message in our form, or None when it holds no text and no tool calls."""
    table = mapping(value)
    role = str(table.get("role", "user")).lower()
    role = _ROLES.get(role, role)
    text = text_of_content(first(table, "content", "parts"))
    calls = [call for call in sequence(table.get("tool_calls")) if isinstance(call, Mapping)]
    if text is None and not calls:
        return None
    made: dict[str, Any] = {"role": role if role in _KNOWN_ROLES else "user", "content": text}
    if calls:
        made["tool_calls"] = [dict(call) for call in calls]
    return made


def messages(values: Any) -> list[dict[str, Any]]:
    """The readable messages of a list."""
    return [made for value in sequence(values) if (made := message(value)) is not None]


def asked(found: list[dict[str, Any]]) -> Any:
    """What a user asked, as a case's input: system messages belong to the candidate; one user turn alone is its text."""
    turns = [turn for turn in found if turn["role"] not in ("system", "developer")]
    if len(turns) == 1 and turns[0]["role"] == "user":
        return turns[0]["content"]
    return turns or None


def parsed(value: Any) -> Any:
    """A text that holds a JSON object or list, as that; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        from evalharness.core.strictjson import StrictJSONError, loads

        try:
            return loads(value)
        except StrictJSONError:
            return value
    return value


def written(value: Any) -> str:
    """A value as text: texts as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def without_none(pairs: Mapping[str, Any]) -> dict[str, Any]:
    """Only what is known."""
    return {name: value for name, value in pairs.items() if value is not None}
