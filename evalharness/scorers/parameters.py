"""Typed reading of a scorer's table: every value checked, every default written out, nothing left over.

params = Params(spec, root=root)
pattern = params.text("pattern")                 # required
tolerance = params.number("abs_tol", default=0.0)
rule = params.choice("rule", ("last", "after"))  # the first word is the default
params.done()                                    # ConfigError when the table holds anything else
params.signature("evalharness 1")                # all of the above, defaults included
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

from evalharness.core.errors import ConfigError
from evalharness.core.nearest import name_tip
from evalharness.core.protocols import CaseScorer, EpochScorer, ScorerFacts, ScorerSpec
from evalharness.core.specs import ComponentSpec, canonical_json, digest_text, signature, thaw

Build = Callable[[Mapping[str, Any]], ScorerFacts]
"""Builds a scorer from a table that a case wrote; given to the scorers that are made of scorers (``checks``, ``pass_at_k``)."""

_ABSENT: Final = object()

_Value = TypeVar("_Value")


class Params:
    """The parameters of one scorer while it is being built.

    Args:
        spec: The scorer's spec.
        root: Folder that paths in the table are relative to.
        from_data: True when the table was written in a case: then it may name no file and no code.
        build_check: How to build a scorer that a case describes.
        build_part: How to build a scorer that this table describes (``of``), under the table's own rights.
    """

    def __init__(
        self,
        spec: ScorerSpec,
        *,
        root: Path,
        from_data: bool = False,
        build_check: Build | None = None,
        build_part: Build | None = None,
    ) -> None:
        self.spec = spec
        self.root = root
        self.from_data = from_data
        self.build_check = build_check
        self.build_part = build_part
        self._known: dict[str, Any] = {}

    # --- reading ----------------------------------------------------------------------------------------------------

    def text(self, key: str, *, default: str | None = None) -> str:
        """A string; required when there is no default. Numbers are refused: quotes decide what a text is."""
        value = self._take(key, default)
        if not isinstance(value, str):
            self.refuse(key, "a string", value)
        return self._keep(key, value)

    def optional_text(self, key: str) -> str | None:
        """A string, or None when the table does not have it."""
        return self.text(key) if self.has(key) else self._keep(key, None)

    def number(
        self, key: str, *, default: float | None = None, low: float | None = None, high: float | None = None
    ) -> float:
        """A finite number inside [low, high]; required when there is no default."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not _inside(value, low, high):
            self.refuse(key, f"a number{_range(low, high)}", value)
        return self._keep(key, float(value))

    def optional_number(self, key: str, *, low: float | None = None, high: float | None = None) -> float | None:
        """A finite number inside [low, high], or None when the table does not have it."""
        return self.number(key, low=low, high=high) if self.has(key) else self._keep(key, None)

    def integer(self, key: str, *, default: int | None = None, low: int | None = None, high: int | None = None) -> int:
        """A whole number inside [low, high]; required when there is no default."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not _inside(value, low, high):
            self.refuse(key, f"a whole number{_range(low, high)}", value)
        return self._keep(key, value)

    def optional_integer(self, key: str, *, low: int | None = None, high: int | None = None) -> int | None:
        """A whole number inside [low, high], or None when the table does not have it."""
        return self.integer(key, low=low, high=high) if self.has(key) else self._keep(key, None)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """True or false."""
        value = self._take(key, default)
        if not isinstance(value, bool):
            self.refuse(key, "true or false", value)
        return self._keep(key, value)

    def choice(self, key: str, words: Sequence[str]) -> str:
        """One of ``words``; the first is the default."""
        value = self._take(key, words[0])
        if not isinstance(value, str) or value not in words:
            tip = name_tip(value, words, title="one of") if isinstance(value, str) else ""
            self.refuse(key, " or ".join(f'"{word}"' for word in words), value, tip=tip)
        return self._keep(key, value)

    def texts(self, key: str, *, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """A string or a list of at least one string; required when there is no default."""
        value = self._take(key, default)
        items = (value,) if isinstance(value, str) else value
        given = self.has(key)
        if not isinstance(items, (tuple, list)) or not all(isinstance(i, str) for i in items) or (given and not items):
            self.refuse(key, "a string or a list of strings", value)
        return self._keep(key, tuple(items))

    def value(self, key: str, *, default: Any = _ABSENT) -> Any:
        """Any value, as frozen in the spec; required when there is no default."""
        value = self.spec.component.params.get(key, default)
        if value is _ABSENT:
            self.refuse(key, "a value", None)
        try:
            canonical_json(value)
        except ValueError:
            self.refuse(key, "a JSON value (TOML's nan, inf, dates and times are none)", value)
        return self._keep(key, value)

    def part(self, key: str, *, default: Mapping[str, Any] | None = None) -> CaseScorer:
        """The scorer of single answers that the table holds under ``key``: a scorer table, or just its word."""
        value = self.value(key) if self.has(key) or default is None else default
        table = {"use": value} if isinstance(value, str) else value
        if not isinstance(table, Mapping) or self.build_part is None:
            self.refuse(key, 'a scorer table such as { use = "number" }', value)
        scorer = self.build_part(table)
        if not isinstance(scorer, CaseScorer) or isinstance(scorer, EpochScorer):
            self.refuse(key, "a scorer of single answers", value)
        self.note(key, digest_text(scorer.signature)[:12])
        return scorer

    def has(self, key: str) -> bool:
        """True when the table holds the key."""
        return key in self.spec.component.params

    def note(self, key: str, value: Any) -> None:
        """Let ``value`` stand for ``key`` in the signature (a file's content in place of its name)."""
        self._known[key] = thaw(value)

    # --- ending -----------------------------------------------------------------------------------------------------

    def done(self) -> None:
        """Check that nothing is left over.

        Raises:
            ConfigError: If the table holds a key that nobody read, with the nearest name that would have been right.
        """
        for key in self.spec.component.params:
            if key not in self._known:
                known = [*self._known, *COMMON_KEYS]
                raise ConfigError(
                    f"{self.spec.component.use} has no parameter {key!r}",
                    where=self.place(key),
                    tip=name_tip(key, known, title="parameters"),
                )

    def signature(self, version: str) -> str:
        """The scorer's signature: word, all parameters with their values, ``not``, ``threshold``, version."""
        shown = {key: value for key, value in self._known.items() if value is not None}
        if self.spec.negate:
            shown["not"] = True
        if self.spec.threshold is not None:
            shown["threshold"] = self.spec.threshold
        return signature(self.spec.component.use, shown, version)

    def place(self, key: str = "") -> str:
        """Where a parameter stands, for an error: ``FILE:LINE: scorers.NAME.key``, or ``NAME.key`` of a table of no file."""
        return place_of(self.spec.component, key)

    def refuse(self, key: str, expected: str, seen: Any, *, tip: str = "") -> NoReturn:
        """Say that a parameter is wrong or missing.

        Raises:
            ConfigError: Always.
        """
        use = self.spec.component.use
        if not self.has(key):
            raise ConfigError(f"{use} needs {key!r}: {expected}", where=self.place(), tip=tip)
        raise ConfigError(f"expected {expected}, got {_shown(seen)}", where=self.place(key), tip=tip)

    def _take(self, key: str, default: Any) -> Any:
        return self.spec.component.params.get(key, default)

    def _keep(self, key: str, value: _Value) -> _Value:
        self._known[key] = thaw(value)
        return value


COMMON_KEYS: Final = ("threshold", "not", "weight", "metric")
"""What any scorer table may hold beside its own parameters; these are fields of ``ScorerSpec``."""


def _inside(value: float, low: float | None, high: float | None) -> bool:
    finite = float("-inf") < value < float("inf")
    return finite and (low is None or value >= low) and (high is None or value <= high)


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    return f" of at least {low:g}" if low is not None else ""


def _shown(value: Any) -> str:
    text = "a table" if isinstance(value, Mapping) else repr(thaw(value))
    return text if len(text) <= 60 else text[:57] + "..."


def place_of(component: ComponentSpec, key: str = "") -> str:
    """``FILE:LINE: field`` of a scorer's key, as the file spells it: a case's own ``checks`` or the config's ``scorers``."""
    field = f"{component.name}.{key}" if key else component.name
    if not component.where:
        return field
    table = "" if component.name.startswith("checks.") else "scorers."
    return f"{component.where}: {table}{field}"
