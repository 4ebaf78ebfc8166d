"""What a test session asks: one candidate on the selected cases of one eval set, and what came back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalharness.core.cases import Case
from evalharness.verdict.baseline import Baseline

STALE = "stale: code not declared"
NOT_RECORDED = "not recorded: --evalh-live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A project: where its config lies."""

    root: Path
    file: str = ""
    """Name of the config file in ``root``; empty when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One candidate on one eval set; every test about it shares the answers."""

    home: Home
    evalset: str
    """Name in the config, or a path."""
    candidate: str
    """Name in the config, an answers file, or ``module:function``."""
    function: Callable[..., Any] | None = field(default=None, compare=False, repr=False)
    """The function, when the candidate is one."""

    @property
    def key(self) -> str:
        """A file name that is the same in every process of the session."""
        words = (str(self.home.root), self.home.file, self.evalset, self.candidate)
        return hashlib.sha256("\x1f".join(words).encode("utf-8", "surrogateescape")).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The parameter of one test: a case of a batch."""

    batch: Batch
    case: Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The part of a batch that this session's tests look at."""

    batch: Batch
    selected: tuple[str, ...]
    """Case ids of the tests that are left after ``-k``, ``--lf`` and the like."""
    total: int
    """Cases of the eval set."""

    def to_json(self) -> dict[str, Any]:
        """JSON object; the function stays behind."""
        batch = self.batch
        home = {"root": str(batch.home.root), "file": batch.home.file}
        return {
            "home": home,
            "evalset": batch.evalset,
            "candidate": batch.candidate,
            "selected": list(self.selected),
            "total": self.total,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """The opposite of :meth:`to_json`."""
        home = Home(root=Path(data["home"]["root"]), file=data["home"]["file"])
        batch = Batch(home=home, evalset=data["evalset"], candidate=data["candidate"])
        return cls(batch=batch, selected=tuple(data["selected"]), total=data["total"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of a batch. Exactly one of ``arm``, ``stale`` and ``error`` is set."""

    arm: Baseline | None = None
    """Answers and scores by case."""
    stopped: str = ""
    """Why the run ended early: ``budget``, ``provider``, ...; cases it did not reach are absent from ``arm``."""
    stale: bool = False
    """Nothing was asked: answers of undeclared code serve one run only, and plain pytest asks nobody."""
    error: str = ""
    """Why nothing could be asked."""

    @property
    def recorded(self) -> int:
        """Cases with an answer, or with a failure that the candidate is to blame for."""
        if self.arm is None:
            return 0
        from evalharness.verdict.measure import lost

        return sum(not lost(result.trials[0]) for result in self.arm.results.values())
