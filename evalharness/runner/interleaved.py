"""Two candidates asked as one, case by case, so that whatever drifts at the endpoint hits both alike.

To the engine it is one candidate with twice the epochs: the first K of a case are the candidate's, the others the
baseline's, side by side in the planned order. Here they are told apart again: in results, in the store and at the
rate limits of each host.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from evalharness.core.cases import Case
from evalharness.core.protocols import Candidate, Request, StopRule
from evalharness.core.results import CallCounts, CaseResult, Failure, Output, Run, RunHeader, Trial
from evalharness.core.specs import digest, digest_text
from evalharness.runner.job import Checks, Pacing, RunStore, TakesItsTime
from evalharness.runner.scoring import Scoring


class BothArms:
    """A candidate and its baseline as one candidate.

    Args:
        candidate: Asked in epochs 0..K-1 and in further attempts.
        baseline: Asked in epochs K..2K-1.
        epochs: K, answers a case and arm.
        timeout_s: Seconds for one answer of an arm that does not say itself.
    """

    kind = "model"
    reuse: Literal["always", "same_run"] = "same_run"

    def __init__(self, candidate: Candidate, baseline: Candidate, *, epochs: int, timeout_s: float) -> None:
        self.arms = (candidate, baseline)
        self.epochs = epochs
        self.name = candidate.name
        self.digest = digest({"candidate": candidate.digest, "baseline": baseline.digest})
        self.description: Mapping[str, Any] = candidate.description
        self.host = candidate.host
        self.price = _dearer(candidate.price, baseline.price)
        self._timeout_s = timeout_s

    def arm_of(self, epoch: int) -> Candidate:
        """Whose an epoch is."""
        return self.arms[epoch >= self.epochs]

    def request(self, case: Case, *, epoch: int, attempt: int, run_seed: int) -> Request:
        """The request of the arm that the epoch belongs to, under a name of its own.

        Equal requests of both arms are asked twice: two draws, not one answer used for both.
        """
        arm = self.arm_of(epoch)
        inner = arm.request(case, epoch=epoch % self.epochs, attempt=attempt, run_seed=run_seed)
        side = "baseline" if epoch >= self.epochs else "candidate"
        return replace(inner, epoch=epoch, key=digest_text(f"{side}\x1f{inner.key}"))

    async def answer(self, request: Request, case: Case) -> Output | Failure:
        """One attempt at one answer of one arm."""
        return await self.arm_of(request.epoch).answer(replace(request, epoch=request.epoch % self.epochs), case)

    async def close(self) -> None:
        """Give back what both arms hold."""
        for arm in self.arms:
            await arm.close()

    def check(self, case: Case) -> None:
        """Find out before the first call whether both can render a case."""
        for arm in self.arms:
            if isinstance(arm, Checks):
                arm.check(case)

    def deadline_s(self, case: Case) -> float:
        """Seconds for one answer: of the arm that takes longer."""
        return max(arm.deadline_s(case) if isinstance(arm, TakesItsTime) else self._timeout_s for arm in self.arms)


def _dearer(*prices: tuple[float, float] | None) -> tuple[float, float] | None:
    """What a call of either arm costs at most; None when neither price is known."""
    known = [price for price in prices if price is not None]
    return (max(price[0] for price in known), max(price[1] for price in known)) if known else None


class PacedArms:
    """The limits of each arm's own host, around the shared retry policy.

    Args:
        pacing: The policy of the command.
        both: Tells the arms' hosts.
    """

    def __init__(self, pacing: Pacing, both: BothArms) -> None:
        self._pacing = pacing
        self._both = both

    async def call(
        self, send: Callable[..., Awaitable[Output | Failure]], *given: Any, host: str, tokens: int
    ) -> Output | Failure:
        """As ``Pacing.call``, under the host of the request's arm."""
        own = next((self._both.arm_of(one.epoch).host for one in given if isinstance(one, Request)), host)
        return await self._pacing.call(send, *given, host=own, tokens=tokens)

    @property
    def down(self) -> str:
        """Why the endpoint counts as down."""
        return self._pacing.down

    @property
    def retries(self) -> int:
        """Retries so far."""
        return self._pacing.retries


