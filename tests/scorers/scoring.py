"""One line to score with: what most tests of scorers do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Output, Score, ScoreResult
from evalharness.scorers.registry import build_scorer, spec_of


def scorer_of(use: str, /, root: Path = Path(), **params: Any) -> CaseScorer:
    scorer = build_scorer(spec_of({"use": use, **params}), root=root)
    assert isinstance(scorer, CaseScorer)
    return scorer


def result_of(use: str, output: str | Output | None, /, target: Any = None, **params: Any) -> ScoreResult:
    whole = output if isinstance(output, Output) else Output(text=output)
    return scorer_of(use, **params).score(whole, Case(id="c1", input="?", target=target))


def value_of(use: str, output: str | Output | None, /, target: Any = None, **params: Any) -> float:
    result = result_of(use, output, target=target, **params)
    assert isinstance(result, Score), result
    return result.value


def passes(use: str, output: str | Output | None, /, target: Any = None, **params: Any) -> bool | None:
    result = result_of(use, output, target=target, **params)
    assert isinstance(result, Score), result
    return result.passed


def refusal_of(use: str, /, root: Path = Path(), **params: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        scorer_of(use, root=root, **params)
    return caught.value
