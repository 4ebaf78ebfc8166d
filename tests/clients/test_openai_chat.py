"""The chat client against a real server that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import time
from urllib.parse import quote

import pytest

from evalharness.clients.keys import key_rule
from evalharness.clients.openai_chat import OpenAIChat
from evalharness.core.endpoints import address
from evalharness.core.errors import KeyMissing
from evalharness.core.results import Failure, Output
from tests import hostile_modes

KEY = "sk-verysecretvalue"
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def ask(url, *, timeout_s=5.0, environ=None, times=1, key="OPENAI_API_KEY", **more):
    place = address(url, where="test")
    rule = key_rule(key, place, environ={"OPENAI_API_KEY": KEY} if environ is None else environ)
    chat = OpenAIChat(place, rule, **more)

    async def calls():
        try:
            return [await chat.chat(BODY, timeout_s=timeout_s) for _ in range(times)]
        finally:
            await chat.close()

    outputs = asyncio.run(calls())
    return outputs[0] if times == 1 else outputs


def test_a_good_reply(hostile):
    output = ask(hostile.url("ok"), price=(1.0, 10.0))
    assert isinstance(output, Output)
    assert (output.text, output.finish_reason, output.model) == ("hello", "stop", "real-model")
    assert dict(output.usage) == {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
    assert output.cost_usd == pytest.approx(30e-6)
    assert 0 < output.latency_s < 5


def test_only_what_we_mean_is_sent(hostile, monkeypatch):
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "leaked")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Leak: leaked\nAuthorization: leaked\nAccept: leaked")
    hostile.seen.clear()
    ask(hostile.url("ok"))
    _, headers, body = hostile.seen[-1]
    assert set(headers) <= {
        "host", "accept", "accept-encoding", "authorization", "content-type", "content-length", "user-agent", "connection",
        "x-stainless-retry-count",
    }  # fmt: skip
    assert headers["authorization"] == f"bearer {KEY}"
    assert b"leaked" not in body


def test_the_key_of_the_environment_is_not_sent_where_no_key_was_named(hostile, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    hostile.seen.clear()
    place = address(hostile.url("ok"), where="test")
    chat = OpenAIChat(place, key_rule(None, place, environ={"OPENAI_API_KEY": KEY}))

    async def call():
        await chat.chat(BODY, timeout_s=5)
        await chat.close()

    asyncio.run(call())
    assert KEY not in str(hostile.seen)


@pytest.mark.parametrize("mode", ["slow_body", "slow_head", "slow_spaces", "never"])
def test_a_server_that_drips_is_cut_at_the_total_deadline(hostile, mode):
    started = time.monotonic()
    output = ask(hostile.url(mode), timeout_s=0.3)
    assert (output.kind, output.retryable, output.blame) == ("timeout", True, "infrastructure")
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("error200", "overloaded"),
        ("html", "not JSON"),
        ("nochoices", "no choices"),
        ("nomessage", "no message"),
        ("null", "empty"),
        ("cutjson", "not JSON"),
        ("badutf8", "not UTF-8"),
        ("surrogate", "surrogate"),
        ("nan", "NaN"),
        ("duplicate", "duplicate"),
        ("deep", "deeper"),
        ("list", "not an object"),
        ("blank", "not JSON"),
        ("twice", "not JSON"),
        ("utf16", "not UTF-8"),
        ("stream", "not JSON"),
        ("nofinish", "finish_reason"),
        ("numbers", "neither text"),
        ("badtools", "neither text"),
        ("gzip", "compressed"),
        ("huge", "longer than"),
        ("hugelength", "more than"),
    ],
)
def test_what_is_no_whole_completion_is_never_an_answer(hostile, mode, said):
    output = ask(hostile.url(mode))
    assert isinstance(output, Failure)
    assert (output.kind, output.blame, output.retryable) == ("bad_reply", "infrastructure", True)
    assert said in output.message


@pytest.mark.parametrize(
    "mode", ["reset", "close", "cutbody", "cutchunks", "badchunk", "garbage", "bighead", "manyheads"]
)
def test_a_broken_connection_is_a_value(hostile, mode):
    output = ask(hostile.url(mode))
    assert (output.kind, output.blame, output.retryable) == ("connection", "infrastructure", True), output


@pytest.mark.parametrize("mode", ["stray", "late"])
def test_what_nobody_asked_for_answers_no_later_question(hostile, mode):
    outputs = ask(hostile.url(mode), times=4)
    assert {output.kind for output in outputs} <= {"server_error", "bad_reply", "connection"}


def test_negative_control_a_simple_client_takes_the_stray_answer(hostile):
    connection = http.client.HTTPConnection(f"127.0.0.1:{hostile.port}", timeout=5)
    with contextlib.closing(connection):
        connection.connect()
        stream = connection.sock.makefile("rwb")
        question = b"POST /stray/v1/chat/completions HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
        answers = []
        for _ in range(2):
            stream.write(question)
            stream.flush()
            head = b"".join(iter(stream.readline, b"\r\n"))
            length = int(head.lower().split(b"content-length: ")[1].split()[0])
            answers.append(stream.read(length))
        stream.close()
    assert answers == [b"oops", hostile_modes.WRONG]


def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        output = ask(f"http://127.0.0.1:{free.getsockname()[1]}/v1")
    assert (output.kind, output.retryable) == ("unreachable", True)


@pytest.mark.parametrize(
    ("mode", "kind", "blame", "retryable"),
    [
        ("500", "server_error", "infrastructure", True),
        ("503", "server_error", "infrastructure", True),
        ("401", "unauthorized", "infrastructure", False),
        ("404", "not_found", "infrastructure", False),
        ("400", "bad_request", "candidate", False),
        ("azurefilter", "filtered", "candidate", False),
        ("quota", "quota", "infrastructure", False),
        ("418", "http_error", "infrastructure", False),
        ("filtered", "filtered", "candidate", False),
        ("lengthempty", "empty", "candidate", False),
    ],
)
def test_every_refusal_has_its_kind_and_its_culprit(hostile, mode, kind, blame, retryable):
    output = ask(hostile.url(mode))
    assert (output.kind, output.blame, output.retryable) == (kind, blame, retryable)
    assert KEY not in output.message


def test_answers_that_are_answers(hostile):
    assert ask(hostile.url("empty")).text == ""
    assert ask(hostile.url("length")).finish_reason == "length"
    refusal = ask(hostile.url("refusal"))
    assert (refusal.text, refusal.finish_reason) == ("I cannot help.", "refusal")
    tools = ask(hostile.url("tools"))
    assert tools.text is None
    assert tools.messages[0]["tool_calls"][0]["function"]["name"] == "find"
    assert ask(hostile.url("chunked")).text == "hello"
    assert ask(hostile.url("nofinish"), finished=False).text == "hel"


def test_lying_usage_is_kept_as_reported_but_costs_nothing_negative(hostile):
    output = ask(hostile.url("usagelies"), price=(1.0, 1.0))
    assert dict(output.usage) == {"prompt_tokens": -5}
    assert output.cost_usd is None


def test_a_redirect_is_not_followed_and_steals_nothing(hostile):
    hostile.seen.clear()
    output = ask(hostile.url("redirect"))
    assert (output.kind, output.retryable) == ("redirected", False)
    assert not [path for path, _, _ in hostile.seen if "thief" in path]


def test_negative_control_a_following_client_is_robbed(hostile):
    import openai

    async def naive():
        client = openai.AsyncOpenAI(api_key=KEY, base_url=hostile.url("redirect"), max_retries=0)
        try:
            await client.post("/chat/completions", body=BODY, cast_to=bytes)
        except (openai.APIError, AttributeError):
            pass
        finally:
            await client.close()

    hostile.seen.clear()
    asyncio.run(asyncio.wait_for(naive(), 5))
    assert [path for path, _, _ in hostile.seen if "thief" in path]


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("Retry-After: 7", 7.0),
        ("Retry-After: 0.25", 0.25),
        ("retry-after-ms: 1500", 1.5),
        ("Retry-After: -3", None),
        ("Retry-After: NaN", None),
        ("Retry-After: soon", None),
        ("Retry-After: 1e999", None),
        ("Retry-After: 3153600000", 3153600000.0),
        ("Date: Tue, 24 Nov 2026 10:00:00 GMT\r\nRetry-After: Tue, 24 Nov 2026 10:00:09 GMT", 9.0),
        ("Date: Tue, 24 Nov 2026 10:00:00 GMT\r\nRetry-After: Mon, 23 Nov 2026 10:00:00 GMT", None),
        ("Retry-After: Tue, 99 Nov 2026 10:00:09 GMT", None),
        ("X-None: 1", None),
    ],
)
def test_retry_after_in_all_its_forms(hostile, header, hint):
    output = ask(hostile.url("429=" + quote(header, safe="")))
    assert (output.kind, output.retryable, output.retry_after_s) == ("rate_limited", True, hint)


def test_a_connection_is_used_again_and_errors_do_not_poison_it(hostile):
    assert [type(output) for output in ask(hostile.url("ok"), times=3)] == [Output] * 3


def test_a_missing_key_is_found_before_a_call(hostile, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    place = address("https://api.openai.com/v1", where="test")
    chat = OpenAIChat(place, key_rule(None, place, environ={"OPENAI_API_KEY": "  "}))
    with pytest.raises(KeyMissing, match="OPENAI_API_KEY is empty"):
        chat.ready()
    with pytest.raises(KeyMissing):
        asyncio.run(chat.chat(BODY, timeout_s=1))


def test_loopback_needs_no_key_unless_the_config_names_one(hostile):
    assert ask(hostile.url("ok"), environ={}, key=None).text == "hello"
    for environ in ({}, {"OPENAI_API_KEY": ""}):
        with pytest.raises(KeyMissing, match="OPENAI_API_KEY is"):
            ask(hostile.url("ok"), environ=environ)
