"""``show --explain``: whoever has the printed parts can make the content key again."""

from __future__ import annotations

import hashlib
import json
import re

from house import House


def sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def printed(text: str, name: str) -> list[str]:
    return re.findall(rf"^    {name} +(.*)$", text, re.MULTILINE)


def test_a_key_can_be_made_again_from_what_is_printed(house: House) -> None:
    house.cases(4)
    house.config("GOOD", bot=', max_tokens = 40, version = "v7"')
    assert house.evalh("run", "bot", "--epochs", "2").code == 0
    done = house.evalh("show", "latest", "c0002", "--explain")
    assert done.code == 0, done
    endpoint, version = printed(done.out, "endpoint"), printed(done.out, "version")
    assert endpoint == [house.url] * 2
    assert version == ["v7"] * 2
    bodies = [json.loads(line) for line in printed(done.out, "request")]
    assert [body["messages"][-1]["content"] for body in bodies] == ["GOOD case 0002"] * 2
    assert {(body["model"], body["temperature"], body["max_tokens"]) for body in bodies} == {("m-1", 0, 40)}
    prefix = sha(canonical({"url": endpoint[0], "version": version[0]}))
    made = [sha(f"{prefix}\x1f{epoch}\x1f0\x1f{canonical(body)}") for epoch, body in enumerate(bodies)]
    assert printed(done.out, "key") == [f"{key}  (made again from the above: the same)" for key in made]


def test_a_fresh_answer_is_bound_to_its_run_and_a_changed_candidate_is_said(house: House) -> None:
    house.cases(3)
    house.config("GOOD")
    assert house.evalh("run", "bot", "--fresh").code == 0
    (key,) = printed(house.evalh("show", "latest", "c0001", "--explain").out, "key")
    assert "the answer serves no other run" in key
    house.config("OTHER")
    text = house.evalh("show", "latest", "c0001", "--explain").out
    assert printed(text, "request") == ["not rendered again: the candidate has changed since"]
    assert '"prompt": "GOOD {{ input }}"' in printed(text, "fields")[0]
    house.cases(1)
    assert "the case has changed since, or is gone" in house.evalh("show", "latest", "c0001", "--explain").out


def test_recorded_answers_have_no_request(house: House) -> None:
    house.cases(3)
    house.write("old.jsonl", "".join(json.dumps({"id": f"c{n:04d}", "output": "x"}) + "\n" for n in range(3)))
    house.config("GOOD")
    assert house.evalh("run", "bot", "--answers", "old.jsonl").code == 0
    text = house.evalh("show", "latest", "c0001", "--explain").out
    assert printed(text, "key") == ["(a recording: no key)"]
