"""Brier against scikit-learn, calibration error against its definition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.protocols import CorpusScorer
from evalharness.core.results import Failure, Output, Score, Unscored
from evalharness.scorers.registry import build_scorer, score, spec_of

probability = st.floats(0, 1)


def brier(output: Any, target: Any, **params: Any) -> float:
    text = output if isinstance(output, str) else json.dumps(output)
    result = score({"use": "brier", **params}, output=text, case={"target": target})
    assert isinstance(result, Score), result
    return result.value


@given(probability, st.booleans())
@settings(max_examples=100, deadline=None)
def test_one_probability_equals_scikit_learn(p: float, truth: bool) -> None:
    expected = brier_score_loss([int(truth)], [p], pos_label=1, labels=[0, 1])
    assert brier(p, truth) == pytest.approx(expected, abs=1e-12)
    assert brier({"spam": p}, "Spam" if truth else "ham") == pytest.approx(expected, abs=1e-12)
    assert brier(p, "spam" if truth else "ham", positive="spam") == pytest.approx(expected, abs=1e-12)
    assert brier({"spam": p, "ham": 1 - p}, "spam" if truth else "ham") == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.integers(1, 50), min_size=3, max_size=5), st.data())
@settings(max_examples=100, deadline=None)
def test_a_distribution_equals_scikit_learn(weights: list[int], data: st.DataObject) -> None:
    labels = [f"l{place}" for place in range(len(weights))]
    stated = np.array(weights) / sum(weights)
    target = data.draw(st.sampled_from(labels))
    expected = brier_score_loss([target], stated[None, :], labels=labels, scale_by_half=True)
    assert brier(dict(zip(labels, stated.tolist(), strict=True)), target) == pytest.approx(expected, abs=1e-9)


def test_a_label_that_was_left_out_was_given_zero() -> None:
    assert brier({"a": 1.0, "b": 0.0}, "c") == 1.0
    assert brier({"a": 0.5, "b": 0.5, "c": 0.0}, "c") == brier({"a": 0.5, "b": 0.5}, "c") == 0.75


def test_rounded_thirds_are_divided_out() -> None:
    assert brier({"a": 0.33, "b": 0.33, "c": 0.33}, "a") == pytest.approx(1 / 3)


@pytest.mark.parametrize(("target", "truth"), [(True, 1), (False, 0), (1, 1), (0, 0), (1.0, 1), ("true", 1), ("0", 0)])
def test_targets_of_a_bare_probability(target: Any, truth: int) -> None:
    assert brier("0.25", target) == (0.25 - truth) ** 2


@pytest.mark.parametrize(
    "output",
    [
        *("", "likely", "80%", "1.5", "-0.1", "NaN", "true", "null", '"0.5"', "[0.5]", "0.5 0.5", "{}"),
        *('{"a": 2}', '{"a": "0.5"}', '{"a": 0.5, "a": 0.5}', '{"a": true, "b": 0}'),
        *('{"a": 0.9, "b": 0.9}', '{"a": 0.1, "b": 0.1}', '{"a": 0.5, "A": 0.5}', "1" * 5000, "[" * 100_000),
    ],
)
@pytest.mark.parametrize("use", ["brier", "ece"])
def test_anything_else_is_the_candidates_failure(use: str, output: str) -> None:
    result = score({"use": use}, output=output, case={"target": "a"})
    assert isinstance(result, Failure)
    assert result.blame == "candidate"


def test_absence() -> None:
    assert isinstance(score({"use": "brier"}, output="0.5", case={"target": "spam"}), Unscored)
    assert isinstance(score({"use": "brier"}, output="0.5", case={}), Unscored)
    assert isinstance(score({"use": "brier"}, output="0.5", case={"target": ["true", "false"]}), Unscored)
    silent = score({"use": "brier"}, output=Output(documents=("d",)), case={"target": True})  # type: ignore[arg-type]
    assert isinstance(silent, Failure)
    assert silent.blame == "candidate"


def test_facts_and_reason() -> None:
    scorer = build_scorer(spec_of({"use": "brier"}), root=Path())
    assert (scorer.low, scorer.high, scorer.direction) == (0.0, 1.0, "lower")
    assert not isinstance(scorer, CorpusScorer)
    result = score({"use": "brier"}, output="0.25", case={"target": False})
    assert isinstance(result, Score)
    assert result.reason == "probability 0.750 of what is true"
    result = score({"use": "brier"}, output='{"a": 0.3, "b": 0.7}', case={"target": "b"})
    assert isinstance(result, Score)
    assert result.reason == "probability 0.700 of what is true"


def ece(rows: list[tuple[Any, Any]], **params: Any) -> float:
    scorer: Any = build_scorer(spec_of({"use": "ece", **params}), root=Path())
    assert isinstance(scorer, CorpusScorer)
    results = [scorer.score(Output(text=json.dumps(o)), Case(id="c", input="", target=t)) for o, t in rows]
    return float(scorer.aggregate([sum(c) for c in zip(*(r.evidence["stats"] for r in results), strict=True)]))


@given(st.lists(st.tuples(st.integers(0, 1000).map(lambda n: n / 1000), st.booleans()), min_size=1, max_size=40))
@settings(max_examples=200, deadline=None)
def test_calibration_error_equals_its_definition(rows: list[tuple[float, bool]]) -> None:
    stated, truth = np.array([p for p, _ in rows]), np.array([t for _, t in rows], dtype=float)
    place = np.minimum((stated * 10).astype(int), 9)
    expected = sum(
        (place == b).mean() * abs(truth[place == b].mean() - stated[place == b].mean())
        for b in range(10)
        if (place == b).any()
    )
    assert ece(list(rows)) == pytest.approx(expected, abs=1e-12)


def test_calibration_of_distributions_takes_the_greatest() -> None:
    rows = [({"a": 0.8, "b": 0.2}, "a"), ({"a": 0.2, "b": 0.8}, "a")]
    assert ece(rows) == pytest.approx(abs(0.5 - 0.8))
    assert ece([({"a": 0.5, "b": 0.5}, "a")]) == ece([({"a": 0.5, "b": 0.5}, "b")]) == 0.5


def test_bins() -> None:
    rows = [(0.1, False), (0.9, True)]
    assert ece(rows) == pytest.approx(0.1)
    assert ece(rows, bins=1) == pytest.approx(0.0)
    scorer: Any = build_scorer(spec_of({"use": "ece"}), root=Path())
    assert scorer.aggregate([0.0] * 30) == 0.0
    assert scorer.score(Output(text="1"), Case(id="c", input="", target=True)).evidence["stats"][27:] == (1.0, 1.0, 1.0)
    with pytest.raises(ConfigError):
        build_scorer(spec_of({"use": "ece", "bins": 0}), root=Path())
