"""The seams of the house: what the runner knows of candidates, scorers, clocks, stores and stop rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from evalharness.core.cases import Case
from evalharness.core.results import CaseResult, Failure, Output, ScoreResult
from evalharness.core.specs import EMPTY, ComponentSpec

Direction: TypeAlias = Literal["higher", "lower"]


# --- candidates -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One answer that is wanted, rendered: everything that decides it, and nothing else."""

    case_id: str
    epoch: int
    """0 .. epochs-1."""
    attempt: int
    """0, or 1.. for another try that a hard check asked for."""
    seed: int
    """Seed of this (run seed, case, epoch, attempt): never shared between cases."""
    body: Any
    """What is sent (JSON value)."""
    key: str
    """SHA-256 over endpoint, model, body, parameters, epoch and attempt: the answer's name in the store."""
    worst_tokens: tuple[int, int] = (0, 0)
    """(input, output) tokens that the call can use at most, for the money reservation."""
    sent_bytes: int = 0
    """Bytes that are sent at least once, whatever the replies; 0: as many as ``worst_tokens`` says."""


@runtime_checkable
class Candidate(Protocol):
    """Something that answers cases: a prompt on a model, a retriever, a function, a program, a recording."""

    name: str
    kind: str
    """``model``, ``retriever``, ``python``, ``http``, ``command`` or ``recorded``."""
    digest: str
    """SHA-256 of everything that decides its answers (templates, parameters, declared code files)."""
    description: Mapping[str, Any]
    """Its fields with defaults written out, for the run header; no secrets."""
    reuse: Literal["always", "same_run"]
    """Whether recorded answers serve other runs too; ``same_run`` when its code is not declared (contract 8.2)."""
    price: tuple[float, float] | None
    """(input, output) USD per million tokens; (0, 0) when calls are free; None when unknown."""
    host: str
    """``HOST[:PORT]`` that calls go to, for rates; empty when it calls nobody."""

    def request(self, case: Case, *, epoch: int, attempt: int, run_seed: int) -> Request:
        """Render the request for one answer. Pure and cheap; raises ``Refused`` on a template error."""
        ...

    async def answer(self, request: Request, case: Case) -> Output | Failure:
        """One attempt to answer, without retries. Never raises for what a server or program does."""
        ...

    async def close(self) -> None:
        """Give back connections and processes."""
        ...


@runtime_checkable
class Recording(Protocol):
    """A candidate whose answers already exist: no call, no event loop, no store."""

    name: str
    kind: str
    digest: str
    description: Mapping[str, Any]

    def lookup(self, case: Case, *, epoch: int, attempt: int) -> Output | Failure | None:
        """The recorded answer; None when this (case, epoch, attempt) was never recorded."""
        ...


# --- scorers --------------------------------------------------------------------------------------------------------


class ScorerFacts(Protocol):
    """What every scorer declares about its numbers."""

    name: str
    """Name in the config."""
    use: str
    """Scorer word."""
    signature: str
    """How the number is made; equal signatures are comparable."""
    low: float
    """Lowest value it can give; ``-inf`` never: unbounded scorers declare 0 and an infinite ``high``."""
    high: float
    """Highest value; ``inf`` for latency, cost and TER, which need a ``cap`` as guards."""
    direction: Direction
    """Which way is better."""
    binary: bool
    """True when every value is 0 or 1 by construction (the exact path of the gate)."""
    needs: frozenset[str]
    """Case fields it cannot do without: ``target``, ``relevant``, ``context``, ``checks``, ``group``."""
    costly: bool
    """True when scoring calls an endpoint (judges, embedding endpoints)."""


@runtime_checkable
class CaseScorer(ScorerFacts, Protocol):
    """Scores one output of one case. Pure: same input, same score."""

    def score(self, output: Output, case: Case) -> ScoreResult:
        """The score, ``Unscored`` where it does not apply, or a ``Failure`` of the scorer itself."""
        ...


@runtime_checkable
class BatchScorer(CaseScorer, Protocol):
    """A case scorer that is faster on many outputs at once (BERTScore, embeddings, process pools)."""

    def score_many(self, pairs: Sequence[tuple[Output, Case]]) -> Sequence[ScoreResult]:
        """One result per pair, in order; equal to ``score`` on each."""
        ...


@runtime_checkable
class AsyncScorer(ScorerFacts, Protocol):
    """A case scorer that waits for an endpoint (judges)."""

    async def score_async(self, output: Output, case: Case, *, repeat: int) -> ScoreResult:
        """As ``CaseScorer.score``; ``repeat`` is 0, 1, .. and enters the key of the stored verdict."""
        ...


@runtime_checkable
class EpochScorer(ScorerFacts, Protocol):
    """Scores all epochs of a case together (pass@k, pass^k)."""

    def score_epochs(self, outputs: Sequence[Output | Failure], case: Case) -> ScoreResult:
        """One score for the case."""
        ...


@runtime_checkable
class GroupScorer(ScorerFacts, Protocol):
    """Scores a behaviour group: base and variants together (invariance, direction)."""

    def score_group(self, outputs: Mapping[str, Output | Failure], cases: Sequence[Case]) -> ScoreResult:
        """One score for the group, which stands at its base; ``outputs`` by case id."""
        ...


