"""The engine without calls: recordings and stored answers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from evalharness.candidates.recorded import Recorded
from evalharness.core.results import Failure, Output, Score
from evalharness.runner import replayed
from evalharness.runner.run import run_cases
from tests.runner.runner_doubles import Equals, Fake, MemoryStore, StopAfter, header, job, some_cases

CASES = some_cases(5)


def recorded(cases=CASES, **more):
    answers = {(case.id, 0, 0): Output(text=case.target) for case in cases}
    answers.update(more.get("answers", {}))
    return Recorded("old", answers)


def test_recording_is_scored_in_order():
    run = run_cases(job(CASES, recorded()))
    assert list(run.results) == [case.id for case in CASES]
    assert run.complete
    assert run.stopped == ""
    assert (run.calls.made, run.calls.replayed, run.calls.planned) == (0, 5, 5)
    trial = run.results["c0003"].trials[0]
    assert trial.scores["exact"].value == 1.0
    assert trial.replayed
    assert run.results["c0003"].case_digest == CASES[3].digest


def test_what_was_not_recorded_is_a_failure_not_a_score():
    run = run_cases(job(CASES, Recorded("old", {("c0000", 0, 0): Output(text="in0")})))
    trial = run.results["c0001"].trials[0]
    assert isinstance(trial.output, Failure)
    assert trial.output.kind == "not_recorded"
    assert trial.scores == {}
    assert not run.complete


def test_a_failure_of_the_candidate_is_its_lowest_score_with_a_reason():
    failure = Failure(stage="candidate", kind="filtered", message="filtered by the provider", blame="candidate")
    run = run_cases(job(CASES, recorded(answers={("c0001", 0, 0): failure})))
    score = run.results["c0001"].trials[0].scores["exact"]
    assert isinstance(score, Score)
    assert score.value == 0.0
    assert score.passed is False
    assert "filtered" in score.reason
    assert run.complete


def test_stop_rule_ends_with_exactly_the_prefix():
    rule = StopAfter(3)
    run = run_cases(job(CASES, recorded(), stop=rule))
    assert [r.case_id for r in rule.seen] == list(run.results) == ["c0000", "c0001", "c0002"]
    assert run.stopped == "verdict"
    assert not run.complete
    assert run.calls.saved_by_early_stop == 2


def test_certain_only_with_the_last_case_is_not_an_early_stop():
    run = run_cases(job(CASES, recorded(), stop=StopAfter(5)))
    assert run.stopped == ""
    assert run.complete
    assert run.calls.saved_by_early_stop == 0


def test_a_recording_is_tried_again_only_as_often_as_it_was_recorded():
    rule = StopAfter(99, attempts={"c0001": 3})
    run = run_cases(job(CASES, recorded(answers={("c0001", 0, 1): Output(text="again")}), stop=rule))
    assert [(t.epoch, t.attempt) for t in run.results["c0001"].trials] == [(0, 0), (0, 1)]


def test_stored_answers_are_replayed_without_a_call_and_offline_says_what_is_missing():
    store, candidate = MemoryStore(), Fake()
    for case in CASES[:4]:
        store.answers[candidate.request(case, epoch=0, attempt=0, run_seed=7).key] = Output(text=case.target)
    run = run_cases(job(CASES, candidate, store=store, offline=True))
    assert run.calls.replayed == 4
    assert run.calls.made == 0
    assert not candidate.calls
    assert run.results["c0004"].trials[0].output.kind == "not_recorded"
    assert store.finished[-1][1:] == (False, "")
    assert store.flushes == 1


def test_undeclared_code_answers_only_its_own_run():
    store, candidate = MemoryStore(), Fake(reuse="same_run")
    first = run_cases(job(CASES, candidate, store=store, header=header(run_id="a")))
    again = run_cases(job(CASES, candidate, store=store, header=header(run_id="a")))
    other = run_cases(job(CASES, candidate, store=store, header=header(run_id="b")))
    resumed = run_cases(job(CASES, candidate, store=store, header=header(run_id="c"), identity="b"))
    assert [r.calls.made for r in (first, again, other, resumed)] == [5, 0, 5, 0]


def test_epochs_have_their_own_answers():
    answers = {(case.id, epoch, 0): Output(text=f"in{epoch}") for case in CASES for epoch in range(3)}
    run = run_cases(job(CASES, Recorded("old", answers), header=header(epochs=3)))
    assert [t.scores["exact"].value for t in run.results["c0001"].trials] == [0.0, 1.0, 0.0]
    assert run.calls.planned == 15


def test_nothing_heavy_is_imported_for_a_replay():
    code = """
