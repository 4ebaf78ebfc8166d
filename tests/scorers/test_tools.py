"""Tool calls: what is read out of an answer, how calls are assigned to what was expected, and the four words."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from evalharness.core.cases import Case
from evalharness.core.results import Failure, Output, Score, ScoreResult, Unscored
from evalharness.scorers.tool_match import best_assignment
from evalharness.scorers.tool_trace import calls_made
from tests.scorers.scoring import refusal_of, scorer_of


def call(name: str, /, **args: Any) -> dict[str, Any]:
    return {"id": "call_1", "type": "function", "function": {"name": name, "arguments": json.dumps(args)}}


def made(*calls: dict[str, Any], text: str | None = None) -> Output:
    return Output(text=text, messages=({"role": "assistant", "content": text, "tool_calls": list(calls)},))


def rated(use: str, output: Output, /, tools: Any = None, target: Any = None, **params: Any) -> ScoreResult:
    target = {"tools": tools} if tools is not None else target
    return scorer_of(use, **params).score(output, Case(id="c1", input="?", target=target))


def value(use: str, output: Output, /, tools: Any = None, **params: Any) -> float:
    result = rated(use, output, tools, **params)
    assert isinstance(result, Score), result
    return result.value


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        {"tool_calls": [call("find", q="x")]},
        [call("find", q="x")],
        call("find", q="x"),
        {"function_call": {"name": "find", "arguments": '{"q": "x"}'}},
        {"name": "find", "args": {"q": "x"}},
        [{"type": "text", "text": "hm"}, {"type": "tool_use", "id": "t", "name": "find", "input": {"q": "x"}}],
        {"content": [{"type": "tool_use", "id": "t", "name": "find", "input": {"q": "x"}}]},
        {"functionCall": {"name": "find", "args": {"q": "x"}}},
        {"parts": [{"functionCall": {"name": "find", "args": {"q": "x"}}}]},
    ],
)
def test_calls_are_read_in_every_providers_form(reply: Any) -> None:
    case = Case(id="c", input="")
    [read] = calls_made(Output(text=json.dumps(reply)), case)
    assert (read.name, read.args) == ("find", {"q": "x"})
    if isinstance(reply, dict):
        [again] = calls_made(Output(text="done", messages=({"role": "assistant", **reply},)), case)
        assert again == read


@pytest.mark.parametrize("text", ["find it", "[1, 2]", '{"name": "find"}', "{broken", "null", "[" * 70 + "]" * 70])
def test_a_text_without_calls_has_none(text: str) -> None:
    assert calls_made(Output(text=text), Case(id="c", input="")) == []


def test_calls_that_the_case_brought_are_not_the_candidates() -> None:
    before = [
        {"role": "user", "content": "old"},
        {"role": "assistant", "content": None, "tool_calls": [call("old")]},
        {"role": "tool", "content": "5"},
        {"role": "user", "content": "new"},
    ]
    output = Output(messages=({"role": "system", "content": "s"}, *before, made(call("new")).messages[0]))
    assert [c.name for c in calls_made(output, Case(id="c", input=before))] == ["new"]
    assert [c.name for c in calls_made(output, Case(id="c", input="new"))] == ["old", "new"]


# --- assignment -------------------------------------------------------------------------------------------------------

matrices = st.integers(1, 5).flatmap(
    lambda columns: st.lists(
        st.lists(st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0]), min_size=columns, max_size=columns),
        min_size=1,
        max_size=5,
    )
)


@given(matrices)
def test_the_assignment_is_the_best_one(weights: list[list[float]]) -> None:
    pairs = best_assignment(weights)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    rows, columns = linear_sum_assignment(weights, maximize=True)
    best = sum(weights[row][column] for row, column in zip(rows, columns, strict=True))
    assert sum(weights[row][column] for row, column in pairs) == pytest.approx(best, abs=1e-12)
    assert all(weights[row][column] > 0 for row, column in pairs)


def test_nothing_to_assign() -> None:
    assert best_assignment([]) == best_assignment([[]]) == []


@given(st.lists(st.sampled_from("abc"), max_size=5), st.lists(st.sampled_from("abc"), max_size=5))
def test_f1_is_that_of_multisets(expected: list[str], called: list[str]) -> None:
    longer, shorter = sorted((expected, called), key=len, reverse=True)
    shared = max(sum(a == b for a, b in zip(order, shorter, strict=False)) for order in permutations(longer))
    both = len(expected) + len(called)
    output = made(*map(call, called))
    assert value("tool_call_f1", output, expected) == pytest.approx(2 * shared / both if both else 1.0)
    for args in ({"match": "exact"}, {"match": "subset"}):
        with_args = [{"name": name, "args": {}} for name in expected]
        assert value("tool_call_f1", output, with_args, **args) == value("tool_call_f1", output, expected)
    assert value("tool_calls", output, expected) == float(sorted(expected) == sorted(called))


# --- the words: what peers get wrong (scorers.md section 5) -----------------------------------------------------------


def test_two_equal_expected_calls_both_made_are_all_right() -> None:
    tools = [{"name": "find", "args": {"q": "x"}}] * 2
    assert value("tool_calls", made(call("find", q="x"), call("find", q="x")), tools) == 1.0
    assert value("tool_calls", made(call("find", q="x")), tools) == 0.0
    assert value("tool_call_f1", made(call("find", q="x")), tools) == pytest.approx(2 / 3)


def test_a_needed_call_beside_a_destructive_one_fails() -> None:
    output = made(call("find"), call("delete_all"))
    assert value("tool_calls", output, ["find"]) == 0.0
    assert value("tool_calls", output, ["find"], extra="allow") == 1.0
    assert value("tool_calls", output, ["find"], extra="allow", writing="delete_all") == 0.0
    assert value("tool_calls", output, ["find"], extra="allow", forbid=["delete_all"]) == 0.0
    assert value("tool_call_f1", output, ["find"], part="precision") == 0.5
    assert value("tool_call_f1", output, ["find"], part="recall") == 1.0


def test_wrong_arguments_fail_unasked() -> None:
    tools = [{"name": "find", "args": {"q": "x"}}]
    assert value("tool_calls", made(call("find", q="y")), tools) == 0.0
    assert value("tool_calls", made(call("find", q="x")), tools) == 1.0
    assert value("tool_call_f1", made(call("find", q="y")), tools) == 0.0


def test_nothing_expected_and_nothing_called_is_right() -> None:
    assert value("tool_calls", Output(text="hello"), []) == 1.0
    assert value("tool_call_f1", Output(text="hello"), []) == 1.0
    assert value("tool_sequence", Output(text="hello"), []) == 1.0
    assert value("tool_calls", made(call("find")), []) == 0.0
    assert isinstance(rated("tool_args", made(call("find")), []), Unscored)


def test_a_greedy_choice_would_lose_a_match() -> None:
    tools = [{"name": "f", "args": {"a": 1}, "match": "subset"}, {"name": "f", "args": {"a": 1, "b": 2}}]
    output = made(call("f", a=1, b=2), call("f", a=1))
    assert value("tool_calls", output, tools) == 1.0
    assert value("tool_args", output, tools) == 1.0


@pytest.mark.parametrize(
    ("entry", "args", "share"),
    [
        ({}, {"a": 1}, 1.0),
        ({"args": {"a": 1}}, {"a": 1.0}, 1.0),
        ({"args": {"a": 1}}, {"a": True}, 0.0),
        ({"args": {"a": 1}}, {"a": "1"}, 0.0),
        ({"args": {"a": 1, "b": 2}}, {"a": 1, "b": 3}, 0.5),
        ({"args": {"a": 1}}, {"a": 1, "b": 3}, 0.5),
        ({"args": {"a": 1}, "match": "subset"}, {"a": 1, "b": 3}, 1.0),
        ({"args": {"a": 1, "b": 2}, "match": "subset"}, {"a": 1}, 0.5),
        ({"args": {"a": 1}, "match": "ignore"}, {}, 1.0),
        ({"args": {"a": {"x": [1, 2], "y": None}}}, {"a": {"y": None, "x": [1, 2]}}, 1.0),
        ({"args": {"a": 1, "when": "now"}, "ignore": ["when"]}, {"a": 1, "when": "later"}, 1.0),
        ({"args": {"a": 1}, "ignore": ["when"]}, {"a": 1, "when": "later"}, 1.0),
        ({"args": {"a": 1.0}, "tol": 0.1}, {"a": 1.1}, 1.0),
        ({"args": {"a": 1.0}, "tol": 0.1}, {"a": 1.11}, 0.0),
        ({"args": {"a": 1, "b": 1}, "tol": {"a": 5}}, {"a": 6, "b": 6}, 0.5),
        ({"args": {"a": "x"}, "tol": 1}, {"a": "x"}, 1.0),
        ({"args": {}}, {}, 1.0),
        ({"args": {"type": "object", "required": ["a"]}, "match": "schema"}, {"a": 1}, 1.0),
        ({"args": {"type": "object", "required": ["a"]}, "match": "schema"}, {"b": 1}, 0.0),
    ],
)
def test_how_arguments_match(entry: dict[str, Any], args: dict[str, Any], share: float) -> None:
    tools = [{"name": "f", **entry}]
    result = rated("tool_args", made(call("f", **args)), tools)
    assert isinstance(result, Score)
    assert result.value == pytest.approx(share)
    assert result.passed is (share == 1.0)
    assert value("tool_calls", made(call("f", **args)), tools) == float(share == 1.0)


def test_an_expected_call_that_was_not_made_has_no_right_argument() -> None:
    tools = [{"name": "f", "args": {"a": 1}}, {"name": "g", "args": {"a": 1}}]
    assert value("tool_args", made(call("f", a=1)), tools) == 0.5
    assert value("tool_args", Output(text="no"), tools) == 0.0


def test_order() -> None:
    there, back = made(call("a"), call("b")), made(call("b"), call("a"))
    around = made(call("a"), call("x"), call("b"))
    assert [value("tool_sequence", output, ["a", "b"]) for output in (there, back, around)] == [1, 0, 0]
    in_order = [value("tool_sequence", output, ["a", "b"], order="in_order") for output in (there, back, around)]
    assert in_order == [1, 0, 1]
    assert [value("tool_calls", output, ["a", "b"], order="strict") for output in (there, back, around)] == [1, 0, 0]
    assert value("tool_calls", around, ["a", "b"], order="in_order", extra="allow") == 1
    assert value("tool_calls", around, ["a", "b"], order="strict", extra="allow") == 0
    with_args = [{"name": "a", "args": {"n": 1}}, {"name": "a", "args": {"n": 2}}]
    assert value("tool_sequence", made(call("a", n=2), call("a", n=1)), with_args) == 0
    assert value("tool_sequence", made(call("a", n=1), call("a", n=2)), with_args) == 1


def test_a_target_may_bring_its_own_limits() -> None:
    output = made(call("a"), call("b"))
    for limit, passed in (
        ({"order": "strict"}, True),
        ({"extra": "allow"}, True),
        ({"forbid": ["b"]}, False),
        ({"max_steps": 1}, False),
        ({"max_steps": 2}, True),
    ):
        result = rated("tool_calls", output, target={"tools": ["a", "b"], **limit})
        assert isinstance(result, Score)
        assert result.passed is passed, limit
    assert value("tool_calls", output, ["a", "b"], max_steps=1) == 0.0


def test_the_reason_and_evidence_tell_what_was_wrong() -> None:
    result = rated("tool_calls", made(call("a", n=2), call("x")), [{"name": "a", "args": {"n": 1}}, "b"])
    assert isinstance(result, Score)
    assert 'missing a({"n":1}, exact); missing b; unexpected a({"n":2})' in result.reason
    assert (result.evidence["matched"], result.evidence["made"], result.evidence["expected"]) == (0, 2, 2)
    many = made(*(call("x") for _ in range(30)))
    assert "and 10 more" in rated("tool_sequence", many, ["a"]).reason  # type: ignore[union-attr]


# --- absence and faults -----------------------------------------------------------------------------------------------


def test_without_expectation_a_case_is_unscored() -> None:
    for target in (None, "text", {"answer": 1}, ["a"]):
        assert isinstance(rated("tool_calls", made(call("a")), target=target), Unscored)
    assert scorer_of("tool_calls").needs == {"target"}
    assert scorer_of("tool_calls", value=["a"]).needs == frozenset()


@pytest.mark.parametrize("arguments", ["{broken", "[1]", "5", '{"a": 1, "a": 2}'])
def test_unreadable_arguments_are_an_error_of_their_own(arguments: str) -> None:
    broken = made({"type": "function", "function": {"name": "f", "arguments": arguments}})
    result = rated("tool_calls", broken, [{"name": "f", "args": {"a": 1}}])
    assert isinstance(result, Failure)
    assert (result.kind, result.blame) == ("bad_arguments", "candidate")
    assert value("tool_calls", broken, ["f"]) == 1.0  # nobody looks at them
    assert value("tool_args", made({"function": {"name": "f", "arguments": ""}}), [{"name": "f", "args": {}}]) == 1.0


def test_too_many_calls_are_the_candidates_failure() -> None:
    result = rated("tool_call_f1", made(*(call("f") for _ in range(201))), ["f"])
    assert isinstance(result, Failure)
    assert (result.kind, result.blame) == ("too_many", "candidate")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({"tools": "find"}, "expected a list of tool names"),
        ({"tools": [5]}, "tools[0]: expected a name"),
        ({"tools": [{"name": "f", "arg": {}}]}, "tools[0]: expected a name"),
        ({"tools": [{"name": "f", "args": [1]}]}, "tools[0].args: expected an object"),
        ({"tools": ["a", {"name": "f", "args": {}, "match": "exat"}]}, "tools[1].match: expected one of"),
        ({"tools": [{"name": "f", "args": {}, "ignore": "a"}]}, "tools[0].ignore"),
        ({"tools": [{"name": "f", "args": {}, "tol": -1}]}, "tools[0].tol"),
        ({"tools": [{"name": "f", "args": {"type": 5}, "match": "schema"}]}, "tools[0].args: not a JSON Schema"),
        ({"tools": [], "order": "sorted"}, "order: "),
        ({"tools": [], "max_steps": True}, "max_steps: "),
        ({"tools": [], "forbidden": []}, "forbidden: unknown"),
        ({"tools": ["a"] * 201}, "201 calls"),
    ],
)
def test_a_wrong_target_is_no_score(target: Any, words: str) -> None:
    result = rated("tool_calls", made(call("f")), target=target)
    assert isinstance(result, Failure)
    assert (result.kind, result.blame) == ("bad_target", "infrastructure")
    assert words in result.message


def test_a_wrong_table_is_refused() -> None:
    assert "at least one expected tool" in refusal_of("tool_call_f1", value=[]).message
    assert "tools[0].match" in refusal_of("tool_calls", value=[{"name": "f", "args": {}, "match": "x"}]).tip
    assert "a list of tool definitions" in refusal_of("tool_calls", tools="x").message
    assert "a list of tool definitions" in refusal_of("tool_calls", tools=[{"type": "function"}]).message
    assert "JSON Schema" in refusal_of("tool_calls", tools=[{"name": "f", "parameters": {"type": 5}}]).message
    assert "no parameter 'extra'" in refusal_of("tool_call_f1", extra="allow").message


def test_signatures_tell_expectations_apart() -> None:
    tables = [{}, {"value": ["a"]}, {"value": [{"name": "a", "args": {}}]}, {"order": "strict"}, {"tools": []}]
    assert len({scorer_of("tool_calls", **table).signature for table in tables}) == len(tables)


# --- definitions ------------------------------------------------------------------------------------------------------

OFFERED = [
    {
        "type": "function",
        "function": {
            "name": "add",
            "parameters": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]},
        },
    }
]


@pytest.mark.parametrize(
    ("calls", "reason"),
    [
        ([call("add", x=1)], "called add"),
        ([call("add", x="1")], "add: "),
        ([call("sub", x=1)], "'sub' was not offered"),
        ([{"function": {"name": "add", "arguments": "{"}}], "add: not JSON"),
        ([], "no tool was called"),
    ],
)
def test_calls_are_held_against_the_definitions(calls: list[dict[str, Any]], reason: str) -> None:
    scored = scorer_of("tool_calls", tools=OFFERED).score(made(*calls), Case(id="c", input=""))
    assert isinstance(scored, Score)
    assert reason in scored.reason
    assert scored.passed is reason.startswith("called")


def test_definitions_and_a_target_both_count() -> None:
    scorer = scorer_of("tool_calls", tools=OFFERED)
    wanted = Case(id="c", input="", target={"tools": []})
    assert scorer.score(made(call("add", x=1)), wanted).passed is False  # type: ignore[union-attr]
    assert scorer.score(Output(text="hi"), wanted).passed is True  # type: ignore[union-attr]
