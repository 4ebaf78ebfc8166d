"""What all candidates without a prompt have in common: identity, request, and the time for one answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from evalharness.candidates.answers import case_json
from evalharness.candidates.conversation import in_turns, turns_of
from evalharness.core.cases import Case
from evalharness.core.protocols import Request
from evalharness.core.results import Failure, Output
from evalharness.core.seeds import derive_seed
from evalharness.core.specs import EMPTY, digest, freeze


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What such a candidate is."""

    name: str
    kind: str
    facts: Mapping[str, Any]
    """Its fields with defaults written out: description and digest."""
    declared: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """What it declares of its code."""
    reuse: Literal["always", "same_run"] = "same_run"
    price: tuple[float, float] | None = None
    host: str = ""
    timeout_s: float = 120.0
    """Seconds for one answer."""
    root: Path = field(default_factory=Path)
    where: str = ""
    """``FILE:LINE`` for errors."""
    untrusted: bool = False
    """True where only data is trusted: nothing of this candidate may run."""


class Local:
    """Base of the kinds that send a case and read an answer."""

    def __init__(self, identity: Identity) -> None:
        self.name = identity.name
        self.kind = identity.kind
        self.reuse: Literal["always", "same_run"] = identity.reuse
        self.price = identity.price
        self.host = identity.host
        facts = {**identity.facts, **identity.declared}
        self.description: Mapping[str, Any] = freeze(facts)
        self.digest = digest({"kind": identity.kind, **facts})
        self.identity = identity

    def request(self, case: Case, *, epoch: int, attempt: int, run_seed: int) -> Request:
        """The case as it is told to the program, under a key of everything that decides the answer."""
        body = case_json(case)
        seed = derive_seed(run_seed, case.id, epoch=epoch, attempt=attempt)
        # The whole meaning of the case enters the key: a function is handed the case itself.
        key = digest([self.digest, case.digest, body["metadata"], epoch, attempt])
        return Request(case_id=case.id, epoch=epoch, attempt=attempt, seed=seed, body=body, key=key)

    def deadline_s(self, _case: Case) -> float:
        """Seconds for one answer, and a second to spare."""
        return self.identity.timeout_s + 1.0

    async def close(self) -> None:
        """Nothing to give back."""


class Replies(Local):
    """A kind that answers in words, and so can be talked to: one call a turn. Subclasses write ``reply``."""

    async def answer(self, request: Request, case: Case) -> Output | Failure:
        """One call, or one for each of several open user turns."""
        return await in_turns(case, lambda turn: self.reply(request, turn))

    async def reply(self, request: Request, case: Case) -> Output | Failure:
        """Answer once.

        Args:
            request: Of the whole case.
            case: The case; in a conversation its input is the messages so far, the last one the user's.
        """
        raise NotImplementedError

    def deadline_s(self, case: Case) -> float:
        """Seconds for one answer: for each turn of a conversation the whole time, and a second to spare."""
        return self.identity.timeout_s * turns_of(case) + 1.0
