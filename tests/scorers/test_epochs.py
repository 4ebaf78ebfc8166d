"""pass@k and pass^k against counting all subsets, and what happens to answers that never came."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.protocols import CaseScorer, EpochScorer
from evalharness.core.results import Failure, Output, Score, ScoreResult, Unscored
from evalharness.scorers.registry import build_scorer, runs_code, score, spec_of

CASE = Case(id="c", input="?", target="yes")


def over(use: str, answers: list[Output | Failure], /, case: Case = CASE, **params: Any) -> ScoreResult:
    scorer = build_scorer(spec_of({"use": use, **params}), root=Path())
    assert isinstance(scorer, EpochScorer)
    assert not isinstance(scorer, CaseScorer)
    return scorer.score_epochs(answers, case)


def answers(*right: bool) -> list[Output | Failure]:
    return [Output(text="yes" if one else "no") for one in right]


@given(st.lists(st.booleans(), min_size=1, max_size=7), st.data())
def test_both_are_shares_of_all_subsets(right: list[bool], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(right)))
    drawn = list(combinations(right, k))
    for use, holds in (("pass_at_k", any), ("pass_hat_k", all)):
        result = over(use, answers(*right), k=k)
        assert isinstance(result, Score)
        assert result.value == pytest.approx(sum(map(holds, drawn)) / len(drawn), abs=1e-15)
        assert result.evidence == {"n": len(right), "right": sum(right)}


def test_fewer_answers_than_k_are_refused() -> None:
    """The reference formula says 1.0 for n = 1, c = 0, k = 5."""
    with pytest.raises(ConfigError, match="needs at least 5 answers") as caught:
        over("pass_at_k", answers(False), k=5)
    assert "epochs = 5" in caught.value.tip


def test_the_inner_scorer_decides_what_is_right() -> None:
    texts: list[Output | Failure] = [Output(text="it is 5"), Output(text="6")]
    case = Case(id="c", input="?", target=5)
    for of in ("number", {"use": "number"}):
        result = over("pass_at_k", texts, case=case, k=1, of=of)
        assert isinstance(result, Score)
        assert result.value == 0.5
    close = over("pass_hat_k", answers(True, True), k=2, of={"use": "levenshtein", "threshold": 0.9})
    assert isinstance(close, Score)
    assert close.value == 1.0


def test_a_measure_without_threshold_is_an_error() -> None:
    result = over("pass_at_k", answers(True), k=1, of="levenshtein")
    assert isinstance(result, Failure)
    assert "give 'of' a threshold" in result.message


def test_lost_answers() -> None:
    own = Failure(stage="candidate", kind="empty", message="m", blame="candidate")
    lost = Failure(stage="candidate", kind="timeout", message="m")
    result = over("pass_at_k", [own, *answers(True)], k=1)
    assert isinstance(result, Score)
    assert result.value == 0.5
    assert over("pass_at_k", [lost, *answers(True)], k=1) == lost
    assert isinstance(over("pass_at_k", answers(True), case=Case(id="c", input="?"), k=1), Unscored)


def test_threshold_and_signature() -> None:
    result = over("pass_hat_k", answers(True, False), k=1, threshold=0.5)
    assert isinstance(result, Score)
    assert result.passed is True
    signatures = {
        build_scorer(spec_of({"use": use, **params}), root=Path()).signature
        for use in ("pass_at_k", "pass_hat_k")
        for params in ({"k": 1}, {"k": 2}, {"k": 1, "of": "number"}, {"k": 1, "of": {"use": "number", "rel_tol": 0.1}})
    }
    assert len(signatures) == 8


@pytest.mark.parametrize("of", ["brierr", {"use": "pass_at_k", "k": 1}, 5, {"word": "equals"}])
def test_a_wrong_part_is_refused(of: Any) -> None:
    with pytest.raises(ConfigError):
        over("pass_at_k", answers(True), k=1, of=of)


def test_a_single_output_cannot_be_scored() -> None:
    with pytest.raises(ConfigError, match="does not score a single output"):
        score({"use": "pass_at_k", "k": 1}, output="yes", case=CASE)


def test_code_inside_counts_as_code() -> None:
    assert runs_code("pass_at_k", {"of": "python"})
    assert runs_code("pass-at-k", {"of": {"use": "pass_at_k", "of": {"use": "python"}}})
    assert not runs_code("pass_at_k", {"of": {"use": "number"}})
    assert not runs_code("pass_at_k", {"k": 1})
