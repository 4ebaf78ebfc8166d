"""Kind ``model``: what is sent, under which key, and what comes of several turns."""

from __future__ import annotations

import asyncio

import pytest

from evalharness.core.cases import Case, open_turns
from evalharness.core.errors import ConfigError, KeyMissing
from evalharness.core.protocols import Candidate
from evalharness.core.results import Failure, Output
from evalharness.core.seeds import derive_seed

URL = "http://127.0.0.1:9/v1"
CASE = Case(id="c1", input="hello", metadata={"region": "eu"})


def request(candidate, case=CASE, *, epoch=0, attempt=0, run_seed=7):
    return candidate.request(case, epoch=epoch, attempt=attempt, run_seed=run_seed)


def ask(candidate, case=CASE):
    return asyncio.run(candidate.answer(request(candidate, case), case))


def model(build, **params):
    return build("model", **{"model": "m", "base_url": URL, **params})


def test_what_is_sent(build, project):
    (project.root / "prompts").mkdir()
    (project.root / "prompts/support.md").write_text("Region {{ metadata.region }}.\n")
    candidate = model(
        build,
        system="prompts/support.md",
        prompt="Q: {{ input }}",
        messages=[{"role": "user", "content": "example"}, {"role": "assistant", "content": "reply"}],
        temperature=0.2,
        stop=["\n"],
        max_tokens=5,
        extra={"top_k": 1},
    )
    assert isinstance(candidate, Candidate)
    assert request(candidate).body == {
        "model": "m",
        "temperature": 0.2,
        "stop": ["\n"],
        "max_tokens": 5,
        "top_k": 1,
        "seed": derive_seed(7, "c1", epoch=0, attempt=0),
        "messages": [
            {"role": "system", "content": "Region eu."},
            {"role": "user", "content": "example"},
            {"role": "assistant", "content": "reply"},
            {"role": "user", "content": "Q: hello"},
        ],
    }
    assert request(candidate).worst_tokens[1] == 5
    assert request(candidate).worst_tokens[0] >= len("Region eu. example reply Q: hello")


def test_inputs_of_every_kind(build):
    plain = model(build)
    assert request(plain).body["messages"] == [{"role": "user", "content": "hello"}]
    chat = Case(id="c", input=[{"role": "user", "content": "a"}, {"role": "user", "content": [{"type": "text"}]}])
    assert request(model(build, system="s"), chat).body["messages"] == [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "a"},
        {"role": "user", "content": [{"type": "text"}]},
    ]
    assert request(plain, Case(id="c", input={"b": 1, "a": 2})).body["messages"][0]["content"] == '{"a":2,"b":1}'


def test_the_key_names_everything_that_decides_the_answer(build):
    base = request(model(build))
    same = request(model(build, timeout=3))
    assert base.key == same.key
    others = [
        request(model(build, temperature=0.1)),
        request(model(build, model="m2")),
        request(model(build, base_url="http://127.0.0.1:10/v1")),
        request(model(build, system="s")),
        request(model(build, version="2")),
        request(model(build), epoch=1),
        request(model(build), attempt=1),
        request(model(build), run_seed=8),
        request(model(build), Case(id="c2", input="hello")),
        request(model(build), Case(id="c1", input="hello!")),
    ]
    assert len({base.key, *(other.key for other in others)}) == 11


def test_seeds_can_be_left_out_or_set(build):
    silent = model(build, seed=False)
    assert "seed" not in request(silent).body
    assert request(silent).key == request(silent, run_seed=8).key
    fixed = model(build, seed=5)
    assert (
        request(fixed).body["seed"]
        == request(fixed, run_seed=8).body["seed"]
        == derive_seed(5, "c1", epoch=0, attempt=0)
    )


def test_seeds_are_63_bits_and_never_shared():
    seeds = [derive_seed(s, c, epoch=e, attempt=a) for s in (0, 1) for c in ("a", "b") for e in (0, 1) for a in (0, 1)]
    assert len(set(seeds)) == 16
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed(7, "c1", epoch=0, attempt=0) == 1389386731354166095, "seeds must never change between releases"


