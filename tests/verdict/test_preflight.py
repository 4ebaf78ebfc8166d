from __future__ import annotations

from evalharness.verdict.preflight import least_cases, preflight, too_small
from evalharness.verdict.sentences import amount
from tests.verdict.arms import Facts, cases, gate, judge, limit, results


def test_too_few_cases_name_the_margin_they_can_show() -> None:
    some = cases(40)
    judged = judge(some, results(some, [True] * 40))
    (warned,) = too_small(judged)
    assert warned.code == "too_small"
    assert warned.message.startswith("exact: 40 cases cannot show a margin of 5.0 points (that takes 59)")
    assert "7.2 points" in warned.message  # 1 - .05 ** (1 / 40)
    assert preflight(judged) == ()


def test_enough_cases_say_nothing() -> None:
    some = cases(59)
    assert too_small(judge(some, results(some, [True] * 59))) == ()


def test_the_general_path_needs_its_own_number() -> None:
    some = cases(59)
    graded = judge(some, results(some, [0.5] * 59), scorers=(Facts(binary=False),))
    (track,) = graded.guards()
    assert least_cases(track) == 65
    assert len(too_small(graded)) == 1


def test_an_improvement_has_no_least_number() -> None:
    some = cases(20)
    judged = judge(some, results(some, [False] * 20), gate(limit(role="improve", margin=None)))
    assert too_small(judged) == ()


def test_amounts_are_read_in_their_unit() -> None:
    assert amount(0.05, "points") == "5.0 points"
    assert amount(0.4, "s") == "0.4 s"
    assert amount(2.0, "") == "2"
