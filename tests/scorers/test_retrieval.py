"""Ranking measures against pytrec_eval (the trec_eval program as a library), and the rules around them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.results import Failure, Output, Score
from evalharness.scorers.registry import build_scorer, score, spec_of
from evalharness.scorers.retrieval import ranked_ids

ORACLE = {"recall": "recall", "precision": "P", "hit": "success", "map": "map_cut", "ndcg": "ndcg_cut"}
WHOLE = {"recall": "set_recall", "precision": "set_P", "mrr": "recip_rank", "map": "map", "ndcg": "ndcg"}

ids = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=3)
names = st.lists(ids, min_size=1, max_size=12, unique=True)


def ours(word: str, documents: list[Any], relevant: dict[str, float], **params: Any) -> float:
    result = score({"use": word, **params}, output=Output(documents=tuple(documents)), case={"relevant": relevant})
    assert isinstance(result, Score)
    return result.value


def theirs(measure: str, run: dict[str, float], relevant: dict[str, int], level: int = 1) -> float:
    evaluator = pytrec_eval.RelevanceEvaluator({"q": relevant}, {measure}, relevance_level=level)
    values = evaluator.evaluate({"q": run})["q"]
    assert len(values) == 1
    return float(next(iter(values.values())))


@st.composite
def rankings(draw: st.DrawFn) -> tuple[dict[str, float], dict[str, int]]:
    """Scores with ties, also ties that appear only as 32-bit floats, and grades for some documents and others."""
    pool = draw(names)
    grades = {name: draw(st.integers(0, 4)) for name in pool if draw(st.booleans())}
    grades = grades or {"unseen": draw(st.integers(0, 2))}
    ties = st.sampled_from([0.0, -0.0, 0.1, 0.1 + 1e-12, 1.0, 16777216.0, 16777217.0, -3.0, 1e-50])
    scores = {name: draw(ties) for name in pool if draw(st.integers(0, 3))} or {pool[0]: 1.0}
    return scores, grades


@given(rankings(), st.sampled_from([1, 2, 3, 5, 10, 50]), st.integers(1, 3), st.sampled_from(sorted(ORACLE)))
@settings(max_examples=400, deadline=None)
def test_cut_measures_equal_trec_eval(ranking: Any, k: int, level: int, word: str) -> None:
    run, relevant = ranking
    documents = [{"id": name, "score": value} for name, value in run.items()]
    expected = theirs(f"{ORACLE[word]}.{k}", run, relevant, level)
    assert ours(word, documents, relevant, k=k, relevant_from=level) == pytest.approx(expected, abs=1e-12)


@given(rankings(), st.integers(1, 3), st.sampled_from(sorted(WHOLE)))
@settings(max_examples=200, deadline=None)
def test_whole_ranking_equals_trec_eval(ranking: Any, level: int, word: str) -> None:
    run, relevant = ranking
    documents = [{"id": name, "score": value} for name, value in run.items()]
    expected = theirs(WHOLE[word], run, relevant, level)
    assert ours(word, documents, relevant, relevant_from=level) == pytest.approx(expected, abs=1e-12)


@given(names, st.data(), st.sampled_from(sorted(ORACLE)))
@settings(max_examples=150, deadline=None)
def test_a_list_without_scores_has_no_ties(pool: list[str], data: st.DataObject, word: str) -> None:
    relevant = {name: data.draw(st.integers(0, 3)) for name in pool}
    order = data.draw(st.permutations(pool))
    run = {name: float(len(order) - place) for place, name in enumerate(order)}
    assert ours(word, order, relevant, k=4) == pytest.approx(theirs(f"{ORACLE[word]}.4", run, relevant), abs=1e-12)


def test_mrr_looks_no_deeper_than_k() -> None:
    assert ours("mrr", ["a", "b", "c"], {"c": 1}, k=3) == pytest.approx(1 / 3)
    assert ours("mrr", ["a", "b", "c"], {"c": 1}, k=2) == 0.0


def test_ties_go_by_id_descending_in_bytes() -> None:
    # as UTF-8 "z" < "é" < "€" < "😀"; by UTF-16 units "😀" would come before "\uff5a"
    documents = [{"id": name, "score": 1.0} for name in ("z", "\U0001f600", "é", "\uff5a")]
    assert ranked_ids(Output(documents=tuple(documents)).documents) == ["\U0001f600", "\uff5a", "é", "z"]


def test_scores_decide_whatever_the_listed_order() -> None:
    documents = [{"id": "a", "score": 0.1}, {"id": "b", "score": 0.9}]
    assert ours("ndcg", documents, {"b": 1}, k=1) == 1.0
    assert ours("ndcg", ["a", "b"], {"b": 1}, k=1) == 0.0


def test_gain_is_the_grade_and_the_ideal_counts_what_was_missed() -> None:
    # DCG = 1/log2(2) + 3/log2(3); ideal = 3/log2(2) + 2/log2(3)
    assert ours("ndcg", ["one", "three"], {"one": 1, "two": 2, "three": 3}, k=2) == pytest.approx(
        (1 + 3 * 0.6309297535714574) / (3 + 2 * 0.6309297535714574)
    )


@pytest.mark.parametrize("word", ["recall", "precision", "hit", "mrr", "map", "ndcg"])
@pytest.mark.parametrize(
    ("documents", "relevant"),
    [([], {"a": 1}), (["a"], {}), (["a"], {"a": 0}), ([], {}), (["b"], {"a": 1})],
    ids=["nothing retrieved", "no judgements", "none relevant", "neither", "all wrong"],
)
def test_nothing_found_is_zero_not_absent(word: str, documents: list[str], relevant: dict[str, float]) -> None:
    assert ours(word, documents, relevant, k=5) == 0.0
    assert ours(word, documents, relevant) == 0.0


def test_precision_divides_by_k_however_few_came_back() -> None:
    assert ours("precision", ["a"], {"a": 1}, k=10) == 0.1
    assert ours("precision", ["a"], {"a": 1}) == 1.0


def test_a_document_counts_once() -> None:
    result = score(
        {"use": "recall", "k": 3}, output=Output(documents=("a", "a", "a", "b")), case={"relevant": {"a": 1, "b": 1}}
    )  # type: ignore[arg-type]
    assert isinstance(result, Score)
    assert result.value == 1.0
    assert result.evidence["duplicates"] == 2
    plain = score({"use": "recall"}, output=Output(documents=("a", "b")), case={"relevant": {"a": 1}})  # type: ignore[arg-type]
    assert isinstance(plain, Score)
    assert "duplicates" not in plain.evidence


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ((1.0, None), "1 of 2 documents"),
        ((1.0, float("nan")), "NaN"),
        ((1.0, "x"), "no number"),
        ((1, 10**400), "no number"),
    ],
)
def test_a_ranking_without_an_order_is_the_candidates_failure(scores: tuple[Any, Any], words: str) -> None:
    documents = [{"id": "a", "score": scores[0]}, {"id": "b"} if scores[1] is None else {"id": "b", "score": scores[1]}]
    result = score({"use": "ndcg"}, output=Output(documents=tuple(documents)), case={"relevant": {"a": 1}})  # type: ignore[arg-type]
    assert isinstance(result, Failure)
    assert (result.blame, result.kind) == ("candidate", "bad_ranking")
    assert words in result.message


def test_scores_beyond_32_bits_are_infinite_and_still_ordered() -> None:
    documents = [{"id": "a", "score": 1e300}, {"id": "b", "score": 1.0}, {"id": "c", "score": -1e300}]
    assert ranked_ids(Output(documents=tuple(documents)).documents) == ["a", "b", "c"]


def test_documents_are_enough_and_text_alone_is_an_empty_ranking() -> None:
    assert ours("hit", ["a"], {"a": 1}, k=1) == 1.0
    result = score({"use": "hit", "k": 1}, output="a", case={"relevant": {"a": 1}})
    assert isinstance(result, Score)
    assert result.value == 0.0


@pytest.mark.parametrize("params", [{"k": 0}, {"k": 1.5}, {"relevant_from": 0}, {"relevant_from": -1}, {"depth": 3}])
def test_wrong_parameters_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        build_scorer(spec_of({"use": "ndcg", **params}), root=Path())


def test_facts_and_reason() -> None:
    scorer = build_scorer(spec_of({"use": "hit", "k": 2}), root=Path())
    assert scorer.binary
    assert scorer.needs == {"relevant"}
    assert scorer.signature == "hit|k:2|relevant_from:1.0|evalharness 1"
    result = scorer.score(Output(documents=("a", "b", "c")), Case(id="c", input="", relevant={"b": 1, "x": 2}))  # type: ignore[attr-defined]
    assert result.reason == "1 of 2 relevant documents in the first 2 (3 retrieved)"
    assert dict(result.evidence) == {"ranks": (2,), "found": 1, "relevant": 2}


@given(st.lists(rankings(), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_means_equal_ir_measures(several: list[Any]) -> None:
    """A query that the run left out counts 0 there as here; pytrec_eval alone would skip it."""
    library = pytest.importorskip("ir_measures", reason="ir-measures is not installed")
    wanted = {
        ("ndcg", 5): library.nDCG @ 5,
        ("map", None): library.AP,
        ("mrr", None): library.RR,
        ("precision", 5): library.P @ 5,
        ("recall", 5): library.R @ 5,
    }
    left_out = len(several)  # one query more, which was never answered
    qrels = {str(n): relevant for n, (_, relevant) in enumerate(several)} | {str(left_out): {"d": 1}}
    run = {str(n): scores for n, (scores, _) in enumerate(several)}
    expected = library.calc_aggregate(list(wanted.values()), qrels, run)
    for (word, k), measure in wanted.items():
        params = {} if k is None else {"k": k}
        values = [
            ours(word, [{"id": d, "score": v} for d, v in run.get(q, {}).items()], dict(qrels[q]), **params)
            for q in qrels
        ]
        assert sum(values) / len(values) == pytest.approx(expected[measure], abs=1e-9), (word, k)
