"""A case, and the set of cases that a run answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from evalharness.core.specs import EMPTY, canonical_json, digest, digest_text, freeze, thaw

ID_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a case id must match in full."""

_ALIKE: Final = str.maketrans({"I": "l", "1": "l", "0": "o", "O": "o"})

MEANING: Final = ("id", "input", "target", "relevant", "context", "checks", "group", "variant")
"""Fields whose change makes another case: they enter ``Case.digest``, and a changed digest is never paired.
Tags, metadata, cluster, weight and deprecation describe a case; changing them keeps the pair."""

_MEANING: Final = frozenset(MEANING)


def id_look(name: str) -> str:
    """What a reader sees of an id or name: those that share it (``case-10``, ``case-lO``) cannot be told apart by eye.

    Ids are ASCII, so that nothing else looks alike: the confusables of UTS 39 within ASCII, but for ``m`` and ``rn``, which
    real words differ by.
    """
    return name.translate(_ALIKE).lower()


def open_turns(messages: Sequence[Mapping[str, Any]]) -> list[int]:
    """Places of the user messages that nobody has answered yet: not followed by an assistant or tool message."""
    roles = [message.get("role") for message in messages]
    return [
        place
        for place, role in enumerate(roles)
        if role == "user" and roles[place + 1 : place + 2] not in (["assistant"], ["tool"])
    ]


class _Remembering:
    """Room for a digest once it is known, for many rooms ask for it. No field: it is no part of a case's value."""

    __slots__ = ("_digest",)
    _digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(_Remembering):
    """One line of an eval set. Values are frozen copies; a missing field is ``None`` or empty."""

    id: str
    """Unique in its set without regard to upper and lower case; matches ``ID_PATTERN``."""
    input: Any
    """Text, a list of chat messages ``{role, content}``, or an object."""
    target: Any = None
    """Reference: text, number, object, or a list of references."""
    relevant: Mapping[str, float] = field(default_factory=lambda: EMPTY)
    """Document id -> grade (>= 0) for retrieval."""
    context: tuple[Any, ...] = ()
    """Passages: texts or ``{id, text}``."""
    metadata: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """Facts about the case; slices are taken over its fields."""
    tags: tuple[str, ...] = ()
    """Words for ``--tag``."""
    cluster: str | None = None
    """Cases with one cluster are one statistical unit (same document, conversation, template)."""
    weight: float = 1.0
    """from 1e-6 to 1e6."""
    group: str | None = None
    """Behaviour group: base and variants are one unit."""
    variant: str | None = None
    """Name of the variant inside its group; the base has none."""
    checks: tuple[Mapping[str, Any], ...] = ()
    """Scorer tables for this case alone; together they are the hard scorer ``checks``."""
    deprecated: str | None = None
    """Reason why the case is no longer asked, or None."""

    def __post_init__(self) -> None:
        for name in ("input", "target", "relevant", "context", "metadata", "tags", "checks"):
            value = getattr(self, name)
            if type(value) is not str and value is not EMPTY and value != ():
                object.__setattr__(self, name, freeze(value))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Case:
        """A case from a JSON object whose fields were already checked (``evalset.jsonl`` checks them)."""
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        """The JSON object of the case, in field order, without the fields that hold their default."""
        return {
            name: thaw(value)
            for name, default in _DEFAULTS.items()
            if (value := getattr(self, name)) is not default and value != default
        }

    def canonical(self) -> str:
        """Canonical JSON of the whole case.

        Where the case holds nothing but what it means, that is the text that ``digest`` is of, so it is known from here on.
        """
        whole = self.to_json()
        text = canonical_json(whole)
        if whole.keys() <= _MEANING:
            object.__setattr__(self, "_digest", digest_text(text))
        return text

    @property
    def digest(self) -> str:
        """SHA-256 over what the case means (``MEANING``): two cases pair only when it is the same."""
        try:
            return self._digest
        except AttributeError:
            meant = {name: getattr(self, name) for name in MEANING if getattr(self, name) != _DEFAULTS[name]}
            object.__setattr__(self, "_digest", digest(meant))
            return self._digest

    @property
    def unit(self) -> str:
        """The statistical unit the case belongs to: its cluster, its behaviour group, or itself (the plain id).

        A colon is never part of an id, so the three cannot collide.
        """
        if self.cluster is not None:
            return f"cluster:{self.cluster}"
        return f"group:{self.group}" if self.group is not None else self.id

    @property
    def references(self) -> tuple[Any, ...]:
        """The target as a tuple: several references as they are, a single one alone, none when there is no target."""
        if self.target is None:
            return ()
        return self.target if isinstance(self.target, tuple) else (self.target,)

    @property
    def prompt_text(self) -> str:
        """The input as one text: a string as it is, chat messages as their last user turn, an object as JSON."""
        if isinstance(self.input, str):
            return self.input
        if isinstance(self.input, tuple):
            users = [m for m in self.input if m.get("role") == "user"]
            return str(users[-1].get("content", "")) if users else ""
        return canonical_json(self.input)


_DEFAULTS: Final[dict[str, Any]] = {
    "id": None,
    "input": None,
    "target": None,
    "relevant": EMPTY,
    "context": (),
    "metadata": EMPTY,
    "tags": (),
    "cluster": None,
    "weight": 1.0,
    "group": None,
    "variant": None,
    "checks": (),
    "deprecated": None,
}


@dataclass(frozen=True, kw_only=True)
class EvalSet:
    """A named, versioned set of cases. Deprecated cases are kept for history and left out of runs."""

    name: str
    """Name in the config, or the file's stem."""
    cases: Sequence[Case]
    """All cases in file order, deprecated ones included."""
    version: str = ""
    """Semantic version from evalh.lock, or empty when the set is not locked."""
    path: str = ""
    """File it was read from, for messages."""
    slices: tuple[str, ...] = ()
    """Metadata fields that reports slice by."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical case lines in id order: independent of line order and of formatting."""
        import hashlib

        sha = hashlib.sha256()
        for case in sorted(self.cases, key=lambda c: c.id):
            sha.update(case.canonical().encode("utf-8") + b"\n")
        return sha.hexdigest()

    @cached_property
    def living(self) -> tuple[Case, ...]:
        """The cases that are asked: all but the deprecated ones, in file order."""
        return tuple(case for case in self.cases if case.deprecated is None)

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """Case id -> digest of each living case, in file order."""
        return MappingProxyType({case.id: case.digest for case in self.living})

    @cached_property
    def by_id(self) -> Mapping[str, Case]:
        """Case id -> case, deprecated ones included."""
        return {case.id: case for case in self.cases}

    def __len__(self) -> int:
        return len(self.living)

    def __iter__(self) -> Iterator[Case]:
        return iter(self.living)
