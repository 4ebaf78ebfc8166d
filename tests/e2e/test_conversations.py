"""Scripted conversations end to end: over a server that speaks the wire format, and with a real small model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.house import Done, ask_server, evalh, jsonl

ANSWERS = {
    "parcel late": "What is your order number?",
    "number 4417": "It comes on Tuesday.",
    "number 9000": "It comes on Friday.",
    "thank you": "Goodbye.",
    "key lost": "Which room?",
    "room nine": "A new key is ready.",
}
CASES: list[dict[str, Any]] = [
    {"id": "parcel", "turns": ["parcel late", "number 4417", "thank you"], "said": ["order number", "Tuesday", None]},
    {"id": "other", "turns": ["parcel late", "number 9000", "thank you"], "said": ["order number", "Friday", None]},
    {"id": "key", "turns": ["key lost", "room nine"], "said": ["room", "new key"]},
]


def project(root: Path, url: str) -> Path:
    """A prompt on a server, three conversations, and a gate against the stored baseline."""
    cases = [
        {
            "id": case["id"],
            "input": [{"role": "user", "content": text} for text in case["turns"]],
            "target": {"turns": case["said"]},
        }
        for case in CASES
    ]
    (root / "talks.jsonl").write_text(jsonl(cases), encoding="utf-8")
    config(root, url)
    return root


def config(root: Path, url: str, system: str = "GOOD desk", more: str = "") -> None:
    (root / "evalh.toml").write_text(
        f"""version = 1
