"""Canonical JSON, digests, and the description that a component *is*: its fields, defaults written out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})
"""The empty read-only mapping, for dataclass defaults."""


_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
"""Values that cannot change: most of them are, so they are told apart before anything slower is asked."""


def freeze(value: Any) -> Any:
    """Read-only copy of a JSON value: mappings become mapping proxies, lists become tuples, to any depth.

    Empty mappings are one shared object: a run keeps millions of them.
    """
    if type(value) in _PLAIN or value is EMPTY:
        return value
    if _is_mapping(value):
        return MappingProxyType({key: freeze(item) for key, item in value.items()}) if value else EMPTY
    if isinstance(value, (list, tuple)):
        return tuple([freeze(item) for item in value]) if value else ()
    return value


def _is_mapping(value: Any) -> bool:
    # By exact type first: asking the abstract class takes ten times as long, and a run asks for each of its values.
    kind = type(value)
    return kind is dict or kind is MappingProxyType or (kind is not tuple and isinstance(value, Mapping))


def thaw(value: Any) -> Any:
    """Plain dicts and lists again, ready for ``json.dumps``; the opposite of :func:`freeze`."""
    if type(value) in _PLAIN:
        return value
    if _is_mapping(value):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [thaw(item) for item in value]
    return value


_CANONICAL: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=thaw
)


def canonical_json(value: Any) -> str:
    """One text for one value: sorted keys, no spaces, Unicode as it is.

    Args:
        value: A JSON value; frozen mappings and tuples are accepted.

    Returns:
        The canonical JSON text, without a newline at the end.

    Raises:
        ValueError: On NaN or an infinite number: absence is a type here, never a float.
    """
    return _CANONICAL.encode(value)


def digest(value: Any) -> str:
    """SHA-256 (64 hex digits, lower case) of the canonical JSON of a value, in UTF-8."""
    return hashlib.sha256(canonical_json(value).encode("utf-8")).hexdigest()


def digest_text(text: str) -> str:
    """SHA-256 (64 hex digits) of a text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def signature(use: str, params: Mapping[str, Any], version: str) -> str:
    """The line that stands beside a number and says exactly how it was made.

    Args:
        use: Scorer word, for example ``rougeL``.
        params: Every parameter that can change a value, defaults included.
        version: Package and version that computed it, for example ``rouge-score 0.1.2``.

    Returns:
        For example ``rougeL|stemmer:false|tokenizer:default|rouge-score 0.1.2``. Scores with unlike signatures are
        never subtracted from one another.
    """
    parts = [use, *(f"{key}:{_short(params[key])}" for key in sorted(params)), version]
    return "|".join(parts)


def _short(value: Any) -> str:
    """A parameter in a signature: plain when short and simple, else the start of its digest."""
    if isinstance(value, (bool, int, float)) or value is None:
        return canonical_json(value)
    text = value if isinstance(value, str) else canonical_json(value)
    plain = len(text) <= 24 and all(char.isalnum() or char in "._-+" for char in text)
    return text if plain and isinstance(value, str) else f"#{digest(value)[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentSpec:
    """What the config says of one candidate or scorer; ``api.py`` builds the component from it."""

    name: str
    """Name in the config, unique within its kind."""
    use: str
    """Word that chooses the class: a scorer word, or a candidate kind such as ``model`` or ``recorded``."""
    params: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """Everything else in the table, frozen, as written (paths still relative to the config)."""
    where: str = ""
    """``FILE:LINE`` of the table, for error messages; not part of the digest."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object ``{name, use, params}``."""
        return {"name": self.name, "use": self.use, "params": thaw(self.params)}


def string_list(value: Any) -> tuple[str, ...]:
    """A string or a list of strings as a tuple of strings.

    Raises:
        TypeError: If ``value`` is neither.
    """
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise TypeError(f"expected a string or a list of strings, got {type(value).__name__}")
