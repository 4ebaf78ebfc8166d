"""Real solutions of four systems, and whether the data's authors counted them as correct."""

from __future__ import annotations

import gzip
import json

import pytest

from evalharness.core.cases import Case
from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Output, Score
from evalharness.scorers.registry import build_scorer, spec_of
from tests.conformance.conformance_data import folder


@pytest.mark.parametrize("table", [{"use": "number", "after": "A:"}, {"use": "number"}], ids=["after", "last"])
def test_number_agrees_with_every_official_label(
    table: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    scorer = build_scorer(spec_of(table), root=tmp_path_factory.mktemp("project"))
    assert isinstance(scorer, CaseScorer)
    wrong, count = [], 0
    with gzip.open(folder("gsm8k") / "gsm8k_even.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            case = Case(id=row["id"], input=row["input"], target=row["expected"])
            for system, text in row["outputs"].items():
                result = scorer.score(Output(text=text), case)
                assert isinstance(result, Score)
                count += 1
                if result.passed is not row["official_correct"][system]:
                    wrong.append((row["id"], system, result.reason))
    assert count == 2640
    assert not wrong
