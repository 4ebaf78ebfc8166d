"""One candidate's table in the config, and what it is built from; what the room needs of the rest of the house."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Protocol

from evalharness.candidates.code import declared_code, reuse_of
from evalharness.candidates.local import Identity
from evalharness.candidates.recorded import LoadAnswers
from evalharness.core.endpoints import Address
from evalharness.core.errors import ConfigError
from evalharness.core.options import RunOptions
from evalharness.core.prices import PriceTable, no_table
from evalharness.core.protocols import ChatClient
from evalharness.core.results import Document
from evalharness.core.specs import ComponentSpec


class HasTimeout(Protocol):
    """The config's defaults, as far as they are wanted here."""

    @property
    def timeout(self) -> float:
        """Seconds for one call."""
        ...


class Project(Protocol):
    """The config, as far as it is wanted here."""

    @property
    def root(self) -> Path:
        """Folder of the project."""
        ...

    @property
    def defaults(self) -> HasTimeout:
        """Defaults of every run."""
        ...

    @property
    def prices(self) -> Mapping[str, tuple[float, float]]:
        """Model name -> (input, output) US dollars per million tokens."""
        ...

    def resolve(self, name: str, *, where: str) -> Path:
        """The file that a value names, inside the project."""
        ...


class Connect(Protocol):
    """Makes the client of a chat endpoint; ``clients.openai_chat.connect`` is the one that ships."""

    def __call__(
        self, place: Address, *, key_env: str | None, price: tuple[float, float] | None, finished: bool, where: str
    ) -> ChatClient:
        """Check that the key may go there and make the client; nothing is sent yet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What candidates are built from, beside their table."""

    project: Project
    options: RunOptions
    corpus: Callable[[], Sequence[Document]]
    """Gives the documents beside the eval set."""
    env: Mapping[str, str]
    connect: Connect
    load_answers: LoadAnswers
    price_table: PriceTable = no_table
    """Knows prices that the config does not name."""
    isolate: Callable[..., Any] | None = None
    """Does a job in a process of its own; None where there is none, and templates are rendered here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One candidate's table."""

    spec: ComponentSpec
    around: Surroundings
    params: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", self.spec.params)

    def where(self, key: str) -> str:
        """Place of a key, for errors."""
        return f"{self.spec.where}: candidates.{self.spec.name}.{key}" if self.spec.where else key

    def refuse(self, key: str, message: str, tip: str = "") -> NoReturn:
        """Raise ``ConfigError`` about a key."""
        raise ConfigError(message, where=self.where(key), tip=tip)

    @property
    def timeout_s(self) -> float:
        """Seconds for one answer."""
        return float(self.params.get("timeout", self.around.project.defaults.timeout))

    def identity(
        self, facts: Mapping[str, Any], *, price: tuple[float, float] | None = None, host: str = "", pure: bool = False
    ) -> Identity:
        """Name, digest and time of a candidate without a prompt; ``pure`` when nothing but ``facts`` decides it."""
        root = self.around.project.root
        declared = declared_code(self.params, root, where=self.where("inputs"))
        return Identity(
            name=self.spec.name,
            kind=self.spec.use,
            facts=facts,
            declared=declared,
            reuse="always" if pure else reuse_of(declared),
            price=price,
            host=host,
            timeout_s=self.timeout_s,
            root=root,
            where=self.spec.where,
            untrusted=self.around.options.untrusted and not pure,
        )
