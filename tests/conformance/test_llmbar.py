"""LLMBar's recorded verdicts through ``calibrate``: the authors' own figures, to the last digit."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.options import RunOptions
from evalharness.judging.calibration import Calibration
from evalharness.project.calibrating import calibrate_judge
from evalharness.project.workspace import without_config
from tests.conformance.conformance_data import folder as data_folder

RUBRIC = """evalh_rubric = 1
id = "better"
version = 1
title = "Which output follows the instruction"
uses = ["input", "output"]
task = "Two outputs for one instruction."
aggregate = { pass_score = 0.5 }
judge = { model = "gpt-4-0613" }
[[criteria]]
id = "better"
type = "pairwise"
ask = "Which output follows the instruction better?"
"""
SIDES = {"1": "A", "2": "B"}


def published() -> list[dict[str, str]]:
    with (data_folder("llmbar") / "published_statistics.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def judgements() -> dict[tuple[str, ...], list[dict[str, str]]]:
    found = defaultdict(list)
    with gzip.open(data_folder("llmbar") / "judgements.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row["subset"], row["judge"], row["prompt"]].append(row)
    return found


def calibrated(folder: Path, rows: list[dict[str, str]]) -> Calibration:
    (folder / "better.toml").write_text(RUBRIC, encoding="utf-8")
    lines = [
        {
            "id": f"i-{row['item']}",
            "input": "the instruction",
            "output_a": "one output",
            "output_b": "another output",
            "verdicts": {"better": SIDES[row["gold_better"]]},
            "source": "LLMBar",
            "judged": [{"verdicts": said(row["winner_ab"])}, {"verdicts": said(row["winner_ba"]), "order": "BA"}],
        }
        for row in rows
    ]
    (folder / "labels.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with without_config(folder, RunOptions()) as workspace:
        return calibrate_judge(workspace, str(folder / "better.toml"), str(folder / "labels.jsonl")).calibration


def said(winner: str) -> dict[str, str] | None:
    return {"better": SIDES[winner]} if winner else None


def as_published(rate: Any) -> str:
    """A share in the authors' own form."""
    return f"{rate.hits} / {rate.n} = {rate.hits / rate.n * 100}%"


def test_every_published_run_is_reproduced_to_the_last_digit(tmp_path: Path) -> None:
    runs, seen = published(), judgements()
    assert len(runs) >= 5
    for run in runs:
        rows = seen[run["subset"], run["judge"], run["prompt"]]
        orders = calibrated(tmp_path, rows).orders
        ours = [as_published(orders[name]) for name in ("correct_ab", "correct_ba", "correct_both", "same")]
        assert ours == [run["correct_ab"], run["correct_ba"], run["correct_both"], run["equal"]], run
        read = all(row["winner_ab"] and row["winner_ba"] for row in rows)  # the authors leave unread replies out there
        assert not read or orders["kappa_orders"] == pytest.approx(float(run["kappa_agreement"]), abs=1e-12), run


def test_a_wrong_verdict_would_show(tmp_path: Path) -> None:
    run, seen = published()[0], judgements()
    rows = seen[run["subset"], run["judge"], run["prompt"]]
    turned = [rows[0] | {"winner_ab": "1" if rows[0]["winner_ab"] == "2" else "2"}, *rows[1:]]
    assert as_published(calibrated(tmp_path, turned).orders["correct_ab"]) != run["correct_ab"]
