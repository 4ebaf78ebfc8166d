"""``lint`` finds what is wrong in a project, ``--fix`` mends what can be mended, and 2 means something is left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalharness.cli.main import main

CONFIG = """\
[evalsets]
qa = { path = "qa.jsonl" }
[candidates]
old = { recorded = "old.jsonl" }
[scorers]
exact = { use = "exact_match" }
own = { use = "python", call = "nowhere:nothing" }
[gates.qa]
candidate = "old"
evalset = "qa"
limits = { exact = 0.05 }
"""
CASES = '{"id":"b","input":"x","target":"1"}\n{"id":"a","input":"y","target":"2"}\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("EVALH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / "evalh.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "qa.jsonl").write_text(CASES, encoding="utf-8")
    (tmp_path / "old.jsonl").write_text('{"id":"a","output":"2"}\n', encoding="utf-8")
    return tmp_path


def lint(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["lint", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_find_fix_clean(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = lint(capsys)
    assert (code, err) == (2, "")
    assert "qa.jsonl: the lines are not in id order\n  tip: evalh lint --fix sorts and tidies\n" in out
    assert out.endswith("2 findings, 2 to be fixed by evalh lint --fix\n")
    assert (project / "qa.jsonl").read_text(encoding="utf-8") == CASES
    code, out, _ = lint(capsys, "--fix")
    assert code == 0
    assert out.endswith("clean, 2 fixed\n")
    assert (project / "qa.jsonl").read_text(encoding="utf-8").startswith('{"id":"a"')
    assert (project / "evalh.lock").exists()
    assert lint(capsys) == (0, "clean\n", "")
    assert lint(capsys, "--json") == (0, '{\n "exit_code": 0,\n "findings": []\n}\n', "")


def test_a_scorer_is_checked_without_running_code(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lint(capsys, "--fix")
    text = CONFIG.replace("exact_match", "exact_mach")
    (project / "evalh.toml").write_text(text, encoding="utf-8")
    code, out, _ = lint(capsys)
    assert code == 2
    assert "evalh.toml:6: " in out
    assert "did you mean 'exact_match'?" in out
    assert out.endswith("1 finding\n")
    (project / "evalh.toml").write_text(text.replace("exact_mach", 'exact_match", bogus = "1'), encoding="utf-8")
    assert "bogus" in lint(capsys)[1]


def test_a_broken_line_is_a_finding(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "qa.jsonl").write_text(CASES + "{\n", encoding="utf-8")
    code, out, _ = lint(capsys, "--fix", "--json")
    assert code == 2
    found = json.loads(out)["findings"]
    assert [(entry["file"], entry["line"]) for entry in found if not entry["fixed"]] == [("qa.jsonl", 3)]
    assert (project / "qa.jsonl").read_text(encoding="utf-8") == CASES + "{\n"


def test_an_empty_set_is_a_finding(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "qa.jsonl").write_text("", encoding="utf-8")
    code, out, _ = lint(capsys)
    assert code == 2
    assert "qa.jsonl: the eval set is empty, expected at least one living case" in out


def test_a_wrong_config_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "evalh.toml").write_text("x = 1\n", encoding="utf-8")
    code, out, err = lint(capsys)
    assert (code, out) == (2, "")
    assert err.startswith("evalh.toml:1: x: unknown key 'x'")


def test_quiet_is_the_last_line_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lint(capsys, "-q") == (2, "2 findings, 2 to be fixed by evalh lint --fix\n", "")


def test_named_files(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "qa.jsonl: the lines" in lint(capsys, "qa.jsonl")[1]
    assert "qa.jsonl: the lines" not in lint(capsys, "old.jsonl")[1]
    (project / "other.jsonl").write_text('{"id":"a"}\n', encoding="utf-8")
    code, out, _ = lint(capsys, "other.jsonl")
    assert code == 2
    assert out.startswith("other.jsonl:1: input: ")


def test_a_file_that_nobody_could_check_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "notes.txt").write_text("x", encoding="utf-8")
    code, out, err = lint(capsys, "notes.txt")
    assert (code, out) == (2, "")
    assert err.startswith("evalh: notes.txt is not named by the config, and is no .jsonl file\n")
    assert lint(capsys, "none.jsonl")[2].startswith("evalh: none.jsonl is no file\n")


def test_files_without_a_project(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "evalh.toml").unlink()
    code, out, _ = lint(capsys, "qa.jsonl", "--fix")
    assert (code, out.splitlines()[-1]) == (0, "clean, 1 fixed")
    assert not (project / "evalh.lock").exists()
    code, _, err = lint(capsys)
    assert code == 2
    assert "no evalh.toml in" in err


def test_a_new_project_is_clean_after_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("EVALH_CONFIG", raising=False)
    root = tmp_path / "new"
    assert main(["init", str(root)]) == 0
    capsys.readouterr()
    assert main(["-C", str(root), "lint", "--fix"]) == 0
    capsys.readouterr()
    assert main(["-C", str(root), "lint"]) == 0
    assert capsys.readouterr().out == "clean\n"


def test_the_last_commit_is_asked_for_sets_that_the_lock_knows_by_digest_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    from evalharness.cli.lint import _committed
    from evalharness.config.load import load_config

    monkeypatch.delenv("EVALH_CONFIG", raising=False)
    (tmp_path / "evalh.toml").write_text("", encoding="utf-8")
    (tmp_path / "a.jsonl").write_text("old", encoding="utf-8")
    for words in (["init", "-q"], ["add", "a.jsonl"], ["commit", "-q", "-m", "x"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        subprocess.run(["git", *identity, *words], check=True, cwd=tmp_path, timeout=20)
    (tmp_path / "a.jsonl").write_text("new", encoding="utf-8")
    config = load_config(tmp_path)
    assert _committed(config, tmp_path / "a.jsonl") == b"old"
    assert _committed(config, tmp_path / "evalh.toml") is None
