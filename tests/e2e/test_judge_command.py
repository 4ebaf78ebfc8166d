"""Judges through the real command, client and runner: calibrate, promote, gate; a server without schemas; a real model."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from house import evalh  # found through the line above

GOOD, BAD = "The answer is right indeed.", "The answer is wrong, sadly."
RUBRIC = """evalh_rubric = 1
id = "right"
version = 1
title = "Right"
uses = ["input", "output", "reference"]
task = "A system answers."
aggregate = { pass_score = 0.75 }
judge = { model = "judge-2026-08-01", seed = 0 }
[[criteria]]
id = "fact"
type = "boolean"
must_pass = true
evidence = "output"
ask = "Does the output state the reference?"
"""


class Judge(BaseHTTPRequestHandler):
    """Passes what holds GOOD; knows no json_schema when its server says so."""

    protocol_version = "HTTP/1.1"
    server: Court

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        if self.server.only_objects and body["response_format"]["type"] == "json_schema":
            self.send(400, {"error": {"message": "response_format type json_schema is not supported"}})
            return
        text = body["messages"][-1]["content"]
        found = re.search(r"BEGIN MATERIAL ([0-9a-f]{32})\n(.*)\nEND MATERIAL \1$", text, re.DOTALL)
        assert found
        good = GOOD in json.loads(found[2])["output"]
        fact = {"quote": GOOD if good else "", "reason": "r", "verdict": "met" if good else "not_met"}
        message = {"role": "assistant", "content": json.dumps({"fact": fact})}
        usage = {"prompt_tokens": len(str(body)) // 4, "completion_tokens": 30}
        self.send(
            200,
            {"model": "judge-2026-08-01", "usage": usage, "choices": [{"message": message, "finish_reason": "stop"}]},
        )

    def send(self, status: int, content: Any) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None: ...


class Court(ThreadingHTTPServer):
    """The judge's server."""

    daemon_threads = True
    only_objects = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Judge)
        self.bodies: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


@pytest.fixture
def court() -> Iterator[Court]:
    with Court() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def project(folder: Path, url: str) -> None:
    """100 cases; ``new`` is wrong on 30 that ``old`` has right."""
    old = [{"id": f"c{i:03d}", "output": BAD if i % 10 == 9 else f"{GOOD} {i}"} for i in range(100)]
    (folder / "rubrics").mkdir()
    (folder / "rubrics/right.toml").write_text(RUBRIC, encoding="utf-8")
    write(folder / "qa.jsonl", [{"id": row["id"], "input": "q", "target": "right indeed"} for row in old])
    write(folder / "old.jsonl", old)
    write(folder / "new.jsonl", [row | ({"output": BAD} if int(row["id"][1:]) < 30 else {}) for row in old])
    labels = [(f"l-{i}", i % 2 == 0) for i in range(80)]
    rows = [{"id": n, "output": f"{GOOD if ok else BAD} {n}", "passed": ok, "source": "two people"} for n, ok in labels]
    write(folder / "labels.jsonl", rows)
    (folder / "evalh.toml").write_text(
        f"""version = 1
[evalsets]
qa = {{ path = "qa.jsonl" }}
[candidates]
old = {{ recorded = "old.jsonl" }}
new = {{ recorded = "new.jsonl" }}
[scorers]
right = {{ use = "judge", rubric = "rubrics/right.toml", base_url = "{url}" }}
[gates.g]
candidate = "new"
baseline = "old"
evalset = "qa"
limits = {{ right = 0.05 }}
""",
        encoding="utf-8",
    )


def test_from_labels_to_a_verdict(tmp_path: Path, court: Court) -> None:
    project(tmp_path, court.url)
    assert evalh("lint", cwd=tmp_path).code == 2  # no example shows both verdicts, and nothing is locked
    refused = evalh("gate", "--json", cwd=tmp_path)
    assert refused.code == 2
    assert "may only advise (it was never calibrated)" in refused.gate["reason"]
    measured = evalh("calibrate", "right", "labels.jsonl", "--attack", "--json", cwd=tmp_path)
    assert (measured.code, measured.json["may_block"]) == (0, True), measured.text
    assert measured.json["attack"]["passed"] == 0
    asked = len(court.bodies)
    done = evalh("gate", "--json", cwd=tmp_path)
    assert done.code == 1, done.text
    part = done.gate["scorers"][0]
    assert (part["outcome"], part["details"]["judge"]["may_block"]) == ("regression", True)
    assert len(court.bodies) > asked
    asked = len(court.bodies)
    again = evalh("gate", "--json", cwd=tmp_path)
    assert (again.code, len(court.bodies)) == (1, asked)
    offline = evalh("--offline", "gate", "--json", cwd=tmp_path)
    assert offline.code == 1


def test_a_server_that_knows_only_objects(tmp_path: Path, court: Court) -> None:
    court.only_objects = True
    project(tmp_path, court.url)
    done = evalh("calibrate", "right", "labels.jsonl", "-j", "1", cwd=tmp_path)
    assert done.code == 0, done.text
    forms = [body["response_format"]["type"] for body in court.bodies]
    assert forms[0] == "json_schema"
    assert set(forms[1:]) == {"json_object"}


PAIRS = (
    RUBRIC.replace('"right"', '"better"')
    .replace('"boolean"\nmust_pass = true\nevidence = "output"', '"pairwise"')
    .replace("Does the output state the reference?", "Which output answers the question?")
)


def test_a_real_small_model_may_not_block(tmp_path: Path, smollm: str) -> None:
    """Its replies are valid, its verdict is its own; ``benchmarks/judge/real_model.py`` has the figures."""
    rubric = PAIRS.replace("seed = 0", f'seed = 0, base_url = "{smollm}", max_output_tokens = 160, timeout = 600')
    (tmp_path / "better.toml").write_text(rubric, encoding="utf-8")
    pair = {"id": "p1", "input": "Name a colour.", "output_a": "Blue is one.", "output_b": "I like trains a lot."}
    write(tmp_path / "labels.jsonl", [pair | {"verdicts": {"fact": "A"}, "source": "ours"}])
    done = evalh("calibrate", "better.toml", "labels.jsonl", "--json", cwd=tmp_path, timeout=900)
    assert (done.code, done.json["may_block"]) == (3, False), done.text
    assert done.json["observations"]["n"] == 4
    assert any("40 are needed" in reason for reason in done.json["why_not"])