@dataclass(frozen=True, slots=True, kw_only=True)
class Splitting:
    """Takes the results of both arms apart."""

    epochs: int
    """K, answers a case and arm."""
    scoring: Scoring
    """Scorers over the epochs of a case: each arm's epochs are scored by themselves."""
    amend: Sequence[Callable[[CaseResult], CaseResult]] = ()
    """What else to make of the whole result first: scores that depend on both arms."""

    def split(self, result: CaseResult, case: Case) -> tuple[CaseResult, CaseResult]:
        """(candidate's, baseline's) part of a case, epochs counted from 0 in each."""
        for amend in self.amend:
            result = amend(result)
        own = [trial for trial in result.trials if trial.epoch < self.epochs]
        other = [_moved(trial, -self.epochs) for trial in result.trials if trial.epoch >= self.epochs]
        return (
            replace(result, trials=tuple(self.scoring.over_epochs(own, case))),
            replace(result, trials=tuple(self.scoring.over_epochs(other, case))),
        )


def _moved(trial: Trial, by: int) -> Trial:
    return replace(trial, epoch=trial.epoch + by)


class BothSeen:
    """The stop rule of both arms: fills in the baseline's result, then shows the candidate's to the judge.

    Args:
        judge: The stop rule of the gate, whose baseline is filled in here.
        baseline: Baseline results by case id, filled in as cases come in the planned order.
        splitting: Takes results apart.
        cases: Cases by id.
    """

    def __init__(
        self, judge: StopRule, baseline: dict[str, CaseResult], splitting: Splitting, cases: Mapping[str, Case]
    ) -> None:
        self._judge = judge
        self._baseline = baseline
        self._splitting = splitting
        self._cases = cases

    def wants_attempt(self, result: CaseResult) -> bool:
        """True when the judge wants the candidate to try this case again."""
        own, other = self._splitting.split(result, self._cases[result.case_id])
        self._baseline[result.case_id] = other
        return self._judge.wants_attempt(own)

    def observe(self, result: CaseResult) -> bool:
        """Take the next case; True when the verdict is certain: then neither arm is asked any more."""
        own, other = self._splitting.split(result, self._cases[result.case_id])
        self._baseline[result.case_id] = other
        return self._judge.observe(own)


class TwoRuns:
    """A store that keeps what is one run to the engine as the two runs it is.

    Calls and money are booked on the candidate's run. Everything else goes straight through.

    Args:
        store: The store.
        headers: The headers of (candidate's, baseline's) run; the engine knows only the first's id.
        splitting: Takes results apart.
        cases: Cases by id.
    """

    def __init__(
        self,
        store: RunStore,
        headers: tuple[RunHeader, RunHeader],
        splitting: Splitting,
        cases: Mapping[str, Case],
    ) -> None:
        self._store = store
        self._own, self._other = headers
        self._splitting = splitting
        self._cases = cases
        self.find_answer = store.find_answer
        self.put_answer = store.put_answer
        self.find_score = store.find_score
        self.put_score = store.put_score
        self.note_attempt = store.note_attempt
        self.flush = store.flush

    def start_run(self, header: RunHeader) -> None:
        """Begin both runs; the candidate's last, so that it is the latest one and bears the cost."""
        assert header.run_id == self._own.run_id
        self._store.start_run(self._other)
        self._store.start_run(self._own)

    def put_case(self, run_id: str, position: int, result: CaseResult) -> None:
        """Write each arm's part into its own run."""
        own, other = self._splitting.split(result, self._cases[result.case_id])
        self._store.put_case(self._other.run_id, position, other)
        self._store.put_case(run_id, position, own)

    def finish_run(self, run_id: str, *, calls: CallCounts, complete: bool, stopped: str) -> None:
        """Close both runs."""
        planned = CallCounts(planned=calls.planned // 2)
        self._store.finish_run(self._other.run_id, calls=planned, complete=complete, stopped=stopped)
        self._store.finish_run(run_id, calls=calls, complete=complete, stopped=stopped)


def parted(run: Run, header: RunHeader, splitting: Splitting, cases: Mapping[str, Case]) -> tuple[Run, Run]:
    """One run of both arms as (candidate's, baseline's) run; calls and money stay with the first.

    Args:
        run: What the engine returned.
        header: The candidate's header.
        splitting: Takes results apart.
        cases: Cases by id.
    """
    parts = {case_id: splitting.split(result, cases[case_id]) for case_id, result in run.results.items()}
    return (
        replace(run, header=header, results={case_id: own for case_id, (own, _) in parts.items()}),
        replace(run, calls=CallCounts(), results={case_id: other for case_id, (_, other) in parts.items()}),
    )