evalsets = {{ talks = {{ path = "talks.jsonl" }} }}
[candidates]
desk = {{ model = "m", system = "{system}", base_url = "{url}", temperature = 0 }}
{more}
[scorers]
each = {{ use = "turns", of = {{ use = "icontains_any" }} }}
last = {{ use = "turns", of = {{ use = "length", max = 4 }}, turn = -1 }}
[gates.g]
candidate = "desk"
evalset = "talks"
limits = {{ each = {{ every = true }}, last = {{ role = "report" }} }}
""",
        encoding="utf-8",
    )


def talk(start_mock: Callable[..., str], root: Path, *options: str, answers: dict[str, str] = ANSWERS) -> str:
    (root / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
    return start_mock("--answers", str(root / "answers.json"), *options)


def rows(done: Done, path: Path) -> dict[str, Any]:
    assert done.code == 0, done
    return {row["id"]: row for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()) if "id" in row}


def test_a_conversation_is_asked_turn_by_turn_and_replayed_as_one(tmp_path: Path, start_mock: Any) -> None:
    url = talk(start_mock, tmp_path)
    root = project(tmp_path, url)
    found = rows(evalh("run", "desk", "-o", "out.jsonl", cwd=root), root / "out.jsonl")
    (trial,) = found["parcel"]["epochs"]
    assert trial["output"] == "Goodbye."
    assert [(m["role"], m["content"]) for m in trial["messages"]] == [
        ("system", "GOOD desk"),
        ("user", "parcel late"),
        ("assistant", "What is your order number?"),
        ("user", "number 4417"),
        ("assistant", "It comes on Tuesday."),
        ("user", "thank you"),
        ("assistant", "Goodbye."),
    ]
    assert trial["usage"]["prompt_tokens"] == 6, "two words a turn, summed"
    assert trial["scores"]["each"]["passed"] is True
    assert set(trial["scores"]["each"]["parts"]) == {"turn 1", "turn 2"}
    assert trial["scores"]["last"]["evidence"]["replies"] == {"turn 3": "'Goodbye.'"}
    stats = ask_server(url, "GET", "/stats")
    assert stats["calls"] == 8, "one call a turn"
    assert len(stats["bodies"]) == 8, "no two alike: each holds the replies before it, and the seed of its case"
    assert evalh("run", "desk", cwd=root).code == 0
    assert ask_server(url, "GET", "/stats")["calls"] == 8, "the whole conversation is one recorded answer"
    text = (root / "talks.jsonl").read_text(encoding="utf-8").replace("room nine", "my room nine")
    (root / "talks.jsonl").write_text(text, encoding="utf-8")
    assert evalh("run", "desk", cwd=root).code == 0
    assert ask_server(url, "GET", "/stats")["calls"] == 8 + 2, (
        "an edited turn asks its conversation again, and no other"
    )
    explained = evalh("show", "latest", "parcel", "--explain", cwd=root)
    assert explained.code == 0
    assert all(word in explained.out for word in ("parcel late", "number 4417", "thank you")), (
        "the key is of the script"
    )


def test_a_reply_that_got_worse_in_the_middle_is_a_regression_with_its_turn(tmp_path: Path, start_mock: Any) -> None:
    root = project(tmp_path, talk(start_mock, tmp_path))
    assert evalh("promote", "--why", "the start", cwd=root).code == 0
    worse = tmp_path / "worse"
    worse.mkdir()
    url = talk(start_mock, worse, answers=ANSWERS | {"number 4417": "It comes some day."})
    config(root, url, system="new desk")
    done = evalh("gate", "--json", cwd=root)
    assert (done.code, done.gate["outcome"]) == (1, "regression"), done
    assert done.gate["hard"][0]["flips"] == ["parcel"]


def test_a_turn_that_fails_leaves_no_answer(tmp_path: Path, start_mock: Any) -> None:
    url = talk(start_mock, tmp_path, "--fail", "400:=number 4417")
    root = project(tmp_path, url)
    done = evalh("run", "desk", cwd=root)
    assert "turn 2 of 3: " in done.text
    assert ask_server(url, "GET", "/stats")["calls"] == 8 - 1, "the third turn is not asked"
    seen = evalh("show", "latest", "parcel", cwd=root).text
    assert "turn 2 of 3: " in seen
    assert "Goodbye." not in seen
    assert "2 of 3 cases answered" in done.text, "its neighbours are"


def test_a_turn_that_fails_once_is_tried_again_from_the_start(tmp_path: Path, start_mock: Any) -> None:
    url = talk(start_mock, tmp_path, "--fail", "500:~number 4417")
    root = project(tmp_path, url)
    assert evalh("run", "desk", cwd=root).code == 0
    stats = ask_server(url, "GET", "/stats")
    assert stats["faults"] == {"500": 2}, "its second turn, and its third, which holds that text too"
    assert stats["calls"] == 8 + 2 + 3, "each time the conversation begins anew"


def test_recorded_conversations_are_compared(tmp_path: Path) -> None:
    root = project(tmp_path, "http://127.0.0.1:9/v1")
    for name, day in (("old", "Tuesday"), ("new", "some day")):
        lines = [
            {
                "id": case["id"],
                "messages": [
                    {"role": "assistant", "content": ANSWERS[turn].replace("Tuesday", day)} for turn in case["turns"]
                ],
            }
            for case in CASES
        ]
        (root / f"{name}.jsonl").write_text(jsonl(lines), encoding="utf-8")
    config(root, "http://127.0.0.1:9/v1", more='old = { recorded = "old.jsonl" }\nnew = { recorded = "new.jsonl" }')
    done = evalh("compare", "old", "new", "--set", "talks", "--json", cwd=root)
    assert (done.code, done.gate["hard"][0]["flips"]) == (1, ["parcel"]), done
    (last,) = done.gate["scorers"]
    assert (last["scorer"], last["same"], last["baseline_mean"]) == ("last", 3, pytest.approx(2 / 3))


def test_a_real_model_holds_a_conversation(tmp_path: Path, smollm: str) -> None:
    turns = ["My name is Ada. Say hello to me.", "What is the capital of France?"]
    case = {"id": "a", "input": [{"role": "user", "content": text} for text in turns]}
    (tmp_path / "talks.jsonl").write_text(jsonl([case]), encoding="utf-8")
    (tmp_path / "evalh.toml").write_text(
        f"""version = 1
evalsets = {{ talks = {{ path = "talks.jsonl" }} }}
candidates = {{ small = {{ model = "any", base_url = "{smollm}", temperature = 0, max_tokens = 16 }} }}
[scorers]
speaks = {{ use = "turns", of = {{ use = "length", min = 1, max = 16 }} }}
knows  = {{ use = "turns", of = {{ use = "icontains", value = "Paris" }}, turn = 2 }}
""",
        encoding="utf-8",
    )
    (trial,) = rows(evalh("run", "small", "-o", "out.jsonl", cwd=tmp_path), tmp_path / "out.jsonl")["a"]["epochs"]
    assert [m["role"] for m in trial["messages"]] == ["user", "assistant"] * 2
    assert [m["content"] for m in trial["messages"][::2]] == turns
    assert trial["scores"]["speaks"]["passed"] is True
    assert trial["scores"]["knows"]["evidence"]["replies"].keys() == {"turn 2"}, "what it says there is its own"
    assert trial["output"] == trial["messages"][-1]["content"]
    assert trial["usage"]["completion_tokens"] <= 32
