"""Scorers that call an endpoint: their calls have the money, the limits, the retries and the books of the run."""

from __future__ import annotations

import asyncio

import pytest

from evalharness.core.errors import KeyMissing
from evalharness.core.protocols import Request
from evalharness.core.results import Failure, Output, Score
from evalharness.runner.run import run_cases
from tests.runner.runner_doubles import Fake, MemoryStore, job, some_cases

CASES = some_cases(6)
BROKEN = Failure(stage="candidate", kind="server_error", message="HTTP 500", retryable=True)


class Store(MemoryStore):
    def put_score(self, key, result, *, case_id=""):
        assert case_id
        self.scores[key] = result


class Asking:
    """Asks once for each answer, and passes it."""

    name = use = "asks"
    signature = "asks|test"
    low, high, direction, binary, needs, costly = 0.0, 1.0, "higher", True, frozenset(), True

    def __init__(self, *, replies=(), price=None, cost=0.0):
        self.replies, self.price, self.cost = list(replies), price, cost
        self.calls, self.closed, self.checked, self.desk = [], False, [], None

    def sit(self, desk):
        self.desk = desk

    def check(self, case):
        self.checked.append(case.id)

    async def close(self):
        self.closed = True

    def recorded_score(self, output, case, *, repeat):
        del repeat
        return self.desk.find(self.key(case))

    def key(self, case):
        return f"{case.id:0>64}".encode().hex()[-64:]

    async def score_async(self, output, case, *, repeat):
        stored = self.recorded_score(output, case, repeat=repeat)
        if stored is not None:
            return stored

        async def send():
            self.calls.append(case.id)
            await asyncio.sleep(0)
            return (
                self.replies.pop(0)
                if self.replies
                else Output(text="yes", cost_usd=self.cost, usage={"prompt_tokens": 1000, "completion_tokens": 10})
            )

        request = Request(
            case_id=case.id, epoch=0, attempt=0, seed=0, body={}, key=self.key(case), worst_tokens=(1000, 10)
        )
        answer = await self.desk.call(send, request, host="judge.example", price=self.price)
        if isinstance(answer, Failure):
            return answer
        score = Score(value=1.0, reason=answer.text, signature=self.signature)
        self.desk.keep(self.key(case), score, case_id=case.id)
        return score


class Recorded:
    name, kind, digest, description = "rec", "recorded", "r" * 64, {}

    def lookup(self, case, *, epoch, attempt):
        return Output(text="an answer") if attempt == 0 else None


def test_calls_are_made_booked_and_found_again():
    store, asking = Store(), Asking()
    run = run_cases(job(CASES, Fake(), store=store, scorers=[asking]))
    assert run.complete
    assert run.calls.made == 12
    assert len(store.attempts) == 12
    assert {result.trials[0].scores["asks"].value for result in run.results.values()} == {1.0}
    assert asking.closed
    assert asking.checked == [case.id for case in CASES]
    again = run_cases(job(CASES, Fake(), store=store, scorers=[asking]))
    assert again.calls.made == 0
    assert len(asking.calls) == 6


def test_recorded_answers_are_judged_too():
    store, asking = Store(), Asking()
    run = run_cases(job(CASES, Recorded(), store=store, scorers=[asking]))
    assert (run.complete, run.calls.made, len(asking.calls)) == (True, 6, 6)
    assert run_cases(job(CASES, Recorded(), store=store, scorers=[asking])).calls.made == 0


def test_without_a_store_a_run_remembers_what_it_has_heard():
    asking = Asking()
    run = run_cases(job([*CASES, *CASES], Recorded(), scorers=[asking]))
    assert len(run.results) == 6
    assert len(asking.calls) <= 12
    run_cases(job(CASES, Recorded(), scorers=[asking]))
    assert asking.desk.find(asking.key(CASES[0])) is not None


def test_offline_nothing_is_called():
    asking = Asking()
    run = run_cases(job(CASES, Recorded(), store=Store(), scorers=[asking], offline=True))
    assert not run.complete
    assert asking.calls == []
    assert run.results["c0000"].trials[0].scores["asks"].kind == "not_recorded"


def test_fresh_runs_use_no_verdict_of_another():
    store, asking = Store(), Asking()
    run_cases(job(CASES, Recorded(), store=store, scorers=[asking]))
    run_cases(job(CASES, Recorded(), store=store, scorers=[asking], fresh=True, identity="another"))
    assert len(asking.calls) == 12
    run_cases(job(CASES, Recorded(), store=store, scorers=[asking], fresh=True, identity="another"))
    assert len(asking.calls) == 12


def test_the_money_limit_holds_for_judges():
    price = (10.0, 100.0)  # a call costs at most 0.011
    asking, store = Asking(price=price, cost=0.011), Store()
    run = run_cases(job(CASES, Recorded(), store=store, scorers=[asking], max_cost=0.035, jobs=2))
    assert run.stopped == "budget"
    assert not run.complete
    assert len(asking.calls) == 3
    assert run.calls.cost_usd == pytest.approx(0.033)
    rest = run_cases(job(CASES, Recorded(), store=store, scorers=[asking], max_cost=1.0))
    assert rest.complete
    assert len(asking.calls) == 6, "what was paid for is not paid again"


def test_a_verdict_without_usage_is_booked_at_its_worst():
    asking = Asking(replies=[Output(text="yes")], price=(10.0, 100.0), cost=0.001)
    run = run_cases(job(CASES[:1], Recorded(), store=Store(), scorers=[asking], max_cost=1.0))
    assert run.calls.cost_usd == pytest.approx(0.011)


def test_a_judge_that_breaks_costs_its_score_and_not_its_case():
    class Broken(Asking):
        async def score_async(self, output, case, *, repeat):
            raise ZeroDivisionError("hostile")

    class Odd(Asking):
        async def score_async(self, output, case, *, repeat):
            return "good"

    for scorer, kind in ((Broken(), "raised"), (Odd(), "bad_result")):
        run = run_cases(job(CASES, Fake(), store=Store(), scorers=[scorer]))
        assert len(run.results) == 6
        assert run.results["c0000"].trials[0].scores["asks"].kind == kind


def test_a_missing_key_ends_the_run_before_the_first_call():
    class NoKey(Asking):
        def check(self, case):
            raise KeyMissing("no key")

    asking = NoKey()
    with pytest.raises(KeyMissing):
        run_cases(job(CASES, Fake(), store=Store(), scorers=[asking]))
    assert asking.calls == []


class OneHost:
    """A pacing that retries once."""

    down, retries = "", 0

    def __init__(self):
        self.hosts = []

    async def call(self, send, *given, host, tokens):
        self.hosts.append((host, tokens))
        first = await send(*given)
        if isinstance(first, Output):
            return first
        self.retries += 1
        last = await send(*given)
        if isinstance(last, Failure):
            self.down = last.message
        return last


def test_retries_and_rates_are_those_of_the_run():
    asking, pacing = Asking(replies=[BROKEN]), OneHost()
    run = run_cases(job(CASES, Recorded(), store=Store(), scorers=[asking], pacing=pacing))
    assert run.complete
    assert (pacing.retries, run.calls.made) == (1, 7)
    assert set(pacing.hosts) == {("judge.example", 1010)}


def test_a_judge_that_is_down_ends_the_run():
    asking = Asking(replies=[BROKEN] * 99)
    run = run_cases(job(CASES, Recorded(), store=Store(), scorers=[asking], pacing=OneHost(), jobs=1))
    assert run.stopped == "provider"
    assert not run.complete
