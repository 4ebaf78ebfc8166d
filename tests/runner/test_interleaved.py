"""Two candidates asked as one: who is asked when, equal requests asked twice, and results taken apart again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from evalharness.core.results import Failure, Output, Score
from evalharness.runner.interleaved import BothArms, BothSeen, PacedArms, Splitting, TwoRuns, parted
from evalharness.runner.run import run_cases
from evalharness.runner.scoring import Scoring
from tests.runner.runner_doubles import Equals, Fake, MemoryStore, StopAfter, header, job, some_cases

CASES = some_cases(10)
BY_ID = {case.id: case for case in CASES}
WRONG = dict.fromkeys(BY_ID, "wrong")


class AllEpochs:
    """A scorer over the epochs of a case; remembers how many it was shown."""

    name = use = "whole"
    signature = "whole|test"
    low, high, direction, binary, needs, costly = 0.0, 1.0, "higher", True, frozenset(), False

    def __init__(self):
        self.shown = []

    def score_epochs(self, outputs, case):
        self.shown.append([output.text for output in outputs])
        return Score(value=float(len({output.text for output in outputs}) == 1))


class Logged(Fake):
    """Notes who was asked in which order."""

    def __init__(self, side, log, **fields):
        super().__init__(**fields)
        self.side, self.log = side, log

    async def answer(self, request, case):
        self.log.append((self.side, case.id, request.epoch))
        return await super().answer(request, case)


def answered(candidate, baseline, *, epochs=1, stop=None, scorers=(), store=None, jobs=1):
    """Run both; the candidate's run, the baseline's results as the judge had them, and the judge."""
    judge = stop or StopAfter(1000)
    splitting = Splitting(epochs=epochs, scoring=Scoring(scorers))
    both = BothArms(candidate, baseline, epochs=epochs, timeout_s=60.0)
    own, other = header(epochs, run_id="own"), replace(header(epochs, run_id="other"), purpose="rerun")
    results = {}
    run = run_cases(
        job(
            CASES,
            both,
            header=header(2 * epochs, run_id="own"),
            stop=BothSeen(judge, results, splitting, BY_ID),
            store=None if store is None else TwoRuns(store, (own, other), splitting, BY_ID),
            jobs=jobs,
            fresh=True,
        )
    )
    return (*parted(run, own, splitting, BY_ID), results, judge)


def test_both_arms_are_asked_case_by_case():
    log = []
    answered(Logged("new", log), Logged("old", log))
    assert log == [(side, case.id, 0) for case in CASES for side in ("new", "old")]


def test_results_are_taken_apart():
    own, other, results, judge = answered(Fake(), Fake(WRONG))
    assert {r.trials[0].scores["exact"].value for r in own.results.values()} == {1.0}
    assert {r.trials[0].scores["exact"].value for r in other.results.values()} == {0.0}
    assert results == other.results
    assert judge.seen == list(own.results.values())
    assert (own.header.epochs, own.calls.made, other.calls.made) == (1, 20, 0)


def test_an_early_stop_ends_both():
    log = []
    own, other, results, _judge = answered(Logged("new", log), Logged("old", log), stop=StopAfter(3))
    assert (own.stopped, len(own.results), len(other.results), len(results)) == ("verdict", 3, 3, 3)
    assert {side: sum(one[0] == side for one in log) for side in ("new", "old")} == {"new": 3, "old": 3}
    assert own.calls.saved_by_early_stop == 14


def test_equal_requests_are_two_draws():
    same = Fake()
    both = BothArms(same, same, epochs=2, timeout_s=60.0)
    keys = {both.request(CASES[0], epoch=epoch, attempt=0, run_seed=7).key for epoch in range(4)}
    assert len(keys) == 4
    store = MemoryStore()
    answered(same, same, store=store)
    assert same.calls.total() == 20
    assert len(store.answers) == 20


def test_epochs_are_the_arms_own():
    log = []
    own, other, _, _ = answered(Logged("new", log), Logged("old", log, answers=WRONG), epochs=2)
    first = log[:4]
    assert first == [("new", "c0000", 0), ("new", "c0000", 1), ("old", "c0000", 0), ("old", "c0000", 1)]
    for run in (own, other):
        assert [(t.epoch, t.attempt) for t in run.results["c0000"].trials] == [(0, 0), (1, 0)]


def test_scorers_over_epochs_never_see_both_arms():
    whole = AllEpochs()
    own, other, _, _ = answered(Fake(), Fake(WRONG), epochs=2, scorers=(whole,))
    assert own.results["c0000"].trials[0].scores["whole"].value == 1.0
    assert other.results["c0000"].trials[0].scores["whole"].value == 1.0
    assert all(len(texts) == 2 and len(set(texts)) == 1 for texts in whole.shown)


def test_further_attempts_are_the_candidates():
    log = []
    own, other, results, _ = answered(
        Logged("new", log), Logged("old", log), stop=StopAfter(1000, attempts={"c0002": 2})
    )
    assert sum(one == ("new", "c0002", 0) for one in log) == 3
    assert sum(one == ("old", "c0002", 0) for one in log) == 1
    assert [trial.attempt for trial in own.results["c0002"].trials] == [0, 1, 2]
    assert len(other.results["c0002"].trials) == len(results["c0002"].trials) == 1


def test_a_failure_of_one_arm_stays_its_own():
    broken = Failure(stage="candidate", kind="server_error", message="HTTP 500")
    own, other, _, _ = answered(Fake(), Fake({"c0004": broken}))
    assert isinstance(own.results["c0004"].trials[0].output, Output)
    assert other.results["c0004"].trials[0].output == broken
    assert not own.complete


def test_the_store_holds_two_runs_and_the_money_is_the_candidates():
    store = MemoryStore()
    answered(Fake(), Fake(WRONG), store=store)
    assert [(h.run_id, h.purpose, h.epochs) for h in store.headers] == [("other", "rerun", 1), ("own", "gate", 1)]
    assert {run_id for run_id, _ in store.cases} == {"own", "other"}
    assert store.cases["other", 3].trials[0].scores["exact"].value == 0.0
    assert store.cases["own", 3].trials[0].scores["exact"].value == 1.0
    (other_calls, *_), (own_calls, *_) = store.finished
    assert (other_calls.planned, other_calls.made, own_calls.planned, own_calls.made) == (10, 0, 20, 20)


def test_a_resumed_run_asks_neither_arm_again():
    store, new, old = MemoryStore(), Fake(), Fake(WRONG)
    answered(new, old, store=store)
    own, _, _, _ = answered(new, old, store=store)
    assert (new.calls.total(), old.calls.total(), own.calls.replayed) == (10, 10, 20)


def test_both_are_closed_checked_and_given_the_longer_time():
    class Checked(Fake):
        checked = 0

        def check(self, case):
            self.checked += 1

        def deadline_s(self, case):
            return 300.0

    new, old = Checked(), Fake()
    both = BothArms(new, old, epochs=1, timeout_s=60.0)
    both.check(CASES[0])
    assert new.checked == 1
    assert both.deadline_s(CASES[0]) == 300.0
    asyncio.run(both.close())
    assert new.closed
    assert old.closed


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ((1.0, 2.0), (0.5, 3.0), (1.0, 3.0)),
        (None, (0.5, 3.0), (0.5, 3.0)),
        (None, None, None),
    ],
)
def test_money_is_set_aside_for_the_dearer_arm(one, other, both):
    assert BothArms(Fake(price=one), Fake(price=other), epochs=1, timeout_s=1.0).price == both


def test_limits_are_those_of_each_arms_own_host():
    class Pacing:
        down, retries = "why", 3

        def __init__(self):
            self.hosts = []

        async def call(self, send, *given, host, tokens):
            self.hosts.append(host)
            return await send(*given)

    new, old, pacing = Fake(), Fake(), Pacing()
    new.host, old.host = "new.example", "old.example"
    both = BothArms(new, old, epochs=1, timeout_s=1.0)
    paced = PacedArms(pacing, both)

    async def send(*given):
        return Output(text="x")

    for epoch in (0, 1):
        request = both.request(CASES[0], epoch=epoch, attempt=0, run_seed=7)
        asyncio.run(paced.call(send, request, host=both.host, tokens=1))
    asyncio.run(paced.call(send, host="judge.example", tokens=1))
    assert pacing.hosts == ["new.example", "old.example", "judge.example"]
    assert (paced.down, paced.retries) == ("why", 3)


def test_equal_scorers_see_equal_answers_of_both():
    """Negative control for the splitting: with the arms swapped, so are the scores."""
    own, other, _, _ = answered(Fake(WRONG), Fake(), scorers=())
    assert {r.trials[0].scores["exact"].value for r in own.results.values()} == {0.0}
    assert {r.trials[0].scores["exact"].value for r in other.results.values()} == {1.0}
    assert Equals().name in own.results["c0000"].trials[0].scores
