"""Every scorer word says what its number is: range, direction, signature with a version, reason and evidence for each answer."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.cases import Case
from evalharness.core.protocols import EpochScorer
from evalharness.core.results import Output, Score, ScoreResult
from evalharness.scorers.registry import _MODULES, WORDS, build_scorer, spec_of
from tests.scorers.test_words_through_gate import ROWS, Row


def output_of(answer: dict[str, Any]) -> Output:
    return Output(**{("text" if name == "output" else name): value for name, value in answer.items()})


def result_of(word: str, row: Row, answer: dict[str, Any], root: Path) -> ScoreResult:
    scorer: Any = build_scorer(spec_of({"use": word, **row.params}), root=root)
    case, output = Case(id="c", input="question", **row.case), output_of(answer)
    return (
        scorer.score_epochs([output, output], case) if isinstance(scorer, EpochScorer) else scorer.score(output, case)
    )


@pytest.mark.parametrize("word", sorted(ROWS))
def test_a_score_brings_its_reason_and_its_evidence(word: str, tmp_path: Path) -> None:
    (tmp_path / "rater_of_words_through_gate.py").write_text(
        "def rate(output, case):\n    return output.text == 'good'\n", encoding="utf-8"
    )
    row = ROWS[word]
    for answer in (row.good, row.bad):
        result = result_of(word, row, answer, tmp_path)
        assert isinstance(result, Score), (word, result)
        assert result.reason, word
        assert result.evidence or result.parts, word
        assert re.search(r"\|[\w-]+ [\d.]+(, [\w-]+ [\d.]+)*$", result.signature), result.signature


@pytest.mark.parametrize("word", sorted(ROWS))
def test_a_scorer_declares_its_range_and_which_way_is_better(word: str, tmp_path: Path) -> None:
    (tmp_path / "rater_of_words_through_gate.py").write_text(
        "def rate(output, case):\n    return True\n", encoding="utf-8"
    )
    scorer = build_scorer(spec_of({"use": word, **ROWS[word].params}), root=tmp_path)
    assert scorer.low == 0.0 < scorer.high
    assert scorer.direction == ("lower" if word in ("ter", "brier", "ece", "latency", "cost") else "higher")


@pytest.mark.parametrize("word", WORDS)
def test_the_file_of_a_word_says_what_it_computes(word: str) -> None:
    text = import_module(f"evalharness.scorers.{_MODULES[word]}").__doc__ or ""
    assert f"``{word}``" in text
    assert "| word |" in text


def test_all_words_that_hold_are_named_not_just_one() -> None:
    result = result_of("contains_all", Row(good={}, bad={}, case={"target": ["a", "z"]}), {"output": "z a"}, Path())
    assert isinstance(result, Score)
    assert result.reason == "'z a' does contain 'a' and 'z'"
    assert dict(result.evidence) == {"references": 2, "held": 2, "first": "a"}
    none = result_of("contains_all", Row(good={}, bad={}, case={"target": ["a", "z"]}), {"output": "x"}, Path())
    assert isinstance(none, Score)
    assert dict(none.evidence) == {"references": 2, "held": 0, "first": None}
