"""Labels read from outputs, and corpus numbers against scikit-learn."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import balanced_accuracy_score, f1_score, matthews_corrcoef

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.protocols import CorpusScorer
from evalharness.core.results import Output, Score, ScoreResult, Unscored
from evalharness.scorers.registry import build_scorer, score, spec_of

LABELS = ["Positive", "negative", "not sure", "sure"]


def read(output: str, **params: Any) -> str | None:
    result = score({"use": "label", "labels": LABELS, **params}, output=output, case={"target": "negative"})
    assert isinstance(result, Score)
    assert result.passed is (result.evidence["predicted"] == "negative")
    assert result.value == float(result.passed)
    label = result.evidence["predicted"]
    assert label is None or isinstance(label, str)
    return label


@pytest.mark.parametrize(
    ("output", "label"),
    [
        ("positive", "Positive"),
        ("  NEGATIVE\n", "negative"),
        ("The label is: positive.", "Positive"),
        ("**Negative**", "negative"),
        ("negative, not positive", "negative"),
        ("I am not sure", "not sure"),
        ("sure", "sure"),
        ("unsure", None),
        ("positively", None),
        ("non-negative", None),
        ("negative-ish", None),
        ("label:negative - done", "negative"),
        ("positive_1 or negative", "negative"),
        ("", None),
        ("neutral", None),
    ],
)
def test_the_label_of_an_output(output: str, label: str | None) -> None:
    assert read(output) == label


def test_exact_takes_the_whole_output_only() -> None:
    assert read(" Negative ", exact=True) == "negative"
    assert read("negative.", exact=True) is None


def test_case_can_count() -> None:
    assert read("positive", case=True) is None
    assert read("Positive", case=True) == "Positive"
    assert build_scorer(spec_of({"use": "label", "labels": ["A", "a"], "case": True}), root=Path())


def test_labels_are_text_not_patterns() -> None:
    params = {"use": "label", "labels": ["c++", ".", "-1", "1"]}
    assert score(params, output="I say C++ here", case={"target": "c++"}).value == 1.0  # type: ignore[union-attr]
    assert score(params, output="it is -1 now", case={"target": -1}).value == 1.0  # type: ignore[union-attr]
    assert score(params, output="ccc", case={"target": "c++"}).value == 0.0  # type: ignore[union-attr]


def test_without_labels_only_equality_counts() -> None:
    for output, value in ((" YES ", 1.0), ("yes.", 0.0), ("oui", 1.0)):
        result = score({"use": "label"}, output=output, case={"target": ["yes", "oui"]})
        assert isinstance(result, Score)
        assert result.value == value


def test_any_of_several_targets_is_right() -> None:
    result = score({"use": "label", "labels": LABELS}, output="sure", case={"target": ["negative", "sure"]})
    assert isinstance(result, Score)
    assert result.passed
    assert result.evidence["target"] == "sure"


def test_a_target_outside_the_labels_is_unscored() -> None:
    result = score({"use": "label", "labels": LABELS}, output="sure", case={"target": "neutral"})
    assert isinstance(result, Unscored)
    assert "'neutral'" in result.reason
    assert isinstance(score({"use": "label"}, output="sure", case={}), Unscored)


def test_reason_and_facts() -> None:
    result = score({"use": "label", "labels": LABELS}, output="dunno", case={"target": "SURE"})
    assert isinstance(result, Score)
    assert result.reason == "expected 'sure', got no label"
    scorer = build_scorer(spec_of({"use": "label", "labels": LABELS}), root=Path())
    assert scorer.binary
    assert not isinstance(scorer, CorpusScorer)


CLASSES = ["a", "b", "c"]
INVALID = "?"
WORDS = ("macro_f1", "balanced_accuracy", "mcc")
pairs = st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from([*CLASSES, INVALID])), min_size=1, max_size=30)


def corpus(word: str) -> Any:
    return build_scorer(spec_of({"use": word, "labels": CLASSES}), root=Path())


def result_of(scorer: Any, target: str, output: str) -> ScoreResult:
    result: ScoreResult = scorer.score(Output(text=output), Case(id="c", input="", target=target))
    return result


def aggregated(word: str, rows: list[tuple[str, str]]) -> float:
    scorer = corpus(word)
    stats = [result_of(scorer, target, output).evidence["stats"] for target, output in rows]  # type: ignore[union-attr]
    value = scorer.aggregate([sum(column) for column in zip(*stats, strict=True)])
    assert scorer.low <= value <= scorer.high
    return float(value)


@given(pairs)
@settings(max_examples=300, deadline=None)
def test_corpus_numbers_equal_scikit_learn(rows: list[tuple[str, str]]) -> None:
    targets, outputs = [target for target, _ in rows], [output for _, output in rows]
    with warnings.catch_warnings():  # scikit-learn warns of labels without targets or outputs; 0/0 = 0 is the point
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true", UserWarning)
        warnings.filterwarnings("ignore", "A single label was found", UserWarning)
        expected = {
            "macro_f1": f1_score(targets, outputs, labels=CLASSES, average="macro", zero_division=0),
            "balanced_accuracy": balanced_accuracy_score(targets, outputs),
            "mcc": max(0.0, matthews_corrcoef(targets, outputs)),
        }
    for word in WORDS:
        assert aggregated(word, rows) == pytest.approx(expected[word], abs=1e-12), word


def test_conventions() -> None:
    constant = [("a", "a"), ("b", "a"), ("c", "a")]
    assert aggregated("mcc", constant) == 0.0
    assert aggregated("macro_f1", [("a", "a")]) == pytest.approx(1 / 3)  # b and c are labels without any case: 0
    assert aggregated("balanced_accuracy", [("a", "a")]) == 1.0  # a label that nobody asked for has no recall
    assert aggregated("mcc", [("a", "b"), ("b", "a")]) == 0.0  # scikit-learn says -1
    for word in WORDS:
        assert aggregated(word, [("a", "a"), ("b", "b"), ("c", "c")]) == pytest.approx(1.0)
        assert corpus(word).aggregate([0] * 10) == 0.0


def test_an_output_without_a_label_counts_as_wrong() -> None:
    whole = [("a", "a"), ("b", "b"), ("c", "c"), ("a", "a")]
    for word in WORDS:
        assert aggregated(word, [*whole, ("a", INVALID)]) < aggregated(word, whole)


@pytest.mark.parametrize("word", WORDS)
def test_a_case_has_its_own_value_and_statistics(word: str) -> None:
    right = result_of(corpus(word), "b", "B")
    assert isinstance(right, Score)
    assert right.value == 1.0
    assert right.evidence["stats"] == (0, 0, 0, 1, 1, 1, 0, 0, 0, 0)
    silent = corpus(word).score(Output(documents=("d",)), Case(id="c", input="", target="b"))
    assert silent.value == 0.0
    assert silent.evidence["stats"] == (0, 0, 0, 0, 1, 0, 0, 0, 0, 1)


@pytest.mark.parametrize("word", WORDS)
def test_corpus_scorers(word: str) -> None:
    scorer = build_scorer(spec_of({"use": word, "labels": CLASSES, "level": "corpus"}), root=Path())
    assert isinstance(scorer, CorpusScorer)
    with pytest.raises(ConfigError, match="corpus"):
        build_scorer(spec_of({"use": word, "labels": CLASSES, "level": "case"}), root=Path())
    with pytest.raises(ConfigError, match="labels"):
        build_scorer(spec_of({"use": word}), root=Path())


@pytest.mark.parametrize("labels", [["a", "A"], ["a", " a "], ["", "a"], [], [1, 2]])
def test_labels_that_cannot_be_told_apart_are_refused(labels: list[Any]) -> None:
    with pytest.raises(ConfigError):
        build_scorer(spec_of({"use": "label", "labels": labels}), root=Path())