def test_the_digest_knows_the_texts_and_not_the_name(build, project):
    (project.root / "p.md").write_text("one")
    first = model(build, system="p.md").digest
    assert model(build, system="one").digest == first
    (project.root / "p.md").write_text("two")
    assert model(build, system="p.md").digest != first


def test_one_call_for_one_turn(build):
    candidate = model(build, script=["hi"])
    assert ask(candidate).text == "hi"
    assert candidate.chat.bodies == [request(candidate).body]


def test_several_open_turns_are_answered_in_turn(build):
    usage = {"prompt_tokens": 10, "completion_tokens": 1}
    replies = [
        Output(text=text, usage=usage, latency_s=0.5, cost_usd=0.1, finish_reason="stop", model="m")
        for text in ("one", "two")
    ]
    candidate = model(build, system="s", script=replies)
    case = Case(id="c", input=[{"role": "user", "content": "a"}, {"role": "user", "content": "b"}])
    output = ask(candidate, case)
    assert output.text == "two"
    assert [m["content"] for m in output.messages] == ["s", "a", "one", "b", "two"]
    assert dict(output.usage) == {"prompt_tokens": 20, "completion_tokens": 2}
    assert (output.latency_s, output.cost_usd) == (1.0, pytest.approx(0.2))
    assert len(candidate.chat.bodies) == 2
    assert candidate.deadline_s(case) == 241.0
    worst = request(candidate, case).worst_tokens
    assert worst[1] == 2 * 4096
    assert worst[0] > 4096


def test_a_turn_that_fails_fails_the_answer(build):
    failure = Failure(stage="candidate", kind="server_error", message="HTTP 500", retryable=True)
    case = Case(id="c", input=[{"role": "user", "content": "a"}, {"role": "user", "content": "b"}])
    output = ask(model(build, script=["one", failure]), case)
    assert (output.kind, output.retryable, output.message) == ("server_error", True, "turn 2 of 2: HTTP 500")


def test_answered_turns_are_history():
    def roles(*names):
        return open_turns([{"role": name} for name in names])

    assert roles("user", "assistant", "user") == [2]
    assert roles("system", "user", "user", "assistant", "user", "user") == [1, 4, 5]
    assert roles("user", "assistant") == []


def test_a_template_error_is_found_by_check(build):
    candidate = model(build, prompt="{{ metadata.regoin }}")
    with pytest.raises(ConfigError, match="regoin"):
        candidate.check(CASE)
    model(build, prompt="{{ metadata.region }}").check(CASE)


def test_a_missing_key_is_found_by_check(build):
    candidate = model(build)

    def ready():
        raise KeyMissing("no key")

    candidate.chat.ready = ready
    with pytest.raises(KeyMissing):
        candidate.check(CASE)


@pytest.mark.parametrize(
    "params",
    [
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "content": 3}]},
        {"base_url": "http://example.com/v1"},
        {"system": "../outside.md"},
        {"system": "missing.md"},
        {"extra": {"stream": True}},
        {"extra": {"messages": []}},
    ],
)
def test_wrong_tables(build, params):
    with pytest.raises(ConfigError) as caught:
        model(build, **params)
    assert caught.value.where.startswith("evalh.toml:7")


def test_prices(build, project):
    from dataclasses import replace

    priced = replace(project, prices={"m": (1.0, 2.0)})
    assert model(build, config=priced).price == (1.0, 2.0)
    assert model(build).price == (0.0, 0.0)
    assert model(build, base_url="https://api.openai.com/v1").price is None
    assert model(build, base_url=None, env={"OPENAI_BASE_URL": "http://localhost:3/v1"}).host == "localhost:3"


def test_closing_closes_the_client(build):
    candidate = model(build)
    asyncio.run(candidate.close())
    assert candidate.chat.closed
