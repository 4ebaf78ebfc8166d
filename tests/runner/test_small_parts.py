"""Prefix, scoring, money and interrupts on their own."""

from __future__ import annotations

import asyncio
import threading

import pytest

from evalharness.core.errors import StoreError
from evalharness.core.protocols import Request
from evalharness.core.results import CaseResult, Failure, Output, Score, Trial, Unscored
from evalharness.runner.clock import SystemClock
from evalharness.runner.interrupts import Interrupts
from evalharness.runner.money import Budget, WorstCases, booked
from evalharness.runner.prefix import Prefix
from evalharness.runner.scoring import Scoring, lowest
from tests.runner.runner_doubles import Equals, Fake, job, some_cases

CASE = some_cases(1)[0]
OURS = Failure(stage="candidate", kind="filtered", message="filtered", blame="candidate")


def result(number):
    return CaseResult(case_id=f"c{number}", case_digest="", trials=())


def test_a_position_comes_once():
    prefix = Prefix()
    list(prefix.add(0, result(0)))
    assert list(prefix.add(2, result(2))) == []
    for twice in (0, 2):
        with pytest.raises(ValueError, match="twice"):
            prefix.add(twice, result(twice))
    with pytest.raises(ValueError, match="not waiting"):
        prefix.replace(1, result(1))
    assert [place for place, _ in prefix.waiting()] == [2]


def test_a_group_is_held_back_until_it_is_whole():
    prefix = Prefix(["g", None, "g", None])
    assert list(prefix.add(1, result(1))) == []
    assert list(prefix.add(0, result(0))) == []
    assert prefix.whole_group(0) == []
    assert [place for place, _ in prefix.add(2, result(2))] == [0, 1, 2]
    assert prefix.whole_group(1) == []


class Loose(Equals):
    """A scorer that does what it is told."""

    def __init__(self, give, **facts):
        self.give = give
        for name, value in facts.items():
            setattr(self, name, value)

    def score(self, output, case):
        if isinstance(self.give, Exception):
            raise self.give
        return self.give


@pytest.mark.parametrize(
    ("give", "kind"),
    [
        (ZeroDivisionError("x"), "raised"),
        (Score(value=float("nan")), "not_a_number"),
        (0.5, "bad_result"),
        (None, "bad_result"),
    ],
)
def test_a_broken_scorer_is_a_failure_of_the_scorer(give, kind):
    scored = Scoring([Loose(give)]).pure(Output(text="x"), CASE)["exact"]
    assert (scored.stage, scored.kind, scored.blame) == ("scorer", kind, "infrastructure")


def test_our_own_errors_pass_through_a_scorer():
    with pytest.raises(StoreError):
        Scoring([Loose(StoreError("x"))]).pure(Output(text="x"), CASE)


def test_unscored_and_failures_are_kept_as_they_are():
    for given in (Unscored(reason="no target"), OURS):
        assert Scoring([Loose(given)]).pure(Output(text="x"), CASE)["exact"] is given


def test_what_is_no_scorer_is_refused():
    with pytest.raises(TypeError, match="odd"):
        Scoring([type("Odd", (), {"name": "odd"})()])


def test_the_lowest_score_knows_the_direction():
    assert lowest(Equals(), OURS, CASE).value == 0.0
    assert lowest(Loose(None, direction="lower"), OURS, CASE).value == 1.0
    assert lowest(Loose(None, direction="lower", high=float("inf")), OURS, CASE) is OURS


def test_a_scorer_may_read_a_failure_itself():
    class Reads(Equals):
        def score_failure(self, failure, case):
            return Score(value=float(failure.kind == "filtered"))

    assert Scoring([Reads()]).recorded(OURS, CASE, repeat=0)["exact"].value == 1.0


def test_a_judge_without_a_memory_must_be_asked():
    class Judge(Equals):
        async def score_async(self, output, case, *, repeat):
            return Score(value=1.0)

    scoring = Scoring([Judge()])
    assert scoring.recorded(Output(text="x"), CASE, repeat=0) is None
    assert asyncio.run(scoring.awaiting(Output(text="x"), CASE, repeat=0))["exact"].value == 1.0
    assert asyncio.run(scoring.awaiting(OURS, CASE, repeat=0))["exact"].value == 0.0


def test_case_scores_of_failures_and_no_scores_of_the_infrastructures():
    lost = Failure(stage="candidate", kind="timeout", message="lost")
    assert Scoring([Equals()]).settled(lost, CASE) == {}
    trial = Trial(case_id="c", output=lost)
    assert Scoring([Equals()]).over_epochs([trial], CASE) == [trial]


def request(worst=(160, 10)):
    return Request(case_id="c", epoch=0, attempt=0, seed=0, body={}, key="k", worst_tokens=worst)


def test_a_budget_without_limit_or_price():
    assert Budget(None, (1.0, 1.0)).take(1e9)
    assert Budget(1.0, None).free
    assert Budget(5.0, (1.0, 2.0)).worst(request((10**6, 10**6))) == 3.0


def test_usage_that_could_be_true_is_believed():
    def cost(text="x", **usage):
        return booked(Output(text=text, cost_usd=0.01, usage=usage), 1.0, request())

    assert cost(prompt_tokens=40, completion_tokens=1) == 0.01
    assert cost(prompt_tokens=9, completion_tokens=1) == 1.0, "160 bytes are no 9 tokens"
    assert cost(text="x" * 100, prompt_tokens=40, completion_tokens=2) == 1.0
    assert cost(completion_tokens=1) == 1.0
    assert cost() == 1.0
    assert booked(Output(text="x"), 1.0, request()) == 1.0
    assert booked(Output(text="x", cost_usd=0.5), 0.0, request()) == 0.5
    assert booked(OURS, 1.0, request()) == 1.0


def test_handlers_are_left_alone_outside_the_main_thread():
    def work():
        with Interrupts() as interrupts:
            done.append(interrupts.seen)

    done = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [[]]


def test_the_first_signal_without_a_listener_is_noted():
    interrupts = Interrupts()
    interrupts._handle(2, None)
    with pytest.raises(KeyboardInterrupt):
        interrupts._handle(2, None)


def test_the_window():
    cases = some_cases(3)
    assert job(cases, Fake()).lookahead == 3
    assert job((), Fake()).lookahead == 1
    assert job(cases, Fake(), window=0).lookahead == 1
    assert job(cases, Fake(), stop=object(), jobs=5).lookahead == 20


def test_the_real_clock():
    clock = SystemClock()
    before = clock.monotonic()
    asyncio.run(clock.sleep(0.001))
    assert clock.monotonic() > before


def test_what_is_booked_at_the_worst_case_is_said():
    tally = WorstCases()
    tally.note(Output(text="x", cost_usd=0.25), 1.0, 0.25)  # believed
    tally.note(Failure(stage="candidate", kind="rate_limited", message="m"), 1.0, 0.0)  # nobody bills it
    tally.note(None, 0.0, 0.0)  # free
    assert tally.sentences(3) == ()
    tally.note(Output(text="x", cost_usd=0.25), 1.0, 1.0)
    tally.note(Output(text="x"), 1.0, 1.0)
    tally.note(Failure(stage="candidate", kind="timeout", message="m"), 1.0, 1.0)
    tally.note(None, 1.0, 1.0)
    (sentence,) = tally.sentences(7)
    assert sentence == (
        "4 of 7 calls are counted at the most they could cost, $4.0000: 2 reported a usage that is missing or too small to "
        "be true, 2 failed or were cancelled and may have been billed"
    )
