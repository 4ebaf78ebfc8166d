"""A project started by ``init`` is read by everything else, and nothing that was there is changed."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from evalharness.cli.first_set import cases_from_csv
from evalharness.cli.init import set_name
from evalharness.cli.main import main
from evalharness.config.load import load_config
from evalharness.core.errors import EvalhError
from evalharness.evalset.jsonl import load_evalset


@pytest.fixture(autouse=True)
def _no_config_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVALH_CONFIG", raising=False)


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
    assert json.loads(capsys.readouterr().out)["written"] == [".github/workflows/evalh.yml"]


def test_a_csv_becomes_the_first_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "Our Cases.csv"
    source.write_text(
        '\ufeffQuestion,answer,region,id\n"What, ""exactly""?","30 days\nor more",eu,refund-1\nHow?,,us,\nHow?,,us,\n\n',
        encoding="utf-8",
    )
    assert main(["init", str(tmp_path / "p"), "--from", "csv", str(source)]) == 0
    cases = load_evalset(tmp_path / "p" / "evalsets" / "our-cases.jsonl").cases
    assert [case.to_json() for case in cases] == [
        {
            "id": "refund-1",
            "input": 'What, "exactly"?',
            "target": "30 days\nor more",
            "metadata": {"region": "eu"},
        },
        {"id": cases[1].id, "input": "How?", "metadata": {"region": "us"}},
    ]
    assert cases[1].id.startswith("c-")
    assert "without a target" in capsys.readouterr().out
    gate = load_config(tmp_path / "p").gates["our-cases"]
    assert gate.limits[0].every is True


def test_ids_come_from_the_content(tmp_path: Path) -> None:
    one, two = tmp_path / "1.csv", tmp_path / "2.csv"
    one.write_text("input,target\na,b\nc,d\n", encoding="utf-8")
    two.write_text("input,target\nc,d\na,b\n", encoding="utf-8")
    assert {case.id for case in cases_from_csv(one)} == {case.id for case in cases_from_csv(two)}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no column for the input; seen nothing"),
        (b"a,b\n1,2\n", "F:1: no column for the input; seen 'a', 'b'\n  tip: name one of them input or question or"),
        (b"input\n", "F: no rows below the column names"),
        (b"input,target\na\n", "F:2: expected 2 columns, got 1"),
        (b"input\n  \n", "F:2: input: empty, expected the input"),
        (b"id,input\n../x,a\n", "F:2: id: '../x' is no id\n  tip: ids have"),
        (b"id,input\nA,x\na,y\n", "F:3: id: the id 'a' stands twice"),
        (b"input,Input\na,b\n", "F:1: two columns have one name"),
        (b"input\n\xff\n", "F: not UTF-8: invalid start byte\n  tip: save it as UTF-8"),
        (b'input\n"a"b\n', "F:2: not CSV: "),
    ],
)
def test_a_wrong_csv_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(EvalhError) as caught:
        cases_from_csv(path)
    assert caught.value.exit_code == 2
    assert said in str(caught.value).replace(str(path), "F")


def test_a_refused_csv_leaves_no_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "p"), "--from", "csv", str(tmp_path / "none.csv")]) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'none.csv'}: cannot be read: No such file or directory\n"
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            "promptfoo",
            (
                "--from: promptfoo cannot be read yet\n"
                "  tip: evalh evalset import reads tables; promptfoo comes with a later version\n"
            ),
        ),
        (
            "cvs",
            "--from: unknown kind 'cvs'\n  tip: did you mean 'csv'? kinds: csv, promptfoo, inspect, openai-evals\n",
        ),
    ],
)
def test_other_sources_are_refused(kind: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--from", kind, "x"]) == 2
    assert capsys.readouterr().err == said


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
    assert "200 cases, margin 0.05: a drop of the margin passes at most 1 time in 20," in out
    assert "of the time when one answer in ten differs (evalh plan)." in out
    assert tomllib.loads((tmp_path / "evalh.toml").read_text(encoding="utf-8"))["defaults"]["max_cost"] == 1.0
