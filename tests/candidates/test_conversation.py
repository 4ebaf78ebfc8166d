"""Scripted conversations: what is asked in which turn, for every kind that answers in words; and what a failed turn leaves."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap

import pytest

from evalharness.core.cases import Case
from evalharness.core.endpoints import address
from evalharness.core.results import Failure, Output
from evalharness.runner.money import booked
from tests.candidates.test_prompt import URL

SCRIPT = Case(
    id="c",
    input=[
        {"role": "system", "content": "s"},
        {"role": "user", "content": "old"},
        {"role": "assistant", "content": "told"},
        {"role": "user", "content": "one"},
        {"role": "user", "content": "two"},
        {"role": "user", "content": "three"},
    ],
)
DOWN = Failure(stage="candidate", kind="server_error", message="HTTP 500", retryable=True)


def ask(candidate, case=SCRIPT):
    request = candidate.request(case, epoch=0, attempt=0, run_seed=7)
    candidate.check(case)
    return asyncio.run(closing(candidate, request, case))


async def closing(candidate, request, case):
    try:
        return await candidate.answer(request, case)
    finally:
        await candidate.close()


def spoken(output: Output) -> list[str]:
    return [message["content"] for message in output.messages]


def test_each_turn_is_asked_with_the_replies_before_it(build):
    candidate = build("model", model="m", base_url=URL, script=["A", "B", "C"])
    output = ask(candidate)
    assert output.text == "C"
    assert spoken(output) == ["s", "old", "told", "one", "A", "two", "B", "three", "C"]
    sent = [[m["content"] for m in body["messages"]] for body in candidate.chat.bodies]
    assert sent == [
        ["s", "old", "told", "one"],
        ["s", "old", "told", "one", "A", "two"],
        ["s", "old", "told", "one", "A", "two", "B", "three"],
    ]
    assert len({body["seed"] for body in candidate.chat.bodies}) == 1


def test_what_the_config_puts_before_a_script_is_no_turn(build):
    candidate = build("model", model="m", base_url=URL, prompt="Be brief.", script=["A", "B"])
    case = Case(id="c", input=[{"role": "user", "content": "one"}, {"role": "user", "content": "two"}])
    assert spoken(ask(candidate, case)) == ["Be brief.", "one", "A", "two", "B"]
    assert candidate.deadline_s(case) == 241.0


def test_a_failed_turn_ends_the_conversation_without_an_answer(build):
    candidate = build("model", model="m", base_url=URL, script=["A", DOWN, "C"])
    output = ask(candidate)
    assert isinstance(output, Failure)
    assert (output.kind, output.blame, output.retryable) == ("server_error", "infrastructure", True)
    assert output.message == "turn 2 of 3: HTTP 500"
    assert len(candidate.chat.bodies) == 2, "nothing is asked after it"


def test_the_turns_before_a_failed_one_were_paid(build, project):
    priced = {"m": (1.0, 2.0)}
    config = type(project)(path="evalh.toml", root=project.root, prices=priced)
    reply = Output(text="A", cost_usd=0.25, usage={"prompt_tokens": 9, "completion_tokens": 1})
    candidate = build("model", model="m", base_url="https://api.example.com/v1", config=config, script=[reply, DOWN])
    request = candidate.request(SCRIPT, epoch=0, attempt=0, run_seed=7)
    failure = ask(candidate)
    assert failure.cost_usd == 0.25
    assert Failure.from_json(failure.to_json()) == failure
    assert booked(failure, 9.0, request) == 0.25, "nobody bills a 500, but the turn before it"
    assert booked(DOWN, 9.0, request) == 0.0
    assert "cost_usd" not in DOWN.to_json()
    silent = build(
        "model", model="m", base_url="https://api.example.com/v1", config=config, script=[Output(text="A"), DOWN]
    )
    unknown = ask(silent).cost_usd
    assert 4096 * 2.0 / 1e6 < unknown < 4500 * 2.0 / 1e6, "a turn whose cost nobody says is taken at its worst"


def test_a_short_conversation_is_booked_at_what_it_cost(build):
    """The reservation reckons with long replies; what is plausible is measured by what was sent for certain."""
    candidate = build("model", model="m", base_url=URL)
    request = candidate.request(SCRIPT, epoch=0, attempt=0, run_seed=7)
    assert request.worst_tokens[0] > 3 * 4096 > request.sent_bytes
    output = Output(text="C", cost_usd=0.01, usage={"prompt_tokens": 60, "completion_tokens": 3})
    assert booked(output, 9.0, request) == 0.01
    assert (
        booked(Output(text="C", cost_usd=0.01, usage={"prompt_tokens": 2, "completion_tokens": 3}), 9.0, request) == 9.0
    )


def test_what_one_reply_does_not_know_is_not_known_of_the_whole(build):
    replies = [
        Output(text="A", latency_s=1.0, usage={"n": 1, "details": {"cached": 1}}),
        Output(text="B", usage={"n": 2}),
    ]
    case = Case(id="c", input=[{"role": "user", "content": "one"}, {"role": "user", "content": "two"}])
    output = ask(build("model", model="m", base_url=URL, script=replies), case)
    assert (output.latency_s, output.cost_usd, dict(output.usage)) == (None, None, {"n": 3})


FUNCTIONS = """
    from evalharness import Output
    def reply(case):
        assert case.input[-1]["role"] == "user"
        return f"{case.input[-1]['content']} after {len(case.input)}"
    def whole(case):
        said = {"role": "assistant", "content": case.input[-1]["content"].upper()}
        return Output(text=said["content"], messages=(*case.input, said))
    def breaks(case):
        if case.input[-1]["content"] == "two":
            raise ValueError("not two")
        return "fine"
