"""What one run is: everything ``run_cases`` needs, and the seams it is reached through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from evalharness.core.cases import Case
from evalharness.core.protocols import (
    Candidate,
    Clock,
    Executor,
    ProgressSink,
    Recorder,
    Recording,
    ScorerFacts,
    StopRule,
)
from evalharness.core.results import CallCounts, CaseResult, Failure, Output, RunHeader, ScoreResult
from evalharness.runner.clock import SystemClock


class RunEnded(Exception):
    """No further call is made in this run; ends a worker quietly."""


class RunRows(Protocol):
    """Where the run itself is written down: its header, its cases, its calls (the store)."""

    def start_run(self, header: RunHeader) -> None:
        """Write the header before the first call."""
        ...

    def put_case(self, run_id: str, position: int, result: CaseResult) -> None:
        """A finished case at its place in the planned order, from 0."""
        ...

    def note_attempt(self, run_id: str, key: str, kind: str, cost_usd: float, latency_s: float | None) -> None:
        """One call that was paid or may have been: ``ok``, a failure kind, or ``cancelled``."""
        ...

    def finish_run(self, run_id: str, *, calls: CallCounts, complete: bool, stopped: str) -> None:
        """Close the run."""
        ...

    def flush(self) -> None:
        """Return when everything handed over so far is durable."""
        ...


class RunStore(Recorder, RunRows, Protocol):
    """A store that keeps answers, scores and runs."""


class Pacing(Protocol):
    """The retry policy and the limits around calls to a host; the judge's calls share it."""

    async def call(
        self, send: Callable[..., Awaitable[Output | Failure]], *given: Any, host: str, tokens: int
    ) -> Output | Failure:
        """Send until it works or the policy gives up; ``Failure.attempts`` counts the calls.

        Args:
            send: Makes one attempt; errors of the endpoint are values, and what it raises ends the call.
            given: What ``send`` is called with.
            host: Whose limits apply.
            tokens: Tokens that the call can use, for limits per minute.
        """
        ...

    @property
    def down(self) -> str:
        """Why the endpoint counts as down, one sentence; empty while it works."""
        ...

    @property
    def retries(self) -> int:
        """Retries so far."""
        ...


@runtime_checkable
class ReadsFailures(Protocol):
    """A scorer that can judge a candidate's failure itself (finish_reason, refusal) instead of taking its lowest value."""

    def score_failure(self, failure: Failure, case: Case) -> ScoreResult:
        """The score of a failure that the candidate is to blame for."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """An ``AsyncScorer`` that can say, without an event loop, what it already scored."""

    def recorded_score(self, output: Output, case: Case, *, repeat: int) -> ScoreResult | None:
        """The stored score, or None when a call is needed."""
        ...


@runtime_checkable
class Checks(Protocol):
    """A candidate or judge that can find out before the first call whether it can go to work on a case."""

    def check(self, case: Case) -> None:
        """Raise ``Refused`` when it cannot be rendered (an undefined template variable), ``KeyMissing`` without a key."""
        ...


@runtime_checkable
class Closes(Protocol):
    """A candidate or judge that holds connections."""

    async def close(self) -> None:
        """Give them back."""
        ...


@runtime_checkable
class TakesItsTime(Protocol):
    """A candidate that knows how long one answer may take (conversations take several calls)."""

    def deadline_s(self, case: Case) -> float:
        """Seconds for one answer to this case, > 0."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One candidate on one eval set, in a planned order."""

    header: RunHeader
    """Run id, seed and number of epochs are read from here."""
    cases: Sequence[Case]
    """The cases to ask, in the planned order."""
    candidate: Candidate | Recording
    scorers: Sequence[ScorerFacts] = ()
    """Case, async, epoch and group scorers; names are unique."""
    store: RunStore | None = None
    """None: nothing is remembered (a recording needs no store)."""
    stop: StopRule | None = None
    """None: every case is asked."""
    pacing: Pacing | None = None
    """None: one attempt a call, no limits."""
    jobs: int = 32
    """Calls in flight at most, >= 1."""
    window: int | None = None
    """How far in front of the finished prefix cases are asked; None: four times ``jobs`` under a stop rule, else all."""
    timeout_s: float = 120.0
    """Seconds for one answer, retries apart, unless the candidate says otherwise (``TakesItsTime``)."""
    max_cost: float | None = None
    """US dollars that this run may still spend; None: no limit."""
    offline: bool = False
    """Never call: an answer that is not recorded is a Failure ``not_recorded``."""
    fresh: bool = False
    """Do not use answers of other runs."""
    identity: str = ""
    """What names "the same run" when it is resumed: enters the keys of answers that serve this run alone. Empty: the
    run id."""
    resume: str = ""
    """Command line that goes on with this run, for the message after Ctrl-C."""
    title: str = ""
    """Name shown with the progress; the candidate's when empty."""
    executor: Executor | None = None
    """Where scorers run that take long to compute; None: here."""
    progress: ProgressSink | None = None
    clock: Clock = field(default_factory=SystemClock)

    @property
    def lookahead(self) -> int:
        """``window`` worked out: cases that may be asked in front of the finished prefix."""
        if self.window is not None:
            return max(1, self.window)
        return 4 * self.jobs if self.stop is not None else max(1, len(self.cases))
