"""A project started by ``init`` is read by everything else, and nothing that was there is changed."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from evalharness.cli.main import main
from evalharness.cli.new_files import set_name
from evalharness.config.load import load_config
from evalharness.evalset.jsonl import load_evalset
from evalharness.stats.exact import exact_plan


@pytest.fixture(autouse=True)
def _no_config_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVALH_CONFIG", raising=False)


def chance_of(n: int) -> float:
    return exact_plan(n, 0.05).outcome(0.1, 0.0).p_pass


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_new_project_is_a_right_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "My Bot"
    assert main(["init", str(root), "--ci", "github"]) == 0
    out = capsys.readouterr().out
    for line in (
        "wrote evalh.toml",
        "wrote evalsets/my-bot.jsonl",
        "wrote .github/workflows/evalh.yml",
        "wrote .gitignore",
        "never: that needs at least 59 cases. 3 cases can show a margin of 0.63 at best.",
        f"      evalh -C {root} gate",
    ):
        assert line in out.splitlines()
    config = load_config(root)
    gate = config.gates["my-bot"]
    assert gate.limits[0].margin == 0.05
    assert (gate.alpha_pass, gate.alpha_block) == (0.05, 0.025)
    assert len(load_evalset(root / config.evalsets["my-bot"].path)) == 3
    assert (root / ".gitignore").read_text(encoding="utf-8").splitlines() == [
        ".evalh/",
        "reports/*",
        "!reports/baselines/",
    ]
    assert (root / ".evalh" / ".gitignore").read_text(encoding="utf-8") == "*\n"
    assert json.loads((root / ".evalh" / "evalh.schema.json").read_text(encoding="utf-8"))["title"] == "evalh.toml"


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-C", str(tmp_path), "init", "--ci", "gitlab"]) == 0
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes() + b"# mine\n")
    before = tree(tmp_path)
    capsys.readouterr()
    assert main(["-C", str(tmp_path), "init", "--ci", "gitlab"]) == 0
    assert tree(tmp_path) == before
    out = capsys.readouterr().out
    assert "kept  evalh.toml (it was there)" in out
    assert "wrote" not in out


def test_an_ignore_file_gets_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("dist/\nreports/*", encoding="utf-8")
    assert main(["-C", str(tmp_path), "init"]) == 0
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8") == "dist/\nreports/*\n.evalh/\n!reports/baselines/\n"


def test_the_workflow_is_added_to_a_project_that_exists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["-C", str(tmp_path), "init"])
    capsys.readouterr()
    assert main(["-C", str(tmp_path), "init", "--ci", "github", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == [
        ".github/workflows/evalh.yml",
        ".github/workflows/evalh-baseline.yml",
    ]
    refresh = (tmp_path / ".github/workflows/evalh-baseline.yml").read_text(encoding="utf-8")
    assert "evalh promote --why" in refresh
    assert "evalh gate" not in refresh  # a baseline never depends on a verdict


def test_a_csv_becomes_the_first_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "Our Cases.csv"
    source.write_text(
        '\ufeffQuestion,answer,region,id\n"What, ""exactly""?","30 days\nor more",eu,refund-1\nHow?,,us,\nHow?,,us,\n\n',
        encoding="utf-8",
    )
    assert main(["init", str(tmp_path / "p"), "--from", "csv", str(source), "--map", "input=Question"]) == 0
    cases = load_evalset(tmp_path / "p" / "evalsets" / "our-cases.jsonl").cases
    assert [case.to_json() for case in cases] == [
        {"id": cases[0].id, "input": "How?", "metadata": {"region": "us"}},
        {
            "id": "refund-1",
            "input": 'What, "exactly"?',
            "target": "30 days\nor more",
            "metadata": {"region": "eu"},
        },
    ]
    out = capsys.readouterr().out
    assert "  dropped: the same as an earlier row: 1 row (3)" in out
    assert "Some of the 2 cases have no target" in out
    gate = load_config(tmp_path / "p").gates["our-cases"]
    assert gate.limits[0].every is True


def test_the_set_keeps_where_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("input,target\na,b\n", encoding="utf-8")
    assert main(["-C", str(tmp_path), "init", "--from", "csv", "x.csv"]) == 0
    lock = tomllib.loads((tmp_path / "evalh.lock").read_text(encoding="utf-8"))
    assert lock["evalsets"]["x"]["source"]["origin"] == "x.csv"


def test_a_set_that_is_there_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.csv").write_text("input,target\na,b\n", encoding="utf-8")
    (tmp_path / "evalsets").mkdir()
    (tmp_path / "evalsets" / "x.jsonl").write_text("mine", encoding="utf-8")
    assert main(["-C", str(tmp_path), "init", "--from", "csv", "x.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept"] == ["evalsets/x.jsonl"]
    assert (tmp_path / "evalsets" / "x.jsonl").read_text(encoding="utf-8") == "mine"


def test_a_refused_csv_leaves_no_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "p"), "--from", "csv", str(tmp_path / "none.csv")]) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'none.csv'}: no such file\n  tip: check the path\n"
    assert not (tmp_path / "p").exists()


def test_an_unknown_kind_is_refused_with_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--from", "cvs", "x"]) == 2
    assert capsys.readouterr().err.startswith(
        "--from: unknown kind 'cvs'\n  tip: did you mean 'csv'? kinds: csv, promptfoo,"
    )


def test_a_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["init", str(tmp_path / "file")]) == 4
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My cases (1)", "my-cases-1"),
        ("../..", "first"),
        ("x" * 99, "x" * 40),
        ("日本", "first"),
        ("a" * 39 + "-b", "a" * 39),
    ],
)
def test_names(text: str, name: str) -> None:
    assert set_name(text) == name


def test_the_config_says_what_a_large_set_can_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.csv"
    path.write_text("input,target\n" + "".join(f"q{i},a\n" for i in range(200)), encoding="utf-8")
    main(["-C", str(tmp_path), "init", "--from", "csv", "x.csv"])
    out = capsys.readouterr().out
    assert "200 cases, margin 0.05: a drop of the margin passes at most 1 time in 20;" in out
    assert f"about {chance_of(200):.0%} of the time when one answer in ten differs (evalh plan)." in out
    assert tomllib.loads((tmp_path / "evalh.toml").read_text(encoding="utf-8"))["defaults"]["max_cost"] == 1.0


def test_fields_with_a_few_values_become_slices(tmp_path: Path) -> None:
    rows = "".join(f"q{i},a,{'eu' if i % 2 else 'us'},{i},{'x' if i else 'rare'},z\n" for i in range(60))
    (tmp_path / "x.csv").write_text("input,target,region,number,mostly,one\n" + rows, encoding="utf-8")
    assert main(["-C", str(tmp_path), "init", "--from", "csv", "x.csv"]) == 0
    assert load_config(tmp_path).evalsets["x"].slices == ("region",)


def test_a_large_set_passes_at_least_as_often(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.csv").write_text("input,target\n" + "".join(f"q{i},a\n" for i in range(401)), encoding="utf-8")
    assert main(["-C", str(tmp_path), "init", "--from", "csv", "x.csv"]) == 0
    assert f"more than {chance_of(400):.0%} of the time when one answer in ten" in capsys.readouterr().out
