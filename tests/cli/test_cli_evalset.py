"""``evalset import`` into a project, and ``evalset diff`` between files and between commits."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from evalharness.cli.main import main

OLD = '{"id":"a","input":"x","target":"1"}\n{"id":"b","input":"y"}\n'
NEW = '{"id":"a","input":"x","target":"2"}\n{"id":"c","input":"z"}\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("EVALH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evalh.toml").write_text('[evalsets]\nqa = { path = "sets/qa.jsonl" }\n', encoding="utf-8")
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "qa.jsonl").write_text(OLD, encoding="utf-8")
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "x"], ["tag", "first"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        subprocess.run(["git", *identity, *words], check=True, cwd=tmp_path, timeout=20)
    (tmp_path / "sets" / "qa.jsonl").write_text(NEW, encoding="utf-8")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["evalset", "diff", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("words", [("main",), ("main", "qa"), ("first", "sets/qa.jsonl")])
def test_between_a_commit_and_now(words: tuple[str, ...], project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, *words).splitlines()
    assert lines[0].startswith(f"{words[0]}:sets/qa.jsonl .. sets/qa.jsonl: ")
    assert lines[1:] == ["  + c", "  - b", '  ~ a target: "1" -> "2"']


def test_between_two_commits(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "first", "main").startswith("first:sets/qa.jsonl .. main:sets/qa.jsonl: ")


def test_between_files_without_a_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.jsonl").write_text(OLD, encoding="utf-8")
    Path("new.jsonl").write_text(NEW, encoding="utf-8")
    diff = json.loads(said(capsys, "old.jsonl", "new.jsonl", "--json"))["diffs"][0]
    assert (diff["added"], diff["removed"], list(diff["edited"])) == (["c"], ["b"], ["a"])


def test_between_a_file_and_a_set(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("old.jsonl").write_text(OLD, encoding="utf-8")
    assert "  + c" in said(capsys, "old.jsonl", "qa")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sets/qa.jsonl"], "evalh: 'sets/qa.jsonl' is a file: name a second one\n"),
        (["sets/qa.jsonl", "none"], "evalh: no file and no eval set named 'none'\n"),
        (["nowhere"], "evalh: git knows no ref 'nowhere' here\n  tip: A and B are files, git refs, or eval sets"),
        (["-x"], "evalh: unknown option '-x' of evalh evalset diff\n"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    words: list[str], message: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evalset", "diff", *words]) == 2
    assert capsys.readouterr().err.startswith(message)


# --- import -----------------------------------------------------------------------------------------------------------


def test_import_writes_the_set_and_its_lock(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("New Cases.csv").write_text("frage,answer\nx,1\nx,1\n", encoding="utf-8")
    assert main(["evalset", "import", "New Cases.csv", "--map", "input=frage"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "New Cases.csv: 2 rows (2 by a second count), 1 cases"
    assert out.splitlines()[-1] == "wrote evalsets/new-cases.jsonl, version 1.0.0"
    assert err == 'to use it: [evalsets] new-cases = { path = "evalsets/new-cases.jsonl" }\n'
    assert 'origin = "New Cases.csv"' in Path("evalh.lock").read_text(encoding="utf-8")
    assert main(["evalset", "import", "New Cases.csv", "--map", "input=frage"]) == 2
    assert "exists already" in capsys.readouterr().err


def test_import_into_a_set_of_the_config_and_without_a_config(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("x.csv").write_text("input,target\nx,1\n", encoding="utf-8")
    assert main(["evalset", "import", "x.csv", "--name", "qa"]) == 2
    assert capsys.readouterr().err.startswith("sets/qa.jsonl: exists already")
    Path("evalh.toml").unlink()
    assert main(["evalset", "import", "x.csv", "--name", "qa", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "path": "evalsets/qa.jsonl",
        "name": "qa",
        "version": "1.0.0",
        "cases": 1,
    }


def test_import_refuses_the_network_when_offline(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVALH_OFFLINE", "1")
    assert main(["evalset", "import", "hf:org/name@main:test"]) == 2
    assert "offline" in capsys.readouterr().err


def test_a_wrong_config_is_not_taken_for_none(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.csv").write_text("input,target\nx,1\n", encoding="utf-8")
    Path("evalh.toml").write_text("x = 1\n", encoding="utf-8")
    assert main(["evalset", "import", "x.csv"]) == 2
    assert capsys.readouterr().err.startswith("evalh.toml:1: x: unknown key")
    assert not Path("evalsets").exists()


# --- grow -------------------------------------------------------------------------------------------------------------


def test_grow_proposes_from_what_a_run_got_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("EVALH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("evalh.toml").write_text(
        '[evalsets]\nqa = { path = "qa.jsonl", slices = ["region"] }\n[candidates]\nold = { recorded = "old.jsonl" }\n'
        '[scorers]\nexact = { use = "exact_match" }\n'
        '[gates.qa]\ncandidate = "old"\nevalset = "qa"\nlimits = { exact = 0.05 }\n',
        encoding="utf-8",
    )
    lines = [f'{{"id":"q{i}","input":"What is {i}?","target":"{i}","metadata":{{"region":"eu"}}}}\n' for i in (1, 2, 3)]
    Path("qa.jsonl").write_text("".join(lines), encoding="utf-8")
    Path("old.jsonl").write_text('{"id":"q1","output":"1"}\n{"id":"q2","output":"no"}\n', encoding="utf-8")
    assert main(["run", "old", "--set", "qa"]) == 4
    capsys.readouterr()
    assert main(["evalset", "grow"]) == 0
    out = capsys.readouterr().out
    assert "slice region=eu has 3 of 30 cases: 27 are to be written or imported" in out
    grown = [json.loads(line) for line in Path("qa.proposed.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {case["metadata"]["grown_from"] for case in grown} == {"q2"}
    assert {case["metadata"]["grown_why"] for case in grown} == {"exact failed"}
    assert Path("qa.jsonl").read_text(encoding="utf-8") == "".join(lines)
    assert main(["evalset", "grow", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["new"] == 0
    pool = '{"id":"p","input":"Another?","target":"4","metadata":{"region":"eu"}}\n'
    Path("pool.jsonl").write_text(pool, encoding="utf-8")
    assert main(["evalset", "grow", "--pool", "pool.jsonl", "--from", "latest", "--set", "qa"]) == 0
    assert "1 new proposal in qa.proposed.jsonl" in capsys.readouterr().out


def test_what_is_weak_about_a_run() -> None:
    from evalharness.core.cases import Case
    from evalharness.core.results import CaseResult, Failure, Output, Run, RunHeader, Score, Trial, Unscored
    from evalharness.project.growing import weak_cases
    from evalharness.project.showing import Shown

    def result(case_id: str, digest: str, *scores: Score | Unscored | Failure) -> CaseResult:
        trials = [
            Trial(case_id=case_id, epoch=epoch, output=score)
            if isinstance(score, Failure)
            else Trial(case_id=case_id, epoch=epoch, output=Output(text="x"), scores={"s": score})
            for epoch, score in enumerate(scores)
        ]
        return CaseResult(case_id=case_id, case_digest=digest, trials=tuple(trials))

    lost = Failure(stage="call", kind="timeout", message="too late")
    now = {
        "good": result("good", "d", Score(value=1.0, passed=True)),
        "failed": result("failed", "d", Score(value=0.0, passed=False), Score(value=0.0, passed=False)),
        "worse": result("worse", "d", Score(value=0.5), Score(value=0.0)),
        "edited": result("edited", "new", Score(value=0.0)),
        "lost": result("lost", "d", lost),
        "unscored": result("unscored", "d", Unscored(reason="no target")),
        "gone": result("gone", "d", Score(value=0.0, passed=False)),
    }
    before = {name: result(name, "d", Score(value=1.0)) for name in now}
    shown = Shown(
        run=Run(header=RunHeader(run_id="r", purpose="run"), results=now),
        verdict=None,
        cases={name: Case(id=name, input="x") for name in now if name != "gone"},
        baseline=before,
    )
    assert dict(weak_cases(shown)) == {"failed": "s failed; s went from 1 to 0", "worse": "s went from 1 to 0.25"}


def test_grow_makes_variants_of_a_whole_set_without_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("EVALH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("evalh.toml").write_text('[evalsets]\nqa = { path = "qa.jsonl", slices = ["region"] }\n', encoding="utf-8")
    cases = [
        '{"id":"q1","input":"Where is the station?","target":"there","context":["a","b"],"group":"g"}\n',
        '{"id":"q2","input":"where is the station","target":"there","context":["a","b"],"group":"g","variant":"typed"}\n',
    ]
    Path("qa.jsonl").write_text("".join(cases), encoding="utf-8")
    assert main(["evalset", "grow", "--all", "--set", "qa"]) == 0
    assert "6 new proposals in qa.proposed.jsonl" in capsys.readouterr().out
    grown = [json.loads(line) for line in Path("qa.proposed.jsonl").read_text(encoding="utf-8").splitlines()]
    names = {"lower-case", "no-punctuation", "stray-spaces", "polite", "typos", "passages"}
    assert {case["variant"] for case in grown} == names
    assert {case["group"] for case in grown} == {"g"}
    assert main(["evalset", "grow", "--all"]) == 2
    assert "--all needs the set" in capsys.readouterr().err
    assert main(["evalset", "grow", "--all", "--set", "qa", "--from", "latest"]) == 2
    assert "takes no run" in capsys.readouterr().err
