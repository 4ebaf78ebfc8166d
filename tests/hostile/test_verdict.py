"""Hostile answers change no verdict: a gate in which a tenth of the answers are hostile, and the same gate in which these are plain
wrong ones, end alike to the last number, in every form of report. ``.ci/nightly`` has 2,000 cases and prints what it counted."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.hostile.run import FORMS, QUICK, WAYS, WHOLE, Told, evalh, hostile_answers, project, told
from tests.report.hostile import xml_names
from tests.report.test_hostile import check

SCORERS = ("equals", "contains", "levenshtein", "rougeL", "is_json", "word_count:max=50", "regex:pattern=^(a+)+b$")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hostile")
    project(root, QUICK)
    return root


@pytest.fixture(scope="module")
def said(place: Path) -> dict[str, Told]:
    return {name: told(place, name) for name in ("hostile-worse", "plain-worse", "hostile-same", "plain-same")}


@pytest.mark.parametrize("way", WAYS)
def test_a_tenth_of_hostile_answers_changes_no_verdict(said: dict[str, Told], way: str) -> None:
    _alike(said[f"hostile-{way}"], said[f"plain-{way}"], WAYS[way], QUICK)


def test_negative_control_other_answers_give_other_numbers(said: dict[str, Told]) -> None:
    with pytest.raises(AssertionError):
        _alike(said["hostile-worse"], said["plain-same"], 1, QUICK)
    assert said["hostile-worse"].gate != said["plain-same"].gate


@pytest.mark.slow
def test_a_tenth_of_2000_answers_changes_no_verdict(tmp_path: Path) -> None:
    project(tmp_path, WHOLE)
    for way, code in WAYS.items():
        hostile, plain = told(tmp_path, f"hostile-{way}"), told(tmp_path, f"plain-{way}")
        _alike(hostile, plain, code, WHOLE)
        print(way, hostile.gate["outcome"], hostile.gate["pairs"], hostile.gate["scorers"][0]["reason"])
    assert len(hostile_answers()) > WHOLE // 10


def _alike(hostile: Told, plain: Told, code: int, n: int) -> None:
    assert (hostile.code, plain.code) == (code, code)
    assert hostile.gate == plain.gate
    assert hostile.gate["pairs"] == {
        "planned": n, "used": hostile.gate["pairs"]["used"], "edited": 0, "added": 0, "removed": 0, "unscored": 0, "failed": 0,
    }  # fmt: skip
    for form in FORMS:
        assert check(form, hostile.reports[form]) == [], form
    assert _counts(hostile.reports) == _counts(plain.reports)


def _counts(reports: dict[str, str]) -> dict[str, object]:
    """What a reader of each machine-read form finds: no answer may add, hide or rename a case."""
    return {
        "csv": len(list(csv.reader(io.StringIO(reports["csv"], newline="")))),
        "jsonl": len([json.loads(line) for line in reports["jsonl"].split("\n")[:-1]]),
        "xml": [name for name in xml_names(reports["xml"]) if name.startswith("c0")],
    }


def test_no_scorer_loses_a_case_to_a_hostile_answer(place: Path) -> None:
    """Every scorer has something to say of every hostile answer, or counts it against the candidate: none vanishes."""
    words = [word for scorer in SCORERS for word in ("--scorer", scorer)]
    _, verdict = evalh(place, "compare", "old.jsonl", "hostile-same.jsonl", "--set", "s", *words)
    (gate,) = verdict["gates"]
    assert (gate["pairs"]["planned"], gate["pairs"]["unscored"], gate["pairs"]["failed"]) == (QUICK, 0, 0)
    assert verdict["outcome"] != "incomplete"
