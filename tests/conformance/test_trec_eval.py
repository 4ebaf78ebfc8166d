"""Our ranking measures on the run that ships with trec_eval, against that program's own printed output."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalharness.core.cases import Case
from evalharness.core.results import Output, Score
from evalharness.scorers.registry import build_scorer, spec_of
from tests.conformance.conformance_data import folder

WORDS = {"P": "precision", "recall": "recall", "map_cut": "map", "ndcg_cut": "ndcg", "success": "hit"}
WHOLE = {"map": "map", "ndcg": "ndcg", "recip_rank": "mrr", "set_recall": "recall", "set_P": "precision"}

Rankings = dict[str, Output]
Judgements = dict[str, Case]


@pytest.fixture(scope="module")
def data() -> Path:
    return folder("trec_eval")


@pytest.fixture(scope="module")
def rankings(data: Path) -> Rankings:
    return read_rankings(data)


def read_rankings(data: Path) -> Rankings:
    documents = defaultdict(list)
    for line in (data / "results.test").read_text().splitlines():
        query, _, name, _, value, _ = line.split()
        documents[query].append({"id": name, "score": float(value)})
    return {query: Output(documents=tuple(found)) for query, found in documents.items()}


@pytest.fixture(scope="module")
def judgements(data: Path) -> Judgements:
    return read_judgements(data)


def read_judgements(data: Path) -> Judgements:
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    for line in (data / "qrels.test").read_text().splitlines():
        query, _, name, grade = line.split()
        grades[query][name] = int(grade)
    return {query: Case(id=query, input="", relevant=relevant) for query, relevant in grades.items()}


def value_of(word: str, k: int | None, query: str, rankings: Rankings, judgements: Judgements) -> float:
    scorer = build_scorer(spec_of({"use": word} if k is None else {"use": word, "k": k}), root=Path())
    queries = sorted(rankings) if query == "all" else [query]
    results = [scorer.score(rankings[name], judgements[name]) for name in queries]  # type: ignore[attr-defined]
    assert all(isinstance(result, Score) for result in results)
    return sum(result.value for result in results) / len(results)


def compared(file: Path, rankings: Rankings, judgements: Judgements) -> Iterator[tuple[str, float, float]]:
    """(measure and query, our value, the printed one) of each line that we have a word for."""
    for line in file.read_text().splitlines():
        measure, query, printed = line.split(maxsplit=2)
        family, _, cut = measure.rpartition("_")
        if measure in WHOLE:
            word, k = WHOLE[measure], None
        elif family in WORDS and cut.isdigit():
            word, k = WORDS[family], int(cut)
        else:
            continue
        yield f"{measure} {query}", value_of(word, k, query, rankings, judgements), float(printed)


@pytest.mark.parametrize(("file", "least"), [("out.test", 10), ("out.test.aq", 140)])
def test_every_line_that_we_have_a_word_for(
    data: Path, file: str, least: int, rankings: Rankings, judgements: Judgements
) -> None:
    lines = list(compared(data / file, rankings, judgements))
    for what, value, printed in lines:
        assert abs(value - printed) <= 0.00005 + 1e-9, (what, value, printed)
    assert len(lines) >= least


def test_the_comparison_can_fail(rankings: Rankings, judgements: Judgements) -> None:
    """Taken in file order, without scores, the run gives other numbers: the order is what was tested."""
    unscored = {q: Output(documents=tuple(d.id for d in output.documents)) for q, output in rankings.items()}
    ours = value_of("map", None, "all", unscored, judgements)
    assert abs(ours - 0.1785) > 0.01
