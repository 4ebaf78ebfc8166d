from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.cases import Case
from evalharness.core.errors import BaselineError
from evalharness.core.results import CaseResult, Failure, Output, Score, Trial, Unscored
from evalharness.verdict import baseline as module
from evalharness.verdict.baseline import Baseline, read_baseline, write_baseline
from tests.verdict.arms import CRASH, LOST, baseline, cases, result, results

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


def stored(n: int = 3, **fields: object) -> tuple[Baseline, dict[str, Case]]:
    some = tuple(Case(id=f"c{i}", input="q", metadata={"region": "eu"}, cluster="k" if i else None) for i in range(n))
    arm = baseline(results(some, [1.0] * n), gate="g", signatures={"exact": "exact|1"}, why="first", **fields)
    return arm, {case.id: case for case in some}


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    arm, by_id = stored()
    path = write_baseline(tmp_path / "reports/baselines/g.jsonl", arm, by_id, ("region", "absent"))
    back = read_baseline(path)
    assert back.results.keys() == arm.results.keys()
    assert back.signatures == arm.signatures
    assert (back.name, back.run, back.why, back.gate) == ("old", "r1", "first", "g")
    lines = path.read_text().splitlines()
    assert json.loads(lines[0])["evalh"] == "baseline/1"
    second = json.loads(lines[2])
    assert (second["cluster"], second["slices"]) == ("k", {"region": "eu"})
    assert "cluster" not in json.loads(lines[1])
    score = back.results["c1"].trials[0].scores["exact"]
    assert isinstance(score, Score)
    assert score.signature == "exact|1"


@given(text=TEXT, reason=TEXT, value=st.floats(0, 1))
def test_any_answer_survives_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory, text: str, reason: str, value: float
) -> None:
    case = Case(id="a", input="q")
    output = Output(text=text, documents=("d1", {"id": "d2", "text": text, "score": 0.5}), latency_s=0.25, model="m")  # type: ignore[arg-type]
    scores = {
        "s": Score(value=value, reason=reason, passed=True, evidence={"k": [1, text]}),
        "u": Unscored(reason=reason),
    }
    trial = Trial(case_id="a", output=output, scores=scores, key="ab")
    arm = baseline({"a": CaseResult(case_id="a", case_digest=case.digest, trials=(trial,))})
    path = write_baseline(tmp_path_factory.mktemp("b") / "b.jsonl", arm, {"a": case}, ())
    back = read_baseline(path).results["a"].trials[0]
    assert back.output == output
    assert back.scores == scores
    assert back.key == "ab"


def test_failures_stay_failures(tmp_path: Path) -> None:
    some = cases(2)
    arm = baseline(results(some, [CRASH, 1.0]))
    back = read_baseline(write_baseline(tmp_path / "b.jsonl", arm, {c.id: c for c in some}, ()))
    assert back.results["c0000"].trials[0].output == CRASH
    assert isinstance(back.results["c0000"].trials[0].output, Failure)


def test_answers_can_be_left_out(tmp_path: Path) -> None:
    arm, by_id = stored(answers=False)
    path = write_baseline(tmp_path / "b.jsonl", arm, by_id, ())
    assert "output_sha256" in path.read_text()
    back = read_baseline(path)
    assert not back.answers
    assert back.results["c0"].trials[0].output == Output()


def test_large_baselines_are_packed_and_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arm, by_id = stored()
    plain = write_baseline(tmp_path / "b.jsonl", arm, by_id, ())
    monkeypatch.setattr(module, "GZIP_OVER", 10)
    packed = write_baseline(tmp_path / "b.jsonl", arm, by_id, ())
    assert packed.name == "b.jsonl.gz"
    assert not plain.exists()
    assert read_baseline(tmp_path / "b.jsonl").results.keys() == arm.results.keys()
    first = packed.read_bytes()
    assert write_baseline(tmp_path / "b.jsonl", arm, by_id, ()).read_bytes() == first
    assert gzip.decompress(first).startswith(b'{"answers"')


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.replace(b'"value":1.0', b'"value":0.0', 1), "not the ones that were promoted"),
        (lambda data: data[:-40], "not the ones that were promoted"),
        (
            lambda data: data.replace(b"baseline/1", b"baseline/9"),
            "not a baseline of format baseline/1: seen 'baseline/9'",
        ),
        (lambda data: b"[1]\n", "expected a JSON object"),
        (lambda data: b"\xff\xfe\n", "not readable"),
        (lambda data: b"{nope\n", "not readable"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, change: object, message: str) -> None:
    arm, by_id = stored()
    path = write_baseline(tmp_path / "b.jsonl", arm, by_id, ())
    path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(BaselineError, match=message):
        read_baseline(path)


