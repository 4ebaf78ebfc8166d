"""The runner with the real store."""

from __future__ import annotations

import pytest

from evalharness.core.errors import Interrupted
from evalharness.core.results import Failure, Output
from evalharness.runner.run import run_cases
from evalharness.store.store import open_store
from tests.runner.runner_doubles import Fake, StopAfter, header, job, some_cases

CASES = some_cases(30)
BROKEN = Failure(stage="candidate", kind="server_error", message="HTTP 500", retryable=True)


def scores(run):
    return {case_id: [trial.scores["exact"].value for trial in r.trials] for case_id, r in run.results.items()}


def test_what_was_paid_for_is_never_paid_again(tmp_path):
    candidate = Fake({"c0003": "wrong"}, script={"c0005": [BROKEN]})
    with open_store(tmp_path / ".evalh") as store:
        first = run_cases(job(CASES, candidate, store=store, header=header(run_id="a")))
    with open_store(tmp_path / ".evalh") as store:
        second = run_cases(job(CASES, candidate, store=store, header=header(run_id="b")))
        third = run_cases(job(CASES, candidate, store=store, header=header(run_id="c")))
    assert [run.calls.made for run in (first, second, third)] == [30, 1, 0]
    assert scores(second) == scores(third)
    assert not first.complete
    assert third.complete


def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(tmp_path):
    import os
    import signal

    class Pressed(Fake):
        async def answer(self, request, case):
            if case.id == "c0007":
                os.kill(os.getpid(), signal.SIGINT)
            return await super().answer(request, case)

    wrong = {case.id: "wrong" for case in CASES[::4]}
    with open_store(tmp_path / "a") as store, pytest.raises(Interrupted):
        run_cases(job(CASES, Pressed(wrong), store=store, jobs=3, stop=StopAfter(25)))
    with open_store(tmp_path / "a") as store:
        resumed = run_cases(job(CASES, Fake(wrong), store=store, jobs=3, stop=StopAfter(25)))
    with open_store(tmp_path / "b") as store:
        whole = run_cases(job(CASES, Fake(wrong), store=store, jobs=3, stop=StopAfter(25)))
    assert resumed.calls.replayed >= 7
    assert scores(resumed) == scores(whole)
    assert list(resumed.results) == list(whole.results)
    assert (resumed.stopped, resumed.complete) == (whole.stopped, whole.complete) == ("verdict", False)


def test_every_kind_of_answer_survives_the_store(tmp_path):
    answers = {
        "c0000": Output(text="ü\u2028\x00{{x}}", usage={"prompt_tokens": 1}, cost_usd=0.0, finish_reason="stop"),
        "c0001": Output(documents=("a", {"id": "b", "score": 0.5})),
        "c0002": Output(text="", messages=({"role": "assistant", "content": None},)),
    }
    with open_store(tmp_path / ".evalh") as store:
        first = run_cases(job(CASES[:3], Fake(answers), store=store, header=header(run_id="a")))
    with open_store(tmp_path / ".evalh") as store:
        again = run_cases(job(CASES[:3], Fake(answers), store=store, header=header(run_id="b")))
    assert again.calls.made == 0
    for case_id, output in answers.items():
        assert again.results[case_id].trials[0].output == output == first.results[case_id].trials[0].output