@runtime_checkable
class CorpusScorer(CaseScorer, Protocol):
    """A corpus metric: per-case sufficient statistics in ``evidence["stats"]`` that add up (BLEU, TER, macro-F1)."""

    def aggregate(self, totals: Sequence[float]) -> float:
        """The corpus value from the element-wise sum of the cases' statistics."""
        ...


@runtime_checkable
class PairScorer(ScorerFacts, Protocol):
    """Looks at both arms' outputs at once (pairwise judges); never part of a stored baseline score."""

    async def score_pair(self, baseline: Output, candidate: Output, case: Case) -> ScoreResult:
        """Value 1 = candidate better, 0 = baseline better, 0.5 = tie."""
        ...


class ChatClient(Protocol):
    """The one way to a chat endpoint; prompt candidates and judges receive it."""

    async def chat(self, body: Mapping[str, Any], *, timeout_s: float) -> Output | Failure:
        """POST one chat-completions body and validate the reply. One attempt; errors are values."""
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...


class EmbeddingClient(Protocol):
    """The one way to an embedding endpoint."""

    async def embed(self, body: Mapping[str, Any], *, timeout_s: float) -> Output | Failure:
        """POST one embeddings body; the output's text is the JSON list of vectors. One attempt; errors are values."""
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...


class Desk(Protocol):
    """Where a scorer that calls an endpoint finds its stored verdicts, and where its calls go through.

    Money limit, retries, rates and books are those of the run.
    """

    def find(self, key: str) -> ScoreResult | None:
        """A stored verdict, or None."""
        ...

    def keep(self, key: str, result: ScoreResult, *, case_id: str) -> None:
        """Hand a verdict to the store."""
        ...

    async def call(
        self,
        send: Callable[[], Awaitable[Output | Failure]],
        request: Request,
        *,
        host: str,
        price: tuple[float, float] | None,
    ) -> Output | Failure:
        """Make one call, retried and booked like any other.

        Args:
            send: Makes one attempt; errors of the endpoint are values.
            request: What is asked; its key names the call in the books, its ``worst_tokens`` bound the cost.
            host: Whose rates apply.
            price: (input, output) US dollars per million tokens; None when unknown.
        """
        ...


@runtime_checkable
class AtDesk(Protocol):
    """A scorer that is given a desk before a run."""

    def sit(self, desk: Desk) -> None:
        """Use this desk from now on."""
        ...


# --- running --------------------------------------------------------------------------------------------------------


class StopRule(Protocol):
    """What the runner asks after every case; the verdict writes it, the runner obeys it."""

    def wants_attempt(self, result: CaseResult) -> bool:
        """True when this case needs another attempt (a hard check failed where the baseline passed) before it counts."""
        ...

    def observe(self, result: CaseResult) -> bool:
        """Take the next case *in the planned order*; True when nothing more needs to be asked."""
        ...


class Recorder(Protocol):
    """Where paid answers and scores go before anything else happens with them (the store)."""

    def find_answer(self, key: str) -> Output | None:
        """The stored answer under a content key, or None. Errors are never stored as answers."""
        ...

    def put_answer(self, key: str, output: Output, request: Request) -> None:
        """Hand an answer to the writer; it is durable after the next group commit."""
        ...

    def find_score(self, key: str) -> ScoreResult | None:
        """A stored (costly) score under its key, or None."""
        ...

    def put_score(self, key: str, result: ScoreResult, *, case_id: str = "") -> None:
        """Hand a costly score to the writer; the case that it belongs to can be forgotten."""
        ...


class Executor(Protocol):
    """Where CPU-bound scoring happens: in this process, in a pool, or one day elsewhere."""

    def takes(self, scorer: CaseScorer) -> bool:
        """Whether it can run this scorer."""
        ...

    def map_scores(self, scorer: CaseScorer, pairs: Sequence[tuple[Output, Case]]) -> Sequence[ScoreResult]:
        """One result per pair, in order, equal to the scorer's own."""
        ...


class Clock(Protocol):
    """Time. Waiting uses the monotonic clock; wall time is only shown."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never backwards."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait at least this long."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A snapshot for the person who waits."""

    title: str
    done: int = 0
    total: int = 0
    cost_usd: float = 0.0
    max_cost: float | None = None
    retries: int = 0
    eta_s: float | None = None
    note: str = ""
    """What is going on beside the asking, such as that it is being stopped; told at once."""


class ProgressSink(Protocol):
    """Shows progress; the command line has one for terminals and one for logs."""

    def update(self, progress: Progress) -> None:
        """Called often; must be cheap and must limit its own drawing."""
        ...

    def close(self) -> None:
        """Remove anything transient from the screen."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerSpec:
    """A scorer as the config gives it: its component table and what every scorer may carry."""

    component: ComponentSpec
    threshold: float | None = None
    """``passed`` = value >= threshold (<= for scorers where lower is better)."""
    weight: float = 1.0
    """For reports only."""
    negate: bool = False
    """``not = true``: an assertion that must not hold."""
    metric: str | None = None
    """Group name in reports."""
    extra: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
