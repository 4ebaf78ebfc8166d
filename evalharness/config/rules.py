"""What a value in the config may be: one rule a kind of value, used by the loader, the JSON Schema and the docs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol


class Rule(Protocol):
    """A kind of value."""

    @property
    def expected(self) -> str:
        """What a person should have written, after "expected"."""
        ...

    def accepts(self, value: Any) -> bool:
        """True when a parsed TOML value is one of these."""
        ...

    def read(self, value: Any) -> Any:
        """The accepted value as the dataclass holds it."""
        ...

    def schema(self) -> dict[str, Any]:
        """The rule in JSON Schema (draft 7)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string that is not empty."""

    @property
    def expected(self) -> str:
        """What a person should have written."""
        return "a string"

    def accepts(self, value: Any) -> bool:
        """True for a string with something in it."""
        return isinstance(value, str) and value != ""

    def read(self, value: Any) -> Any:
        """The string."""
        return value

    def schema(self) -> dict[str, Any]:
        """JSON Schema."""
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """true or false."""

    @property
    def expected(self) -> str:
        """What a person should have written."""
        return "true or false"

    def accepts(self, value: Any) -> bool:
        """True for a boolean."""
        return isinstance(value, bool)

    def read(self, value: Any) -> Any:
        """The boolean."""
        return value

    def schema(self) -> dict[str, Any]:
        """JSON Schema."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A finite number in a range; ``whole`` asks for an integer. ``low`` and ``high`` belong to the range."""

    whole: bool = False
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None

    @property
    def expected(self) -> str:
        """What a person should have written, with the range."""
        kind = "a whole number" if self.whole else "a number"
        if self.low is not None and self.high is not None:
            return f"{kind} from {self.low:g} to {self.high:g}"
        bounds = (("above", self.above), ("of at least", self.low), ("below", self.below), ("of at most", self.high))
        parts = [f"{word} {bound:g}" for word, bound in bounds if bound is not None]
        return " ".join([kind, " and ".join(parts)]).strip()

    def accepts(self, value: Any) -> bool:
        """True for a number (not a boolean) inside the range."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return False
        return (
            (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def read(self, value: Any) -> Any:
        """An int when whole, else a float."""
        return value if self.whole else float(value)

    def schema(self) -> dict[str, Any]:
        """JSON Schema."""
        bounds = {
            "minimum": self.low,
            "maximum": self.high,
            "exclusiveMinimum": self.above,
            "exclusiveMaximum": self.below,
        }
        kind = {"type": "integer" if self.whole else "number"}
        return kind | {key: bound for key, bound in bounds.items() if bound is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a few fixed values (strings or booleans)."""

    words: tuple[str | bool, ...]

    @property
    def expected(self) -> str:
        """The words, quoted as in TOML."""
        shown = [f'"{word}"' if isinstance(word, str) else str(word).lower() for word in self.words]
        return " or ".join([", ".join(shown[:-1]), shown[-1]])

    def accepts(self, value: Any) -> bool:
        """True for one of the words; the number 1 is not ``true``."""
        return isinstance(value, (str, bool)) and value in self.words

    def read(self, value: Any) -> Any:
        """The word."""
        return value

    def schema(self) -> dict[str, Any]:
        """JSON Schema."""
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    """A list whose items all follow one rule."""

    item: Rule
    least: int = 0

    @property
    def expected(self) -> str:
        """What a person should have written."""
        return f"a list, each item {self.item.expected}"

    def accepts(self, value: Any) -> bool:
        """True for a list of enough accepted items."""
        return isinstance(value, list) and len(value) >= self.least and all(map(self.item.accepts, value))

    def read(self, value: Any) -> Any:
        """The items as a tuple."""
        return tuple(self.item.read(item) for item in value)

    def schema(self) -> dict[str, Any]:
        """JSON Schema."""
        least = {"minItems": self.least} if self.least else {}
        return {"type": "array", "items": self.item.schema(), **least}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyTable:
    """A table that someone else looks into."""

    @property
    def expected(self) -> str:
        """What a person should have written."""
        return "a table"

    def accepts(self, value: Any) -> bool:
        """True for a table."""
        return isinstance(value, Mapping)

    def read(self, value: Any) -> Any:
        """The table."""
        return value

    def schema(self) -> dict[str, Any]:
        """JSON Schema."""
        return {"type": "object"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Either:
    """One of several rules; the first that accepts reads the value."""

    rules: tuple[Rule, ...]

    @property
    def expected(self) -> str:
        """All of them."""
        return " or ".join(rule.expected for rule in self.rules)

    def accepts(self, value: Any) -> bool:
        """True when any rule accepts."""
        return any(rule.accepts(value) for rule in self.rules)

    def read(self, value: Any) -> Any:
        """The value as its rule reads it."""
        return next(rule.read(value) for rule in self.rules if rule.accepts(value))

    def schema(self) -> dict[str, Any]:
        """JSON Schema."""
        return {"anyOf": [rule.schema() for rule in self.rules]}


TEXT: Final = Text()
FLAG: Final = Flag()
TABLE: Final = AnyTable()
TEXTS: Final = ListOf(item=TEXT)


def seen(value: Any) -> str:
    """What stands in the file, in words: ``the string "abc"``, ``the number 0.7``, ``a list of 3``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the string {quoted(value)}" if value else "an empty string"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "a date or time" if hasattr(value, "isoformat") else f"a {type(value).__name__}"


def quoted(text: str) -> str:
    """A text from the file in quotes: on one line, cut to 40 characters."""
    return json.dumps(text if len(text) <= 40 else text[:39] + "…", ensure_ascii=False)
