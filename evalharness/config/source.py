"""The text a config was read from: where each key stands, and errors that say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from evalharness.config.locate import KeyPath, line_of
from evalharness.config.rules import Rule, seen
from evalharness.core.errors import ConfigError, Refused
from evalharness.core.nearest import name_tip


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One config file."""

    shown: str
    """Its path as messages show it."""
    lines: Mapping[KeyPath, int]
    """Key path -> line, from ``locate.key_lines``."""
    prefix: KeyPath = ()
    """``("tool", "evalh")`` inside pyproject.toml."""
    error: type[Refused] = ConfigError
    """What a fault in this file is: rubrics are read like a config."""

    def place(self, path: KeyPath) -> str:
        """``FILE:LINE`` of a key."""
        return f"{self.shown}:{line_of(self.lines, (*self.prefix, *path))}"

    def where(self, path: KeyPath) -> str:
        """``FILE:LINE: dotted.key`` of a key; ``FILE`` alone for the whole config."""
        if not path:
            return self.shown
        return f"{self.place(path)}: {'.'.join(str(part) for part in (*self.prefix, *path))}"

    def refuse(self, path: KeyPath, message: str, tip: str = "") -> NoReturn:
        """Say what is wrong with a key.

        Raises:
            ConfigError: Always.
        """
        raise self.error(message, where=self.where(path), tip=tip)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the config that is being read."""

    data: Mapping[str, Any]
    path: KeyPath
    source: Source

    @property
    def place(self) -> str:
        """``FILE:LINE`` of the table."""
        return self.source.place(self.path)

    def refuse(self, key: str | None, message: str, tip: str = "") -> NoReturn:
        """Say what is wrong with a key, or with the table when ``key`` is None.

        Raises:
            ConfigError: Always.
        """
        self.source.refuse(self.path if key is None else (*self.path, key), message, tip)

    def where(self, key: str) -> str:
        """``FILE:LINE: dotted.key``."""
        return self.source.where((*self.path, key))

    def child(self, key: str, *, example: str) -> Table:
        """The table under a key (an empty one when the key is absent).

        Args:
            key: The key.
            example: What such a table looks like, for the error.

        Raises:
            ConfigError: If something else than a table stands there.
        """
        value = self.data.get(key, {})
        if not isinstance(value, Mapping):
            self.refuse(key, f"expected a table, got {seen(value)}", f"write for example {example}")
        return Table(data=value, path=(*self.path, key), source=self.source)

    def check_keys(self, known: Iterable[str], *, title: str = "known keys") -> None:
        """Refuse the first key that is not known.

        Raises:
            ConfigError: With the nearest known name.
        """
        names = list(known)
        for key in self.data:
            if key not in names:
                self.refuse(key, f"unknown key {key!r}", name_tip(key, names, title=title))

    def values(self, rules: Mapping[str, Rule]) -> dict[str, Any]:
        """The values that the table holds, each read by its rule; unknown keys are refused.

        Args:
            rules: Key -> rule of every key the table may hold.

        Raises:
            ConfigError: On an unknown key or a value that its rule does not accept.
        """
        self.check_keys(rules)
        return {key: self.value(key, rules[key]) for key in self.data}

    def value(self, key: str, rule: Rule) -> Any:
        """The value of a key as its rule reads it.

        Raises:
            ConfigError: If the rule does not accept it.
        """
        value = self.data[key]
        if not rule.accepts(value):
            self.refuse(key, f"expected {rule.expected}, got {seen(value)}")
        return rule.read(value)

    def require(self, *keys: str) -> None:
        """Refuse the table when a key is missing.

        Raises:
            ConfigError: Naming the first missing key.
        """
        for key in keys:
            if key not in self.data:
                self.refuse(None, f"the key {key!r} is missing")