import sys
from evalharness.candidates.recorded import Recorded
from evalharness.core.cases import Case
from evalharness.core.results import Output, RunHeader
from evalharness.runner.job import Job
from evalharness.runner.run import run_cases
case = Case(id="a", input="x")
job = Job(header=RunHeader(run_id="r", purpose="run"), cases=(case,), candidate=Recorded("o", {("a", 0, 0): Output(text="x")}))
assert run_cases(job).complete
heavy = {"asyncio", "openai", "numpy", "jinja2", "aiohttp", "jsonschema", "rich"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("kind", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_a_failure_of_the_scorer(kind):
    class Bad:
        name = use = "bad"
        signature = "bad"
        low, high, direction, binary, needs, costly = 0.0, 1.0, "higher", False, frozenset(), False

        def score(self, output, case):
            return Score(value=kind)

    run = run_cases(job(CASES, recorded(), scorers=(Bad(),)))
    assert run.results["c0000"].trials[0].scores["bad"].kind == "not_a_number"
    assert not run.complete


class Many(Equals):
    """Scores many at once; ``fault`` is what is wrong with its batches."""

    def __init__(self, fault=""):
        self.fault, self.batches, self.alone = fault, [], 0

    def score(self, output, case):
        self.alone += 1
        return super().score(output, case)

    def score_many(self, pairs):
        self.batches.append(len(pairs))
        if self.fault == "raises":
            raise ZeroDivisionError
        results = [super(Many, self).score(*pair) for pair in pairs]
        return results[:-1] if self.fault == "short" else results


@pytest.mark.parametrize("fault", ["", "raises", "short"])
def test_scorers_of_many_answers_see_a_replay_in_batches(fault, monkeypatch):
    monkeypatch.setattr(replayed, "AHEAD", 2)
    scorer = Many(fault)
    run = run_cases(job(CASES, recorded(), scorers=[scorer]))
    assert run.results == run_cases(job(CASES, recorded(), scorers=[Equals()])).results
    assert scorer.batches == [2, 2, 1]
    assert scorer.alone == (len(CASES) if fault else 0)


class Frozen:
    """A clock that stands still."""

    def monotonic(self):
        return 5.0

    async def sleep(self, seconds):
        raise AssertionError


class Told:
    def __init__(self):
        self.seen = []

    def update(self, progress):
        self.seen.append(progress.done)

    def close(self):
        pass


def test_progress_is_not_told_more_often_than_anybody_could_read_it():
    told = Told()
    run_cases(job(CASES, recorded(), progress=told, clock=Frozen()))
    assert told.seen == [1, len(CASES)], "the first case and the last one"


def test_scores_that_say_the_same_are_one_object():
    cases = some_cases(4)
    answers = {(case.id, 0, 0): Output(text="no" if number % 2 else "never") for number, case in enumerate(cases)}
    run = run_cases(job(cases, Recorded("old", answers), scorers=(Same(),)))
    scores = [run.results[case.id].trials[0].scores for case in cases]
    assert scores[0] is scores[2]
    assert scores[1] is scores[3]
    assert scores[0] != scores[1]
    assert [found["same"].value for found in scores] == [1.0, 0.0, 1.0, 0.0]


def test_evidence_that_is_equal_and_not_the_same_is_kept_apart():
    cases = some_cases(3)
    answers = {(case.id, 0, 0): Output(text=case.id) for case in cases}

    class Odd(Same):
        def score(self, output, case):
            return Score(
                value=1.0, evidence={"found": {"c0000": 1, "c0001": True, "c0002": [1]}[case.id]}, signature="same"
            )

    run = run_cases(job(cases, Recorded("old", answers), scorers=(Odd(),)))
    found = [run.results[case.id].trials[0].scores["same"].evidence["found"] for case in cases]
    assert [type(one) for one in found] == [int, bool, tuple]


class Same(Equals):
    """Says nothing that is of one case alone."""

    name = "same"

    def score(self, output, case):
        never = output.text == "never"
        return Score(value=float(never), passed=never, evidence={"letters": len(output.text)}, signature="same")