"""


@pytest.fixture
def functions(project):
    (project.root / "talking_app.py").write_text(textwrap.dedent(FUNCTIONS), encoding="utf-8")
    yield "talking_app"
    sys.modules.pop("talking_app", None)


def test_a_function_is_called_once_a_turn(build, functions):
    output = ask(build("python", python=f"{functions}:reply"))
    assert output.text == "three after 8"
    assert spoken(output) == ["s", "old", "told", "one", "one after 4", "two", "two after 6", "three", "three after 8"]
    assert build("python", python=f"{functions}:reply").deadline_s(SCRIPT) == 361.0


def test_a_function_may_hand_back_the_whole_trace(build, functions):
    output = ask(build("python", python=f"{functions}:whole"))
    assert spoken(output) == ["s", "old", "told", "one", "ONE", "two", "TWO", "three", "THREE"]


def test_a_function_that_raises_in_a_turn(build, functions):
    failure = ask(build("python", python=f"{functions}:breaks"))
    assert (failure.kind, failure.blame) == ("exception", "candidate")
    assert failure.message.startswith("turn 2 of 3: ")


def test_a_program_is_started_once_a_turn(build, project):
    (project.root / "talk.py").write_text(
        "import json, sys\ncase = json.load(sys.stdin)\nprint(len(case['input']), case['input'][-1]['content'])\n",
        encoding="utf-8",
    )
    output = ask(build("command", command=[sys.executable, "talk.py"]))
    assert spoken(output)[4::2] == ["4 one", "6 two", "8 three"]


def test_a_service_is_asked_once_a_turn(build, monkeypatch):
    from evalharness.candidates.http import JsonEndpoint

    bodies = []

    async def heard(self, body):
        bodies.append(body)
        return json.dumps({"text": f"reply {len(bodies)}"}).encode()

    monkeypatch.setattr(JsonEndpoint, "_send", heard)
    table = {
        "url": str(address("http://127.0.0.1:9/talk", where="x").url),
        "body": {"chat": "{{ input }}"},
        "pick": "/text",
    }
    output = ask(build("http", http=table))
    assert output.text == "reply 3"
    assert [len(json.loads(body["chat"])) for body in bodies] == [4, 6, 8]
    assert json.loads(bodies[1]["chat"])[-2:] == [{"content": "reply 1", "role": "assistant"}, SCRIPT_TWO]


SCRIPT_TWO = {"content": "two", "role": "user"}


def test_retrievers_are_asked_once_whatever_was_said(build, functions, project):
    (project.root / f"{functions}.py").write_text("def find(query, k):\n    return [query]\n", encoding="utf-8")
    assert [d.id for d in ask(build("retriever", retriever=f"{functions}:find")).documents] == ["three"]
