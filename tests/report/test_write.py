"""Files: the ending decides, nothing is half written, and what is written can be read again."""

from __future__ import annotations

import csv
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from evalharness.core.cases import Case, EvalSet
from evalharness.core.errors import DiskFailed, UsageError
from evalharness.core.results import CallCounts, Failure, Output, Run, RunHeader, Score, Trial
from evalharness.evalset.answers import load_answers
from evalharness.project.running import RunSummary, ScorerSummary
from evalharness.project.showing import Shown
from evalharness.report.write import FORMS, check_endings, form_of, shown_as, write_reports, write_runs, write_shown
from evalharness.verdict.baseline import read_baseline
from tests.report.comparisons import compared, failed, told

CASES = tuple(Case(id=f"c{i}", input=f"q{i}", target="a") for i in range(4))


def run(*, broken: bool = False, purpose: str = "run") -> Run:
    comparison_results = {}
    for index, case in enumerate(CASES):
        output: Output | Failure = Output(text=f"a\u202e{index}", latency_s=0.25)
        scores = {"exact": Score(value=float(index % 2), passed=bool(index % 2), reason=f"seen {index}")}
        if broken and index == 2:
            output, scores = Failure(stage="candidate", kind="timeout", message="no answer in 60 s"), {}
        trial = Trial(case_id=case.id, output=output, scores=scores)
        from evalharness.core.results import CaseResult

        comparison_results[case.id] = CaseResult(case_id=case.id, case_digest=case.digest, trials=(trial,))
    header = RunHeader(
        run_id="abc123",
        purpose=purpose,
        evalset={"name": "s", "version": "", "digest": "e" * 64, "n": 4},
        candidate={"name": "bot", "digest": "d" * 64, "kind": "python", "params": {}},
        scorers={"exact": "equals|1"},
        case_digests={case.id: case.digest for case in CASES},
    )
    return Run(header=header, results=comparison_results, calls=CallCounts(planned=4, made=4), complete=not broken)


def summary(**fields: bool) -> RunSummary:
    scorer = ScorerSummary(
        scorer="exact", n=4, mean=0.5, unscored=0, failed=int(fields.get("broken", False)), signature="equals|1",
        unit="points", direction="higher",
    )  # fmt: skip
    return RunSummary(
        run=run(**fields), evalset=EvalSet(name="s", cases=CASES), scorers=(scorer,), not_applicable=(), selected=4
    )


def shown(verdict: bool = False) -> Shown:
    comparison = compared(n=60, lost=20)
    if verdict:
        header = replace(run().header, run_id="77", purpose="gate", scorers={"exact": "x", "rouge": "y"})
        gate_run = Run(header=header, results=comparison.candidate, complete=True)
        return Shown(
            run=gate_run,
            verdict=json.loads(json.dumps(comparison.gate.to_json())),
            cases=comparison.cases,
            baseline=comparison.baseline,
        )
    return Shown(run=run(), verdict=None, cases={case.id: case for case in CASES}, baseline={})


def test_every_form_is_written_in_a_new_folder(tmp_path: Path) -> None:
    paths = [str(tmp_path / "out" / f"r.{form}") for form in FORMS]
    verdict, comparisons = told(compared())
    write_reports(paths, verdict, comparisons)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == sorted(f"r.{form}" for form in FORMS)
    assert json.loads(Path(paths[1]).read_text()) == json.loads(json.dumps(verdict.to_json()))


@pytest.mark.parametrize("path", ["r.yaml", "r", "r.json.gz", ".json"])
def test_an_unknown_ending_is_refused_before_anything_is_written(tmp_path: Path, path: str) -> None:
    verdict, comparisons = told(compared(n=20, lost=0))
    with pytest.raises(UsageError, match="unknown kind") as caught:
        write_reports([str(tmp_path / "a.json"), str(tmp_path / path)], verdict, comparisons)
    assert ".html, .json, .jsonl, .md, .xml, .csv" in caught.value.tip
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError):
        check_endings(["x.json", path])


def test_endings_are_read_without_case() -> None:
    assert form_of("x.JSON") == "json"
    check_endings(["a.HTML", "b.md"])


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that writes ``.toml`` reports."""
    site = tmp_path / "site"
    info = site / "tomlreport-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tomlreport\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[evalharness.reports]\ntoml = tomlreport:Form\n", encoding="utf-8")
    code = """class Form:
    def of_verdict(self, verdict, comparisons):
        return f"outcome = '{verdict.outcome}'"
