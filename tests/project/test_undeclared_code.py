"""Code that declares nothing can change without its digest: it is never "unchanged" (contract, 8.1 and 8.2)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from evalharness.core.options import RunOptions
from evalharness.core.verdicts import GateVerdict
from evalharness.project.gating import gate_all
from evalharness.project.promoting import promote
from evalharness.project.workspace import open_workspace

CONFIG = """
version = 1
[evalsets]
qa = { path = "qa.jsonl" }
[candidates]
app = { python = "undeclared_app:answer"%s }
[scorers]
exact = { use = "equals" }
[gates.kept]
candidate = "app"
evalset = "qa"
limits = { exact = 0.3 }
"""


@pytest.fixture(autouse=True)
def forget_the_module(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    sys.modules.pop("undeclared_app", None)


def judge(project: Path) -> GateVerdict:
    sys.modules.pop("undeclared_app", None)
    with open_workspace(project, options=RunOptions()) as workspace:
        return gate_all(workspace, ["kept"])[0].gates[0]


@pytest.mark.parametrize(
    ("declares", "outcome", "asked"),
    [("", "regression", 12), (', version = "1"', "pass", 0)],
    ids=["undeclared", "control: declared"],
)
def test_a_changed_function_is_asked_again_unless_it_declares_itself_the_same(tmp_path, declares, outcome, asked):
    cases = [{"id": f"c{i}", "input": f"q{i}", "target": str(i)} for i in range(12)]
    (tmp_path / "qa.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    (tmp_path / "evalh.toml").write_text(CONFIG % declares)
    code = tmp_path / "undeclared_app.py"
    code.write_text("def answer(case):\n    return case.input[1:]\n")
    with open_workspace(tmp_path, options=RunOptions()) as workspace:
        promote(workspace, "kept", why="first")

    code.write_text("def answer(case):\n    return 'broken'\n")
    verdict = judge(tmp_path)

    assert (verdict.outcome, verdict.calls.made) == (outcome, asked)
