"""What promptfoo's own tests say of an assertion, asked of the check that the importer makes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evalharness.core.errors import ConfigError
from evalharness.core.results import Output, Score
from evalharness.moving.promptfoo_asserts import translate
from evalharness.scorers.registry import score
from tests.conformance.conformance_data import folder

OTHER_NUMBERS = {"bleu", "not-bleu", "rouge-n", "tool-call-f1", "not-tool-call-f1"}
"""Measured another way here, and the account says so."""


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    path = folder("peer_assertions") / "promptfoo.jsonl"
    read = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row for row in read if row["tier"] == "shared" and row["type"] not in {*OTHER_NUMBERS, "aggregate"}]


def judged(row: dict[str, Any]) -> bool | None:
    """Whether the check holds; None where there is none, or it cannot be built."""
    assertion = {key: row[key] for key in ("type", "value", "threshold") if key in row}
    result = translate(assertion, row["context"].get("vars", {}))
    if result.check is None:
        return None
    text = row["output"] if isinstance(row["output"], str) else json.dumps(row["output"])
    output = Output(text=text, finish_reason=row["context"].get("finish_reason"))
    try:
        found = score(result.check, output=output, case={})
    except ConfigError:
        return None
    return found.passed if isinstance(found, Score) else None


def test_checks_that_are_made_agree_with_promptfoo(rows: list[dict[str, Any]]) -> None:
    answered = {row["id"]: (row, judged(row)) for row in rows}
    made = {name: (row, held) for name, (row, held) in answered.items() if held is not None}
    wrong = {
        name: (row, held)
        for name, (row, held) in made.items()
        if "error" in row["expected"] or ("pass" in row["expected"] and row["expected"]["pass"] is not held)
    }
    assert len(made) > 90
    assert wrong == {}


def test_what_makes_no_check_says_why(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assertion = {key: row[key] for key in ("type", "value", "threshold") if key in row}
        result = translate(assertion, {})
        assert result.check is not None or result.dropped or result.wish, row["id"]
