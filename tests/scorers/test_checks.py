from __future__ import annotations

from typing import Any

import pytest

from evalharness.core.cases import Case
from evalharness.core.results import Failure, Output, Score, ScoreResult, Unscored
from tests.scorers.scoring import scorer_of


def judge(checks: list[dict[str, Any]], output: str | None = "14 days, unopened", target: Any = None) -> ScoreResult:
    return scorer_of("checks").score(Output(text=output), Case(id="c1", input="", target=target, checks=tuple(checks)))


def test_all_checks_hold() -> None:
    result = judge([{"use": "contains", "value": "14"}, {"use": "absent", "pattern": "sorry", "name": "no-sorry"}])
    assert isinstance(result, Score)
    assert (result.value, result.passed) == (1.0, True)
    assert list(result.parts) == ["1:contains", "no-sorry"]
    assert result.reason == "all 2 checks hold"


def test_one_failed_check_fails_the_case_and_is_named() -> None:
    result = judge([{"use": "contains", "value": "30"}, {"use": "contains", "value": "14"}])
    assert isinstance(result, Score)
    assert (result.value, result.passed) == (0.0, False)
    assert result.parts["1:contains"].passed is False
    assert result.parts["2:contains"].passed is True
    assert result.reason.startswith("1 of 2 checks failed: 1:contains: expected to contain '30'")


def test_not_and_threshold_work_inside() -> None:
    result = judge(
        [
            {"use": "icontains", "value": "SORRY", "not": True},
            {"use": "levenshtein", "value": "14 days", "threshold": 0.3},
        ]
    )
    assert isinstance(result, Score)
    assert result.passed is True


def test_a_check_may_use_the_target() -> None:
    result = judge([{"use": "contains"}], target="unopened")
    assert isinstance(result, Score)
    assert result.passed is True


def test_without_text_the_checks_fail() -> None:
    result = judge([{"use": "contains", "value": "14"}], output=None)
    assert isinstance(result, Score)
    assert result.passed is False


def test_without_checks_it_does_not_apply() -> None:
    assert isinstance(judge([]), Unscored)
    assert scorer_of("checks").needs == {"checks"}


@pytest.mark.parametrize(
    ("checks", "words"),
    [
        ([{"use": "contians", "value": "x"}], "no scorer word 'contians'"),
        ([{"value": "x"}], "needs 'use'"),
        ([{"use": "checks"}], "no scorer word 'checks'"),
        ([{"use": "python", "call": "os:getcwd"}], "no scorer word 'python'"),
        ([{"use": "json_schema", "schema": "/etc/passwd"}], "a case names no files"),
        ([{"use": "contains"}], "check contains does not apply"),
        ([{"use": "levenshtein", "value": "x"}], "give it a threshold"),
        (
            [{"use": "equals", "value": "a", "name": "x"}, {"use": "equals", "value": "b", "name": "x"}],
            "another check's",
        ),
        ([{"use": "equals", "value": "a", "name": 5}], "its name is no text"),
    ],
)
def test_a_check_that_cannot_judge_is_a_failure_not_a_verdict(checks: list[dict[str, Any]], words: str) -> None:
    result = judge(checks)
    assert isinstance(result, Failure)
    assert result.kind == "bad_check"
    assert words in result.message


def test_a_failed_check_outweighs_a_broken_one_and_a_broken_one_a_held_one() -> None:
    broken = {"use": "levenshtein", "value": "x"}
    assert isinstance(judge([broken, {"use": "contains", "value": "14"}]), Failure)
    result = judge([broken, {"use": "contains", "value": "30"}])
    assert isinstance(result, Score)
    assert result.passed is False
