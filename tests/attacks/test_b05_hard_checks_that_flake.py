"""B5: one mean flake rate hides two cases that fail half of the time: the formula says 1 %, the truth is 44 %.

Defence: only cases that passed all stored runs are guarded, and the worst case over every flake rate is printed, on top
of alpha_block. A single attempt at answers that may vary is refused.
"""

from __future__ import annotations

import pytest

from evalharness.core.errors import ConfigError
from evalharness.stats.hard import hard_check_block_rate
from evalharness.verdict.preflight import preflight
from tests.verdict.arms import cases, gate, judge, limit, result, results

RULE = gate(limit(margin=None, every=True))


def test_the_stated_rate_covers_the_worst_flake_rates() -> None:
    """100 cases with mean flake rate 1 %, two of them at one half."""
    flaky = (0.5, 0.5)
    for attempts, stored in ((2, 1), (3, 3), (5, 5)):
        truth = 1 - (1 - flaky[0] ** attempts * (1 - flaky[0]) ** stored) ** len(flaky)
        stated = len(flaky) * hard_check_block_rate(attempts, stored)
        assert truth <= stated
    naive = 1 - (1 - 0.01**2) ** 100
    truth = 1 - (1 - 0.5**2) ** 2
    assert naive < 0.011
    assert truth == pytest.approx(0.4375)


def test_a_case_that_flaked_in_the_baseline_is_not_guarded() -> None:
    some = cases(3)
    stored = {case.id: result(case, epochs=(True, True) if i else (True, False)) for i, case in enumerate(some)}
    judged = judge(some, stored, RULE, epochs=2)
    assert not judged.wants_attempt(result(some[0], False))
    for case in judged.order():
        judged.observe(result(case, False, False) if case.id == some[0].id else result(case, True))
    assert judged.hard[0].baseline_failed == [some[0].id]
    assert not judged.hard[0].flips


def test_the_rate_is_printed_on_top_of_alpha_block() -> None:
    some = cases(100)
    (note,) = preflight(judge(some, results(some, [True] * 100), RULE))
    assert "at most 100.00% on top of 2.5%" in note  # honest: one stored answer, two attempts, a hundred cases
    many = {case.id: result(case, epochs=(True,) * 10) for case in some}
    assert f"at most {100 * hard_check_block_rate(2, 10):.2%}" in preflight(judge(some, many, RULE, epochs=10))[0]


def test_one_attempt_is_refused() -> None:
    some = cases(100)
    with pytest.raises(ConfigError, match="attempts = 1 on 100 cases"):
        judge(some, results(some, [True] * 100), gate(limit(margin=None, every=True, attempts=1)))