def altered(path: Path, change: object) -> None:
    """Change header and case lines, and sign the case lines again: as a hand that knows the format would."""
    header, *lines = (json.loads(line) for line in path.read_text().splitlines())
    change(header, lines)  # type: ignore[operator]
    body = "".join(json.dumps(line) + "\n" for line in lines).encode()
    header["sha256"] = hashlib.sha256(body).hexdigest()
    path.write_bytes(json.dumps(header).encode() + b"\n" + body)


@pytest.mark.parametrize(
    ("line", "change"),
    [
        (1, lambda header, lines: header.pop("signatures")),
        (1, lambda header, lines: header.update(candidate=[])),
        (1, lambda header, lines: header.update(seed=True)),
        (1, lambda header, lines: header["candidate"].update(name=1)),
        (1, lambda header, lines: header["signatures"].update(exact=1)),
        (1, lambda header, lines: header.update(epochs=0)),
        (1, lambda header, lines: header.update(epochs=10_001)),
        (2, lambda header, lines: lines[0].update(id=1)),
        (3, lambda header, lines: lines[1].update(digest=None)),
        (4, lambda header, lines: lines[2].update(epochs={})),
        (4, lambda header, lines: lines[2]["epochs"][0].pop("scores")),
    ],
)
def test_a_file_that_is_signed_but_not_as_promote_writes_it_is_refused(
    tmp_path: Path, line: int, change: object
) -> None:
    arm, by_id = stored()
    path = write_baseline(tmp_path / "b.jsonl", arm, by_id, ())
    altered(path, lambda header, lines: None)
    assert read_baseline(path).results.keys() == arm.results.keys()
    altered(path, change)
    with pytest.raises(BaselineError, match="not as promote writes it") as error:
        read_baseline(path, shown="b.jsonl")
    assert error.value.where == f"b.jsonl:{line}"


def test_a_packed_file_that_does_not_unpack_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arm, by_id = stored()
    packed = gzip.compress(write_baseline(tmp_path / "b.jsonl", arm, by_id, ()).read_bytes())
    path = tmp_path / "b.jsonl"
    assert read_baseline(path, data=packed).results.keys() == arm.results.keys()
    with pytest.raises(BaselineError, match="cannot be unpacked"):
        read_baseline(path, data=packed[:20] + b"\xff" * 20 + packed[40:])
    with pytest.raises(BaselineError, match="cut off, or larger than 1024 MiB"):
        read_baseline(path, data=packed[:-12])
    monkeypatch.setattr(module, "LARGEST", 100)
    with pytest.raises(BaselineError, match="cut off, or larger than 0 MiB"):
        read_baseline(path, data=packed)


def test_a_missing_or_unreadable_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="no stored baseline yet") as error:
        read_baseline(tmp_path / "none.jsonl", shown="reports/baselines/none.jsonl")
    assert error.value.code == "baseline_missing"
    assert "evalh promote" in error.value.tip
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(BaselineError, match="cannot be read"):
        read_baseline(tmp_path / "folder.jsonl")


def test_complete_for() -> None:
    some = cases(2)
    arm = baseline(results(some, [1.0, LOST]))
    assert arm.complete_for(["c0000"])
    assert not arm.complete_for(["c0000", "c0001"])
    assert not baseline({"a": result(Case(id="a", input="q"), 1.0)}, epochs=2).complete_for(["a"])
