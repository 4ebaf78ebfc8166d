"""Scores that take long to compute go to other processes, many at a time; quick ones stay here.

Which is which is found out by timing a scorer's first scores: handing over an answer costs about a tenth of a
millisecond, so only what takes longer than ``SLOW_S`` is worth it. A scorer is pure, so where it runs changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from evalharness.core.cases import Case
from evalharness.core.protocols import CaseScorer, Executor
from evalharness.core.results import Output, ScoreResult

if TYPE_CHECKING:
    import asyncio

SLOW_S: Final = 0.002
"""Mean seconds a score from which a scorer is handed over."""
FIRST: Final = 8
"""Scores that are timed."""
BATCH: Final = 16
"""Answers that are handed over together while others are still being waited for."""
WAIT_S: Final = 0.020
"""How long the first answer of a batch waits for others."""
_Pair = tuple[Output, Case]


class Batches:
    """Times scorers, and gathers what the slow ones have to do.

    Args:
        executor: Where slow scorers run.
        scorers: Those that score one answer by themselves.
    """

    def __init__(self, executor: Executor, scorers: Sequence[CaseScorer]) -> None:
        self.slow: list[CaseScorer] = []
        """Handed over from now on."""
        self._executor = executor
        self._timed: dict[str, list[float]] = {scorer.name: [] for scorer in scorers if executor.takes(scorer)}
        self._waiting: dict[str, list[tuple[_Pair, asyncio.Future[ScoreResult]]]] = {}

    @property
    def timing(self) -> bool:
        """Whether the time of some scorer is not known yet."""
        return bool(self._timed)

    def took(self, scorer: CaseScorer, started: float) -> None:
        """A score was computed here.

        Args:
            scorer: By whom.
            started: ``time.perf_counter()`` before it.
        """
        seconds = self._timed.get(scorer.name)
        if seconds is None:
            return
        seconds.append(time.perf_counter() - started)
        if len(seconds) >= FIRST:
            del self._timed[scorer.name]
            if sorted(seconds)[FIRST // 2] > SLOW_S:  # the median: a first score may load a library
                self.slow.append(scorer)

    def all_at_once(self, scorer: CaseScorer, pairs: Sequence[_Pair]) -> Sequence[ScoreResult]:
        """One result per pair, in order; waits for them."""
        return self._executor.map_scores(scorer, pairs)

    async def one(self, scorer: CaseScorer, output: Output, case: Case) -> ScoreResult:
        """The score of one answer, computed together with others that come at about the same time."""
        import asyncio

        loop = asyncio.get_running_loop()
        result: asyncio.Future[ScoreResult] = loop.create_future()
        waiting = self._waiting.setdefault(scorer.name, [])
        waiting.append(((output, case), result))
        if len(waiting) >= BATCH:
            self._send(scorer)
        elif len(waiting) == 1:
            loop.call_later(WAIT_S, self._send, scorer)
        return await result

    def _send(self, scorer: CaseScorer) -> None:
        import asyncio

        batch = self._waiting.pop(scorer.name, [])
        if batch:
            pairs = [pair for pair, _ in batch]
            loop = asyncio.get_running_loop()
            done = loop.run_in_executor(None, self._executor.map_scores, scorer, pairs)
            done.add_done_callback(lambda results: _hand_out(results, [future for _, future in batch]))


def _hand_out(done: asyncio.Future[Any], futures: Sequence[asyncio.Future[ScoreResult]]) -> None:
    error = None if done.cancelled() else done.exception()
    results = done.result() if not done.cancelled() and error is None else ()
    for place, future in enumerate(futures):
        if future.done():
            continue  # whoever waited has gone
        if error is not None:
            future.set_exception(error)
        elif done.cancelled():
            future.cancel()
        else:
            future.set_result(results[place])
