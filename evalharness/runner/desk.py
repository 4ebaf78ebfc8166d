"""Where judges find their stored verdicts, and where their calls go through: the same money, limits and books."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from evalharness.core.protocols import Request
from evalharness.core.results import Failure, Output, ScoreResult
from evalharness.core.specs import digest_text
from evalharness.runner.job import Job

NOT_RECORDED = Failure(stage="judge", kind="not_recorded", message="the verdict was never recorded")


class Pays(Protocol):
    """Makes one call under the run's money limit, retries and rates."""

    async def __call__(
        self,
        send: Callable[[], Awaitable[Output | Failure]],
        request: Request,
        *,
        host: str,
        price: tuple[float, float] | None,
    ) -> Output | Failure:
        """As ``core.protocols.Desk.call``."""
        ...


class RunDesk:
    """The desk of one run. What is found without a store is what this run itself has heard.

    Args:
        job: The run.
    """

    def __init__(self, job: Job) -> None:
        self.pays: Pays | None = None
        """Set by the engine that may call."""
        self._job = job
        self._heard: dict[str, ScoreResult] = {}

    def find(self, key: str) -> ScoreResult | None:
        """A stored verdict, or None."""
        store = self._job.store
        return self._heard.get(key) if store is None else store.find_score(self._bound(key))

    def keep(self, key: str, result: ScoreResult, *, case_id: str) -> None:
        """Hand a verdict to the store."""
        store = self._job.store
        if store is None:
            self._heard[key] = result
        else:
            store.put_score(self._bound(key), result, case_id=case_id)

    async def call(
        self,
        send: Callable[[], Awaitable[Output | Failure]],
        request: Request,
        *,
        host: str,
        price: tuple[float, float] | None,
    ) -> Output | Failure:
        """Make one call; offline a Failure ``not_recorded``."""
        if self._job.offline or self.pays is None:
            return NOT_RECORDED
        return await self.pays(send, request, host=host, price=price)

    def _bound(self, key: str) -> str:
        """The key in the store: bound to this run where nothing of other runs is to be used."""
        job = self._job
        return digest_text(f"{job.identity or job.header.run_id}\x1f{key}") if job.fresh else key
