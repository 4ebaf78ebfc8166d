"""Annotations on the right lines, files that are appended to, and who may read answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.config.model import Config, EvalSetConfig, GateConfig
from evalharness.core.errors import DiskFailed
from evalharness.core.verdicts import Comparison
from evalharness.report.github import MOST_WARNINGS, announce, is_public, lines_of_cases, log_lines
from tests.report.comparisons import compared, refused, told


def config(root: Path) -> Config:
    (root / "evalsets").mkdir(exist_ok=True)
    lines = [json.dumps({"id": f"refund-{i:03d}", "input": f"q refund-{i + 1:03d}"}) for i in range(60)]
    (root / "evalsets" / "support.jsonl").write_text("\n".join(lines) + "\nnot json refund-009\n", encoding="utf-8")
    gate = GateConfig(name="support", candidate="bot", evalset="support", limits=(), where="evalh.toml:17")
    return Config(
        path="evalh.toml",
        root=root,
        evalsets={"support": EvalSetConfig(name="support", path="evalsets/support.jsonl")},
        gates={"support": gate},
    )


def test_one_error_a_gate_then_at_most_nine_warnings(tmp_path: Path) -> None:
    lines = log_lines([compared(n=60, lost=20), compared(n=60, lost=20)], config(tmp_path), workspace=str(tmp_path))
    errors = [line for line in lines if line.startswith("::error ")]
    warnings = [line for line in lines if line.startswith("::warning ")]
    assert (len(errors), len(warnings)) == (2, MOST_WARNINGS)
    assert lines[:2] == tuple(errors)
    assert errors[0].startswith(
        "::error file=evalh.toml,line=17,title=evalh support::regression: exact fell 33.3 points"
    )
    assert warnings[0] == "::warning file=evalsets/support.jsonl,line=1,title=support refund-000::exact 1 -> 0"
    assert warnings[2].startswith("::warning file=evalsets/support.jsonl,line=3,")


def test_a_passing_or_softened_gate_says_nothing(tmp_path: Path) -> None:
    assert log_lines([compared(lost=0), compared(n=40, lost=1, exit_outcome="pass")], config(tmp_path)) == ()


def test_a_refusal_points_at_its_own_place(tmp_path: Path) -> None:
    error = {"code": "x", "message": "m", "where": "evalh.toml:31: gates.support", "tip": ""}
    assert log_lines([refused(error=error)], config(tmp_path))[0].startswith("::error file=evalh.toml,line=31,")
    assert log_lines([refused(gate="unknown")], config(tmp_path))[0].startswith("::error file=evalh.toml,title")


def test_paths_start_at_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "web").mkdir()
    monkeypatch.chdir(tmp_path / "web")
    lines = log_lines([compared(n=60, lost=20)], config(tmp_path / "web"), workspace=str(tmp_path))
    assert lines[0].startswith("::error file=web/evalh.toml,line=17,")
    assert lines[1].startswith("::warning file=web/evalsets/support.jsonl,line=1,")


def test_lines_are_found_by_id_and_not_by_mention(tmp_path: Path) -> None:
    config(tmp_path)
    path = tmp_path / "evalsets" / "support.jsonl"
    assert lines_of_cases(path, {"refund-005": 1, "refund-059": 1, "gone": 1}) == {"refund-005": 6, "refund-059": 60}
    assert lines_of_cases(tmp_path / "none.jsonl", {"a": 1}) == {}


def test_an_unknown_eval_set_costs_only_the_line(tmp_path: Path) -> None:
    comparison = compared(n=60, lost=20)
    other = replace(comparison, gate=replace(comparison.gate, evalset={"name": "gone"}))
    assert log_lines([other], config(tmp_path))[1] == "::warning title=support refund-000::exact 1 -> 0"


def test_summary_and_outputs_are_appended(tmp_path: Path) -> None:
    summary, output = tmp_path / "s.md", tmp_path / "o"
    summary.write_text("before\n")
    env = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output)}
    secret = "model text"
    announce(*told(compared(after=secret)), config(tmp_path), env)
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- evalh -->")
    assert secret not in text
    assert output.read_text() == "outcome=regression\nexit_code=1\n"
    assert announce(*told(compared(lost=0)), config(tmp_path), {}) == ()
    with pytest.raises(DiskFailed):
        announce(*told(compared(lost=0)), config(tmp_path), {"GITHUB_OUTPUT": str(tmp_path)})


@pytest.mark.parametrize(
    ("event", "public"),
    [({"repository": {"private": True}}, False), ({"repository": {"private": False}}, True), ({}, True), ([], True),
     ("not json", True), (None, True)],
)  # fmt: skip
def test_what_cannot_be_told_counts_as_public(tmp_path: Path, event: object, public: bool) -> None:
    env = {"GITHUB_ACTIONS": "true"}
    if event is not None:
        path = tmp_path / "event.json"
        path.write_text(event if isinstance(event, str) else json.dumps(event))
        env["GITHUB_EVENT_PATH"] = str(path)
    assert is_public(env) is public
    assert not is_public({**env, "GITHUB_ACTIONS": "false"})


def test_comparisons_are_values(tmp_path: Path) -> None:
    empty: list[Comparison] = []
    assert log_lines(empty, config(tmp_path)) == ()
