"""A judge: one call, a panel, escalation, both orders, repeats; what is kept and found again."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.cases import Case
from evalharness.core.results import Document, Failure, Output, Score, Unscored
from evalharness.judging.rubric import Rubric
from evalharness.judging.scorer import JudgeScorer, as_score, is_binary, opinions_in
from evalharness.judging.seat import NotKept
from evalharness.judging.subject import Subject, pair_of, subject_of
from tests.judging.desks import PlainDesk, inquiry, judge_of, material
from tests.judging.rubrics import BETTER, COMPLETE, CONTRADICTION, MAIN, SUPPORT, read

SUBJECT = Subject(
    fields={"input": "When did it open?", "output": "It opened in 1923.", "reference": "1923"}, tags=("hard",)
)
MET = {"main-fact": {"quote": "1923", "reason": "there", "verdict": "met"}}
NOT_MET = {"main-fact": {"quote": "", "reason": "absent", "verdict": "not_met"}}
OPEN = {"main-fact": {"quote": "", "reason": "unclear", "verdict": "cannot_tell"}}


def look(rubric: Rubric, *says: Any, repeats: Sequence[int] = (0,), subject: Subject = SUBJECT, **more: Any) -> Any:
    desk = more.pop("desk", None)
    scripted = [say if callable(say) else (lambda _, said=say: said) for say in says]
    return asyncio.run(judge_of(rubric, *scripted, **more).look(subject, list(repeats), inquiry(desk)))


def test_one_call_holds_rubric_form_and_fenced_material(tmp_path: Path) -> None:
    desk = PlainDesk()
    score = as_score(look(read(tmp_path, MAIN), MET, desk=desk))
    assert isinstance(score, Score)
    (call,) = desk.calls
    body = call.body
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert "Does the output state the fact?" in body["messages"][0]["content"]
    assert "1923" not in body["messages"][0]["content"]
    assert material(body) == dict(SUBJECT.fields)
    form = body["response_format"]
    assert (form["type"], form["json_schema"]["strict"]) == ("json_schema", True)
    assert form["json_schema"]["schema"]["properties"]["main-fact"]["properties"]["verdict"]["enum"] == [
        "met",
        "not_met",
        "cannot_tell",
    ]
    assert (body["model"], body["temperature"], body["seed"], body["max_tokens"]) == ("m0", 0.0, 7, 1000)
    assert call.worst_tokens[0] >= len(body["messages"][0]["content"])
    assert call.worst_tokens[1] == 1000
    assert score.reason == "main-fact: met: there"
    assert score.parts["main-fact"].value == 1.0
    assert opinions_in(score)[0]["main-fact"].quote == "1923"


def test_a_verdict_is_found_again_and_a_repeat_is_not_it(tmp_path: Path) -> None:
    rubric, desk = read(tmp_path, MAIN), PlainDesk()
    first = look(rubric, MET, desk=desk)
    assert look(rubric, NOT_MET, desk=desk) == first
    assert len(desk.calls) == 1
    look(rubric, NOT_MET, desk=desk, repeats=(1,))
    assert len(desk.calls) == 2
    look(rubric, MET, desk=desk, era="later")
    assert len(desk.calls) == 3
    other = Subject(fields=dict(SUBJECT.fields) | {"output": "It opened in 1924."})
    look(rubric, NOT_MET, desk=desk, subject=other)
    assert len(desk.calls) == 4
    with pytest.raises(NotKept):
        asyncio.run(judge_of(rubric, lambda _: MET).look(other, [3], inquiry(desk, calls=False)))


def test_two_cases_with_one_text_are_one_question(tmp_path: Path) -> None:
    rubric, desk = read(tmp_path, MAIN), PlainDesk()
    verdicts = iter([MET, NOT_MET])
    judge = judge_of(rubric, lambda _: next(verdicts))
    chat = judge.seats[0].client.chat

    async def slowly(body: Any, *, timeout_s: float) -> Any:
        await asyncio.sleep(0)
        return await chat(body, timeout_s=timeout_s)

    judge.seats[0].client.chat = slowly  # type: ignore[method-assign]

    async def both() -> Any:
        return await asyncio.gather(*(judge.look(SUBJECT, [0], inquiry(desk)) for _ in range(3)))

    found = asyncio.run(both())
    assert len(desk.calls) == 1
    assert found[0] == found[1] == found[2]


def test_the_majority_of_three_repeats_counts(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN)

    def by_seed(body: Mapping[str, Any]) -> Any:
        return MET if body["seed"] in (7, 9) else NOT_MET

    finding = look(rubric, by_seed, repeats=(0, 1, 2))
    assert (finding.assessment.value, len(finding.judgements)) == (1.0, 3)
    assert look(rubric, by_seed, repeats=(1,)).assessment.value == 0.0


def test_known_judgements_vote_with_new_ones(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN)
    before = look(rubric, NOT_MET)
    judge = judge_of(rubric, lambda _: MET)
    after = asyncio.run(judge.look(SUBJECT, [1, 2], inquiry(), known=before.judgements))
    assert after.assessment.value == 1.0


PANELS: tuple[tuple[tuple[Any, ...], float | None], ...] = (
    ((MET, MET, NOT_MET), 1.0),
    ((NOT_MET, MET, NOT_MET), 0.0),
    ((MET, MET, "nonsense"), 1.0),
    ((MET, "nonsense", "nonsense"), None),
    ((MET, NOT_MET, OPEN), None),
)


@pytest.mark.parametrize(("seats", "value"), PANELS)
def test_a_panel_decides_by_the_majority_of_all_seats(
    seats: tuple[Any, ...], value: float | None, tmp_path: Path
) -> None:
    assert look(read(tmp_path, MAIN), *seats).assessment.value == value


def test_a_panel_where_nobody_answers_is_a_failure(tmp_path: Path) -> None:
    failure = look(read(tmp_path, MAIN), "x", "y", "z")
    assert isinstance(failure, Failure)
    assert "m0 gave no valid verdict" in failure.message


ESCALATE = '{ model = "m", escalate_to = "big" }'


def test_what_cannot_be_told_goes_to_the_larger_judge(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN, CONTRADICTION, judge=ESCALATE, top='cannot_tell = { action = "escalate" }\n')
    said = OPEN | {"contradiction": {"reason": "none", "verdict": "not_met"}}
    asked: list[Any] = []

    def big(body: Mapping[str, Any]) -> Any:
        asked.append(body)
        return MET

    finding = look(rubric, said, escalation=big)
    assert finding.assessment.value == 1.0
    assert list(asked[0]["response_format"]["json_schema"]["schema"]["properties"]) == ["main-fact"]
    assert (
        look(rubric, MET | {"contradiction": {"reason": "", "verdict": "met"}}, escalation=big).assessment.passed
        is False
    )
    assert len(asked) == 1
    assert look(rubric, said, escalation=lambda _: OPEN).assessment.value is None
    assert isinstance(look(rubric, said, escalation=lambda _: "nonsense"), Failure)


def test_an_escalation_model_alone_asks_nobody(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN, judge=ESCALATE)
    assert look(rubric, OPEN, escalation=lambda _: pytest.fail("asked")).assessment.value is None


def test_an_isolated_criterion_has_a_call_of_its_own(tmp_path: Path) -> None:
    rubric, desk = read(tmp_path, MAIN, CONTRADICTION + "isolate = true\n"), PlainDesk()

    def say(body: Mapping[str, Any]) -> Any:
        names = body["response_format"]["json_schema"]["schema"]["properties"]
        return MET if "main-fact" in names else {"contradiction": {"reason": "", "verdict": "not_met"}}

    assert look(rubric, say, desk=desk).assessment.value == 1.0
    assert len(desk.calls) == 2


def test_a_criterion_that_does_not_apply_is_left_out(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN, COMPLETE + 'applies_if = "tags.easy"\n')
    assert look(rubric, MET).assessment.value == 1.0
    needs = read(tmp_path, MAIN + 'applies_if = "has.context"\n', uses=("output", "context"))
    assert look(needs, lambda _: pytest.fail("asked")).assessment.reason == "not assessed: no criterion applies"


def test_items_are_numbered_by_code(tmp_path: Path) -> None:
    rubric, bodies = read(tmp_path, SUPPORT), []

    def say(body: Mapping[str, Any]) -> Any:
        bodies.append(body)
        return {"support": {"reason": "r", "items": {"1": {"verdict": "supported"}, "2": {"verdict": "not_found"}}}}

    two = Subject(fields={"input": "q", "output": "It opened. Postage is free.", "reference": "r"})
    assert look(rubric, say, subject=two).assessment.value == 0.5
    assert material(bodies[0])["items"] == {"support": {"1": "It opened.", "2": "Postage is free."}}
    assert isinstance(look(rubric, say, subject=Subject(fields={"output": "One. Two. Three."})), Failure)
    none = read(tmp_path, SUPPORT.replace("output.sentences", "reference.sentences"))
    assert (
        look(none, lambda _: pytest.fail("asked"), subject=Subject(fields={"output": "One two."})).assessment.value
        is None
    )


def test_pairs_are_seen_in_both_orders(tmp_path: Path) -> None:
    rubric = read(tmp_path, BETTER, uses=("input", "output"))
    subject = Subject(fields={"input": "q", "output_a": "the short one", "output_b": "the longer one"})

    def prefers(word: str) -> Any:
        return lambda body: {"better": {"reason": "r", "verdict": "A" if word in material(body)["output_a"] else "B"}}

    desk = PlainDesk()
    assert look(rubric, prefers("longer"), subject=subject, desk=desk).assessment.value == 1.0
    assert len(desk.calls) == 2
    assert look(rubric, prefers("short"), subject=subject).assessment.value == 0.0
    always_first = {"better": {"reason": "r", "verdict": "A"}}
    assert look(rubric, always_first, subject=subject).assessment.value == 0.5
    assert look(rubric, {"better": {"reason": "r", "verdict": "tie"}}, subject=subject).assessment.value == 0.5
    assert look(rubric, {"better": {"reason": "r", "verdict": "cannot_tell"}}, subject=subject).assessment.value is None
    assert isinstance(look(rubric, "x", subject=subject), Failure)
    half = iter([json.dumps(always_first)])
    assert isinstance(look(rubric, lambda _: next(half, "x"), subject=subject), Failure)


def test_a_blank_answer_loses_without_a_judge(tmp_path: Path) -> None:
    rubric = read(tmp_path, BETTER, uses=("input", "output"))
    nobody = pytest.fail

    def value(first: str, second: str) -> Any:
        return look(rubric, nobody, subject=Subject(fields={"output_a": first, "output_b": second})).assessment.value

    assert (value("", "a whole answer"), value("a whole answer", ":"), value("", "")) == (1.0, 0.0, 0.5)


def test_what_is_no_answer_fails_without_a_call(tmp_path: Path) -> None:
    score = as_score(look(read(tmp_path, MAIN), pytest.fail, subject=Subject(fields={"output": "Thought process:"})))
    assert isinstance(score, Score)
    assert (score.value, score.passed, score.evidence["guard"]) == (0.0, False, "the answer only announces an answer")


def test_servers_without_schemas_are_asked_for_an_object(tmp_path: Path) -> None:
    rubric, forms = read(tmp_path, MAIN), []

    def old(body: Mapping[str, Any]) -> Any:
        forms.append(body["response_format"]["type"])
        if forms[-1] == "json_schema":
            return Failure(stage="candidate", kind="bad_request", message="HTTP 400: json_schema", blame="candidate")
        return MET

    judge = judge_of(rubric, old)
    assert asyncio.run(judge.look(SUBJECT, [0, 1], inquiry())).assessment.value == 1.0  # type: ignore[union-attr]
    assert forms == ["json_schema", "json_object", "json_object"]
    forms.clear()
    assert isinstance(look(read(tmp_path, MAIN, judge='{ model = "m", reply = "json_schema" }'), old), Failure)
    assert forms == ["json_schema"]


def test_a_server_that_refuses_both_forms_is_a_failure(tmp_path: Path) -> None:
    refusal = Failure(stage="candidate", kind="bad_request", message="HTTP 400: no", blame="candidate")
    failure = look(read(tmp_path, MAIN), refusal)
    assert (failure.kind, failure.stage, failure.message) == ("bad_request", "judge", "m0: HTTP 400: no")


def test_a_judge_that_does_not_answer_times_out(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN, judge='{ model = "m", timeout = 0.001 }')
    judge = judge_of(rubric, lambda _: MET)

    class Slow:
        async def chat(self, body: Any, *, timeout_s: float) -> Output:
            await asyncio.sleep(60)
            raise AssertionError

        async def close(self) -> None: ...

    judge.seats[0].client = Slow()
    finding = asyncio.run(judge.look(SUBJECT, [0], inquiry()))
    assert isinstance(finding, Failure)
    assert finding.kind == "timeout"


def test_models_that_refuse_a_temperature_get_none(tmp_path: Path) -> None:
    desk = PlainDesk()
    look(
        read(tmp_path, MAIN, judge='{ model = "m", temperature = "unset", token_key = "max_completion_tokens" }'),
        MET,
        desk=desk,
    )
    assert {"temperature", "seed", "max_tokens"} & set(desk.calls[0].body) == set()
    assert desk.calls[0].body["max_completion_tokens"] == 1000


# --- probabilities ------------------------------------------------------------------------------------------------------

LIKELY = '{ model = "m", probabilities = true }'


def with_logprobs(text: str, split: Sequence[str], place: int, top: Mapping[str, float]) -> Output:
    content = [{"token": token, "top_logprobs": []} for token in split]
    content[place]["top_logprobs"] = [{"token": token, "logprob": math.log(p)} for token, p in top.items()]
    return Output(
        text=text,
        finish_reason="stop",
        messages=({"role": "assistant", "content": text, "logprobs": {"content": content}},),
    )


BARE = '{"main-fact": {"verdict": "met"}}'
TOKENS = ('{"main', '-fact": {"', "verdict", '": "', "met", '"}}')


def test_the_mean_of_the_distribution_is_the_score(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN, judge=LIKELY)
    output = with_logprobs(BARE, TOKENS, 4, {"met": 0.6, "not": 0.2, "cannot": 0.1, "x": 0.1})
    score = as_score(look(rubric, output))
    assert isinstance(score, Score)
    assert score.value == pytest.approx(0.75)
    assert opinions_in(score)[0]["main-fact"].distribution["met"] == pytest.approx(2 / 3)
    joined = with_logprobs(
        BARE, ('{"main', '-fact": {"verdict": "met', '"}}'), 1, {'-fact": {"verdict": "met': 0.9, "other": 0.1}
    )
    assert look(rubric, joined).assessment.value == pytest.approx(1.0)
    quiet = with_logprobs(BARE, TOKENS, 4, {"met": 0.1, "cannot": 0.8})
    assert look(rubric, quiet).assessment.value is None


NO_PROBABILITIES = {
    "none sent": Output(text=BARE, finish_reason="stop"),
    "other words": with_logprobs(BARE, TOKENS, 4, {"yes": 0.9, "met": 0.1}),
    "tokens of something else": with_logprobs(BARE, ("{",), 0, {"met": 1.0}),
}


@pytest.mark.parametrize("output", NO_PROBABILITIES.values(), ids=NO_PROBABILITIES)
def test_missing_probabilities_are_an_error(output: Output, tmp_path: Path) -> None:
    failure = look(read(tmp_path, MAIN, judge=LIKELY), output)
    assert isinstance(failure, Failure)
    assert failure.kind == "invalid_verdict"


def test_words_that_begin_alike_are_an_error(tmp_path: Path) -> None:
    rubric = read(tmp_path, COMPLETE.replace('"all"', '"mostly"'), judge=LIKELY)
    text = '{"complete": {"verdict": "most"}}'
    output = with_logprobs(text, ('{"complete": {"verdict": "', "mos", 't"}}'), 1, {"mos": 0.9})
    failure = look(rubric, output)
    assert isinstance(failure, Failure)
    assert "begins mostly and most" in failure.message


# --- the scorer ---------------------------------------------------------------------------------------------------------


def scorer_of(rubric: Rubric, say: Any) -> JudgeScorer:
    return JudgeScorer(judge_of(rubric, say), name="correct", signature="s", finish=lambda result: result)


def test_the_scorer_finds_what_it_has_scored(tmp_path: Path) -> None:
    scorer = scorer_of(read(tmp_path, MAIN), lambda _: MET)
    scorer.sit(PlainDesk())
    case, output = Case(id="c", input="When?", target="1923"), Output(text="It opened in 1923.")
    assert scorer.recorded_score(output, case, repeat=0) is None
    score = asyncio.run(scorer.score_async(output, case, repeat=0))
    assert isinstance(score, Score)
    assert scorer.recorded_score(output, case, repeat=5) == score
    assert (scorer.binary, scorer.costly, scorer.use) == (True, True, "judge")


def test_a_pairwise_judge_scores_no_single_answer(tmp_path: Path) -> None:
    scorer = scorer_of(read(tmp_path, BETTER, uses=("input", "output")), pytest.fail)
    scorer.sit(PlainDesk())
    assert isinstance(scorer.recorded_score(Output(text="x"), Case(id="c", input="q"), repeat=0), Unscored)


def test_what_is_binary(tmp_path: Path) -> None:
    assert is_binary(read(tmp_path, MAIN))
    assert not is_binary(read(tmp_path, MAIN, CONTRADICTION))
    assert not is_binary(read(tmp_path, COMPLETE))
    assert not is_binary(read(tmp_path, MAIN, judge=LIKELY))


def test_what_a_judge_sees_of_a_case(tmp_path: Path) -> None:
    every = ("input", "output", "reference", "context", "conversation", "tools")
    rubric = read(tmp_path, MAIN, uses=every)
    chat = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "yes?"},
        {"role": "user", "content": "When?"},
    ]
    case = Case(id="c", input=chat, target=["a", "b"], context=["own"], tags=["t"])
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    output = Output(
        text="x", documents=({"id": "d", "text": "found"},), messages=({"role": "assistant", "tool_calls": [call]},)
    )
    subject = subject_of(rubric, output, case)
    assert subject.fields["input"] == "When?"
    assert subject.fields["context"] == ({"id": "d", "text": "found"},)
    assert subject.fields["conversation"] == case.input
    assert subject.fields["tools"] == (call,)
    assert (subject.text("context"), subject.text("reference"), subject.tags) == ("found", "a\nb", ("t",))
    assert subject.text("conversation") == "hi\nyes?\nWhen?"
    plain = subject_of(
        rubric, Output(text=None, documents=(Document(id="d"),)), Case(id="c", input={"q": 1}, context=["own"])
    )
    assert dict(plain.fields) == {"input": '{"q":1}', "output": "", "context": ("own",)}
    pair = pair_of(rubric, Output(text="x"), Output(text="y"), case)
    assert (pair.fields["output_a"], pair.fields["output_b"], pair.text("output")) == ("x", "y", "x\ny")