"""
    (site / "tomlreport.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))
    return site


def test_an_installed_package_brings_a_form(tmp_path: Path, installed: Path) -> None:
    verdict, comparisons = told(compared(n=60, lost=20))
    write_reports([str(tmp_path / "r.toml")], verdict, comparisons)
    assert (tmp_path / "r.toml").read_text(encoding="utf-8") == f"outcome = '{verdict.outcome}'"
    assert "tomlreport" in sys.modules
    second = installed / "another-1.0.dist-info"
    second.mkdir()
    (second / "METADATA").write_text("Metadata-Version: 2.1\nName: another\nVersion: 1.0\n", encoding="utf-8")
    (second / "entry_points.txt").write_text("[evalharness.reports]\ntoml = another:Form\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"two plug-ins write \.toml: another:Form, tomlreport:Form"):
        check_endings(["r.toml"])


def test_a_folder_that_cannot_be_made_is_an_error_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DiskFailed, match="no folder there"):
        write_runs([str(tmp_path / "file" / "r.json")], [summary()])


def test_the_old_file_stands_when_the_new_one_cannot_be_made(tmp_path: Path) -> None:
    target = tmp_path / "r.jsonl"
    target.write_text("old")
    with pytest.raises(UsageError, match="one candidate"):
        write_runs([str(target)], [summary(), summary()])
    assert target.read_text() == "old"


def test_the_jsonl_of_a_whole_run_is_a_baseline_with_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write_runs([str(path)], [summary()])
    arm = read_baseline(path)
    assert {i: r.trials[0].output for i, r in arm.results.items()} == {
        i: r.trials[0].output for i, r in run().results.items()
    }
    assert arm.signatures == {"exact": "equals|1"}


def test_the_jsonl_of_a_broken_run_is_bare_answers_that_nobody_can_promote(tmp_path: Path) -> None:
    from evalharness.core.errors import BaselineError

    path = tmp_path / "r.jsonl"
    write_runs([str(path)], [summary(broken=True)])
    with pytest.raises(BaselineError):
        read_baseline(path)
    answers = load_answers(path)
    assert answers["c0", 0, 0] == run().results["c0"].trials[0].output
    assert isinstance(answers["c2", 0, 0], Failure)


def test_a_shown_gate_run_cannot_be_promoted_either(tmp_path: Path) -> None:
    from evalharness.core.errors import BaselineError

    path = tmp_path / "g.jsonl"
    write_shown([str(path)], shown(verdict=True))
    with pytest.raises(BaselineError):
        read_baseline(path)
    assert len(load_answers(path)) == 60


@pytest.mark.parametrize("form", [*FORMS, "text"])
@pytest.mark.parametrize("verdict", [False, True])
def test_a_recorded_run_in_every_form_and_by_case(form: str, verdict: bool) -> None:
    whole = shown(verdict)
    ids = list(whole.run.results)
    assert ids[1] in shown_as(whole, form, []) or form == "md"
    part = shown_as(whole, form, ids[:1])
    assert len(part) < len(shown_as(whole, form, []))
    if form in ("jsonl", "csv", "xml"):
        assert ids[0] in part
        assert f'"{ids[1]}"' not in part


def test_rows_of_a_verdict_say_what_changed() -> None:
    from evalharness.report import csvout

    comparison = failed(compared(n=60, lost=20), "refund-030")
    rows = list(csv.DictReader(io.StringIO(csvout.of_verdict(*told(comparison)), newline="")))
    by_key = {(row["id"], row["scorer"]): row for row in rows}
    assert len(rows) == 120
    worse = by_key["refund-000", "exact"]
    assert (worse["baseline"], worse["candidate"], worse["difference"], worse["outcome"]) == (
        "1.0",
        "0.0",
        "-1.0",
        "worse",
    )
    assert worse["reason"] == "expected 30 days"
    assert by_key["refund-025", "exact"]["outcome"] == "same"
    lost = by_key["refund-030", "exact"]
    assert (lost["candidate"], lost["outcome"], lost["reason"]) == ("", "failed", "no answer in 60 s")


def test_lines_of_a_verdict_have_both_sides() -> None:
    from evalharness.report import jsonlines

    lines = [json.loads(line) for line in jsonlines.of_verdict(*told(compared(n=20, lost=4))).splitlines()]
    assert len(lines) == 20
    first = next(line for line in lines if line["id"] == "refund-000")
    assert first["changes"]["exact"] == "worse"
    assert first["baseline"][0]["output"]["text"] == "You have 30 days from delivery."
    assert first["candidate"][0]["scores"]["exact"]["value"] == 0.0


@pytest.mark.parametrize("form", list(FORMS))
def test_runs_in_every_form(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"r.{form}"
    write_runs([str(path)], [summary(broken=True)])
    text = path.read_text()
    assert "\u202e" not in text
    if form == "xml":
        suite = ET.fromstring(text)[0]
        assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "1")
    if form == "csv":
        assert len(text.splitlines()) == 5
