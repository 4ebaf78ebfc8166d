"""The draft 2020-12 test suite through ``json_schema``, both in this process and in the worker process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.errors import ConfigError
from evalharness.core.results import Score
from evalharness.scorers.registry import score
from tests.conformance.conformance_data import folder

REFUSED = ("nothing is fetched", "is not a 'regex'", "dialect")
"""Config errors here, not guesses (docs/scorers.md, "Where we differ"): references out of the schema, patterns that
Python's ``re`` cannot read, and metaschemas of one's own."""


@pytest.fixture(scope="module")
def groups() -> list[dict[str, Any]]:
    path: Path = folder("json_schema") / "draft2020-12.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_validity_test_agrees(groups: list[dict[str, Any]]) -> None:
    wrong = []
    count = 0
    refused = []
    for group in groups:
        table = {"use": "json_schema", "schema": group["schema"], "formats": group["file"] != "format"}
        for test in group["tests"]:
            count += 1
            try:
                result = score(table, output=json.dumps(test["data"]), case={})
            except ConfigError as error:
                refused.append(str(error))
                continue
            if not isinstance(result, Score) or result.passed is not test["valid"]:
                wrong.append((group["file"], group["description"], test["description"], result))
    assert count > 1000
    assert not wrong, "\n".join(str((*w[:3], getattr(w[3], "message", w[3])))[:200] for w in wrong)
    assert all(any(why in message for why in REFUSED) for message in refused), refused
    assert 0 < len(refused) < 70
