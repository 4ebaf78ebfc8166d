"""``show``: the list of runs, a run, a case, the page, and inputs written back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalharness.cli.main import main

CONFIG = """
[evalsets]
qa = {{ path = "qa.jsonl" }}
[candidates]
bot = {{ recorded = "{answers}" }}
[scorers]
exact = {{ use = "equals" }}
[gates.qa]
candidate = "bot"
evalset = "qa"
baseline = "old.jsonl"
stop = "never"
limits = {{ exact = 0.2 }}
"""


def jsonl(rows: list[dict[str, object]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """Two judged runs: one that loses a case, one that loses half of them."""
    ids = [f"c{i:03d}" for i in range(60)]
    (tmp_path / "qa.jsonl").write_text(jsonl([{"id": i, "input": f"say {i}", "target": f"it is {i}"} for i in ids]))
    (tmp_path / "old.jsonl").write_text(jsonl([{"id": i, "output": f"it is {i}"} for i in ids]))
    for name, lost in (("near.jsonl", ids[:1]), ("new.jsonl", ids[::2])):
        rows = [{"id": i, "output": f"it was {i}" if i in lost else f"it is {i}"} for i in ids]
        (tmp_path / name).write_text(jsonl(rows))
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    for answers, code in (("near.jsonl", 0), ("new.jsonl", 1)):
        (tmp_path / "evalh.toml").write_text(CONFIG.format(answers=answers))
        assert main(["gate"]) == code
    capsys.readouterr()
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["show", *words]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["show", *words]) == 2
    return capsys.readouterr().err


def test_the_list_says_how_the_gate_went(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "--list").rstrip().split("\n")
    assert [line.split()[-1] for line in lines[1:5]] == ["REGRESSION", "whole", "PASS", "whole"]
    assert lines[-1].split()[:3] == ["qa", "exact", "98.3%"]
    assert lines[-1].split()[-2] == "50.0%"
    rows = json.loads(shown(capsys, "--list", "--json"))["runs"]
    assert [row["outcome"] for row in rows] == ["regression", "", "pass", ""]


def test_the_history_as_a_page(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(capsys, "--list", "--format", "html").startswith("<!doctype html>")
    assert shown(capsys, "--list", "-o", "out/h.html") == ""
    assert "polyline" in (project / "out/h.html").read_text()
    assert "--json" in refused(capsys, "--list", "-o", "h.csv")
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    path = shown(capsys, "--list", "--open").strip()
    assert opened == [(project / path).as_uri()]
    assert path == "reports/out/history.html"


def test_a_run_and_its_page(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys)
    assert "    exact                        50.0%      60" in text
    assert "  c000  exact 1 \u2192 0\n      say c000\n    > it was c000\n" in text
    assert text.index("> it was c000") < text.index("> it was c002")
    assert "PASS" in shown(capsys, "latest~2")
    assert json.loads(shown(capsys, "--json"))["schema"].startswith("evalh.")
    assert shown(capsys, "latest", "--format", "csv").startswith('"gate","id"')
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    path = shown(capsys, "--open").strip()
    assert opened == [(project / path).as_uri()]
    assert "REGRESSION" in (project / path).read_text()
    assert shown(capsys, "latest", "-o", "out/r.md").startswith("run ")
    assert (project / "out/r.md").exists()
    assert "no run" in refused(capsys, "latest~7")


def test_a_case_with_what_changed_and_its_key(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "latest", "c000", "c001")
    assert "  changed  [-removed-] {+added+}\n    it [-is-]{+was+} c000" in text
    assert "expected" in text
    assert "c001" in text
    assert shown(capsys, "c000") == shown(capsys, "latest", "c000")
    assert "neither a run nor a case" in refused(capsys, "x059")
    assert "no run" in refused(capsys, "latest~99", "c000")
    assert "did you mean 'c059'" in refused(capsys, "latest", "c0599")
    assert "evalh show RUN lists its cases" in refused(capsys, "latest", "completely-other")
    assert "--explain needs a case" in refused(capsys, "latest", "--explain")
    assert "key" in shown(capsys, "latest", "c000", "--explain")


def test_inputs_are_written_back(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = shown(capsys, "latest", "--restore", "back").split()
    assert paths
    assert all((project / path).is_file() for path in paths)
