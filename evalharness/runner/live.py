"""The engine that asks: a window of calls slides over the planned order.

A fixed number of workers takes planned answers from one iterator, so a call costs no task of its own. Results go to
the ledger, which hands them on in order; when the stop rule has seen enough, what is in flight is cancelled and booked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from evalharness.core.cases import Case
from evalharness.core.errors import BudgetReached, EvalhError
from evalharness.core.protocols import Request
from evalharness.core.results import Failure, Output, Trial
from evalharness.runner.border import checked
from evalharness.runner.interrupts import Interrupts, woken_by_signals
from evalharness.runner.job import Checks, Closes, RunEnded, TakesItsTime
from evalharness.runner.ledger import GRACE_S, Ledger
from evalharness.runner.money import Budget, booked
from evalharness.runner.replayed import look_up


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
    for one in (ledger.candidate, *ledger.scoring.awaited):
        if isinstance(one, Checks):
            for case in ledger.job.cases[start:]:
                one.check(case)
    with asyncio.Runner() as runner:
        runner.run(_Live(ledger, start).run(interrupts))


class _Live:
    def __init__(self, ledger: Ledger, start: int) -> None:
        self._ledger = ledger
        self._job = ledger.job
        self._candidate = ledger.candidate
        """None for recorded answers: then only judges are asked."""
        self._budget = Budget(ledger.job.max_cost, None if ledger.candidate is None else ledger.candidate.price)
        ledger.desk.pays = self._judged
        self._plan = self._planned(start)
        self._left = (len(ledger.job.cases) - start) * ledger.epochs
        self._open: dict[int, list[Trial]] = {}
        candidate = ledger.candidate
        self._deadline = candidate.deadline_s if isinstance(candidate, TakesItsTime) else self._usual_deadline
        self._lookahead = len(ledger.job.cases) if ledger.scoring.groups else ledger.job.lookahead
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
            with woken_by_signals(loop):
                await asyncio.wait(self._workers, return_when=asyncio.FIRST_EXCEPTION)
            faults = [worker.exception() for worker in self._workers if worker.done() and not worker.cancelled()]
        finally:
            interrupts.on_first = None
            self._cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)
            for one in (self._candidate, *self._ledger.scoring.awaited):
                if isinstance(one, Closes):
                    await one.close()
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
        except RunEnded:
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
            if self._ledger.scoring.awaited or self._ledger.scoring.slow
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
        assert self._candidate is not None, "a recording is never asked"
        tokens = sum(request.worst_tokens)
        output = await self._sent(self._attempt, request, case, key, host=self._candidate.host, tokens=tokens)
        if isinstance(output, Output) and self._job.store is not None:
            self._job.store.put_answer(key, output, request)
        return output

    async def _sent(
        self, attempt: Callable[..., Awaitable[Output | Failure]], *given: Any, host: str, tokens: int
    ) -> Output | Failure:
        """One call under the retry policy; what ends the run ends it here."""
        pacing = self._job.pacing
        try:
            if pacing is None:
                return await attempt(*given)
            output = await pacing.call(attempt, *given, host=host, tokens=tokens)
        except BudgetReached:
            self._stop("budget")
            raise RunEnded from None
        if isinstance(output, Failure) and pacing.down:
            self._stop("provider")
        return output

    async def _attempt(self, request: Request, case: Case, key: str) -> Output | Failure:
        """One attempt at an answer."""
        worst = 0.0 if self._budget.free else self._budget.worst(request)
        return await self._paid(lambda: self._answer(request, case), request, key, worst)

    async def _judged(
        self,
        send: Callable[[], Awaitable[Output | Failure]],
        request: Request,
        *,
        host: str,
        price: tuple[float, float] | None,
    ) -> Output | Failure:
        """A judge's call: the same limit, retries and books."""
        tokens_in, tokens_out = request.worst_tokens
        worst = 0.0 if price is None else (tokens_in * price[0] + tokens_out * price[1]) / 1e6

        async def attempt() -> Output | Failure:
            return await self._paid(send, request, request.key, worst)

        return await self._sent(attempt, host=host, tokens=tokens_in + tokens_out)

    async def _paid(
        self, send: Callable[[], Awaitable[Output | Failure]], request: Request, key: str, worst: float
    ) -> Output | Failure:
        """One call: money set aside, sent, booked."""
        if self._halt.is_set():
            raise RunEnded
        while not self._budget.take(worst):
            if not self._budget.could_take(worst):
                raise BudgetReached("the next call could go over the money limit")
            await self._moved.wait()
            if self._halt.is_set():
                raise RunEnded
        clock = self._job.clock
        started = clock.monotonic()
        self._ledger.made += 1
        try:
            output = await send()
        except BaseException:
            self._ledger.worst_cases.note(None, worst, worst)
            self._book(key, "cancelled", worst, worst, clock.monotonic() - started)
            raise
        kind = output.kind if isinstance(output, Failure) else "ok"
        cost = booked(output, worst, request)
        self._ledger.worst_cases.note(output, worst, cost)
        self._book(key, kind, worst, cost, clock.monotonic() - started)
        return output

    def _usual_deadline(self, _case: Case) -> float:
        return self._job.timeout_s

    async def _answer(self, request: Request, case: Case) -> Output | Failure:
        assert self._candidate is not None
        deadline = self._deadline(case)
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
