"""``compare --logs``: pairs counted by another program, the verdict on them, and what could hide a regression."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalharness.cli.main import main
from evalharness.core.errors import BaselineError, EvalSetError, UsageError
from evalharness.moving.calls import Call, Log
from evalharness.moving.redaction import Redactor
from evalharness.project.shadowing import Counts, open_log, pair_logs
from tests.moving import shadow_logs


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("EVALH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compared(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = main(["compare", "--logs", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


# --- the four formats -------------------------------------------------------------------------------------------------


def check_format(name: str, folder: Path, rows: int, capsys: pytest.CaptureFixture[str]) -> None:
    truth = shadow_logs.write(folder, rows)[name]
    files = str(folder / f"{name}-old.jsonl"), str(folder / f"{name}-new.jsonl")
    code, found = compared(capsys, *files, "--key", shadow_logs.KEYS[name], "--margin", "0.2")
    logs = found["logs"]
    assert {key: logs[key] for key in truth} == truth
    assert truth["pairs"] > 0.9 * rows
    pairs = found["gates"][0]["pairs"]
    assert (pairs["planned"], pairs["added"], pairs["removed"]) == (
        truth["pairs"],
        truth["only_new"],
        truth["only_old"],
    )
    assert (code, found["outcome"]) == (0, "pass")
    assert logs["redacted"]["email"] == logs["rows_old"] + logs["rows_new"]
    assert "shop.example" not in json.dumps(found)
    assert found["drift"]["schema"] == "evalh.drift/1"


@pytest.mark.parametrize("name", shadow_logs.FORMATS)
def test_pairs_are_those_of_the_independent_count(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_format(name, here, 300, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("name", shadow_logs.FORMATS)
def test_two_thousand_rows_a_side(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_format(name, here, 2000, capsys)


def test_the_same_logs_have_one_verdict_whatever_the_placeholders(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shadow_logs.write(here, 220)
    words = ("litellm-old.jsonl", "litellm-new.jsonl", "--key", "metadata.request_id")
    first, second = (compared(capsys, *words)[1]["gates"][0] for _ in range(2))
    assert first["order_seed"] == second["order_seed"]
    assert "set by hand" not in str(first)
    assert first["scorers"][0]["interval"] == second["scorers"][0]["interval"]


def test_the_screen(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shadow_logs.write(here, 220)
    words = ["compare", "--logs", "otel:otel-old.jsonl", "otel-new.jsonl", "--key", "app.request_id"]
    main([*words, "--scorer", "refusal:not=true", "--scorer", "latency"])
    out, err = capsys.readouterr()
    assert "pairs from" in out
    assert "keys in the old log" in out.replace("\n    ", " ")
    assert "Drift  " in out
    assert "redacted before anything was written" in err
    main([*words, "-q"])
    assert "Drift" not in capsys.readouterr().out


def test_the_limits_of_a_project_hold(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shadow_logs.write(here, 220)
    (here / "c.jsonl").write_text('{"id": "a", "input": "x", "target": "y"}\n', encoding="utf-8")
    (here / "evalh.toml").write_text(
        'version = 1\n[evalsets]\nqa = { path = "c.jsonl" }\n[candidates]\nbot = { recorded = "r.jsonl" }\n'
        '[scorers]\nhelps = { use = "refusal", not = true }\nexact = { use = "exact_match" }\n'
        '[gates.qa]\ncandidate = "bot"\nevalset = "qa"\n[gates.qa.limits]\nhelps = { margin = 0.3 }\nexact = { margin = 0.1 }\n',
        encoding="utf-8",
    )
    (here / "r.jsonl").write_text('{"id": "a", "output": "y"}\n', encoding="utf-8")
    code, found = compared(capsys, "langfuse-old.jsonl", "langfuse-new.jsonl", "--key", "metadata.request_id")
    (scorer,) = found["gates"][0]["scorers"]
    assert (scorer["scorer"], scorer["margin"], code) == ("helps", 0.3, 0)
    assert any("not applicable to logs: exact" in note for note in found["gates"][0]["notes"])
    stored = b"".join(path.read_bytes() for path in (here / ".evalh").iterdir())
    assert b"shop.example" not in stored, "nothing personal reaches the store"


# --- what could hide a regression -------------------------------------------------------------------------------------


def litellm(path: Path, rows: dict[str, str | None], asked: str = "q") -> str:
    lines = []
    for key, answer in rows.items():
        response = {"choices": [{"message": {"role": "assistant", "content": answer}}]} if answer else {}
        failed = {"status": "failure", "error_str": "boom"} if answer is None else {}
        message = {"role": "user", "content": f"{asked} {key}"}
        lines.append(
            {"call_type": "completion", "messages": [message], "response": response, "metadata": {"k": key}, **failed}
        )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return str(path)


def test_answers_that_went_missing_make_no_pass(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = litellm(here / "o.jsonl", {f"k{n}": "fine" for n in range(200)})
    few = litellm(here / "few.jsonl", {f"k{n}": "fine" for n in range(191)})
    many = litellm(here / "many.jsonl", {f"k{n}": "fine" for n in range(180)})
    assert compared(capsys, old, few, "--key", "metadata.k")[0] == 0
    code, found = compared(capsys, old, many, "--key", "metadata.k")
    assert (code, found["outcome"], found["gates"][0]["pairs"]["removed"]) == (4, "incomplete", 20)
    assert "lost answers could hide a regression" in found["gates"][0]["reason"]


def test_failed_calls_count_as_failures_of_the_system(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = litellm(here / "o.jsonl", {f"k{n}": "fine" for n in range(200)})
    new = litellm(here / "n.jsonl", {f"k{n}": None if n % 4 == 0 else "fine" for n in range(200)})
    code, found = compared(capsys, old, new, "--key", "metadata.k")
    assert (code, found["outcome"]) == (1, "regression")
    assert found["gates"][0]["scorers"][0]["candidate_mean"] == pytest.approx(0.75)
    failed = next(field for field in found["drift"]["fields"] if field["field"] == "failed")
    assert (failed["status"], failed["new"]) == ("moved", "no 75.0%")


# --- pairing ----------------------------------------------------------------------------------------------------------


def calls(*pairs: tuple[object, object]) -> Log:
    made = tuple(
        Call(place=f"line {n}", fields={"k": key}, input=asked, output="a") for n, (key, asked) in enumerate(pairs)
    )
    return Log(kind="litellm", calls=made, sha256="0", rows=len(made), counted=len(made), counted_by="lines")


def test_every_row_is_counted_once() -> None:
    old = calls(("a", "q"), ("b", "q"), ("c", "q"), ("d", "q"), ("d", "q"), (None, "q"), ("e", None), ("f", "q"))
    new = calls(("a", "q"), ("b", "other"), ("d", "q"), ("f", "q"), ("g", "q"), (7, "q"), ({}, "q"))
    counts = pair_logs(old, new, key="k", redactor=Redactor(b"k")).counts
    assert counts == Counts(
        rows_old=8,
        rows_new=7,
        pairs=2,
        only_old=1,
        only_new=2,
        edited=1,
        repeated=1,
        without_key_old=2,
        without_key_new=1,
    )
    assert counts.missing_share == pytest.approx(2 / 4)
    assert Counts().missing_share == 0


def test_keys_that_cannot_be_ids_or_are_personal_get_a_name() -> None:
    shadow = pair_logs(
        calls(("jo@x.example", "q"), ("a b", "p")),
        calls(("jo@x.example", "q"), ("a b", "p")),
        key="k",
        redactor=Redactor(b"k"),
    )
    assert all(case.id.startswith("k-") for case in shadow.cases)
    assert "jo@x" not in str(shadow)


@pytest.mark.parametrize(
    ("old", "new", "tip"),
    [
        (calls(("a", "q")), calls(("b", "q")), "share no key"),
        (calls(("a", "q")), calls(("a", "p")), "log the bare question"),
        (calls((None, "q")), calls((None, "q")), "fields: k"),
    ],
)
def test_nothing_paired_says_why(old: Log, new: Log, tip: str) -> None:
    with pytest.raises(BaselineError, match="nothing is paired") as caught:
        pair_logs(old, new, key="k", redactor=Redactor(b"k"))
    assert tip in caught.value.tip


def test_a_log_that_lost_rows_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = litellm(here / "o.jsonl", {"a": "x"})
    monkeypatch.setattr("evalharness.project.shadowing.read_log", lambda *_: replace(calls(("a", "q")), counted=2))
    with pytest.raises(EvalSetError, match="1 records were read, but lines gives 2"):
        open_log(path)
    with pytest.raises(UsageError, match="no file 'none'"):
        open_log("litellm:none")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--logs", "a", "b"), "which field pairs the rows?"),
        (("--logs", "a", "b", "--key", "k", "--set", "x"), "brings its own cases"),
        (
            ("--logs", "o.jsonl", "o.jsonl", "--key", "metadata.k", "--scorer", "exact_match"),
            "it needs target, and a log has none",
        ),
    ],
)
def test_what_is_refused(words: tuple[str, ...], said: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    litellm(here / "o.jsonl", {"a": "x"})
    assert main(["compare", *words]) == 2
    assert said in capsys.readouterr().err
