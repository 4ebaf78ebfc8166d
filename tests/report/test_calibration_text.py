"""What ``calibrate`` prints: 80 columns, every number of the measurement, the right to block."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalharness.cli.main import main
from evalharness.judging.calibration import calibrate
from evalharness.judging.labels import Label
from evalharness.judging.observe import Observation
from evalharness.judging.rates import Rate
from evalharness.project.calibrating import AttackResult, Calibrated
from evalharness.report.calibration import calibration_json, calibration_text
from tests.judging.rubrics import BETTER, CONTRADICTION, MAIN, read, text_of, write


def found(folder: Path, *parts: str, n: int = 80, **more: Any) -> Calibrated:
    rubric = read(folder, *(parts or (MAIN, CONTRADICTION)))
    rows = []
    for i in range(n):
        good = i % 2 == 0
        verdicts = {"main-fact": "met" if good else "not_met", "contradiction": "not_met"}
        label = Label(id=f"l{i}", fields={"output": "x" * i}, verdicts=verdicts, source="p", generated=i == 0)
        passed = good if i > 3 else not good
        rows.append(
            (label, [Observation(verdicts=verdicts, passed=passed, value=float(passed), repeat=r) for r in (0, 1)])
        )
    for i in range(4):
        label = Label(id=f"u{i}", fields={"output": "y"}, verdicts={}, source="p")
        rows.append((label, [Observation(verdicts=None, passed=i < 2, value=float(i < 2))]))
    measured = calibrate(rubric, rows)
    return Calibrated(rubric=rubric, judge="d" * 64, calibration=measured, why_not=measured.why_not, **more)


def test_the_table_fits_and_says_everything(tmp_path: Path) -> None:
    ways = {"note": Rate(hits=2, n=20), "blank": Rate(hits=0, n=20)}
    text = calibration_text(
        found(tmp_path, attack=AttackResult(by_way=ways), path="rubrics/calibration/r.json", notes=("a note",))
    )
    assert max(map(len, text.splitlines())) <= 80
    for part in (
        "r v1  judge judge-2026-08-01  dddddddddddd",
        "80 labels: people say pass 39, fail 40, 1 generated, 4 without a label",
        "  sensitivity              95.0%    83% ..  99%",
        "a gate needs 1.2 x the cases that a perfect judge would",
        "accuracy without a model: always pass 50.0%",
        "verdicts that a second judgement turns: 0.0% of 80",
        "unlabelled answers, corrected (Rogan-Gladen): 50.0%",
        "unlabelled answers, corrected (PPI):",
        "attacks that passed",
        "note 2/20",
        "advisory: a gate only reports this judge",
        "39 human labels say 'pass', 40 are needed",
        "note: a note",
        "rubrics/calibration/r.json: written; commit this file",
    ):
        assert part in text
    assert "J              no value: all labels are of one class" in text  # the criterion that nobody fails
    assert "├" not in calibration_text(found(tmp_path), unicode=False)


def test_the_right_to_block_is_said(tmp_path: Path) -> None:
    text = calibration_text(found(tmp_path, MAIN, n=100))
    assert "may block: a gate may fail on this judge's word" in text


def test_the_object_is_plain_json(tmp_path: Path) -> None:
    data = json.loads(json.dumps(calibration_json(found(tmp_path)), allow_nan=False))
    assert (data["schema"], data["exit_code"], data["may_block"], data["attack"]) == (
        "evalh.calibration/1",
        3,
        False,
        None,
    )
    assert data["overall"]["youden"]["stretch"] == pytest.approx(1.2345679)
    assert data["true_rates"]["judged"]["value"] == 0.5


# --- the command --------------------------------------------------------------------------------------------------------


def recorded_labels(folder: Path) -> None:
    write(folder, text_of(BETTER, uses=("input", "output")))
    rows = [
        {
            "id": f"p{i}",
            "input": "q",
            "output_a": "x",
            "output_b": "y",
            "verdicts": {"better": "A" if i % 2 else "B"},
            "source": "s",
            "judged": [{"verdicts": {"better": "A"}}, {"verdicts": {"better": "A"}, "order": "BA"}],
        }
        for i in range(10)
    ]
    (folder / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.chdir(folder)
    return main(["calibrate", "r.toml", "labels.jsonl", *words])


def test_recorded_verdicts_need_no_project_and_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded_labels(tmp_path)
    assert run(tmp_path, monkeypatch) == 3
    text = capsys.readouterr().out
    assert "10 labels: people say prefer B 5, prefer A 5" in text
    assert "same in both orders       100.0%" in text
    assert "recorded verdicts do not say which judge gave them" in text
    assert not (tmp_path / "calibration").exists()
    assert run(tmp_path, monkeypatch, "--json") == 3
    assert json.loads(capsys.readouterr().out)["orders"]["correct_both"]["hits"] == 5
    assert run(tmp_path, monkeypatch, "-q") == 3
    assert capsys.readouterr().out.startswith("advisory: 5 human labels")


def test_what_is_wrong_exits_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded_labels(tmp_path)
    assert run(tmp_path, monkeypatch, "--attack") == 2
    assert "recorded verdicts cannot be attacked" in capsys.readouterr().err
    (tmp_path / "labels.jsonl").write_text('{"id": "x"}\n', encoding="utf-8")
    assert run(tmp_path, monkeypatch) == 2
    assert "labels.jsonl:1: source" in capsys.readouterr().err
    (tmp_path / "evalh.toml").write_text("version = 2\n", encoding="utf-8")
    assert run(tmp_path, monkeypatch) == 2
