"""``init --from KIND FILE`` and ``evalset import KIND:FILE``: a project that gates at once, its account, its refusals."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from evalharness.cli.main import main

FILES = Path(__file__).parent.parent / "moving" / "files"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("EVALH_CONFIG", raising=False)
    shutil.copytree(FILES, tmp_path / "from")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def verdict(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = main([*words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_promptfoo_config_moves_over_and_gates(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "p", "--from", "promptfoo", "from/promptfooconfig.yaml"]) == 0
    out = capsys.readouterr().out
    assert "6 records (6 by the tree of the file), 11 cases, 11 recorded answers" in out
    assert "dropped  assert javascript (line " in out
    assert out.rstrip().endswith("evalh -C p gate")
    assert main(["-C", "p", "lint", "--fix"]) == 0
    assert main(["-C", "p", "promote", "--why", "first"]) == 0
    code, found = verdict(capsys, "-C", "p", "gate")
    assert (code, found["gates"][0]["reason"]) == (0, "unchanged")
    change(here / "p" / "recorded" / "promptfooconfig.jsonl", "We open at 9", "Well, as an AI I say 9")
    code, found = verdict(capsys, "-C", "p", "gate")
    assert (code, found["outcome"]) == (1, "regression")
    (flip,) = found["gates"][0]["hard"][0]["flips"]
    case = next(
        line
        for line in (here / "p/evalsets/promptfooconfig.jsonl").read_text(encoding="utf-8").splitlines()
        if flip in line
    )
    assert json.loads(case)["input"]["question"] == "When do you open?"


def test_the_prompts_of_promptfoo_render_for_its_cases(here: Path) -> None:
    from evalharness.candidates.templates import Template
    from evalharness.evalset.jsonl import read_cases

    main(["init", "p", "--from", "promptfoo", "from/promptfooconfig.yaml"])
    cases = {case.input["question"]: case for case in read_cases(here / "p/evalsets/promptfooconfig.jsonl")}
    text = (here / "p/prompts/promptfoo-1.jinja").read_text(encoding="utf-8")
    rendered = Template(text, where="x").render(cases["Can I return a lamp from Spain?"])
    assert rendered == "You answer customers of a shop. Today is Monday.\nQuestion: Can I return a lamp from Spain?"
    assert Template(text, where="x").render(cases["Bye"]).endswith("Question: Bye"), "a case may lack a variable"


def test_deepeval_goldens_move_over_and_gate(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "p", "--from", "deepeval", "from/goldens.json", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["cases"], facts["records"], facts["counted"], facts["answers"]) == (4, 4, 4, {"deepeval": 4})
    config = tomllib.loads((here / "p" / "evalh.toml").read_text(encoding="utf-8"))
    assert config["scorers"]["tools"] == {"use": "tool_calls"}
    assert main(["-C", "p", "lint", "--fix"]) == 0
    capsys.readouterr()
    assert main(["-C", "p", "lint"]) == 0


def test_a_table_of_goldens_with_answers_gives_a_verdict(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"input": f"q{n}", "actual_output": "yes", "expected_output": "yes"} for n in range(80)]
    (here / "g.json").write_text(json.dumps(rows), encoding="utf-8")
    assert main(["init", "p", "--from", "deepeval", "g.json"]) == 0
    assert main(["-C", "p", "promote", "--why", "first"]) == 0
    path = here / "p" / "recorded" / "g.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text(
        "\n".join([*(line.replace("yes", "no") for line in lines[:30]), *lines[30:]]) + "\n", encoding="utf-8"
    )
    code, found = verdict(capsys, "-C", "p", "gate")
    assert (code, found["gates"][0]["scorers"][0]["scorer"]) == (1, "correct")
    assert found["gates"][0]["scorers"][0]["difference"] == pytest.approx(-30 / 80, abs=0.2), "it may stop early"


def test_results_of_two_systems_are_candidate_and_baseline(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def row(test: int, name: str, output: str) -> dict[str, Any]:
        case = {"vars": {"q": f"q{test}"}, "assert": [{"type": "contains", "value": "yes"}]}
        return {
            "testIdx": test,
            "promptIdx": 0,
            "testCase": case,
            "provider": {"id": name},
            "response": {"output": output},
        }

    rows = [row(n, name, "yes" if name == "old" or n else "no") for n in range(5) for name in ("old", "new")]
    document = {"results": {"results": rows, "stats": {"successes": 9, "failures": 1, "errors": 0}}}
    (here / "out.json").write_text(json.dumps(document), encoding="utf-8")
    assert main(["init", "p", "--from", "promptfoo-results", "out.json"]) == 0
    code, found = verdict(capsys, "-C", "p", "gate")
    gate = found["gates"][0]
    assert (code, gate["candidate"]["name"], gate["baseline"]["name"]) == (1, "new", "old")
    assert len(gate["hard"][0]["flips"]) == 1


def test_a_log_becomes_a_set_labels_and_proposals(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def row(asked: str, thumb: str | None) -> str:
        facts = {"thumbs": thumb} if thumb else {}
        message = {"role": "user", "content": f"{asked} from jo@x.example"}
        reply = {"choices": [{"message": {"role": "assistant", "content": "a"}}]}
        return json.dumps(
            {"call_type": "completion", "model": "m", "messages": [message], "response": reply, "metadata": facts}
        )

    (here / "log.jsonl").write_text(
        "\n".join([row("q1", "up"), row("q2", "down"), row("q3", None)]) + "\n", encoding="utf-8"
    )
    (here / "evalh.toml").write_text("version = 1\n", encoding="utf-8")
    assert main(["evalset", "import", "litellm:log.jsonl"]) == 0
    out, err = capsys.readouterr()
    assert "redacted before anything was written: 3 email" in out
    assert "1 cases with a thumbs-down are quarantined" in out
    assert 'to use it: [evalsets] log = { path = "evalsets/log.jsonl" }' in err
    assert 'answers of m: [candidates] m = { recorded = "recorded/log.jsonl" }' in err
    written = {path.name: path.read_text(encoding="utf-8") for path in (here / "evalsets").iterdir()}
    assert set(written) == {"log.jsonl", "log.labels.jsonl", "log.proposed.jsonl"}
    assert "jo@x.example" not in "".join(written.values())
    assert [len(text.splitlines()) for _, text in sorted(written.items())] == [2, 2, 1]
    assert '"quarantined"' in written["log.proposed.jsonl"]
    (here / "evalsets" / "log.jsonl").unlink()
    assert main(["evalset", "import", "litellm:log.jsonl"]) == 2
    assert "never overwrites" in capsys.readouterr().err
    assert not (here / "evalsets" / "log.jsonl").exists(), "nothing is written by half"


def test_the_placeholders_are_the_same_next_time(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = {"role": "user", "content": "I am jo@x.example"}
    (here / "log.jsonl").write_text(
        json.dumps({"call_type": "completion", "messages": [message], "response": "a"}), encoding="utf-8"
    )
    for name in ("one", "two"):
        assert main(["evalset", "import", "litellm:log.jsonl", "--name", name, "--json"]) == 0
    one, two = ((here / "evalsets" / f"{name}.jsonl").read_bytes() for name in ("one", "two"))
    assert one == two
    assert capsys.readouterr().out.count('"email": 1') == 2
    assert (here / ".evalh" / "redaction.key").stat().st_mode & 0o777 == 0o600
    assert (here / ".evalh" / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_answers_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = {"custom_id": "a", "response": {"status_code": 200, "body": {"choices": [{"message": {"content": "x"}}]}}}
    (here / "out.jsonl").write_text(json.dumps(line), encoding="utf-8")
    assert main(["evalset", "import", "openai-batch:out.jsonl"]) == 0
    assert "wrote recorded/out.jsonl" in capsys.readouterr().out
    assert not (here / "evalsets" / "out.jsonl").exists()
    assert main(["init", "p", "--from", "openai-batch", "out.jsonl"]) == 2
    assert "holds no cases to start from" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("init", "p", "--from", "deepeval", "none.json"), "No such file"),
        (
            ("init", "p", "--from", "deepeval", "from/goldens.json", "--map", "input=x"),
            "the fields of deepeval are known",
        ),
        (("evalset", "import", "deepeval:from/goldens.json", "--map", "input=x"), "the fields of deepeval are known"),
        (("init", ".", "--from", "deepeval", "from/goldens.json"), "init never overwrites"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], said: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "evalh.toml").write_text("version = 1\n", encoding="utf-8")
    assert main(list(words)) == 2
    err = capsys.readouterr().err
    assert said in err
    assert not (here / "p").exists()


@pytest.mark.parametrize("content", ["zz\n", None], ids=["no hex", "a folder"])
def test_a_key_that_cannot_be_used(content: str | None, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "log.jsonl").write_text('{"call_type": "completion", "messages": "q", "response": "a"}\n', encoding="utf-8")
    place = here / ".evalh" / "redaction.key"
    place.parent.mkdir()
    if content is None:
        place.mkdir()
    else:
        place.write_text(content, encoding="ascii")
    assert main(["evalset", "import", "litellm:log.jsonl"]) == 4
    assert "redaction.key" in capsys.readouterr().err
