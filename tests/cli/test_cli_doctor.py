"""``doctor`` tells where values come from and never what a key is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalharness.cli.main import main

SECRET = "sk-very-secret-value-1234567890"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("EVALH_CONFIG", "EVALH_MAX_COST", "EVALH_JOBS", "EVALH_DIR", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".git").mkdir()
    (tmp_path / "evalh.toml").write_text(
        "defaults = { max_cost = 2 }\n[candidates]\n"
        'a = { model = "m", api_key_env = "A_API_KEY" }\nb = { model = "m", api_key_env = "B_API_KEY" }\n',
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def doctor(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["doctor", *words]) == 0
    return capsys.readouterr().out


def test_where_values_come_from(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVALH_JOBS", "4")
    lines = [line.strip() for line in doctor(capsys).splitlines()]
    assert "config    evalh.toml" in lines
    assert "seed = 7  (default)" in lines
    assert "max_cost = 2.0  (evalh.toml)" in lines
    assert "jobs = 4  (EVALH_JOBS)" in lines
    assert "env       EVALH_JOBS=4" in lines
    assert f"store     {project / '.evalh'}  not made yet" in lines


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_keys_are_never_shown(
    words: tuple[str, ...], project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("A_API_KEY", SECRET)
    monkeypatch.setenv("B_API_KEY", "")
    monkeypatch.setenv("OPENAI_BASE_URL", f"https://user:{SECRET}@host/v1")
    out = doctor(capsys, *words)
    assert SECRET not in out
    for name, state in (("A_API_KEY", "set"), ("B_API_KEY", "empty"), ("OPENAI_API_KEY", "missing")):
        if words:
            assert json.loads(out)["keys"][name] == state
        else:
            assert f"key       {name} is {state}" in out


def test_a_wrong_config_is_part_of_the_report(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "evalh.toml").write_text("sed = 1\n", encoding="utf-8")
    out = doctor(capsys)
    assert "config    none\n          evalh.toml:1: sed: unknown key 'sed'\n          tip: " in out
    assert json.loads(doctor(capsys, "--json"))["config"]["path"] is None


def test_versions_without_importing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    facts = json.loads(doctor(capsys, "--json"))
    assert facts["packages"]["numpy"] == version("numpy")
    assert set(facts["versions"]) == {"evalharness", "python", "sqlite", "system"}


def test_a_missing_extra_is_one_line(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from evalharness.cli import doctor as module

    monkeypatch.setattr(module, "EXTRAS", {"no-such-package-here": "bertscore"})
    monkeypatch.setattr(module, "BASE", ("no-such-package-either",))
    out = doctor(capsys)
    assert "extra     no-such-package-here not installed: pip install 'evalharness[bertscore]'\n" in out
    assert "no-such-package-either is missing: pip install evalharness\n" in out


def test_windows_is_said_to_be_untested(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "untested" not in doctor(capsys)
    monkeypatch.setattr("platform.system", lambda: "Windows")
    assert "note      Windows is untested: Linux and macOS are supported" in doctor(capsys)


def test_the_size_of_the_store(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVALH_DIR", "elsewhere")
    (project / "elsewhere").mkdir()
    (project / "elsewhere" / "store.db").write_bytes(b"x" * 1_250_000)
    assert f"store     {project / 'elsewhere'}  1.2 MB" in doctor(capsys)


# --- jobs on the store ------------------------------------------------------------------------------------------------


def with_store(project: Path) -> Path:
    from evalharness.store.store import open_store

    with open_store(project / ".evalh") as store:
        store.claim()
    return project / ".evalh" / "store.db"


def test_jobs_on_a_sound_store(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_store(project)
    folder = project / ".evalh"
    assert doctor(capsys, "--check") == f"sound  {folder}\n"
    assert doctor(capsys, "--prune", "30") == "pruned  0 runs, 0 cases, 0 answers, 0 scores\n"
    assert json.loads(doctor(capsys, "--forget", "a-1", "--check", "--json")) == {
        "folder": str(folder),
        "forgotten": {"runs": 0, "cases": 0, "answers": 0, "scores": 0},
        "findings": [],
    }


def test_no_store_is_a_sound_one(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(capsys, "--check").startswith("sound")
    assert not (project / ".evalh" / "store.db").exists()


def test_a_damaged_store_ends_in_5(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = with_store(project)
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    assert main(["doctor", "--check"]) == 5
    out, err = capsys.readouterr()
    assert "damaged" in out + err
    path.write_bytes(b"this is no database, only text " * 300)
    assert main(["doctor", "--check"]) == 5
