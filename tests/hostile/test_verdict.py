"""Hostile answers change no verdict: a run of 2,000 cases in which a tenth of the answers are hostile, and the same run in which these
are plain wrong ones, end alike to the last number."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.corpus import inputs

N = 2_000
SCORERS = ("equals", "contains", "levenshtein", "rougeL", "is_json", "word_count:max=50", "regex:pattern=^(a+)+b$")
EXACT = ("equals",)
"""Scorers under which every wrong answer is as wrong as any other, so that the numbers must be the same too."""


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def answers(wrong: list[str], *, worse: bool) -> list[dict[str, Any]]:
    """Every tenth answer is taken from ``wrong``; where the system got worse every twentieth besides is plainly wrong."""
    return [
        {
            "id": f"c{i:04d}",
            "output": wrong[i % len(wrong)] if i % 10 == 3 else "no" if worse and i % 20 == 7 else f"answer {i}",
        }
        for i in range(N)
    ]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hostile")
    lines(root / "set.jsonl", [{"id": f"c{i:04d}", "input": f"q {i}", "target": f"answer {i}"} for i in range(N)])
    hostile = [text for texts in inputs().values() for text in texts if text.isprintable() or len(text) < 5_000]
    hostile = [text for text in hostile if not any("\ud800" <= char <= "\udfff" for char in text)]
    for name, wrong in (("hostile", hostile), ("plain", ["a plain wrong answer"])):
        lines(root / f"{name}-worse.jsonl", answers(wrong, worse=True))
        lines(root / f"{name}-same.jsonl", answers(wrong, worse=False))
    lines(root / "old.jsonl", answers(["something else that is wrong"], worse=False))
    return root


def compared(place: Path, new: str, scorers: tuple[str, ...]) -> tuple[int, dict[str, Any]]:
    words = [word for scorer in scorers for word in ("--scorer", scorer)]
    program = Path(sys.executable).parent / "evalh"
    done = subprocess.run(
        [program, "compare", "old.jsonl", f"{new}.jsonl", "--set", "set.jsonl", *words, "--json", "-o", f"{new}.html", "-o", f"{new}.xml"],
        cwd=place, capture_output=True, text=True, encoding="utf-8", env=os.environ | {"LC_ALL": "C.UTF-8"}, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize(("way", "code"), [("worse", 1), ("same", 0)])
def test_a_tenth_of_hostile_answers_changes_no_verdict(place: Path, way: str, code: int) -> None:
    found = {name: compared(place, f"{name}-{way}", EXACT) for name in ("hostile", "plain")}
    assert [one[0] for one in found.values()] == [code, code]
    hostile, plain = (_comparable(one[1]) for one in found.values())
    assert hostile == plain
    assert hostile["pairs"] == {"planned": N, "used": hostile["pairs"]["used"], "edited": 0, "added": 0, "removed": 0, "unscored": 0, "failed": 0}  # fmt: skip


def _comparable(verdict: dict[str, Any]) -> dict[str, Any]:
    """The verdict without what names the files and their digests."""
    (gate,) = verdict["gates"]
    dropped = ("candidate", "baseline", "run", "order_seed", "seconds")
    return {key: value for key, value in gate.items() if key not in dropped}


def test_no_scorer_loses_a_case_to_a_hostile_answer(place: Path) -> None:
    """Every scorer has something to say of every hostile answer, or counts it against the candidate: none vanishes."""
    _, verdict = compared(place, "hostile-same", SCORERS)
    (gate,) = verdict["gates"]
    assert (gate["pairs"]["planned"], gate["pairs"]["unscored"], gate["pairs"]["failed"]) == (N, 0, 0)
    assert verdict["outcome"] != "incomplete"
