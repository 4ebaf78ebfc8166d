"""The protocol beside a baseline: what is reused, what is judged again and where, with one arm and with two."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from evalharness.core.cases import Case
from evalharness.core.results import CaseResult, Failure, Output, Score, ScoreResult, Trial
from evalharness.judging.paired import PairedJudge, before_any_call
from evalharness.judging.rubric import Rubric
from evalharness.judging.scorer import JudgeScorer
from tests.judging.desks import PlainDesk, judge_of, material
from tests.judging.rubrics import BETTER, COMPLETE, read

CASE = Case(id="c", input="q", target="r")
VALUES = {"all": 1.0, "most": 0.5, "little": 0.0}


def verdict(word: str) -> dict[str, Any]:
    return {"complete": {"reason": "r", "verdict": word}}


@pytest.fixture
def rubric(tmp_path: Path) -> Rubric:
    return read(tmp_path, COMPLETE)


def scorer_of(rubric: Rubric, say: Callable[[str, int], Any]) -> JudgeScorer:
    """A judge that answers by (output, repeat)."""
    judge = judge_of(rubric, lambda body: say(material(body)["output"], body["seed"] - 7))
    return JudgeScorer(judge, name="s", signature="sig", finish=lambda result: result)


def arm_of(scorer: JudgeScorer, output: str = "the old answer", **more: Any) -> dict[str, CaseResult]:
    """A baseline that this judge has scored."""
    scorer.sit(PlainDesk())
    score = asyncio.run(scorer.score_async(Output(text=output), CASE, repeat=0))
    trial = Trial(case_id="c", output=Output(text=output), scores={"s": more.get("score", score)})
    return {"c": CaseResult(case_id="c", case_digest=more.get("digest", CASE.digest), trials=(trial,))}


def score(judge: PairedJudge, output: str) -> ScoreResult:
    judge.sit(PlainDesk())
    return asyncio.run(judge.score_async(Output(text=output), CASE, repeat=0))


def value(result: ScoreResult) -> float:
    assert isinstance(result, Score)
    return result.value


def stored(arm: dict[str, CaseResult]) -> Any:
    return arm["c"].trials[0].scores["s"]


def test_three_judgements_in_either_arm_where_they_differ(rubric: Rubric) -> None:
    said: list[tuple[str, int]] = []

    def say(output: str, repeat: int) -> Any:
        said.append((output, repeat))
        words = {"the old answer": ("all", "most", "most"), "the new answer": ("little", "little", "all")}
        return verdict(words[output][repeat])

    scorer = scorer_of(rubric, say)
    arm = arm_of(scorer)
    judge = PairedJudge(scorer, arm)
    assert value(score(judge, "the new answer")) == 0.0
    assert value(stored(arm)) == 0.5
    assert said[1:] == [
        ("the new answer", 0),
        ("the new answer", 1),
        ("the new answer", 2),
        ("the old answer", 1),
        ("the old answer", 2),
    ]
    assert (len(judge.tally.reused), len(judge.tally.judged), len(judge.tally.again)) == (0, 1, 1)


def test_alike_verdicts_are_left_alone(rubric: Rubric) -> None:
    scorer = scorer_of(rubric, lambda *_: verdict("most"))
    arm = arm_of(scorer)
    before = stored(arm)
    judge = PairedJudge(scorer, arm)
    assert value(score(judge, "the new answer")) == 0.5
    assert stored(arm) is before
    assert not judge.tally.again


def test_an_equal_answer_is_never_judged(rubric: Rubric) -> None:
    scorer = scorer_of(rubric, lambda *_: verdict("most"))
    arm = arm_of(scorer)
    scorer.judge.seats[0].client = None  # type: ignore[assignment]  # whoever asks it fails
    judge = PairedJudge(scorer, arm)
    assert score(judge, "the old answer") == stored(arm)
    assert judge.tally.reused == {("c", 0)}
    judge.sit(PlainDesk())
    assert judge.recorded_score(Output(text="the old answer"), CASE, repeat=0) == stored(arm)
    assert judge.recorded_score(Output(text="another answer"), CASE, repeat=0) is None


def test_one_repeat_on_change_asks_no_more(tmp_path: Path) -> None:
    rubric = read(tmp_path, COMPLETE, judge='{ model = "m", seed = 7, repeats = { first = 1, on_change = 1 } }')
    scorer = scorer_of(rubric, lambda output, _: verdict("all" if output == "the old answer" else "little"))
    arm = arm_of(scorer)
    judge = PairedJudge(scorer, arm)
    assert value(score(judge, "the new answer")) == 0.0
    assert not judge.tally.again


def test_what_has_no_partner_is_judged_alone(rubric: Rubric) -> None:
    scorer = scorer_of(rubric, lambda *_: verdict("all"))
    failed = Failure(stage="candidate", kind="empty", message="m", blame="candidate")
    lost = {"c": CaseResult(case_id="c", case_digest=CASE.digest, trials=(Trial(case_id="c", output=failed),))}
    for arm in ({}, arm_of(scorer, digest="another"), lost, arm_of(scorer, score=failed)):
        assert value(score(PairedJudge(scorer, arm), "the new answer")) == 1.0


def test_a_judge_that_cannot_be_asked_is_not_asked_more_often(rubric: Rubric) -> None:
    calls: list[str] = []

    def say(output: str, _: int) -> Any:
        calls.append(output)
        if output == "the old answer":
            return verdict("all")
        return Failure(stage="candidate", kind="timeout", message="late")

    scorer = scorer_of(rubric, say)
    result = score(PairedJudge(scorer, arm_of(scorer)), "the new answer")
    assert isinstance(result, Failure)
    assert calls == ["the old answer", "the new answer"]


def test_what_it_could_not_tell_is_asked_again(rubric: Rubric) -> None:
    scorer = scorer_of(
        rubric, lambda output, repeat: verdict("cannot_tell" if (output, repeat) == ("the new answer", 0) else "all")
    )
    judge = PairedJudge(scorer, arm_of(scorer))
    assert value(score(judge, "the new answer")) == 1.0
    assert judge.tally.again


def test_a_baseline_that_turns_unclear_keeps_its_place(rubric: Rubric) -> None:
    def say(output: str, repeat: int) -> Any:
        return verdict("little" if output == "the new answer" else "all" if repeat == 0 else "cannot_tell")

    scorer = scorer_of(rubric, say)
    arm = arm_of(scorer)
    result = score(PairedJudge(scorer, arm), "the new answer")
    assert isinstance(result, Failure)
    assert result.kind == "unassessed"
    assert value(stored(arm)) == 1.0


def test_another_judge_judges_the_baseline_anew(rubric: Rubric) -> None:
    scorer = scorer_of(rubric, lambda *_: verdict("all"))
    arm = arm_of(scorer)
    later = scorer_of(rubric, lambda *_: verdict("most"))
    judge = PairedJudge(later, arm, anew=True)
    assert value(score(judge, "the old answer")) == 0.5
    assert value(stored(arm)) == 0.5
    silent = scorer_of(rubric, lambda *_: "nonsense")
    assert isinstance(score(PairedJudge(silent, arm, anew=True), "the old answer"), Failure)


def test_a_pinned_arm_gets_the_same_treatment(rubric: Rubric) -> None:
    words = {"the old answer": "all", "the pinned answer": "most", "the new answer": "most"}
    scorer = scorer_of(rubric, lambda output, _: verdict(words[output]))
    arm, pinned = arm_of(scorer), arm_of(scorer, "the pinned answer")
    judge = PairedJudge(scorer, arm, pinned)
    assert value(score(judge, "the new answer")) == 0.5
    assert [len(stored(side).evidence["opinions"]) for side in (arm, pinned)] == [3, 3]
    again = PairedJudge(scorer, arm_of(scorer), pinned_again := arm_of(scorer, "the pinned answer"))
    assert value(score(again, "the pinned answer")) == 0.5
    assert len(stored(pinned_again).evidence["opinions"]) == 3


def test_pairs_count_from_one_half(tmp_path: Path) -> None:
    rubric = read(tmp_path, BETTER, uses=("input", "output"))

    def say(body: Any) -> Any:
        return {"better": {"reason": "r", "verdict": "B" if "new" in material(body)["output_b"] else "A"}}

    scorer = JudgeScorer(judge_of(rubric, say), name="s", signature="sig", finish=lambda result: result)
    arm = {
        "c": CaseResult(
            case_id="c", case_digest=CASE.digest, trials=(Trial(case_id="c", output=Output(text="the old answer")),)
        )
    }
    planned = before_any_call(arm, scorer)
    assert value(stored(planned)) == 0.5
    judge = PairedJudge(scorer, planned)
    assert value(score(judge, "the new answer")) == 1.0
    assert value(score(judge, "the old answer")) == 0.5
    assert before_any_call(arm, scorer_of(read(tmp_path, COMPLETE), lambda *_: "")) == arm


def test_keys_and_connections_are_the_inner_judges(rubric: Rubric) -> None:
    class Inner(JudgeScorer):
        seen: ClassVar[list[str]] = []

        def check(self, case: Case) -> None:
            self.seen.append(case.id)

        async def close(self) -> None:
            self.seen.append("closed")

    plain = scorer_of(rubric, lambda *_: "")
    inner = Inner(plain.judge, name="s", signature="sig", finish=plain.finish)
    for scorer in (inner, plain):
        judge = PairedJudge(scorer, {})
        judge.check(CASE)
        asyncio.run(judge.close())
    assert Inner.seen == ["c", "closed"]
