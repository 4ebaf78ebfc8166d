"""The engine that asks: a window of calls slides over the planned order.

A fixed number of workers takes planned answers from one iterator, so a call costs no task of its own. Results go to
the ledger, which hands them on in order; when the stop rule has seen enough, what is in flight is cancelled and booked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from evalharness.core.cases import Case
from evalharness.core.errors import BudgetReached, EvalhError
from evalharness.core.protocols import Candidate, Request
from evalharness.core.results import Failure, Output, Trial
from evalharness.runner.border import checked
from evalharness.runner.interrupts import Interrupts
from evalharness.runner.job import Checks, TakesItsTime
from evalharness.runner.ledger import GRACE_S, Ledger
from evalharness.runner.money import Budget, booked
from evalharness.runner.replayed import look_up


class _Ended(Exception):
    """No further call is made; ends a worker quietly."""


def go_on(ledger: Ledger, start: int, interrupts: Interrupts) -> None:
    """Ask for everything from a position on.

    Args:
        ledger: Books of the run.
        start: First position that needs a call.
        interrupts: Tells of Ctrl-C.

    Raises:
        Refused: If a case cannot be rendered; no call was made then.
        EvalhError: What a store or a component raises.
    """
    candidate = ledger.candidate
    assert candidate is not None, "a recording is never asked"
    if isinstance(candidate, Checks):
        for case in ledger.job.cases[start:]:
            candidate.check(case)
    with asyncio.Runner() as runner:
        runner.run(_Live(ledger, candidate, start).run(interrupts))


class _Live:
    def __init__(self, ledger: Ledger, candidate: Candidate, start: int) -> None:
        self._ledger = ledger
        self._job = ledger.job
        self._candidate = candidate
        self._budget = Budget(ledger.job.max_cost, candidate.price)
        self._plan = self._planned(start)
        self._left = (len(ledger.job.cases) - start) * ledger.epochs
        self._open: dict[int, list[Trial]] = {}
        self._lookahead = len(ledger.job.cases) if ledger.scoring.groups else ledger.job.lookahead
        self._deadline = candidate.deadline_s if isinstance(candidate, TakesItsTime) else self._usual_deadline
        self._workers: list[asyncio.Task[None]] = []
        self._halt = asyncio.Event()
        self._moved = asyncio.Event()
        """Pulsed when the finished prefix grew or money came free."""

    def _planned(self, start: int) -> Iterator[tuple[int, int]]:
        for position in range(start, len(self._job.cases)):
            for epoch in range(self._ledger.epochs):
                yield position, epoch

    # --- starting and ending ---------------------------------------------------------------------------------------

    async def run(self, interrupts: Interrupts) -> None:
        loop = asyncio.get_running_loop()
        interrupts.on_first = lambda: loop.call_soon_threadsafe(self._stop, "interrupted")
        self._workers = [asyncio.create_task(self._work()) for _ in range(min(self._job.jobs, self._left))]
        if interrupts.seen:
            self._stop("interrupted")
        try:
            await asyncio.wait(self._workers, return_when=asyncio.FIRST_EXCEPTION)
            faults = [worker.exception() for worker in self._workers if worker.done() and not worker.cancelled()]
        finally:
            interrupts.on_first = None
            self._cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)
            await self._candidate.close()
        for fault in faults:
            if fault is not None:
                raise fault

    def _stop(self, why: str) -> None:
        """Ask for no more. What is in flight goes on under a spent budget, for a while after Ctrl-C, else not at all."""
        if why in ("verdict", "interrupted") or not self._ledger.stopped:
            self._ledger.stopped = why
        if why == "interrupted":
            self._ledger.show()
        self._halt.set()
        self._pulse()
        if why == "verdict":
            self._cancel()
        elif why != "budget":
            asyncio.get_running_loop().call_later(GRACE_S, self._cancel)

    def _cancel(self) -> None:
        for worker in self._workers:
            if worker is not asyncio.current_task():
                worker.cancel()

    def _pulse(self) -> None:
        self._moved.set()
        self._moved.clear()

    # --- one worker ------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        try:
            for position, epoch in self._plan:
                while position >= self._ledger.prefix.done + self._lookahead and not self._halt.is_set():
                    await self._moved.wait()
                if self._halt.is_set():
                    return
                self._ledger.asked += 1
                case = self._job.cases[position]
                trial = await self._trial(case, epoch=epoch, attempt=0)
                trials = self._collect(position, trial)
                if trials is not None:
                    await self._finish(position, case, trials)
        except _Ended:
            return

    def _collect(self, position: int, trial: Trial) -> list[Trial] | None:
        """The trials of a case once its last epoch is in."""
        if self._ledger.epochs == 1:
            return [trial]
        trials = self._open.setdefault(position, [])
        trials.append(trial)
        return self._open.pop(position) if len(trials) == self._ledger.epochs else None

    async def _finish(self, position: int, case: Case, trials: list[Trial]) -> None:
        result = self._ledger.result(case, trials)
        while (attempt := self._ledger.next_attempt(result)) is not None:
            trials.append(await self._trial(case, epoch=0, attempt=attempt))
            result = self._ledger.result(case, trials)
        if self._ledger.stopped == "verdict":
            return
        self._ledger.finish(position, result)
        if self._ledger.stopped == "verdict":
            self._stop("verdict")
        self._pulse()

    async def _trial(self, case: Case, *, epoch: int, attempt: int) -> Trial:
        look = look_up(self._ledger, case, epoch=epoch, attempt=attempt)
        output = look.output
        if output is None:
            assert look.request is not None
            output = await self._ask(look.request, case, look.key)
        elif isinstance(output, Output):
            self._ledger.replayed += 1
            await asyncio.sleep(0)  # a long row of stored answers must not starve the calls in flight
        scores = (
            await self._ledger.scoring.awaiting(output, case, repeat=epoch)
            if self._ledger.scoring.awaited
            else self._ledger.scoring.settled(output, case)
        )
        return Trial(
            case_id=case.id,
            epoch=epoch,
            attempt=attempt,
            output=output,
            scores=scores,
            key=look.key,
            replayed=look.output is not None,
        )

    # --- one answer ------------------------------------------------------------------------------------------------

    async def _ask(self, request: Request, case: Case, key: str) -> Output | Failure:
        pacing = self._job.pacing
        try:
            if pacing is None:
                output = await self._attempt(request, case, key)
            else:
                tokens = sum(request.worst_tokens)
                host = self._candidate.host
                output = await pacing.call(self._attempt, request, case, key, host=host, tokens=tokens)
        except BudgetReached:
            self._stop("budget")
            raise _Ended from None
        if isinstance(output, Output):
            if self._job.store is not None:
                self._job.store.put_answer(key, output, request)
        elif pacing is not None and pacing.down:
            self._stop("provider")
        return output

    async def _attempt(self, request: Request, case: Case, key: str) -> Output | Failure:
        """One call: money set aside, deadline, checked, booked."""
        if self._halt.is_set():
            raise _Ended
        worst = 0.0 if self._budget.free else self._budget.worst(request)
        while not self._budget.take(worst):
            if not self._budget.could_take(worst):
                raise BudgetReached("the next call could go over the money limit")
            await self._moved.wait()
            if self._halt.is_set():
                raise _Ended
        clock = self._job.clock
        started = clock.monotonic()
        self._ledger.made += 1
        try:
            output = await self._answer(request, case)
        except BaseException:
            self._book(key, "cancelled", worst, worst, clock.monotonic() - started)
            raise
        kind = output.kind if isinstance(output, Failure) else "ok"
        self._book(key, kind, worst, booked(output, worst, request), clock.monotonic() - started)
        return output

    def _usual_deadline(self, _case: Case) -> float:
        return self._job.timeout_s

    async def _answer(self, request: Request, case: Case) -> Output | Failure:
        deadline = (
            self._candidate.deadline_s(case) if isinstance(self._candidate, TakesItsTime) else self._job.timeout_s
        )
        try:
            async with asyncio.timeout(deadline):
                return checked(await self._candidate.answer(request, case))
        except TimeoutError:
            return Failure(stage="candidate", kind="timeout", message=f"no answer in {deadline:g} s", retryable=True)
        except EvalhError:
            raise
        except Exception as error:  # noqa: BLE001  the runner's boundary: candidates are anybody's code
            text = f"the candidate raised {type(error).__name__}"
            return Failure(stage="candidate", kind="raised", message=text, blame="candidate")

    def _book(self, key: str, kind: str, worst: float, cost: float, latency_s: float) -> None:
        self._budget.settle(worst, cost)
        self._ledger.cost_usd += cost
        if worst:
            self._pulse()
        if self._job.store is not None:
            self._job.store.note_attempt(self._job.header.run_id, key, kind, cost, latency_s)
