"""The retry policy and the limits, on a clock that jumps."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from random import Random

import pytest

from evalharness.clients.bucket import RetryBucket
from evalharness.clients.gate import Gate, PerMinute
from evalharness.clients.limits import LONGEST_WAIT_S, MAX_CALLS, PacedChat, Pacing
from evalharness.clients.replay import ScriptedChat
from evalharness.core.results import Failure, Output

OK = Output(text="ok", cost_usd=0.25)


def failure(kind="server_error", *, hint=None, retryable=True, blame="infrastructure"):
    return Failure(stage="candidate", kind=kind, message=kind, retryable=retryable, blame=blame, retry_after_s=hint)


class JumpingClock:
    """Virtual time: it jumps to the next sleeper when nobody else can run."""

    def __init__(self):
        self.now, self.sleepers, self.slept, self.count = 1000.0, [], [], 0

    def monotonic(self):
        return self.now

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.count += 1
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self.sleepers, (self.now + seconds, self.count, turn))
        await turn

    async def drive(self, work):
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(50):
                await asyncio.sleep(0)
            if not task.done() and self.sleepers:
                self.now, _, turn = heapq.heappop(self.sleepers)
                if not turn.done():
                    turn.set_result(None)
        return await task


def run(make, *, jobs=64, rates=None, draw=lambda: 1.0):
    clock = JumpingClock()
    pacing = Pacing(jobs=jobs, clock=clock, rates=rates or {}, draw=draw)

    async def main():
        return await clock.drive(make(pacing, clock))

    return asyncio.run(main()), pacing, clock


def script(*replies):
    rest = iter(replies)

    async def send():
        return next(rest)

    return send


def one_call(*replies, **more):
    return run(lambda pacing, clock: pacing.call(script(*replies), host="h", tokens=1), **more)


def test_what_may_work_later_is_tried_again_with_growing_equal_jitter():
    output, pacing, clock = one_call(failure(), failure("timeout"), failure("bad_reply"), OK)
    assert output is OK
    assert pacing.retries == 3
    assert clock.slept == [0.5, 1.0, 2.0]
    _, _, clock = one_call(failure(), failure(), OK, draw=lambda: 0.0)
    assert clock.slept == [0.25, 0.5], "half of the wait is fixed"


def test_what_cannot_work_is_not_tried_again():
    output, pacing, clock = one_call(failure("http_error", retryable=False))
    assert output.attempts == 1
    assert not clock.slept
    assert not pacing.down
    output, pacing, _ = one_call(failure("filtered", retryable=False, blame="candidate"))
    assert output.kind == "filtered"
    assert not pacing.down


def test_calls_for_one_answer_have_an_end():
    pacing_bucket = [failure()] * 100

    def make(pacing, clock):
        pacing.bucket = RetryBucket(first=1000, capacity=1000)
        return pacing.call(script(*pacing_bucket), host="h", tokens=1)

    output, pacing, _ = run(make)
    assert output.attempts == MAX_CALLS
    assert not pacing.down, "one answer that cannot be had is not an outage"


@pytest.mark.parametrize("kind", ["unauthorized", "not_found", "quota", "redirected"])
def test_a_refusal_that_every_call_shares_ends_the_run_unless_one_worked(kind):
    _, pacing, _ = one_call(failure(kind, retryable=False))
    assert pacing.down

    async def two(pacing, clock):
        await pacing.call(script(OK), host="h", tokens=1)
        return await pacing.call(script(failure(kind, retryable=False)), host="h", tokens=1)

    _, pacing, _ = run(two)
    assert not pacing.down


def test_retry_after_is_obeyed_up_to_the_cap():
    output, _, clock = one_call(failure("rate_limited", hint=LONGEST_WAIT_S), OK)
    assert output is OK
    assert clock.slept == [LONGEST_WAIT_S]
    output, pacing, clock = one_call(failure("rate_limited", hint=86400.0), OK)
    assert output.kind == "rate_limited"
    assert "86,400 s" in pacing.down
    assert not clock.slept


def test_a_429_pauses_everybody_once_and_halves_what_is_in_flight():
    sent = []

    async def crowd(pacing, clock):
        async def send(number):
            sent.append((clock.now, number))
            await clock.sleep(0.1)
            return failure("rate_limited", hint=5.0) if clock.now < 1000.2 else OK

        return await asyncio.gather(*(pacing.call(send, n, host="h", tokens=1) for n in range(16)))

    outputs, pacing, _clock = run(crowd)
    assert outputs == [OK] * 16
    assert pacing.bucket.level > 9, "sixteen 429s of one moment cost one retry"
    later = [at for at, _ in sent if at > 1000.0]
    assert min(later) == pytest.approx(1005.1)
    assert sum(at < 1005.15 for at in later) == 8, "half in flight after the pause"
    assert len(sent) == 32


@pytest.mark.parametrize("cases", [20, 100, 2000])
@pytest.mark.parametrize("kind", ["server_error", "timeout", "rate_limited", "connection"])
def test_an_outage_ends_the_run_instead_of_becoming_a_storm(cases, kind):
    calls = 0

    async def crowd(pacing, clock):
        waiting = iter(range(cases))

        async def send():
            nonlocal calls
            if pacing.down:
                raise asyncio.CancelledError  # the runner makes no further call then
            calls += 1
            await clock.sleep(0.05)
            return failure(kind)

        async def worker():
            for _ in waiting:
                await pacing.call(send, host="h", tokens=1)

        await asyncio.gather(*(worker() for _ in range(32)), return_exceptions=True)

    _, pacing, clock = run(crowd, jobs=32)
    assert "too many calls fail" in pacing.down
    most = 60 if kind == "rate_limited" else 42  # a small set: what was in flight, and the first ten retries
    assert calls <= max(1.2 * cases, most)
    assert clock.now < 1000 + 180


@pytest.mark.parametrize("seed", range(10))
def test_a_bad_day_is_survived(seed):
    """5 % 429, 5 % 500, 4 % resets, 5 % broken replies: everything is answered."""

    random = Random(seed)

    async def crowd(pacing, clock):
        waiting = iter(range(300))
        answered = 0

        async def send():
            await clock.sleep(0.05)
            draw = random.random()
            for kind, share in (
                ("rate_limited", 0.05),
                ("server_error", 0.10),
                ("connection", 0.14),
                ("bad_reply", 0.19),
            ):
                if draw < share:
                    return failure(kind)
            return OK

        async def worker():
            nonlocal answered
            for _ in waiting:
                output = await pacing.call(send, host="h", tokens=1)
                answered += output is OK

        await asyncio.gather(*(worker() for _ in range(32)))
        return answered

    answered, pacing, _ = run(crowd, jobs=32)
    assert answered == 300
    assert not pacing.down


def test_calls_in_flight_start_low_double_while_it_works_and_never_pass_jobs():
    most = []

    async def crowd(pacing, clock):
        flying = 0

        async def send():
            nonlocal flying
            flying += 1
            most.append((clock.now, flying))
            await clock.sleep(0.1)
            flying -= 1
            return OK

        await asyncio.gather(*(pacing.call(send, host="h", tokens=1) for _ in range(400)))

    run(crowd, jobs=50)
    rounds = [max(flying for at, flying in most if round((at - 1000) / 0.1) == number) for number in range(3)]
    assert rounds == [16, 32, 50]
    assert max(flying for _, flying in most) == 50


def test_rates_hold_per_host_with_or_without_its_port():
    sent = []

    async def crowd(pacing, clock):
        async def send():
            sent.append(clock.now)
            return OK

        await asyncio.gather(*(pacing.call(send, host="h:1", tokens=10) for _ in range(10)))
        fast = clock.now
        await asyncio.gather(*(pacing.call(send, host="other", tokens=10) for _ in range(10)))
        assert clock.now == fast

    run(crowd, rates={"h": {"rpm": 60, "tpm": 1200}})
    gaps = [round(b - a, 6) for a, b in itertools.pairwise(sent[:10])]
    assert gaps == [1.0] * 9


def test_tokens_per_minute():
    rate = PerMinute(600)  # 10 a second, burst of one second
    assert [rate.reserve(10, 0.0), rate.reserve(10, 0.0), rate.reserve(10, 1.0)] == [0.0, 1.0, 1.0]
    assert rate.reserve(5, 100.0) == 0.0


def test_a_caller_that_leaves_the_queue_gives_its_turn_away():
    async def main():
        gate = Gate(1, {}, JumpingClock())
        await gate.enter(1)
        first, second = asyncio.ensure_future(gate.enter(1)), asyncio.ensure_future(gate.enter(1))
        await asyncio.sleep(0)
        gate.leave()  # wakes the first
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await asyncio.wait_for(second, 1)
        assert gate.in_flight == 1

    asyncio.run(main())


def test_a_caller_that_leaves_while_waiting_for_its_rate_is_not_in_flight():
    async def main():
        gate = Gate(5, {"rpm": 60.0}, JumpingClock())
        await gate.enter(1)
        waiting = asyncio.ensure_future(gate.enter(1))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert gate.in_flight == 1

    asyncio.run(main())


def test_nothing_is_sent_to_an_endpoint_that_is_down():
    async def two(pacing, clock):
        await pacing.call(script(failure("unauthorized", retryable=False)), host="h", tokens=1)
        return await pacing.call(script(), host="h", tokens=1)

    output, _, _ = run(two)
    assert output.kind == "provider_down"


def test_the_bucket_fills_at_the_first_success_and_never_overflows():
    async def main():
        bucket = RetryBucket(capacity=3, first=1)
        bucket.begin()
        assert [await bucket.take(), await bucket.take()] == [True, False]
        bucket.succeeded()
        assert bucket.level == 3
        bucket.succeeded()
        assert bucket.level == 3
        await bucket.take()
        bucket.succeeded()
        assert bucket.level == 2.5

    asyncio.run(main())


def test_who_finds_the_bucket_empty_waits_for_the_others():
    async def main():
        bucket = RetryBucket(capacity=1, first=0)
        for _ in range(4):
            bucket.begin()
        waiting = [asyncio.ensure_future(bucket.take()) for _ in range(3)]
        await asyncio.sleep(0)
        assert bucket.active == 1
        bucket.succeeded()  # fills the bucket: one retry
        bucket.end()
        await asyncio.sleep(0)
        assert [task.done() for task in waiting] == [True, False, False]
        bucket.succeeded()  # half a retry, but nobody else is asking: the next may go on
        bucket.end()
        await asyncio.sleep(0)
        assert [task.done() for task in waiting] == [True, True, False]
        bucket.end()  # it failed for good, and nobody is left
        await asyncio.sleep(0)
        assert [task.result() for task in waiting] == [True, True, False]

    asyncio.run(main())


def test_who_leaves_while_waiting_for_a_retry_takes_nothing_along():
    async def main():
        bucket = RetryBucket(capacity=1, first=0)
        for _ in range(3):
            bucket.begin()
        early, late = (asyncio.ensure_future(bucket.take()) for _ in range(2))
        await asyncio.sleep(0)
        early.cancel()
        await asyncio.gather(early, return_exceptions=True)
        bucket.end()
        assert bucket.active == 1
        bucket.succeeded()
        late.cancel()  # woken, and gone before it could run
        await asyncio.gather(late, return_exceptions=True)
        bucket.end()
        assert bucket.active == 1
        assert bucket.level == 1.0

    asyncio.run(main())


@pytest.mark.parametrize("failures", [1, 2])
@pytest.mark.parametrize(("cases", "jobs"), [(1, 1), (5, 32), (400, 32)])
def test_an_endpoint_that_always_works_in_the_end_is_not_down(failures, cases, jobs):
    async def crowd(pacing, clock):
        waiting = iter(range(cases))
        seen = Counter()
        answers = []

        async def send(number):
            await clock.sleep(0.05)
            seen[number] += 1
            return OK if seen[number] > failures else failure()

        async def worker():
            for number in waiting:
                answers.append(await pacing.call(send, number, host="h", tokens=1))

        await asyncio.gather(*(worker() for _ in range(jobs)))
        return answers

    answers, pacing, _ = run(crowd, jobs=jobs)
    if failures == 1 or cases < 10:
        assert answers == [OK] * cases
    else:
        assert pacing.down, "two failures for each answer are an outage"


def test_a_paced_chat_retries_and_counts():
    async def ask(pacing, clock):
        inner = ScriptedChat([failure(), OK])
        chat = PacedChat(inner, pacing, host="h")
        output = await chat.chat({"messages": []}, timeout_s=1)
        await chat.close()
        return output, chat, inner

    (output, chat, inner), _, _ = run(ask)
    assert output is OK
    assert (chat.calls, chat.cost_usd, inner.closed) == (2, 0.25, True)


def test_a_scripted_chat_invents_nothing():
    async def ask(chat):
        return [await chat.chat({"a": n}, timeout_s=1) for n in range(2)]

    in_order = asyncio.run(ask(ScriptedChat(["x"])))
    assert in_order[0].text == "x"
    assert in_order[1].kind == "not_recorded"
    by_body = asyncio.run(ask(ScriptedChat(lambda body: str(body["a"]))))
    assert [o.text for o in by_body] == ["0", "1"]
    from evalharness.core.specs import digest

    known = asyncio.run(ask(ScriptedChat({digest({"a": 1}): "one"})))
    assert [known[0].kind, known[1].text] == ["not_recorded", "one"]
