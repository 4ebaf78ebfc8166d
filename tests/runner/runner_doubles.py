"""Small real parts for runner tests: candidates, scorers, a store in memory, a clock that jumps."""

from __future__ import annotations

import asyncio
from collections import Counter

from evalharness.core.cases import Case
from evalharness.core.protocols import Request
from evalharness.core.results import Failure, Output, RunHeader, Score
from evalharness.core.seeds import derive_seed
from evalharness.core.specs import EMPTY, digest
from evalharness.runner.job import Job


class MemoryStore:
    """A RunStore that keeps everything in dictionaries."""

    def __init__(self):
        self.answers, self.scores, self.cases = {}, {}, {}
        self.attempts, self.headers, self.finished, self.flushes = [], [], [], 0

    def find_answer(self, key):
        return self.answers.get(key)

    def put_answer(self, key, output, request):
        assert isinstance(output, Output)
        self.answers.setdefault(key, output)

    def find_score(self, key):
        return self.scores.get(key)

    def put_score(self, key, result):
        self.scores[key] = result

    def start_run(self, header):
        self.headers.append(header)

    def put_case(self, run_id, position, result):
        self.cases[run_id, position] = result

    def note_attempt(self, run_id, key, kind, cost_usd, latency_s):
        self.attempts.append((key, kind, cost_usd, latency_s))

    def finish_run(self, run_id, *, calls, complete, stopped):
        self.finished.append((calls, complete, stopped))

    def flush(self):
        self.flushes += 1


class Equals:
    name = use = "exact"
    signature = "equals|test"
    low, high, direction, binary, needs, costly = 0.0, 1.0, "higher", True, frozenset(), False

    def score(self, output, case):
        return Score(value=float(output.text == case.target), signature=self.signature)


class Fake:
    """Answers from a table (or the case's own input), after a delay and with scripted failures."""

    kind, price, host, description = "model", (0.0, 0.0), "", EMPTY

    def __init__(self, answers=None, *, reuse="always", script=None, delays=None, price=(0.0, 0.0), worst=(0, 0)):
        self.name, self.reuse, self.digest, self.price = "fake", reuse, "d" * 64, price
        self.answers, self.script, self.delays, self.worst = answers or {}, script or {}, delays or {}, worst
        self.calls, self.closed, self.in_flight, self.most = Counter(), False, 0, 0

    def request(self, case, *, epoch, attempt, run_seed):
        seed = derive_seed(run_seed, case.id, epoch=epoch, attempt=attempt)
        key = digest([case.id, epoch, attempt])
        return Request(
            case_id=case.id, epoch=epoch, attempt=attempt, seed=seed, body=case.input, key=key, worst_tokens=self.worst
        )

    async def answer(self, request, case):
        number = self.calls[case.id]
        self.calls[case.id] += 1
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            for _ in range(self.delays.get(case.id, 0)):
                await asyncio.sleep(0)
            planned = self.script.get(case.id, [])
            if number < len(planned):
                return planned[number]
            value = self.answers.get((case.id, request.epoch, request.attempt), self.answers.get(case.id, case.input))
            return value if isinstance(value, (Output, Failure)) else Output(text=value, cost_usd=0.0)
        finally:
            self.in_flight -= 1

    async def close(self):
        self.closed = True


class StopAfter:
    """Stops once it has seen so many cases; remembers what it saw."""

    def __init__(self, count, attempts=()):
        self.count, self.attempts, self.seen = count, dict(attempts), []

    def wants_attempt(self, result):
        return max(trial.attempt for trial in result.trials) < self.attempts.get(result.case_id, 0)

    def observe(self, result):
        self.seen.append(result)
        return len(self.seen) >= self.count


def some_cases(count, **fields):
    return tuple(
        Case(id=f"c{number:04d}", input=f"in{number}", target=f"in{number}", **fields) for number in range(count)
    )


def header(epochs=1, seed=7, run_id="run1"):
    return RunHeader(run_id=run_id, purpose="gate", epochs=epochs, seed=seed)


def job(cases, candidate, **fields):
    fields.setdefault("header", header())
    fields.setdefault("scorers", (Equals(),))
    return Job(cases=cases, candidate=candidate, **fields)
