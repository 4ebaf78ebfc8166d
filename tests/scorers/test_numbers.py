from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.results import Score, Unscored
from evalharness.scorers.numbers import gsm8k_answer
from evalharness.scorers.numerals import first_number, last_number, near, number_of, numbers_in
from tests.scorers.scoring import passes, refusal_of, result_of, value_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10-12", ["10", "12"]),
        ("pages 3\u20135", ["3", "5"]),
        ("x-5", ["5"]),
        (" -5", ["-5"]),
        ("\u22127", ["-7"]),
        ("(\u22123.5)", ["-3.5"]),
        ("+5", ["5"]),
        ("$1,234.50", ["1234.50"]),
        ("$-5 or -$5 or \u20ac 7", ["-5", "-5", "7"]),
        ("1,2", ["1", "2"]),
        ("1,234,56", ["1234", "56"]),
        ("1\u202f234\u00a0567", ["1234567"]),
        ("1'000'000", ["1000000"]),
        ("42 ...", ["42"]),
        ("...", []),
        ("H2O Q3", []),
        ("5.", ["5"]),
        ("-.5", ["-0.5"]),
        ("10%-20%", ["10", "20"]),
        ("f(2)-3", ["2", "3"]),
        ("5km", ["5"]),
        ("2.5e3", ["2500"]),
        ("1e5x", ["1"]),
        ("2024-05-06", ["2024", "5", "6"]),
        ("3/4", ["3", "4"]),
        ("<<16-3=13>>13", ["16", "3", "13", "13"]),
        ("\u0661\u0662", []),
        ("9" * 401, []),
    ],
)
def test_numbers_in_text(text: str, expected: list[str]) -> None:
    assert numbers_in(text) == [Decimal(number) for number in expected]


@given(st.integers(-(10**12), 10**12), st.integers(0, 3))
def test_a_written_number_is_read_back(number: int, places: int) -> None:
    exact = Decimal(number).scaleb(-places)
    for text in (f"it is {exact:f}.", f"it is {exact:,f}", f"${exact:f}", f"= {exact:f}\n"):
        assert last_number(text) == exact
        assert first_number(text) == exact


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    numbers = numbers_in(text)
    assert last_number(text) == (numbers[-1] if numbers else None)


def test_the_end_of_a_long_text_is_enough_but_never_cuts_a_number() -> None:
    assert last_number("1 " + "x " * 5_000 + "7") == 7
    assert last_number("5 " + "x " * 5_000) == 5
    assert last_number("1234567 " + " " * 3_996) == 1234567


@pytest.mark.parametrize(("value", "expected"), [(True, None), (5, "5"), (0.1, "0.1"), ("#### 18", "18"), ({}, None)])
def test_a_reference_as_a_number(value: Any, expected: str | None) -> None:
    assert number_of(value) == (None if expected is None else Decimal(expected))


def test_tolerances_are_exact() -> None:
    a, b = Decimal("0.3"), Decimal("0.1") + Decimal("0.2")
    assert near(a, b, abs_tol=Decimal(0), rel_tol=Decimal(0))
    assert near(Decimal("1.1"), Decimal(1), abs_tol=Decimal("0.1"), rel_tol=Decimal(0))
    assert not near(
        Decimal("1.1000000000000000000000000000000000001"), Decimal(1), abs_tol=Decimal("0.1"), rel_tol=Decimal(0)
    )
    assert near(Decimal(110), Decimal(-100), abs_tol=Decimal(0), rel_tol=Decimal("2.1"))
    assert not near(Decimal(2), Decimal(1), abs_tol=Decimal(0), rel_tol=Decimal(0))


@pytest.mark.parametrize(
    ("output", "params", "expected"),
    [
        ("so 3 and 4", {"value": 4}, True),
        ("so 3 and 4", {"value": 3}, False),
        ("#### 18 apples", {"value": 18, "after": "####"}, True),
        ("#### 1 #### 18, not 20", {"value": 18, "after": "####"}, True),
        ("18", {"value": 18, "after": "####"}, False),
        ("100.4", {"value": 100, "abs_tol": 0.5}, True),
        ("100.6", {"value": 100, "abs_tol": 0.5}, False),
        ("101", {"value": 100, "rel_tol": 0.01}, True),
        ("1,000", {"value": "1000"}, True),
        ("7", {"values": [6, 7]}, True),
        ("none", {"value": 1}, False),
        ("#### 1,234.", {"value": "#### 1234", "rule": "gsm8k_strict"}, True),
        ("1234", {"value": "1234", "rule": "gsm8k_strict"}, False),
        ("it is $1,234.", {"value": "1234", "rule": "gsm8k_flexible"}, True),
    ],
)
def test_number(output: str, params: dict[str, Any], expected: bool) -> None:
    assert passes("number", output, **params) is expected


def test_lm_evals_faults_are_kept_under_its_names_only() -> None:
    assert gsm8k_answer("42 ..", strict=False) == ".."
    assert gsm8k_answer("10-12", strict=False) == "-12"
    assert gsm8k_answer("nothing", strict=False) == "[invalid]"
    assert gsm8k_answer("#### 5\n#### 6", strict=True) == "5"
    assert passes("number", "10-12", value=12) is True
    assert passes("number", "10-12", value=12, rule="gsm8k_flexible") is False


def test_a_target_without_a_number_is_unscored() -> None:
    assert isinstance(result_of("number", "5", target="five"), Unscored)
    assert isinstance(result_of("numeric_diff", "5", target="five"), Unscored)
    assert "a number or a list of numbers" in refusal_of("number", value="five").message
    assert "rule" in refusal_of("number", value=1, rule="last", after="x").message


@pytest.mark.parametrize(
    ("output", "value", "expected", "passed"),
    [
        ("0", 0, 1.0, True),
        ("2", 1, 2 / 3, False),
        ("-1", 2, 0.0, False),
        ("none", 1, 0.0, False),
        ("1.5", [9, 1.5], 1.0, True),
    ],
)
def test_numeric_diff(output: str, value: Any, expected: float, passed: bool) -> None:
    result = result_of("numeric_diff", output, value=value)
    assert isinstance(result, Score)
    assert result.value == pytest.approx(expected)
    assert result.passed is passed


def test_numeric_diff_passes_within_tol() -> None:
    assert passes("numeric_diff", "10.4", value=10, tol=0.5) is True
    assert passes("numeric_diff", "10.6", value=10, tol=0.5) is False
    assert value_of("numeric_diff", "1e300", value=1) < 1e-9
