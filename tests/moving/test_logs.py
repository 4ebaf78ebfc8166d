"""The four trace formats: every way to write a call gives the same call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.errors import EvalSetError, UsageError
from evalharness.moving.calls import Call, Log, thumb_of
from evalharness.moving.fields import message, moment, seconds_between, text_of_content
from evalharness.moving.registry import kind_of_log, read_log


def log(tmp_path: Path, kind: str, rows: list[Any], name: str = "x.jsonl") -> Log:
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = read_log(kind, path)
    assert found.rows == found.counted, "the second count"
    return found


def attribute(key: str, value: Any) -> dict[str, Any]:
    kinds = {str: "stringValue", bool: "boolValue", float: "doubleValue"}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"key": key, "value": {"intValue": str(value)}}
    if isinstance(value, list):
        return {"key": key, "value": {"arrayValue": {"values": [attribute("", item)["value"] for item in value]}}}
    if isinstance(value, dict):
        return {"key": key, "value": {"kvlistValue": {"values": [attribute(k, v) for k, v in value.items()]}}}
    return {"key": key, "value": {kinds[type(value)]: value}}


def otlp(attributes: dict[str, Any], events: list[Any] = (), **span: Any) -> dict[str, Any]:  # type: ignore[assignment]
    base = {
        "traceId": "t1",
        "spanId": "s1",
        "name": "chat",
        "startTimeUnixNano": "1790000000000000000",
        "endTimeUnixNano": "1790000001500000000",
    }
    listed = [{"name": name, "attributes": [attribute(k, v) for k, v in facts.items()]} for name, facts in events]
    whole = {**base, "attributes": [attribute(k, v) for k, v in attributes.items()], "events": listed, **span}
    resource = {"attributes": [attribute("service.name", "shop")]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [whole]}]}]}


def the_call(found: Log) -> Call:
    (call,) = found.calls
    return call


# --- OpenTelemetry ----------------------------------------------------------------------------------------------------

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.usage.input_tokens": 3,
    "gen_ai.usage.output_tokens": 4,
}
TURNS = [
    {"role": "system", "parts": [{"type": "text", "content": "s"}]},
    {"role": "user", "parts": [{"type": "text", "content": "q"}]},
]
SAID = [{"role": "assistant", "parts": [{"type": "text", "content": "a"}], "finish_reason": "stop"}]
WAYS = {
    "attributes as text": (
        {"gen_ai.input.messages": json.dumps(TURNS), "gen_ai.output.messages": json.dumps(SAID)},
        [],
    ),
    "attributes as structure": ({"gen_ai.input.messages": TURNS, "gen_ai.output.messages": SAID}, []),
    "the details event": (
        {},
        [
            (
                "gen_ai.client.inference.operation.details",
                {"gen_ai.input.messages": json.dumps(TURNS), "gen_ai.output.messages": json.dumps(SAID)},
            )
        ],
    ),
    "numbered attributes": (
        {
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "s",
            "gen_ai.prompt.1.role": "user",
            "gen_ai.prompt.1.content": "q",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "a",
            "gen_ai.completion.0.finish_reason": "stop",
        },
        [],
    ),
    "an event a message": (
        {"gen_ai.response.finish_reasons": ["stop"]},
        [
            ("gen_ai.system.message", {"content": "s"}),
            ("gen_ai.user.message", {"content": "q"}),
            ("gen_ai.choice", {"index": 0, "message": json.dumps({"content": "a"})}),
        ],
    ),
    "the oldest events": (
        {"gen_ai.response.finish_reasons": ["stop"]},
        [
            ("gen_ai.content.prompt", {"gen_ai.prompt": json.dumps([{"role": "user", "content": "q"}])}),
            ("gen_ai.content.completion", {"gen_ai.completion": "a"}),
        ],
    ),
}


@pytest.mark.parametrize(("attributes", "events"), WAYS.values(), ids=WAYS)
def test_every_way_of_genai_spans(tmp_path: Path, attributes: dict[str, Any], events: list[Any]) -> None:
    call = the_call(log(tmp_path, "otel", [otlp({**CHAT, **attributes, "app.key": "k1"}, events)]))
    assert (call.input, call.output, call.finish_reason, call.model) == ("q", "a", "stop", "m")
    assert (call.usage, call.latency_s) == ({"prompt_tokens": 3, "completion_tokens": 4}, 1.5)
    assert (call.key("app.key"), call.key("trace_id"), call.key("service.name"), call.key("nothing.x")) == (
        "k1",
        "t1",
        "shop",
        None,
    )


def test_tool_calls_and_their_answers(tmp_path: Path) -> None:
    asked = [
        {"role": "user", "parts": [{"type": "text", "content": "q"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "1", "name": "f", "arguments": {"x": 1}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": {"r": 2}}]},
    ]
    said = [
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "name": "g", "arguments": '{"y": 3}'}],
            "finish_reason": "tool_call",
        }
    ]
    call = the_call(
        log(tmp_path, "otel", [otlp({**CHAT, "gen_ai.input.messages": asked, "gen_ai.output.messages": said})])
    )
    assert [turn["role"] for turn in call.input] == ["user", "assistant", "tool"]
    assert call.input[2]["content"] == '{"r": 2}'
    assert call.messages[0]["tool_calls"][0]["function"] == {"name": "g", "arguments": '{"y": 3}'}
    assert call.answer("x")["messages"]


def test_errors_feedback_and_other_spans(tmp_path: Path) -> None:
    failed = otlp({**CHAT, "error.type": "timeout"}, status={"code": 2})
    thumbs = (
        "gen_ai.evaluation.result",
        {
            "gen_ai.evaluation.name": "user_feedback",
            "gen_ai.evaluation.score.label": "thumbs_down",
            "gen_ai.evaluation.explanation": "wrong",
        },
    )
    graded = ("gen_ai.evaluation.result", {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 1})
    liked = otlp({**CHAT, "gen_ai.input.messages": TURNS, "gen_ai.output.messages": SAID}, [thumbs, graded])
    tool = otlp({"gen_ai.operation.name": "execute_tool"})
    found = log(tmp_path, "otel", [failed, liked, tool])
    assert (found.rows, len(found.calls), found.others) == (3, 2, 1)
    assert found.calls[0].error == "timeout"
    assert found.calls[0].answer("x") == {"id": "x", "error": "timeout"}
    (said,) = found.calls[1].feedback
    assert (said.thumb, said.source, said.comment) == ("down", "otel user_feedback", "wrong")


def test_spans_one_a_line_as_consoles_write_them(tmp_path: Path) -> None:
    row = {
        "name": "chat",
        "context": {"trace_id": "t", "span_id": "s"},
        "parent_id": None,
        "start_time": "2026-11-25T10:00:00.000000Z",
        "end_time": "2026-11-25T10:00:02.000000Z",
        "status": {"status_code": "ERROR", "description": "no"},
        "attributes": {**CHAT, "gen_ai.input.messages": json.dumps(TURNS)},
        "events": [],
        "resource": {"attributes": {"service.name": "shop"}},
    }
    call = the_call(log(tmp_path, "otel", [row]))
    assert (call.latency_s, call.error, call.key("span_id"), call.key("service.name")) == (2.0, "no", "s", "shop")


def test_no_spans(tmp_path: Path) -> None:
    with pytest.raises(EvalSetError, match="seen no spans"):
        log(tmp_path, "otel", [])


# --- OpenInference ----------------------------------------------------------------------------------------------------

LLM = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "m",
    "llm.token_count.prompt": 3,
    "llm.token_count.completion": 4,
    "llm.cost.total": 0.25,
    "metadata": json.dumps({"request_id": "k1", "user_feedback": {"value": 1, "comment": "good"}}),
}
SENT = {
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "s",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.content": "q",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": "a",
}


def test_openinference_otlp(tmp_path: Path) -> None:
    chain = otlp({"openinference.span.kind": "CHAIN"})
    found = log(tmp_path, "openinference", [otlp({**LLM, **SENT}), chain])
    call = the_call(found)
    assert (call.input, call.output, call.model, call.cost_usd, found.others) == ("q", "a", "m", 0.25, 1)
    assert call.key("metadata.request_id") == "k1"
    assert [(said.thumb, said.comment) for said in call.feedback] == [("up", "good")]


def test_openinference_rows_with_nested_attributes(tmp_path: Path) -> None:
    attributes = {
        "openinference": {"span": {"kind": "LLM"}},
        "llm": {
            "model_name": "m",
            "input_messages": [
                {"message": {"role": "user", "contents": [{"message_content": {"type": "text", "text": "q"}}]}}
            ],
            "output_messages": [
                {
                    "message": {
                        "role": "assistant",
                        "tool_calls": [{"tool_call": {"function": {"name": "f", "arguments": "{}"}}}],
                    }
                }
            ],
        },
        "metadata": {"request_id": "k2"},
        "annotations": [
            {"annotation": {"name": "thumb", "label": "thumbs-down", "annotator_kind": "HUMAN"}},
            {"annotation": {"label": "up", "annotator_kind": "LLM"}},
        ],
    }
    row = {
        "name": "x",
        "context": {"trace_id": "t", "span_id": "s"},
        "start_time": "2026-11-25T10:00:00+00:00",
        "attributes": attributes,
    }
    call = the_call(log(tmp_path, "openinference", [row]))
    assert (call.input, call.output, call.key("metadata.request_id")) == ("q", None, "k2")
    assert call.messages[0]["tool_calls"][0]["function"]["name"] == "f"
    assert [said.thumb for said in call.feedback] == ["down"]


def test_spans_as_phoenix_gives_them(tmp_path: Path) -> None:
    row = {
        "name": "ChatCompletion",
        "span_kind": "LLM",
        "context": {"trace_id": "t", "span_id": "s"},
        "start_time": "2026-11-25T10:00:00+00:00",
        "end_time": "2026-11-25T10:00:01+00:00",
        "status_code": "ERROR",
        "status_message": "no quota",
        "attributes": {"input.value": "q", "metadata": {"request_id": "k"}},
    }
    call = the_call(log(tmp_path, "openinference", [row, {**row, "span_kind": "CHAIN"}]))
    assert (call.input, call.error, call.latency_s, call.key("metadata.request_id")) == ("q", "no quota", 1.0, "k")


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ("q", "q"),
        ('{"messages": [{"role": "user", "content": "q"}]}', "q"),
        ('{"topic": "q"}', {"topic": "q"}),
        ("[1]", "[1]"),
        ("", None),
    ],
)
def test_openinference_without_messages(tmp_path: Path, value: str, asked: Any) -> None:
    call = the_call(log(tmp_path, "openinference", [otlp({**LLM, "input.value": value, "output.value": "a"})]))
    assert (call.input, call.output) == (asked, "a")


# --- Langfuse ---------------------------------------------------------------------------------------------------------

OBSERVATION = {
    "id": "o1",
    "traceId": "t1",
    "type": "GENERATION",
    "model": "m",
    "totalCost": 0.25,
    "startTime": "2026-11-25T10:00:00.000Z",
    "endTime": "2026-11-25T10:00:01.500Z",
    "input": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}],
    "output": {"role": "assistant", "content": "a"},
    "usageDetails": {"input": 3, "output": 4},
    "metadata": {"request_id": "k1"},
}
BLOB = {
    "id": "o1",
    "trace_id": "t1",
    "type": "GENERATION",
    "provided_model_name": "m",
    "total_cost": "0.25",
    "start_time": "2026-11-25 10:00:00.000",
    "end_time": "2026-11-25 10:00:01.500",
    "input": json.dumps({"messages": OBSERVATION["input"]}),
    "output": "a",
    "usage_details": json.dumps({"input": 3, "output": 4}),
    "metadata": json.dumps({"request_id": "k1"}),
}
TRACE = {
    "id": "t1",
    "timestamp": "2026-11-25T10:00:00Z",
    "input": "q",
    "output": "a",
    "latency": 1.5,
    "totalCost": 0.25,
    "metadata": {"request_id": "k1"},
    "observations": [{"type": "SPAN"}, {**OBSERVATION, "id": "inner", "input": "templated"}],
    "scores": [
        {"name": "user-feedback", "value": 0, "source": "API", "comment": "no"},
        {"name": "user-feedback", "value": 1, "source": "EVAL"},
    ],
}


@pytest.mark.parametrize("row", [OBSERVATION, BLOB, TRACE], ids=["observation", "blob storage", "trace"])
def test_langfuse(tmp_path: Path, row: dict[str, Any]) -> None:
    found = log(tmp_path, "langfuse", [row, {"id": "x", "traceId": "t", "type": "SPAN"}])
    call = the_call(found)
    assert (call.input, call.output, call.model, call.cost_usd, call.latency_s) == ("q", "a", "m", 0.25, 1.5)
    assert (call.usage, call.key("metadata.request_id"), found.others) == (
        {"prompt_tokens": 3, "completion_tokens": 4},
        "k1",
        1,
    )
    assert [said.thumb for said in call.feedback] == (["down"] if row is TRACE else [])


def test_langfuse_oddities(tmp_path: Path) -> None:
    rows = [
        {**OBSERVATION, "level": "ERROR", "statusMessage": "quota"},
        {**OBSERVATION, "output": [{"role": "assistant", "content": "last"}], "input": {"topic": "x"}},
        {**OBSERVATION, "output": 7, "input": None, "scores": {"thumbs": ["up"]}},
        {**OBSERVATION, "output": {"answer": 1}},
        {**OBSERVATION, "output": []},
    ]
    calls = log(tmp_path, "langfuse", rows).calls
    assert calls[0].error == "quota"
    assert (calls[1].output, calls[1].input) == ("last", {"topic": "x"})
    assert (calls[2].output, calls[2].input, calls[2].feedback[0].thumb) == ("7", None, "up")
    assert (calls[3].output, calls[4].output) == ({"answer": 1}, None)


def test_langfuse_csv(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('id,input,output,metadata\n1,q,a,"{""request_id"": ""k""}"\n2,"[]",,\n', encoding="utf-8")
    found = read_log("langfuse", path)
    assert (found.rows, found.counted, found.calls[0].key("metadata.request_id")) == (2, 2, "k")


# --- LiteLLM ----------------------------------------------------------------------------------------------------------

PAYLOAD = {
    "id": "c1",
    "trace_id": "t1",
    "call_type": "acompletion",
    "status": "success",
    "response_cost": 0.25,
    "model": "m",
    "startTime": 1790000000.0,
    "endTime": 1790000001.5,
    "prompt_tokens": 3,
    "completion_tokens": 4,
    "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}],
    "response": {"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "a"}}]},
    "metadata": {"requester_metadata": {"request_id": "k1", "thumbs": "down"}},
}
SPEND = {
    "request_id": "c1",
    "call_type": "acompletion",
    "spend": 0.25,
    "model": "m",
    "prompt_tokens": 3,
    "completion_tokens": 4,
    "startTime": "2026-11-25T10:00:00Z",
    "endTime": "2026-11-25T10:00:01.5Z",
    "messages": {},
    "proxy_server_request": json.dumps({"messages": PAYLOAD["messages"]}),
    "response": json.dumps(PAYLOAD["response"]),
    "metadata": json.dumps({"request_id": "k1", "feedback": "👎"}),
}


@pytest.mark.parametrize(
    "row", [PAYLOAD, {"standard_logging_object": PAYLOAD}, SPEND], ids=["payload", "wrapped", "spend"]
)
def test_litellm(tmp_path: Path, row: dict[str, Any]) -> None:
    found = log(tmp_path, "litellm", [row, {"call_type": "aembedding", "id": "e"}])
    call = the_call(found)
    assert (call.input, call.output, call.model, call.cost_usd, call.latency_s) == ("q", "a", "m", 0.25, 1.5)
    assert (call.finish_reason, call.key("metadata.request_id"), found.others) == ("stop", "k1", 1)
    assert [said.thumb for said in call.feedback] == ["down"]


def test_litellm_oddities(tmp_path: Path) -> None:
    rows = [
        {**PAYLOAD, "status": "failure", "error_information": {"error_message": "no quota"}, "response": {}},
        {**PAYLOAD, "response": "plain", "messages": "question"},
        {**PAYLOAD, "response": {"choices": [{"text": "t"}]}},
        {**PAYLOAD, "response": {"output": [{"content": [{"type": "output_text", "text": "z"}]}]}, "messages": None},
        {**PAYLOAD, "response": {"choices": [{"message": {"content": None, "tool_calls": [{"type": "function"}]}}]}},
    ]
    calls = log(tmp_path, "litellm", rows).calls
    assert [call.error for call in calls] == ["no quota", None, None, None, None]
    assert [call.output for call in calls] == [None, "plain", "t", "z", None]
    assert [call.input for call in calls] == ["q", "question", "q", None, "q"]
    assert calls[4].messages[0]["tool_calls"] == [{"type": "function"}]
    assert calls[3].answer("x")["output"] == "z"
    assert (
        the_call(log(tmp_path, "litellm", [{**PAYLOAD, "response": None}])).answer("x")["error"]
        == "the log holds no answer"
    )


# --- small readings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (otlp({**LLM, **SENT}), "openinference"),
        (otlp(CHAT), "otel"),
        (OBSERVATION, "langfuse"),
        (BLOB, "langfuse"),
        (TRACE, "langfuse"),
        (PAYLOAD, "litellm"),
        (SPEND, "litellm"),
    ],
)
def test_forms_are_told_apart(tmp_path: Path, row: dict[str, Any], kind: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    assert kind_of_log(path) == kind


def test_an_unknown_form_asks_for_its_name(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match=r"say it: KIND:FILE"):
        kind_of_log(tmp_path / "x")


@pytest.mark.parametrize(
    ("value", "thumb"),
    [
        (1, "up"),
        (1.0, "up"),
        ("👍", "up"),
        (True, "up"),
        (0, "down"),
        ("Negative", "down"),
        (-1, "down"),
        (3, None),
        ("x", None),
    ],
)
def test_thumbs(value: object, thumb: str | None) -> None:
    assert thumb_of(value) == thumb


def test_times() -> None:
    assert moment(1790000000) == moment(1790000000000) == moment("1790000000000000000") == 1790000000
    assert moment("2026-09-21T13:33:20Z") == moment("2026-09-21T15:33:20+02:00") == moment("2026-09-21 13:33:20")
    assert (moment("soon"), moment(None), moment([])) == (None, None, None)
    assert (seconds_between(5, 4), seconds_between(None, 4), seconds_between(4, 4.5)) == (None, None, 0.5)


def test_messages() -> None:
    assert message({"role": "HUMAN", "content": [{"type": "text", "text": "a"}, "b", {"type": "image"}]}) == {
        "role": "user",
        "content": "ab",
    }
    assert message({"role": "invented", "content": "x"}) == {"role": "user", "content": "x"}
    assert message({"role": "user"}) is None
    assert text_of_content([{"type": "image"}]) is None
    assert text_of_content(7) is None
