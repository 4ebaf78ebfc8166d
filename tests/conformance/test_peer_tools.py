"""Tool-call and similarity rows of the peers' own tests, row by row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.results import Failure, Output, Score, ScoreResult
from evalharness.scorers.registry import score
from evalharness.scorers.vectors import cosine
from tests.conformance.conformance_data import folder

Row = dict[str, Any]

TOOL_WORDS = {
    "is-valid-openai-tools-call": "tool_calls",
    "is-valid-openai-function-call": "tool_calls",
    "tool-call-f1": "tool_call_f1",
    "tool-call-f1-with-args": "tool_call_f1",
    "tool-sequence-strict": "tool_sequence",
}

WE_DIFFER = {
    "pf-198": "a schema in the config is data: nothing in it is rendered with a case's variables",
    "pf-225": "calls are multisets here: one expected call that was made twice is one too many",
}
"""Argued in docs/scorers.md, "Where we differ"."""


def rows(*kinds: str) -> list[Row]:
    files = [folder("peer_assertions") / f"{name}.jsonl" for name in ("promptfoo", "autoevals", "ragas")]
    read = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [row for row in read if row["tier"] == "shared" and row["type"].removeprefix("not-") in kinds]


def table_of(row: Row) -> dict[str, Any]:
    kind = row["type"].removeprefix("not-")
    table: dict[str, Any] = {"use": TOOL_WORDS[kind], "not": kind != row["type"]}
    if kind.startswith("is-valid"):
        context = row["context"]
        return table | {"tools": context.get("tools", context.get("functions", []))}  # none offered: none is valid
    table["value"] = row["value"]
    if kind == "tool-call-f1":
        table["threshold"] = row.get("threshold", 1.0)
    return table


def answer(row: Row) -> ScoreResult | ConfigError:
    output = row["output"] if isinstance(row["output"], str) else json.dumps(row["output"])
    try:
        return score(table_of(row), output=Output(text=output), case=Case(id="c", input=""))
    except ConfigError as error:
        return error


def agrees(row: Row, result: ScoreResult | ConfigError) -> bool:
    expected = row["expected"]
    if "error" in expected:
        return isinstance(result, (ConfigError, Failure))
    if not isinstance(result, Score) or ("pass" in expected and result.passed is not expected["pass"]):
        return False
    return "score" not in expected or abs(result.value - expected["score"]) <= expected.get("tol", 1e-9)


def test_every_shared_tool_row_agrees_but_for_those_argued() -> None:
    found = rows(*TOOL_WORDS)
    disagree = {row["id"]: (table_of(row), answer(row)) for row in found if not agrees(row, answer(row))}
    assert len(found) >= 38
    assert disagree.keys() == WE_DIFFER.keys(), disagree


def test_a_wrong_tool_answer_would_be_seen() -> None:
    row = {"type": "tool-call-f1", "value": ["a"], "output": "[]", "expected": {"pass": True}, "context": {}}
    assert not agrees(row, answer(row))


def similarity(row: Row) -> float:
    """The best cosine of a row's own vectors, as ``similar`` takes it."""
    vectors, value = row["context"]["embeddings"], row["value"]
    references = value if isinstance(value, list) else [value]
    return max(0.0, *(cosine(vectors[row["output"]], vectors[reference]) for reference in references))


def similarity_rows() -> tuple[list[Row], list[tuple[str, float]]]:
    """The rows with vectors, and (row, value) where ours is another verdict or value."""
    found = [row for row in rows("similar") if "embeddings" in row["context"]]
    wrong = []
    for row in found:
        value, expected, threshold = similarity(row), row["expected"], row.get("threshold", 0.75)
        negated = row["type"].startswith("not-")
        passed = value < threshold if negated else value >= threshold
        overflow = row["id"] in OVERFLOW
        if passed is not expected["pass"] and not overflow:
            wrong.append((row["id"], value))
        if (
            "score" in expected
            and not overflow
            and (1 - value if negated else value) != pytest.approx(expected["score"])
        ):
            wrong.append((row["id"], value))
    return found, wrong


def test_every_shared_similarity_row_agrees() -> None:
    found, wrong = similarity_rows()
    assert len(found) >= 9
    assert wrong == []


OVERFLOW = {"pf-269"}
"""Vectors whose squares overflow are compared exactly here: opposite ones have the cosine -1, so "not similar" holds where
promptfoo's expectation fails closed because its own arithmetic gave up. Argued in docs/scorers.md."""


def test_a_number_as_reference_is_refused() -> None:
    [row] = [row for row in rows("similar") if "embeddings" not in row["context"]]
    assert "error" in row["expected"]
    with pytest.raises(ConfigError):
        score({"use": "similar", "model": "m", "value": row["value"]}, output=row["output"], case={})
