"""BLEU and ROUGE rows of the peers' own tests that any implementation must agree with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evalharness.core.errors import ConfigError
from evalharness.core.results import Score
from evalharness.scorers.registry import score
from tests.conformance.conformance_data import folder

BLEU_THRESHOLD = 0.5
"""What promptfoo takes when a row names no threshold."""


def table(row: dict[str, Any]) -> dict[str, Any]:
    if row["type"] == "rouge":
        options = row["context"]
        return {
            "use": options["rouge_type"],
            "part": options["measure"],
            "stemmer": options["use_stemmer"],
            "value": row["value"],
        }
    use = {"bleu": "bleu", "not-bleu": "bleu", "rouge-n": "rouge1"}[row["type"]]
    return {
        "use": use,
        "value": row["value"],
        "threshold": row.get("threshold", BLEU_THRESHOLD),
        "not": row["type"].startswith("not-"),
    }


def rows(data: Path) -> list[dict[str, Any]]:
    lines = [
        line for name in ("promptfoo", "ragas") for line in (data / f"{name}.jsonl").read_text("utf-8").splitlines()
    ]
    kept = [row for row in map(json.loads, lines) if row["type"] in ("rouge", "rouge-n", "bleu", "not-bleu")]
    return [row for row in kept if row["tier"] == "shared"]


def agrees(row: dict[str, Any]) -> bool:
    expected = row["expected"]
    try:
        result = score(table(row), output=row["output"], case={})
    except ConfigError:
        return "error" in expected
    if not isinstance(result, Score) or "error" in expected:
        return False
    return (
        ("pass" not in expected or result.passed is expected["pass"])
        and ("score" not in expected or abs(result.value - expected["score"]) <= expected.get("tol", 1e-9))
        and expected.get("score_gt", -1) < result.value < expected.get("score_lt", 2)
    )


def test_shared_rows_all_agree() -> None:
    found = rows(folder("peer_assertions"))
    assert len(found) >= 20
    assert [row["id"] for row in found if not agrees(row)] == []


def test_a_wrong_overlap_would_be_seen() -> None:
    row = {"type": "bleu", "value": "a b c d", "output": "a b c d", "context": {}, "id": "control"}
    assert agrees(row | {"expected": {"pass": True, "score": 1.0}})
    assert not agrees(row | {"expected": {"pass": False}})
    assert not agrees(row | {"expected": {"pass": True, "score": 0.9}})
