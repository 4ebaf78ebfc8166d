"""Our ranking measures on real rankings of nine retrievers over Cranfield, against pytrec_eval."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytrec_eval

from evalharness.core.cases import Case
from evalharness.core.results import Output
from evalharness.scorers.registry import build_scorer, spec_of
from tests.conformance.conformance_data import folder

MEASURES = {
    ("ndcg", 10): "ndcg_cut_10",
    ("recall", 10): "recall_10",
    ("recall", 20): "recall_20",
    ("precision", 5): "P_5",
    ("map", 20): "map_cut_20",
    ("hit", 1): "success_1",
    ("mrr", None): "recip_rank",
}


@pytest.fixture(scope="module")
def data() -> Path:
    return folder("cranfield")


def compared(data: Path) -> Iterator[tuple[str, float, float]]:
    """(system, query and measure; our value; pytrec_eval's)."""
    lines = map(json.loads, (data / "queries_dev.jsonl").read_text(encoding="utf-8").splitlines())
    cases = {q["id"]: Case(id=q["id"], input=q["query"], relevant=q["relevant"]) for q in lines}
    qrels = {name: dict(case.relevant) for name, case in cases.items()}
    runs: dict[str, dict[str, list[str]]] = {}
    with gzip.open(data / "runs.jsonl.gz", "rt", encoding="utf-8") as stream:
        for row in map(json.loads, stream):
            if row["query"] in cases:
                runs.setdefault(row["system"], {})[row["query"]] = row["ranking"]
    evaluator = pytrec_eval.RelevanceEvaluator(
        qrels, {"ndcg_cut.10", "recall.10,20", "P.5", "map_cut.20", "success.1", "recip_rank"}
    )
    scorers = {
        key: build_scorer(spec_of({"use": key[0]} if key[1] is None else {"use": key[0], "k": key[1]}), root=Path())
        for key in MEASURES
    }
    for system, rankings in runs.items():
        scored = {q: {d: float(len(r) - i) for i, d in enumerate(r)} for q, r in rankings.items()}
        expected = evaluator.evaluate(scored)
        assert set(expected) == set(rankings)
        for query, ranking in rankings.items():
            for key, measure in MEASURES.items():
                result = scorers[key].score(Output(documents=tuple(ranking)), cases[query])  # type: ignore[attr-defined]
                yield f"{system} {query} {measure}", result.value, expected[query][measure]


def test_nine_systems_query_by_query(data: Path) -> None:
    found = list(compared(data))
    for what, ours, theirs in found:
        assert ours == pytest.approx(theirs, abs=1e-12), what
    assert len({what.split()[0] for what, _, _ in found}) == 9
    assert len(found) > 9 * 50 * len(MEASURES)
