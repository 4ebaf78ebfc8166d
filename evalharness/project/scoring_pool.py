"""Processes that compute scores, one a core: the ``Executor`` of a command."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from evalharness.core.cases import Case
from evalharness.core.protocols import BatchScorer, CaseScorer, Executor, ScorerSpec
from evalharness.core.results import Failure, Output, Score, ScoreResult, score_result_from_json
from evalharness.project.scoring_worker import receive, send, spec_to_json

if TYPE_CHECKING:
    from subprocess import Popen

    from evalharness.project.workspace import Workspace

CHUNK: Final = 16
"""Answers in one message."""


class ScoringPool:
    """Scores in as many processes as there are cores. Starts none before it has something to do.

    Args:
        specs: The scorers of the config by name: a process builds its own from them.
        root: Folder that paths in the specs are relative to.
        processes: How many at most; the cores that this process may use when left out.
    """

    def __init__(self, specs: Mapping[str, ScorerSpec], *, root: Path, processes: int | None = None) -> None:
        self._specs, self._root = specs, root
        self.processes = processes or cores()
        self._lock = threading.Lock()
        self._started = 0
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._all: list[_Worker] = []

    def takes(self, scorer: CaseScorer) -> bool:
        """Whether a scorer can be built in another process, and there is more than one core for it.

        Scorers that work on many answers at once have threads of their own.
        """
        return self.processes > 1 and scorer.name in self._specs and not isinstance(scorer, BatchScorer)

    def map_scores(self, scorer: CaseScorer, pairs: Sequence[tuple[Output, Case]]) -> Sequence[ScoreResult]:
        """One result per pair, in order, as the scorer itself would give it. Safe to call from several threads."""
        chunks = [pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK)]
        if len(chunks) == 1:
            return self._chunk(scorer, chunks[0])
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(self.processes) as threads:
            return [result for part in threads.map(lambda chunk: self._chunk(scorer, chunk), chunks) for result in part]

    def close(self) -> None:
        """End the processes."""
        for worker in self._all:
            worker.end()
        self._all.clear()

    def _chunk(self, scorer: CaseScorer, pairs: Sequence[tuple[Output, Case]]) -> list[ScoreResult]:
        message = {
            "scorer": scorer.name,
            "spec": spec_to_json(self._specs[scorer.name]),
            "root": str(self._root),
            "pairs": [(output.to_json(), case.to_json()) for output, case in pairs],
        }
        worker = self._worker()
        try:
            found = worker.ask(message)
        except (EOFError, OSError):
            worker.end()
            died = Failure(stage="scorer", kind="crashed", message=f"{scorer.name}: the process that scored ended")
            return [died] * len(pairs)
        finally:
            self._idle.put(worker)
        return [scorer.score(*pair) if one is None else _result(one) for one, pair in zip(found, pairs, strict=True)]

    def _worker(self) -> _Worker:
        with self._lock:
            if self._idle.empty() and self._started < self.processes:
                self._started += 1
                self._all.append(_Worker())
                return self._all[-1]
        return self._idle.get()


class _Worker:
    """One process; used by one thread at a time, started when it is asked."""

    def __init__(self) -> None:
        self._process: Popen[bytes] | None = None

    def ask(self, message: Any) -> Any:
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        send(process.stdin, message)
        return receive(process.stdout)

    def _start(self) -> Popen[bytes]:
        import subprocess

        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
        self._process = subprocess.Popen(
            # -P: the working folder is a stranger's checkout, perhaps, and must not come before our own modules.
            [sys.executable, "-P", "-m", "evalharness.project.scoring_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        return self._process

    def end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                with suppress(BrokenPipeError):  # what was buffered for a process that is gone
                    pipe.close()


def executor_of(workspace: Workspace) -> Executor:
    """The pool of a command; it ends with the workspace."""
    if workspace.executor is None:
        pool = ScoringPool(workspace.config.scorers, root=workspace.rules_root)
        workspace.closing.callback(pool.close)
        workspace.executor = pool
    return workspace.executor


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _result(text: str) -> ScoreResult:
    data = json.loads(text)
    result = score_result_from_json(data["result"])
    return _signed(result, data["signatures"]) if isinstance(result, Score) else result


def _signed(score: Score, names: Sequence[Any]) -> Score:
    from dataclasses import replace

    own, parts = names
    return replace(score, signature=own, parts={name: _signed(part, parts[name]) for name, part in score.parts.items()})
