"""What promptfoo, autoevals and ragas say in their own tests that an assertion must do, row by row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evalharness.core.errors import ConfigError
from evalharness.core.results import Failure, Output, Score, Unscored
from evalharness.scorers.registry import score
from tests.conformance.conformance_data import folder

Row = dict[str, Any]

NOT_HERE = {
    "aggregate": "a case's scorers are not folded into one number; the gate tests each",
    "bleu": "in test_peer_overlap.py",
    "rouge": "in test_peer_overlap.py",
    "rouge-n": "in test_peer_overlap.py",
    "gleu": "not a scorer word",
    "guardrails": "not a scorer word",
    "contains-html": "not a scorer word",
    "contains-xml": "not a scorer word",
    "is-xml": "not a scorer word",
    "similar": "in test_peer_tools.py",
    "similar:dot": "not a scorer word: an unnormalised dot product has no range to put a margin on",
    "similar:euclidean": "not a scorer word: a distance has no upper end; cosine says the same of direction",
    "is-valid-openai-tools-call": "in test_peer_tools.py",
    "is-valid-openai-function-call": "in test_peer_tools.py",
    "tool-call-f1": "in test_peer_tools.py",
    "tool-call-f1-with-args": "in test_peer_tools.py",
    "tool-sequence-strict": "in test_peer_tools.py",
}

WE_DIFFER = {
    "pf-111": "cost without a threshold is a measure here, not an assertion",
    "pf-114": "latency without a threshold is a measure here, not an assertion",
}
"""Argued in docs/scorers.md, "Where we differ"."""

WORDS = {
    "is-refusal": "refusal",
    "levenshtein": "max_edits",
    "levenshtein-similarity": "levenshtein",
    "string-presence": "contains",
    "valid-json": "is_json",
}


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return read_rows()


def read_rows() -> list[Row]:
    """Every shared row of a type that we have."""
    files = [folder("peer_assertions") / f"{name}.jsonl" for name in ("promptfoo", "autoevals", "ragas")]
    read = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [row for row in read if row["tier"] == "shared" and row["type"].removeprefix("not-") not in NOT_HERE]


def table_of(row: Row) -> dict[str, Any]:
    """The row's assertion as one of our scorer tables."""
    kind = row["type"].removeprefix("not-")
    table: dict[str, Any] = {"use": WORDS.get(kind, kind)}
    if kind != row["type"]:
        table["not"] = True
    if kind in ("latency", "cost") and "threshold" in row:
        table["threshold"] = row["threshold"] / 1000 if kind == "latency" else row["threshold"]
    if kind == "levenshtein":
        table["max"] = row.get("threshold", 5)
    if "value" in row:
        table |= value_of(kind, row["value"])
    return table


def value_of(kind: str, value: Any) -> dict[str, Any]:
    if kind in ("is-json", "contains-json", "valid-json"):
        return {"schema": value}
    if kind == "regex":
        return {"pattern": value}
    if kind == "word-count" and isinstance(value, dict):
        return value
    return {"value": value}


def output_of(row: Row) -> Output:
    text = row["output"] if isinstance(row["output"], str) else json.dumps(row["output"])
    context = row["context"]
    latency = context["latency_ms"] / 1000 if "latency_ms" in context else None
    return Output(
        text=text, latency_s=latency, cost_usd=context.get("cost"), finish_reason=context.get("finish_reason")
    )


def answer(row: Row) -> Score | Unscored | Failure | ConfigError:
    try:
        return score(table_of(row), output=output_of(row), case={})
    except ConfigError as error:
        return error


def test_every_shared_row_agrees_but_for_those_argued(rows: list[Row]) -> None:
    disagree = {row["id"]: (table_of(row), answer(row)) for row in rows if not agreement(answer(row), row)}
    assert len(rows) > 120
    assert disagree.keys() == WE_DIFFER.keys(), disagree


def agreement(result: Score | Unscored | Failure | ConfigError, row: Row) -> bool:
    expected = row["expected"]
    if "error" in expected:
        return not isinstance(result, Score)
    if not isinstance(result, Score):
        return False
    if "pass" in expected and result.passed is not expected["pass"]:
        return False
    if "score" in expected and row["type"].removeprefix("not-") not in ("latency", "cost"):  # ours are seconds and USD
        return abs(result.value - expected["score"]) <= expected.get("tol", 1e-9)
    return True


def test_a_wrong_answer_would_be_seen() -> None:
    row = {"type": "contains", "value": "x", "output": "y", "context": {}, "expected": {"pass": True}, "id": "control"}
    assert not agreement(answer(row), row)
