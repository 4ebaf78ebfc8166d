"""``turns``: which reply belongs to which turn, what each is held against, and what cannot be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evalharness.core.cases import Case
from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Failure, Output, Score, ScoreResult, Unscored
from evalharness.scorers.registry import build_scorer, spec_of
from tests.scorers.scoring import refusal_of

SCRIPT = [{"role": "user", "content": text} for text in ("one?", "two?", "three?")]
SHORT = {"use": "length", "unit": "words", "max": 2}


def says(text: str, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


def talk(*replies: str) -> Output:
    """The trace of a conversation as candidates give it."""
    messages = [message for pair in zip(SCRIPT, map(says, replies), strict=False) for message in pair]
    return Output(text=replies[-1], messages=tuple(messages))


def scorer(of: Any = SHORT, **params: Any) -> CaseScorer:
    built = build_scorer(spec_of({"use": "turns", "of": of, **params}), root=Path())
    assert isinstance(built, CaseScorer)
    return built


def scored(output: Output, of: Any = SHORT, target: Any = None, script: Any = SCRIPT, **params: Any) -> ScoreResult:
    return scorer(of, **params).score(output, Case(id="c", input=script, target=target))


def score(*given: Any, **params: Any) -> Score:
    result = scored(*given, **params)
    assert isinstance(result, Score), result
    return result


def test_every_reply_is_scored_and_each_must_hold() -> None:
    good = score(talk("a b", "c", "d e"))
    assert (good.value, good.passed, good.reason) == (1.0, True, "3 of 3 replies hold")
    bad = score(talk("a b", "c d e f", "d e"))
    assert (bad.value, bad.passed) == (pytest.approx(2 / 3), False)
    assert bad.reason == "2 of 3 replies hold; turn 2: 4 words, expected 0 to 2"
    assert bad.evidence["replies"] == {"turn 1": "'a b'", "turn 2": "'c d e f'", "turn 3": "'d e'"}
    assert [part.passed for part in bad.parts.values()] == [True, False, True]


@pytest.mark.parametrize(("turn", "holds"), [(1, True), (2, False), (3, True), (-1, True), (-2, False), (-3, True)])
def test_one_turn_by_its_number(turn: int, holds: bool) -> None:
    assert score(talk("a", "b c d", "e"), turn=turn).passed is holds


@pytest.mark.parametrize("turn", [4, -4])
def test_a_turn_that_the_script_has_not_is_unscored(turn: int) -> None:
    result = scored(talk("a", "b", "c"), turn=turn)
    assert isinstance(result, Unscored)
    assert result.reason == f"no turn to look at: 3 scripted, turn = {turn}"


def test_each_turn_has_its_own_target_and_null_is_left_out() -> None:
    target = {"turns": ["red", None, ["blue", "green"]]}
    of = {"use": "icontains_any"}
    assert score(talk("Red!", "whatever", "it is green"), of, target).reason == "2 of 2 replies hold"
    assert score(talk("Red!", "red", "red"), of, target).value == 0.5
    assert score(talk("Red!", "red", "blue"), of, target, turn=3).passed is True
    result = scored(talk("Red!", "red", "blue"), of, target, turn=2)
    assert isinstance(result, Unscored)
    assert result.reason == "turn 2: the case has no target, and the scorer no value"
    assert score(talk("a", "b", "c d e"), SHORT, target).value == pytest.approx(2 / 3), "needs no target: all turns"


@pytest.mark.parametrize(("turns", "seen"), [(["a"], "1"), ("a", "no list")])
def test_targets_that_do_not_fit_the_script(turns: Any, seen: str) -> None:
    result = scored(talk("a", "b", "c"), {"use": "icontains_any"}, {"turns": turns})
    assert isinstance(result, Failure)
    assert result.kind == "bad_case"
    assert f"has {seen} entries, its input 3 turns" in result.message


def test_a_reply_that_is_missing_is_the_candidates_doing() -> None:
    result = score(talk("a", "b"))
    assert (result.value, result.passed) == (pytest.approx(2 / 3), False)
    assert result.reason.endswith("turn 3: no reply")
    assert result.evidence["replies"]["turn 3"] == "no reply"


def test_without_messages_only_the_last_reply_is_known() -> None:
    assert score(Output(text="a b"), turn=-1).passed is True
    assert score(Output(text="a b c"), turn=3).passed is False
    for turn in ("all", 1):
        result = scored(Output(text="a b"), turn=turn)
        assert isinstance(result, Unscored)
        assert "do not hold the 3 turns" in result.reason


def test_replies_alone_one_a_turn() -> None:
    output = Output(text="c", messages=(says("a"), says("b b b"), says("c")))
    assert score(output, turn=2).passed is False
    assert isinstance(scored(Output(text="c", messages=(says("a"), says("c")))), Unscored), "whose reply is whose?"


def test_what_stands_around_the_script_is_nobodys_reply() -> None:
    history = [{"role": "system", "content": "s"}, {"role": "user", "content": "zero?"}, says("long long long reply")]
    output = talk("a", "b", "c")
    whole = Output(text="c", messages=(*history, *output.messages))
    assert score(whole, script=[*history, *SCRIPT]).passed is True
    assert score(output, script=[*history, *SCRIPT]).passed is True, "the history need not be repeated"
    shots = ({"role": "user", "content": "example?"}, says("some other long example"))
    assert score(Output(text="c", messages=(*shots, *output.messages))).passed is True, (
        "few-shot messages of the config"
    )


def test_of_a_turn_with_tools_the_last_words_count_and_the_calls_are_seen() -> None:
    call = {"type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    messages = (
        SCRIPT[0],
        says("let me look for that", tool_calls=[call]),
        {"role": "tool", "content": "a very long result"},
        says("found it"),
        SCRIPT[1],
        says("b"),
        SCRIPT[2],
        says("c"),
    )
    output = Output(text="c", messages=messages)
    assert score(output).passed is True
    called = {"use": "tool_calls", "value": [{"name": "look_up"}]}
    assert score(output, called, turn=1).passed is True
    assert score(output, called, turn=2).passed is False


def test_a_text_or_a_history_that_ends_with_a_tool_is_one_turn() -> None:
    assert score(Output(text="a b c"), script="one?").passed is False
    script = [SCRIPT[0], says("", tool_calls=[]), {"role": "tool", "content": "found"}]
    assert score(Output(text="a b"), script=script).passed is True


def test_measures_have_a_mean_and_no_verdict_without_a_threshold() -> None:
    target = {"turns": ["a b", "a b", "a b"]}
    result = score(talk("a b", "a x", "y z"), "rouge1", target)
    assert (result.value, result.passed, result.reason) == (0.5, None, "")
    assert score(talk("a b", "a x", "y z"), "rouge1", target, threshold=0.5).passed is True
    assert score(talk("a b", "c", "d"), **{"not": True}).passed is False


def test_what_the_part_cannot_read_is_said_with_its_turn() -> None:
    result = scored(talk("a", "b", "c"), {"use": "language", "language": "de"})
    assert isinstance(result, Unscored)
    assert result.reason.startswith("turn 1: no language can be told")
    bad = {"use": "injection", "task": False}
    case = Case(id="c", input=SCRIPT, metadata={"canary": "KESTREL-7719"})
    failure = scorer(bad).score(talk("a", "b", "c"), case)
    assert isinstance(failure, Failure)
    assert failure.message.startswith("turn 1: case c: its canary stands neither")


def test_a_turn_sees_only_what_was_said_before_it() -> None:
    script = [SCRIPT[0], {"role": "user", "content": "my mail is ada@example.com"}]
    told = Output(
        text="ok", messages=(script[0], says("write to ada@example.com"), script[1], says("ok ada@example.com"))
    )
    result = score(told, {"use": "leak"}, script=script)
    assert [part.passed for part in result.parts.values()] == [False, True], "given only in the second turn"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "turns needs 'of'"),
        ({"of": "latency"}, "a scorer on 0..1 where more is better"),
        ({"of": "brier"}, "a scorer on 0..1 where more is better"),
        ({"of": SHORT, "turn": 0}, '"all", or a number'),
        ({"of": SHORT, "turn": "first"}, '"all", or a number'),
        ({"of": SHORT, "turn": True}, '"all", or a number'),
        ({"of": {"use": "pass_at_k", "k": 1}}, "a scorer of single answers"),
    ],
)
def test_wrong_tables(params: dict[str, Any], said: str) -> None:
    assert said in refusal_of("turns", **params).message


def test_a_case_may_bring_checks_of_its_turns_but_no_code_in_them() -> None:
    checks = [
        {"use": "turns", "turn": 1, "of": {"use": "icontains", "value": "order number"}, "name": "asks"},
        {"use": "turns", "of": SHORT},
    ]
    built = build_scorer(spec_of({"use": "checks"}), root=Path())
    assert isinstance(built, CaseScorer)
    result = built.score(talk("Order number?", "b", "c"), Case(id="c", input=SCRIPT, checks=checks))
    assert isinstance(result, Score)
    assert result.passed is True
    assert set(result.parts) == {"asks", "2:turns"}
    code = [{"use": "turns", "of": {"use": "python", "call": "os:system"}}]
    refused = built.score(talk("a", "b", "c"), Case(id="c", input=SCRIPT, checks=code))
    assert isinstance(refused, Failure)
    assert refused.kind == "bad_check"
