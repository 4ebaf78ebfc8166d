"""The mock server does what its help says: the tests that rely on its faults stand on this."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Callable
from typing import Any

import house
import openai
import pytest

StartMock = Callable[..., str]


def body(text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


def send(base_url: str, request: dict[str, Any] | bytes, *, timeout: float = 5.0) -> tuple[int, bytes, dict[str, str]]:
    """One POST on a connection of its own: status, body, headers."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(base_url).netloc, timeout=timeout)
    try:
        data = request if isinstance(request, bytes) else json.dumps(request).encode()
        connection.request("POST", "/v1/chat/completions", data, {"Authorization": "Bearer test"})
        response = connection.getresponse()
        return response.status, response.read(), {name.lower(): value for name, value in response.getheaders()}
    finally:
        connection.close()


def stats(base_url: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(base_url).netloc, timeout=5)
    try:
        connection.request("GET", "/stats")
        found: dict[str, Any] = json.loads(connection.getresponse().read())
        return found
    finally:
        connection.close()


def text_of(answer: bytes) -> str:
    return str(json.loads(answer)["choices"][0]["message"]["content"])


def test_the_answer_depends_on_the_question_alone(start_mock: StartMock) -> None:
    first, second = start_mock(), start_mock("--jitter-ms", "3")
    assert send(first, body("a"))[1] == send(second, body("a"))[1]
    assert text_of(send(first, body("a"))[1]) != text_of(send(first, body("b"))[1])
    assert text_of(send(first, body("a", temperature=1))[1]) == text_of(send(first, body("a"))[1])


def test_a_table_gives_exact_answers_first_and_then_the_longest_part(start_mock: StartMock, tmp_path: Any) -> None:
    table = tmp_path / "answers.json"
    table.write_text(json.dumps({"sky": "blue", "night sky": "black", "sky?": "grey"}))
    url = start_mock("--answers", str(table), "--model", "real-name")
    replies = [text_of(send(url, body(text))[1]) for text in ("sky", "the night sky at two", "sky?", "sea")]
    assert replies[:3] == ["blue", "black", "grey"]
    assert replies[3].startswith("answer-")
    assert json.loads(send(url, body())[1])["model"] == "real-name"


def test_the_openai_client_reads_chats_and_completions(start_mock: StartMock) -> None:
    with openai.OpenAI(base_url=start_mock(), api_key="k", max_retries=0) as client:
        chat = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "two words"}], n=2)
        text = client.completions.create(model="m", prompt="two words")
    assert [choice.message.content for choice in chat.choices] == [text.choices[0].text] * 2
    assert chat.usage is not None
    assert (chat.usage.prompt_tokens, chat.usage.completion_tokens) == (2, 2)


def test_stats_count_calls_bodies_and_header_values(start_mock: StartMock) -> None:
    url = start_mock()
    for text in ("a", "a", "b"):
        send(url, body(text))
    seen = stats(url)
    assert (seen["calls"], seen["answered"], seen["in_flight"]) == (3, 3, 0)
    assert sorted(seen["bodies"].values()) == [1, 2]
    assert seen["headers"]["authorization"] == ["Bearer test"]


@pytest.mark.parametrize(
    ("kind", "status", "fragment"),
    [
        ("429", 429, b"mock: status 429"),
        ("503", 503, b"mock: status 503"),
        ("error200", 200, b'{"error"'),
        ("nochoices", 200, b'"choices": []'),
        ("html", 200, b"<html>"),
        ("length", 200, b'"finish_reason": "length"'),
        ("slow", 200, b'"finish_reason": "stop"'),
    ],
)
def test_faults_that_are_whole_answers(start_mock: StartMock, kind: str, status: int, fragment: bytes) -> None:
    url = start_mock("--fail", f"{kind}:1", "--retry-after", "7", "--slow-s", "0.01")
    seen_status, answer, headers = send(url, body())
    assert (seen_status, fragment in answer) == (status, True)
    assert headers.get("retry-after") == ("7" if kind == "429" else None)
    assert headers["content-type"] == ("text/html" if kind == "html" else "application/json")
    assert stats(url)["faults"] == {kind: 1}


def test_faults_that_break_the_answer(start_mock: StartMock) -> None:
    url = start_mock(
        "--fail", "reset:@1", "--fail", "cut:@2", "--fail", "malformed:@3", "--fail", "huge:@4", "--huge-mb", "2"
    )
    with pytest.raises(ConnectionError):
        send(url, body())
    with pytest.raises(http.client.IncompleteRead):
        send(url, body())
    with pytest.raises(json.JSONDecodeError):
        text_of(send(url, body())[1])
    assert len(text_of(send(url, body())[1])) == 2 << 20
    assert text_of(send(url, body())[1]).startswith("answer-")  # the fifth call is well


def test_a_hanging_call_holds_up_no_other(start_mock: StartMock) -> None:
    url = start_mock("--fail", "hang:@1")
    with pytest.raises(TimeoutError):
        send(url, body(), timeout=0.1)
    assert send(url, body())[0] == 200


def test_first_means_the_first_tries_of_each_request(start_mock: StartMock) -> None:
    url = start_mock("--fail", "500:first2")
    assert [send(url, body(text))[0] for text in ("a", "b", "a", "a", "b", "b")] == [500, 500, 500, 200, 500, 200]


def test_a_share_is_kept_and_falls_on_the_same_requests_again(start_mock: StartMock) -> None:
    first, second = start_mock("--fail", "500:0.3"), start_mock("--fail", "500:0.3")
    outcomes = [[send(url, body(str(i)))[0] for i in range(100)] for url in (first, second)]
    assert outcomes[0] == outcomes[1]
    assert 15 <= outcomes[0].count(500) <= 45


def test_faults_may_strike_a_text(start_mock: StartMock) -> None:
    url = start_mock("--fail", "nochoices:~once", "--fail", "429=Retry-After-Ms:70:=always", "--fail", "nan:~later")
    asked = [send(url, body(text)) for text in ("once", "once", "always", "always", "none", "later")]
    assert [status for status, _, _ in asked] == [200, 200, 429, 429, 200, 200]
    assert b'"choices": []' in asked[0][1]
    assert text_of(asked[1][1]).startswith("answer-")
    assert asked[2][2]["retry-after-ms"] == "70"
    assert b"NaN" in asked[5][1]


def test_calls_are_held_until_they_are_released(start_mock: StartMock) -> None:
    url = start_mock()
    house.ask_server(url, "POST", "/hold/1")
    assert send(url, body("a"))[0] == 200
    with pytest.raises(TimeoutError):
        send(url, body("b"), timeout=0.1)
    assert stats(url)["calls"] == 2
    house.ask_server(url, "POST", "/release")
    assert send(url, body("c"))[0] == 200


def test_bad_requests_and_wrong_addresses_are_refused(start_mock: StartMock) -> None:
    url = start_mock()
    assert send(url, b"{")[0] == 400
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=5)
    connection.request("GET", "/elsewhere")
    assert connection.getresponse().status == 404
    connection.close()


def test_an_unknown_fault_is_refused_at_the_start() -> None:
    import mock_server

    with pytest.raises(RuntimeError, match="did not start"), mock_server.running("--fail", "maybe:1"):
        pass
