"""``similar`` by an embedding endpoint: numbers, calls, what is kept, what fails, and the whole way through a gate."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from evalharness.cli.lint import scorer_findings
from evalharness.cli.main import main
from evalharness.clients.embedding import embedding
from evalharness.config.load import load_config
from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.protocols import AsyncScorer
from evalharness.core.results import Failure, Output, Score, ScoreResult, Unscored
from evalharness.judging.similar import EndpointSimilar
from evalharness.scorers.parameters import Params
from evalharness.scorers.registry import by_endpoint, spec_of
from tests.judging.desks import PlainDesk

VECTORS = {"a": [1.0, 0.0], "b": [0.0, 2.0], "ab": [1.0, 1.0], "not a": [-3.0, 0.0]}


class Endpoint:
    """Gives each text its vector; counts calls; can be told to fail."""

    def __init__(self) -> None:
        self.bodies: list[Mapping[str, Any]] = []
        self.failure: Failure | None = None

    async def embed(self, body: Mapping[str, Any], *, timeout_s: float) -> Output | Failure:
        assert timeout_s > 0
        self.bodies.append(body)
        return self.failure or Output(text=json.dumps([VECTORS[text] for text in body["input"]]))

    async def close(self) -> None:
        self.bodies.clear()


def similar(endpoint: Endpoint, desk: PlainDesk | None = None, **params: Any) -> EndpointSimilar:
    table = {"use": "similar", "model": "m", **params}
    scorer = EndpointSimilar(Params(spec_of(table), root=Path()), url="http://127.0.0.1:9/v1")
    scorer.connect(endpoint, (0.0, 0.0))
    scorer.sit(desk or PlainDesk())
    return scorer


def scored(scorer: EndpointSimilar, text: str | None, target: Any) -> ScoreResult:
    case = Case(id="c", input="", target=target)
    return asyncio.run(scorer.score_async(Output(text=text), case, repeat=0))


@pytest.mark.parametrize(
    ("text", "target", "value"),
    [("a", "a", 1.0), ("a", "b", 0.0), ("ab", "a", math.sqrt(0.5)), ("ab", ["b", "ab", ""], 1.0), ("a", "not a", 0.0)],
)
def test_the_cosine_with_the_nearest_reference(text: str, target: Any, value: float) -> None:
    result = scored(similar(Endpoint()), text, target)
    assert isinstance(result, Score)
    assert result.value == pytest.approx(value)
    assert ("raw" in result.evidence) is (target == "not a")
    assert result.signature.startswith("similar|base_url:")


def test_threshold_and_not() -> None:
    result = scored(similar(Endpoint(), threshold=0.7), "ab", "a")
    assert isinstance(result, Score)
    assert result.passed is True
    turned = scored(similar(Endpoint(), threshold=0.7, **{"not": True}), "ab", "a")
    assert isinstance(turned, Score)
    assert (turned.passed, turned.value) == (False, pytest.approx(1 - math.sqrt(0.5)))


def test_equal_texts_are_sent_once_and_scores_are_found_again() -> None:
    endpoint, desk = Endpoint(), PlainDesk()
    scorer = similar(endpoint, desk)
    assert isinstance(scorer, AsyncScorer)
    case = Case(id="c", input="", target="a")
    assert scorer.recorded_score(Output(text="b"), case, repeat=0) is None
    first = scored(scorer, "b", "a")
    scored(scorer, "ab", "a")
    assert [body["input"] for body in endpoint.bodies] == [["b", "a"], ["ab"]]
    assert endpoint.bodies[0]["model"] == "m"
    again = similar(endpoint, desk)
    assert again.recorded_score(Output(text="b"), case, repeat=3) == first == scored(again, "b", "a")
    assert len(endpoint.bodies) == 2
    other = similar(endpoint, desk, base_url="http://127.0.0.1:8/v1")
    assert other.recorded_score(Output(text="b"), case, repeat=0) is None, "another address is another scorer"
    asyncio.run(scorer.close())
    assert endpoint.bodies == []


@pytest.mark.parametrize(("text", "target"), [("", "a"), (" ", "a"), ("a", " "), (None, "a")])
def test_an_empty_text_is_zero_without_a_call(text: str | None, target: str) -> None:
    endpoint = Endpoint()
    result = scored(similar(endpoint), text, target)
    assert isinstance(result, Score)
    assert (result.value, endpoint.bodies) == (0.0, [])
    assert isinstance(scored(similar(endpoint), "a", None), Unscored)


def test_an_endpoint_that_fails_is_not_the_candidates_doing() -> None:
    endpoint, desk = Endpoint(), PlainDesk()
    endpoint.failure = Failure(stage="candidate", kind="server_error", message="HTTP 500", blame="candidate")
    result = scored(similar(endpoint, desk), "a", "b")
    assert isinstance(result, Failure)
    assert (result.stage, result.blame, result.message) == ("scorer", "infrastructure", "m: HTTP 500")
    assert desk.kept == {}


def test_a_folder_is_a_local_model_and_anything_else_an_endpoint(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for table, remote in (
        ({"use": "similar", "model": "models"}, False),
        ({"use": "similar", "model": "text-embedding-3-small"}, True),
        ({"use": "similar", "model": "models", "base_url": "http://127.0.0.1:9/v1"}, True),
        ({"use": "similar"}, False),
        ({"use": "judge", "rubric": "r"}, True),
        ({"use": "equals"}, False),
    ):
        assert by_endpoint(spec_of(table), tmp_path) is remote, table
    with pytest.raises(ConfigError):
        similar(Endpoint(), layers=2)


# --- the reply --------------------------------------------------------------------------------------------------------


def read(data: Any, wanted: int = 2, price: float | None = None) -> Output | Failure:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return embedding(raw, wanted=wanted, latency_s=0.1, price=price)


def test_vectors_come_in_the_order_of_the_texts() -> None:
    reply = {"data": [{"index": 1, "embedding": [3]}, {"index": 0, "embedding": [1.5]}], "usage": {"prompt_tokens": 4}}
    output = read(reply | {"model": "real"}, price=0.5)
    assert isinstance(output, Output)
    assert output.json() == [[1.5], [3]]
    assert (output.cost_usd, output.model) == (2e-6, "real")
    assert read(reply, price=0.0).cost_usd == 0.0  # type: ignore[union-attr]
    assert read({"data": reply["data"]}, price=0.5).cost_usd is None  # type: ignore[union-attr]
    assert read({"data": [{"embedding": [1]}, {"embedding": [2]}]}).json() == [[1], [2]]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\xff", b"[]", b"{}", b'{"data": NaN}', {"error": {"message": "no"}}, {"data": []}, {"data": [1, 2]}),
        {"data": [{"index": 0, "embedding": [1]}]},
        {"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}]},
        {"data": [{"embedding": [1]}, {"embedding": [1, 2]}]},
        {"data": [{"embedding": [1]}, {"embedding": []}]},
        {"data": [{"embedding": [1]}, {"embedding": "AAAA"}]},
        {"data": [{"embedding": [1]}, {"embedding": [True]}]},
        {"data": [{"embedding": [1]}, {"embedding": [None]}]},
    ],
)
def test_any_other_reply_is_a_failure_of_the_infrastructure(data: Any) -> None:
    result = read(data)
    assert isinstance(result, Failure)
    assert (result.kind, result.blame, result.retryable) == ("bad_reply", "infrastructure", True)


# --- the whole way ----------------------------------------------------------------------------------------------------


class Server(BaseHTTPRequestHandler):
    """An embedding endpoint: letters of a text, counted."""

    calls = 0

    def do_POST(self) -> None:
        assert self.path == "/v1/embeddings"
        type(self).calls += 1
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        rows = [
            {"index": n, "embedding": [1.0 + text.count(letter) * 9 for letter in "abxy"]}
            for n, text in enumerate(body["input"])
        ]
        reply = json.dumps({"data": rows, "model": "m", "usage": {"prompt_tokens": 3}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def project(root: Path, url: str) -> None:
    names = [f"c{n}" for n in range(80)]
    files = {
        "qa": [{"id": name, "input": "q", "target": "aabb"} for name in names],
        "old": [{"id": name, "output": f"ab {n % 8}"} for n, name in enumerate(names)],
        "same": [{"id": name, "output": f"ba {n % 8}"} for n, name in enumerate(names)],
        "worse": [{"id": name, "output": f"xy {n % 8}"} for n, name in enumerate(names)],
    }
    for name, lines in files.items():
        (root / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    gates = "".join(
        f'[gates.{name}]\ncandidate = "{name}"\nbaseline = "old"\nevalset = "qa"\nlimits = {{ close = {{ margin = 0.2 }} }}\n'
        for name in ("same", "worse")
    )
    (root / "evalh.toml").write_text(
        f"""version = 1
evalsets = {{ qa = {{ path = "qa.jsonl" }} }}
[candidates]
old = {{ recorded = "old.jsonl" }}
same = {{ recorded = "same.jsonl" }}
worse = {{ recorded = "worse.jsonl" }}
[scorers]
close = {{ use = "similar", model = "m", base_url = "{url}" }}
{gates}
""",
        encoding="utf-8",
    )


def test_a_gate_by_an_embedding_endpoint(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path, url)
    assert list(scorer_findings(load_config(tmp_path, config=None))) == []
    for name, code, outcome in (("same", 0, "pass"), ("worse", 1, "regression")):
        assert main(["-C", str(tmp_path), "gate", name, "--json"]) == code
        verdict = json.loads(capsys.readouterr().out)
        [gate] = verdict["gates"]
        assert (gate["outcome"], gate["scorers"][0]["outcome"]) == (outcome, outcome), gate["reason"]
    made = Server.calls
    assert made <= 3 * (1 + 8), "equal texts are sent once in a run"
    assert main(["-C", str(tmp_path), "gate", "same", "--json"]) == 0
    capsys.readouterr()
    assert Server.calls == made, "scores are found in the store"
