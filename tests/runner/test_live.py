"""The engine that asks."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.errors import DiskFailed, Interrupted, Refused
from evalharness.core.results import Failure, Output, Score
from evalharness.runner.run import run_cases
from tests.runner.runner_doubles import Equals, Fake, MemoryStore, StopAfter, header, job, some_cases

CASES = some_cases(12)
BROKEN = Failure(stage="candidate", kind="server_error", message="HTTP 500", retryable=True)


def test_everything_is_asked_scored_and_stored_once():
    store, candidate = MemoryStore(), Fake(delays=dict.fromkeys([case.id for case in CASES], 2))
    run = run_cases(job(CASES, candidate, store=store, jobs=4))
    assert run.complete
    assert (run.calls.made, run.calls.replayed) == (12, 0)
    assert candidate.most == 4
    assert candidate.closed
    assert len(store.answers) == 12
    assert [position for _, position in store.cases] == list(range(12))
    again = run_cases(job(CASES, candidate, store=store))
    assert again.results.keys() == run.results.keys()
    assert again.calls.made == 0
    assert {k: r.trials[0].scores for k, r in again.results.items()} == {
        k: r.trials[0].scores for k, r in run.results.items()
    }


def test_a_resumed_run_asks_only_for_what_is_missing():
    store, candidate = MemoryStore(), Fake(script={"c0005": [BROKEN]})
    first = run_cases(job(CASES, candidate, store=store))
    assert not first.complete
    assert first.results["c0005"].trials[0].scores == {}
    assert len(store.answers) == 11, "an error is never stored as an answer"
    second = run_cases(job(CASES, candidate, store=store))
    assert second.complete
    assert second.calls.made == 1


@given(st.data())
def test_the_verdict_sees_the_same_whatever_the_order_of_arrival(data):
    cases = some_cases(9)
    wrong = {case.id: "wrong" for case in cases[::3]}
    delays = {case.id: data.draw(st.integers(0, 6)) for case in cases}
    stop_at = data.draw(st.integers(1, 9))
    rule = StopAfter(stop_at)
    store = MemoryStore()
    run = run_cases(job(cases, Fake(wrong, delays=delays), store=store, stop=rule, jobs=data.draw(st.integers(1, 9))))
    expected = [(case.id, float(case.id not in wrong)) for case in cases[:stop_at]]
    assert [(r.case_id, r.trials[0].scores["exact"].value) for r in rule.seen] == expected
    assert list(run.results) == [case_id for case_id, _ in expected]
    assert run.stopped == ("verdict" if stop_at < 9 else "")


def test_arrival_order_does_differ_without_the_prefix():
    """Negative control: the shuffling above really shuffles."""
    arrived = []

    class Slow(Fake):
        async def answer(self, request, case):
            output = await super().answer(request, case)
            arrived.append(case.id)
            return output

    run_cases(job(CASES, Slow(delays={"c0000": 9}), jobs=12))
    assert arrived[0] != "c0000"
    assert arrived[-1] == "c0000"


def test_early_stop_cancels_what_is_in_flight_and_books_it():
    class Hanging(Fake):
        async def answer(self, request, case):
            if case.id >= "c0003":
                await asyncio.Event().wait()
            return await super().answer(request, case)

    store = MemoryStore()
    run = run_cases(job(CASES, Hanging(delays={"c0000": 3}), store=store, stop=StopAfter(3), jobs=6))
    assert run.stopped == "verdict"
    assert list(run.results) == ["c0000", "c0001", "c0002"]
    kinds = [kind for _, kind, _, _ in store.attempts]
    assert kinds.count("ok") == 3
    assert kinds.count("cancelled") == run.calls.made - 3 > 0
    assert run.calls.saved_by_early_stop == 12 - run.calls.made


def test_the_window_keeps_calls_near_the_prefix():
    started = []

    class Blocked(Fake):
        async def answer(self, request, case):
            started.append(case.id)
            if case.id == "c0000":
                for _ in range(200):
                    await asyncio.sleep(0)
                assert max(started) == "c0004"
            return await super().answer(request, case)

    run = run_cases(job(CASES, Blocked(), jobs=3, window=5))
    assert run.complete


def test_another_attempt_is_asked_when_the_stop_rule_wants_it():
    candidate = Fake({("c0002", 0, 0): "wrong"})
    run = run_cases(job(CASES, candidate, stop=StopAfter(99, attempts={"c0002": 1}), header=header(epochs=2)))
    trials = run.results["c0002"].trials
    assert [(t.epoch, t.attempt, t.scores["exact"].value) for t in trials] == [(0, 0, 0.0), (0, 1, 1.0), (1, 0, 1.0)]
    assert len({t.key for t in trials}) == 3
    assert run.calls.made == 25


def test_attempts_have_an_end():
    run = run_cases(job(some_cases(1), Fake(), stop=StopAfter(99, attempts={"c0000": 10**6})))
    assert len(run.results["c0000"].trials) == 10


def test_epoch_scores_stand_on_every_epoch_and_group_scores_on_the_base():
    class AnyRight(Equals):
        name, score = "any", None

        def __init__(self):
            del type(self).score

        def score_epochs(self, outputs, case):
            return Score(value=float(any(o.text == case.target for o in outputs)))

    class Same:
        name = use = "same"
        signature = "same"
        low, high, direction, binary, needs, costly = 0.0, 1.0, "higher", True, frozenset(), False

        def score_group(self, outputs, cases):
            assert set(outputs) == {case.id for case in cases}
            return Score(value=float(len({o.text for o in outputs.values()}) == 1))

    cases = [*some_cases(2, group="g"), *some_cases(6)[2:]]
    cases = [cases[0], cases[2], cases[3], cases[1], cases[4], cases[5]]
    answers = {("c0000", 0, 0): "same", ("c0001", 0, 0): "same", ("c0001", 1, 0): "other"}
    rule = StopAfter(99)
    run = run_cases(
        job(cases, Fake(answers), scorers=(Equals(), AnyRight(), Same()), header=header(epochs=2), stop=rule, window=1)
    )
    assert [t.scores["same"].value for t in run.results["c0000"].trials] == [1.0, 0.0]
    assert {t.scores["same"].reason for t in run.results["c0001"].trials} == {"scored with its group, at c0000"}
    assert {t.scores["same"].reason for t in run.results["c0004"].trials} == {"the case is in no behaviour group"}
    assert [t.scores["any"].value for t in run.results["c0000"].trials] == [1.0, 1.0]
    assert [r.case_id for r in rule.seen] == [case.id for case in cases]


def test_judges_are_awaited_and_remembered_ones_need_no_loop():
    class Judge:
        name = use = "judge"
        signature = "judge"
        low, high, direction, binary, needs, costly = 0.0, 1.0, "higher", False, frozenset(), True

        def __init__(self):
            self.calls, self.known = 0, {}

        async def score_async(self, output, case, *, repeat):
            self.calls += 1
            self.known[case.id, repeat] = Score(value=0.5)
            return Score(value=0.5)

        def recorded_score(self, output, case, *, repeat):
            return self.known.get((case.id, repeat))

    judge, store = Judge(), MemoryStore()
    run_cases(job(CASES, Fake(script={"c0001": [BROKEN]}), scorers=(judge,), store=store))
    assert judge.calls == 11
    run = run_cases(job(CASES[2:], Fake(), scorers=(judge,), store=store))
    assert judge.calls == 11
    assert run.complete
    assert run.calls.made == 0


# --- money ----------------------------------------------------------------------------------------------------------


def priced(cost, **more):
    usage = {"prompt_tokens": 100, "completion_tokens": 100}
    answers = {case.id: Output(text=case.target, cost_usd=cost, usage=usage) for case in CASES}
    return Fake(answers, price=(0.0, 1e6), worst=(100, 1), **more)  # worst case: 1 dollar a call


def test_the_budget_is_never_passed_even_at_the_worst_case():
    store = MemoryStore()
    run = run_cases(job(CASES, priced(1.0), max_cost=4.5, store=store, jobs=8))
    assert run.stopped == "budget"
    assert run.calls.made == 4
    assert run.calls.cost_usd == pytest.approx(4.0)
    assert len(run.results) == 4
    resumed = run_cases(job(CASES, priced(1.0), max_cost=4.5, store=store, jobs=8))
    assert len(resumed.results) == 8


def test_cheap_calls_free_what_was_set_aside():
    run = run_cases(job(CASES, priced(0.25), max_cost=3.9, jobs=8))
    assert run.stopped == ""
    assert run.calls.cost_usd == pytest.approx(3.0)
    assert run.notes == ()


def test_usage_that_lies_is_booked_at_the_worst_case():
    usage = {"prompt_tokens": 0, "completion_tokens": 0}
    answers = {case.id: Output(text=case.target, cost_usd=0.0, usage=usage) for case in CASES}
    run = run_cases(job(CASES, Fake(answers, price=(0.0, 1e6), worst=(100, 1)), max_cost=3.0))
    assert run.stopped == "budget"
    assert run.calls.cost_usd == pytest.approx(3.0)
    (note,) = run.notes
    assert note.startswith("3 of 3 calls are counted at the most they could cost, $3.0000: 3 reported a usage")


def test_failed_calls_that_may_have_been_billed_are_booked():
    lost = Failure(stage="candidate", kind="timeout", message="no answer", retryable=True)
    script = {case.id: [lost if number % 2 else BROKEN] for number, case in enumerate(CASES)}
    run = run_cases(job(CASES, priced(1.0, script=script), max_cost=100.0))
    assert run.calls.cost_usd == pytest.approx(6.0), "an HTTP 500 costs nothing, a lost answer may have"
    assert "6 failed or were cancelled and may have been billed" in run.notes[0]


# --- faults ---------------------------------------------------------------------------------------------------------


def test_a_call_without_end_is_cut_at_the_deadline():
    class Never(Fake):
        async def answer(self, request, case):
            await asyncio.Event().wait()

    run = run_cases(job(CASES[:2], Never(), timeout_s=0.01))
    assert [r.trials[0].output.kind for r in run.results.values()] == ["timeout", "timeout"]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (Output(text="x" * 8_000_001), "too_long"),
        (Output(text="\ud800"), "not_unicode"),
        (Output(error="the app said no"), "reported_error"),
    ],
)
def test_answers_that_cannot_be_kept_are_failures_of_the_candidate(given, kind):
    store = MemoryStore()
    run = run_cases(job(CASES[:1], Fake({"c0000": given}), store=store))
    output = run.results["c0000"].trials[0].output
    assert (output.kind, output.blame) == (kind, "candidate")
    assert not store.answers
    assert run.results["c0000"].trials[0].scores["exact"].value == 0.0


def test_what_a_candidate_raises_or_returns_by_mistake_does_not_end_the_run():
    class Odd(Fake):
        async def answer(self, request, case):
            if case.id == "c0000":
                raise ZeroDivisionError
            return 42 if case.id == "c0001" else await super().answer(request, case)

    run = run_cases(job(CASES, Odd()))
    assert [run.results[f"c000{n}"].trials[0].output.kind for n in (0, 1)] == ["raised", "bad_answer"]
    assert len(run.results) == 12


def test_a_template_error_is_found_before_the_first_call():
    class Checking(Fake):
        def check(self, case):
            if case.id == "c0009":
                raise Refused("undefined variable")

    candidate = Checking()
    with pytest.raises(Refused):
        run_cases(job(CASES, candidate))
    assert not candidate.calls


def test_a_full_disk_ends_the_run():
    class Full(MemoryStore):
        def put_answer(self, key, output, request):
            if len(self.answers) == 3:
                raise DiskFailed("disk full")
            super().put_answer(key, output, request)

    candidate = Fake()
    with pytest.raises(DiskFailed):
        run_cases(job(some_cases(100), candidate, store=Full(), jobs=2))
    assert sum(candidate.calls.values()) < 10
    assert candidate.closed


def test_an_endpoint_that_is_down_stops_the_run():
    class Pacing:
        retries, down = 3, ""

        async def call(self, send, *given, host, tokens):
            output = await send(*given)
            if isinstance(output, Failure):
                self.down = "the retry budget is used up"
            return output

    run = run_cases(job(some_cases(100), Fake(script={"c0007": [BROKEN]}), pacing=Pacing(), jobs=2))
    assert run.stopped == "provider"
    assert not run.complete
    assert isinstance(run.results["c0007"].trials[0].output, Failure)
    assert len(run.results) < 15


# --- Ctrl-C ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_once_saves_what_is_in_flight_and_says_how_to_go_on(number):
    class Pressed(Fake):
        async def answer(self, request, case):
            if case.id == "c0002":
                os.kill(os.getpid(), number)
            await asyncio.sleep(0.02)
            return await super().answer(request, case)

    store, before = MemoryStore(), signal.getsignal(number)
    with pytest.raises(Interrupted, match="go on with: evalh gate support"):
        run_cases(job(some_cases(50), Pressed(), store=store, jobs=4, resume="evalh gate support"))
    assert 3 <= len(store.answers) <= 8
    assert store.finished[-1][2] == "interrupted"
    assert store.flushes == 1
    assert signal.getsignal(number) is before


def test_ctrl_c_twice_is_out_at_once():
    class Pressed(Fake):
        async def answer(self, request, case):
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(60)

    store = MemoryStore()
    with pytest.raises(Interrupted):
        run_cases(job(CASES, Pressed(), store=store, jobs=1))
    assert store.finished[-1][2] == "interrupted"


def test_ctrl_c_during_a_replay():
    class Pressed(MemoryStore):
        def find_answer(self, key):
            os.kill(os.getpid(), signal.SIGINT)
            return Output(text="x")

    with pytest.raises(Interrupted, match="run it again"):
        run_cases(job(CASES, Fake(), store=Pressed()))


def test_progress_is_told_and_closed():
    class Sink:
        seen, closed = (), False

        def update(self, progress):
            self.seen = (*self.seen, progress)

        def close(self):
            self.closed = True

    sink = Sink()
    run_cases(job(CASES, Fake(), progress=sink, title="support"))
    assert sink.closed
    assert (sink.seen[-1].done, sink.seen[-1].total, sink.seen[-1].title) == (12, 12, "support")


def test_calls_wait_for_money_that_may_come_free():
    slow = {case.id: 3 for case in CASES}
    candidate = priced(0.25, delays=slow)
    run = run_cases(job(CASES, candidate, max_cost=3.9, jobs=8))
    assert run.stopped == ""
    assert candidate.most == 3, "three worst cases fit beside one another"
    assert run.calls.cost_usd == pytest.approx(3.0)
    dear = run_cases(job(CASES, priced(1.0, delays=slow), max_cost=3.9, jobs=8))
    assert (dear.stopped, dear.calls.made) == ("budget", 3)


def test_an_endpoint_without_a_key_ends_the_run():
    from evalharness.core.errors import KeyMissing

    class NoKey(Fake):
        async def answer(self, request, case):
            raise KeyMissing("no key")

    with pytest.raises(KeyMissing):
        run_cases(job(CASES, NoKey()))


def test_no_retry_is_sent_after_ctrl_c():
    class Pacing:
        retries, down = 0, ""

        async def call(self, send, *given, host, tokens):
            await send(*given)
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.02)
            return await send(*given)

    candidate = Fake()
    with pytest.raises(Interrupted):
        run_cases(job(CASES, candidate, pacing=Pacing(), jobs=1))
    assert sum(candidate.calls.values()) == 1


def test_a_candidate_sets_its_own_deadline():
    class Patient(Fake):
        def deadline_s(self, case):
            return 0.01

        async def answer(self, request, case):
            await asyncio.Event().wait()

    run = run_cases(job(CASES[:1], Patient(), timeout_s=1000))
    assert "0.01 s" in run.results["c0000"].trials[0].output.message


def test_a_verdict_during_another_attempt_drops_it():
    class Slow(Fake):
        async def answer(self, request, case):
            if request.attempt:
                await asyncio.Event().wait()
            return await super().answer(request, case)

    run = run_cases(job(CASES, Slow(), stop=StopAfter(2, attempts={"c0002": 1}), jobs=4))
    assert run.stopped == "verdict"
    assert list(run.results) == ["c0000", "c0001"]
