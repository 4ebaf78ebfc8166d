from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.cases import Case
from evalharness.core.results import Failure, Output, Score, ScoreResult, Unscored
from tests.scorers.scoring import refusal_of, scorer_of

MODULE = """
from evalharness.core.results import Score, Unscored

def yes(output, case): return output.text == case.target
def half(output, case): return 0.5
def one(output, case): return 1
def table(output, case): return {"value": 1, "passed": True, "reason": "because", "evidence": {"n": 3}}
def score(output, case): return Score(value=0.25)
def away(output, case): return Unscored(reason="no")
def too_much(output, case): return 7.0
def nan(output, case): return float("nan")
def nothing(output, case): return None
def odd_key(output, case): return {"value": 1, "extra": 2}
def no_value(output, case): return {"passed": True}
def odd_type(output, case): return {"value": "1"}
def odd_evidence(output, case): return {"value": 1, "evidence": 5}
def broken(output, case): raise KeyError("x")
async def later(output, case): return 1
class Rules:
    @staticmethod
    def always(output, case): return True
NUMBER = 5
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_rules.py").write_text(MODULE)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "own_rules", raising=False)
    return tmp_path


def call(project: Path, name: str, **params: Any) -> ScoreResult:
    scorer = scorer_of("python", root=project, call=f"own_rules:{name}", **params)
    return scorer.score(Output(text="4"), Case(id="a", input="2+2", target="4"))


@pytest.mark.parametrize(
    ("name", "value", "passed"),
    [
        ("yes", 1.0, True),
        ("half", 0.5, None),
        ("one", 1.0, None),
        ("table", 1.0, True),
        ("score", 0.25, None),
        ("Rules.always", 1.0, True),
    ],
)
def test_what_a_function_may_return(project: Path, name: str, value: float, passed: bool | None) -> None:
    result = call(project, name)
    assert isinstance(result, Score)
    assert (result.value, result.passed) == (value, passed)
    assert result.signature.startswith("python|call:#")


def test_fields_threshold_and_not_apply(project: Path) -> None:
    result = call(project, "table")
    assert isinstance(result, Score)
    assert (result.reason, result.evidence["n"]) == ("because", 3)
    result = call(project, "half", threshold=0.5, **{"not": True})
    assert isinstance(result, Score)
    assert (result.value, result.passed) == (0.5, False)
    assert isinstance(call(project, "away"), Unscored)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("too_much", "bad_value"),
        ("nan", "bad_value"),
        ("nothing", "bad_value"),
        ("odd_key", "bad_value"),
        ("no_value", "bad_value"),
        ("odd_type", "bad_value"),
        ("odd_evidence", "bad_value"),
        ("broken", "exception"),
    ],
)
def test_what_it_may_not_is_a_failure_of_the_case(project: Path, name: str, kind: str) -> None:
    result = call(project, name)
    assert isinstance(result, Failure)
    assert (result.stage, result.kind, result.blame) == ("scorer", kind, "infrastructure")


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
def test_a_coroutine_is_a_failure(project: Path) -> None:
    result = call(project, "later")
    assert isinstance(result, Failure)
    assert "coroutine" in result.message


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("own_rules", "package.module:function"),
        ("own_rules:", "package.module:function"),
        ("own_rules:missing", "a function of own_rules"),
        ("own_rules:NUMBER", "a function of own_rules"),
        ("no_such_module:f", "a module that can be imported"),
    ],
)
def test_what_cannot_be_called_is_refused_when_built(project: Path, named: str, words: str) -> None:
    assert words in refusal_of("python", root=project, call=named).message


def test_the_signature_follows_the_code_and_the_version(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = scorer_of("python", root=project, call="own_rules:yes").signature
    assert scorer_of("python", root=project, call="own_rules:yes", version="2").signature != before
    (project / "own_rules.py").write_text(MODULE + "\n# edited\n")
    assert scorer_of("python", root=project, call="own_rules:yes").signature != before
    assert scorer_of("python", call="time:time").signature.startswith("python|")
