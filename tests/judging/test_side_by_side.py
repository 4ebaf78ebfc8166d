"""Both arms answered in one run: whichever answer comes second, the pair goes through the same protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.cases import Case
from evalharness.core.results import CaseResult, Failure, Output, Score, ScoreResult, Trial, Unscored
from evalharness.judging.rubric import Rubric
from evalharness.judging.scorer import UNASSESSED, JudgeScorer
from evalharness.judging.side_by_side import SideBySideJudge
from tests.judging.desks import PlainDesk, judge_of, material
from tests.judging.rubrics import BETTER, COMPLETE, read

CASE = Case(id="c", input="q", target="r")
NEW, OLD = "the new answer", "the old answer"
ARRIVALS = (((0, NEW), (1, OLD)), ((1, OLD), (0, NEW)))


@pytest.fixture
def rubric(tmp_path: Path) -> Rubric:
    return read(tmp_path, COMPLETE)


def verdict(word: str) -> dict[str, Any]:
    return {"complete": {"reason": "r", "verdict": word}}


class Bench:
    """A judge that answers by (output, repeat), and what it was asked."""

    def __init__(self, rubric: Rubric, say: Callable[[str, int], Any], epochs: int = 1) -> None:
        self.asked: list[tuple[str, int]] = []

        def reply(body: Any) -> Any:
            shown = material(body)
            self.asked.append((shown.get("output", ""), body["seed"] - 7))
            return say(*self.asked[-1]) if "output" in shown else say(shown["output_a"], 0)

        inner = JudgeScorer(judge_of(rubric, reply), name="s", signature="sig", finish=lambda result: result)
        self.judge = SideBySideJudge(inner, epochs=epochs)
        self.judge.sit(PlainDesk())

    def scored(self, *answers: tuple[int, str]) -> dict[int, ScoreResult]:
        """The scores of answers that come in this order, as the engine hands the case on."""
        trials = [Trial(case_id="c", epoch=epoch, output=Output(text=text)) for epoch, text in answers]
        said = [asyncio.run(self.judge.score_async(Output(text=text), CASE, repeat=at)) for at, text in answers]
        return self.handed_on(trials, said)

    def handed_on(self, trials: Sequence[Trial], said: Sequence[ScoreResult]) -> dict[int, ScoreResult]:
        marked = [
            Trial(case_id="c", epoch=t.epoch, output=t.output, scores={"s": s})
            for t, s in zip(trials, said, strict=True)
        ]
        result = CaseResult(case_id="c", case_digest=CASE.digest, trials=tuple(marked))
        return {trial.epoch: trial.scores["s"] for trial in self.judge.amended(result).trials}


def value(score: ScoreResult) -> float:
    assert isinstance(score, Score)
    return score.value


@pytest.mark.parametrize("arrival", ARRIVALS)
def test_where_they_differ_both_are_judged_three_times(rubric: Rubric, arrival: Any) -> None:
    words = {OLD: ("all", "most", "most"), NEW: ("little", "little", "all")}
    bench = Bench(rubric, lambda output, repeat: verdict(words[output][repeat]))
    found = bench.scored(*arrival)
    assert (value(found[0]), value(found[1])) == (0.0, 0.5)
    assert sorted(bench.asked) == sorted((text, repeat) for text in (OLD, NEW) for repeat in range(3))
    assert (len(bench.judge.tally.judged), len(bench.judge.tally.again)) == (1, 1)


def test_without_the_protocol_a_single_slip_stays(rubric: Rubric) -> None:
    """The control: what each was judged to be by itself is another difference."""
    words = {OLD: ("all", "most", "most"), NEW: ("little", "little", "all")}
    bench = Bench(rubric, lambda output, repeat: verdict(words[output][repeat]))
    first = asyncio.run(bench.judge.score_async(Output(text=OLD), CASE, repeat=1))
    assert value(first) == 1.0


@pytest.mark.parametrize("arrival", ARRIVALS)
def test_where_they_agree_each_is_judged_once(rubric: Rubric, arrival: Any) -> None:
    bench = Bench(rubric, lambda *_: verdict("most"))
    found = bench.scored(*arrival)
    assert (value(found[0]), value(found[1])) == (0.5, 0.5)
    assert sorted(bench.asked) == [(NEW, 0), (OLD, 0)]
    assert not bench.judge.tally.again


def test_equal_answers_are_one_question(rubric: Rubric) -> None:
    said = iter(("all", "little"))
    bench = Bench(rubric, lambda *_: verdict(next(said)))
    found = bench.scored((0, "the same"), (1, "the same"))
    assert value(found[0]) == value(found[1]) == 1.0
    assert bench.asked == [("the same", 0)]
    assert bench.judge.tally.reused == {("c", 0)}


def test_epochs_are_paired_by_number(rubric: Rubric) -> None:
    worth = {"n0": "all", "n1": "most", "o0": "all", "o1": "little"}
    bench = Bench(rubric, lambda output, _: verdict(worth[output]), epochs=2)
    found = bench.scored((0, "n0"), (3, "o1"), (2, "o0"), (1, "n1"))
    assert [value(found[epoch]) for epoch in range(4)] == [1.0, 0.5, 1.0, 0.0]
    assert bench.judge.tally.again == {("c", 1)}  # 1 against 3


@pytest.mark.parametrize("arrival", ARRIVALS)
def test_what_one_arm_leaves_open_is_asked_again_in_both(rubric: Rubric, arrival: Any) -> None:
    def say(output: str, repeat: int) -> Any:
        return verdict("cannot_tell" if (output, repeat) == (NEW, 0) else "all")

    bench = Bench(rubric, say)
    found = bench.scored(*arrival)
    assert (value(found[0]), value(found[1])) == (1.0, 1.0)
    assert bench.judge.tally.again == {("c", 0)}


def test_what_both_leave_open_stays_open(rubric: Rubric) -> None:
    bench = Bench(rubric, lambda *_: verdict("cannot_tell"))
    found = bench.scored(*ARRIVALS[0])
    assert {score.kind for score in found.values() if isinstance(score, Failure)} == {UNASSESSED}
    assert len(bench.asked) == 2


@pytest.mark.parametrize("arrival", ARRIVALS)
def test_a_judge_that_cannot_be_asked_is_not_asked_more_often(rubric: Rubric, arrival: Any) -> None:
    down = Failure(stage="judge", kind="timeout", message="down")
    bench = Bench(rubric, lambda output, _: down if output == NEW else verdict("all"))
    found = bench.scored(*arrival)
    assert isinstance(found[0], Failure)
    assert value(found[1]) == 1.0
    assert len(bench.asked) == 2


def test_a_further_attempt_is_looked_at_by_itself(rubric: Rubric) -> None:
    worth = {NEW: "little", OLD: "all", "tried again": "most"}
    bench = Bench(rubric, lambda output, _: verdict(worth[output]))
    bench.scored(*ARRIVALS[0])
    again = asyncio.run(bench.judge.score_async(Output(text="tried again"), CASE, repeat=0))
    assert value(again) == 0.5
    trial = Trial(case_id="c", epoch=0, attempt=1, output=Output(text="tried again"), scores={"s": again})
    kept = bench.judge.amended(CaseResult(case_id="c", case_digest=CASE.digest, trials=(trial,)))
    assert kept.trials == (trial,)


@pytest.mark.parametrize("arrival", ARRIVALS)
def test_pairs_are_compared_when_both_are_there(tmp_path: Path, arrival: Any) -> None:
    rubric = read(tmp_path, BETTER, uses=("input", "output"))
    bench = Bench(rubric, lambda first, _: {"better": {"reason": "r", "verdict": "B" if first == OLD else "A"}})
    found = bench.scored(*arrival)
    assert (value(found[0]), value(found[1])) == (1.0, 0.5)


def test_an_answer_without_a_partner_keeps_its_score(tmp_path: Path, rubric: Rubric) -> None:
    assert value(Bench(rubric, lambda *_: verdict("all")).scored((0, NEW))[0]) == 1.0
    pairs = Bench(read(tmp_path, BETTER, uses=("input", "output")), lambda *_: pytest.fail("asked"))
    assert isinstance(pairs.scored((0, NEW))[0], Unscored)


@pytest.mark.parametrize("arrival", ARRIVALS)
def test_what_is_stored_is_found_without_a_call(rubric: Rubric, arrival: Any) -> None:
    """A run that goes on reads the whole protocol out of the store, the second judgements too."""
    words = {OLD: ("all", "most", "most"), NEW: ("little", "little", "all")}
    before = Bench(rubric, lambda output, repeat: verdict(words[output][repeat]))
    desk = PlainDesk()
    before.judge.sit(desk)
    first = before.scored(*arrival)
    later = Bench(rubric, lambda *_: pytest.fail("asked"))
    later.judge.sit(desk)
    said = [later.judge.recorded_score(Output(text=text), CASE, repeat=at) for at, text in reversed(arrival)]
    assert None not in said
    trials = [Trial(case_id="c", epoch=at, output=Output(text=text)) for at, text in reversed(arrival)]
    assert later.handed_on(trials, said) == first  # type: ignore[arg-type]


def test_what_is_not_stored_leaves_no_trace(rubric: Rubric) -> None:
    bench = Bench(rubric, lambda *_: verdict("most"))
    assert bench.judge.recorded_score(Output(text=NEW), CASE, repeat=0) is None
    assert value(bench.scored(*ARRIVALS[0])[0]) == 0.5
    assert len(bench.judge.tally.judged) == 1
