from __future__ import annotations

import pytest

from evalharness.core.cases import Case, EvalSet
from evalharness.core.errors import ConfigError
from evalharness.verdict.conclusion import Ending, conclude
from evalharness.verdict.judge import GateJudge
from tests.verdict.arms import LOST, Facts, GroupFacts, cases, feed, gate, judge, limit, result, results

HARD = limit(margin=None, every=True)


def hard_judge(n: int = 100, *, recorded: bool = False, before: object = True, **fields: object) -> GateJudge:
    some = cases(n)
    rule = gate(limit(margin=None, every=True, **fields))
    return judge(some, results(some, [before] * n), rule, recorded=recorded)


def test_a_flip_needs_all_attempts() -> None:
    judged = hard_judge()
    case = judged.order()[0]
    once = result(case, False)
    assert judged.wants_attempt(once)
    assert not judged.wants_attempt(result(case, False, False))
    assert not judged.wants_attempt(result(case, False, True))
    assert not judged.wants_attempt(result(case, True))
    assert not judged.observe(result(case, False, True))  # a flake, not a flip
    second = judged.order()[1]
    assert judged.observe(result(second, False, False))
    verdict = conclude(judged, Ending())
    assert verdict.outcome == "regression"
    assert verdict.hard[0].flips == (second.id,)
    assert verdict.hard[0].attempts == 2
    assert hard_judge(attempts=3).hard[0].verdict().attempts == 3
    assert verdict.pairs.unscored == 0  # no guard, so nothing that could lack a number
    assert "passed in the baseline and now fails" in verdict.reason


def test_recorded_answers_have_one_attempt_and_it_is_said() -> None:
    judged = hard_judge(recorded=True)
    case = judged.order()[0]
    assert not judged.wants_attempt(result(case, False))
    assert judged.observe(result(case, False))
    assert conclude(judged, Ending()).hard[0].confirmed_as_recorded


def test_what_failed_before_is_listed_not_judged() -> None:
    judged = hard_judge(before=False)
    case = judged.order()[0]
    assert not judged.wants_attempt(result(case, False))
    feed(judged, {c.id: result(c, False, False) for c in judged.order()})
    verdict = conclude(judged, Ending())
    assert verdict.outcome == "pass"
    assert len(verdict.hard[0].baseline_failed) == 100


def test_a_hard_check_switches_early_pass_off_but_not_early_fail() -> None:
    some = cases(300)
    rule = gate(limit(), HARD.__class__(scorer="shape", every=True))
    shape = Facts(name="shape", use="is_json", signature="is_json|evalharness 1")

    def arm(exact: object, form: object) -> dict[str, object]:
        from tests.verdict.arms import merged

        return merged(results(some, [exact] * 300), results(some, [form] * 300, "shape"))  # type: ignore[return-value]

    stored = arm(True, True)
    judged = judge(some, stored, rule, scorers=(Facts(), shape))  # type: ignore[arg-type]
    assert feed(judged, arm(True, True)) == 300  # type: ignore[arg-type]
    assert judged.all_passed
    assert conclude(judged, Ending()).outcome == "pass"
    assert "shape held on every case" in conclude(judged, Ending()).reason
    failing = judge(some, stored, rule, scorers=(Facts(), shape))  # type: ignore[arg-type]
    assert feed(failing, arm(False, True)) < 300  # type: ignore[arg-type]


def test_a_lost_answer_leaves_a_hard_check_open() -> None:
    judged = hard_judge()
    feed(judged, {c.id: result(c, LOST) for c in judged.order()})
    verdict = conclude(judged, Ending())
    assert verdict.outcome == "incomplete"
    assert verdict.hard[0].unknown == tuple(case.id for case in judged.order())


def test_a_check_that_does_not_apply_is_skipped() -> None:
    judged = hard_judge()
    feed(judged, {c.id: result(c, None) for c in judged.order()})
    verdict = conclude(judged, Ending())
    assert verdict.outcome == "pass"
    assert verdict.hard[0].baseline_failed == ()


def test_absolute_checks_need_no_baseline_and_reach_new_cases() -> None:
    some = cases(10)
    rule = gate(limit(margin=None, every="absolute"))
    judged = judge(some, results(some[:5], [True] * 5), rule)
    assert len(judged.order()) == 10
    values = {c.id: result(c, True) for c in judged.order()}
    feed(judged, values)
    assert conclude(judged, Ending()).outcome == "pass"
    failing = judge(some, results(some[:5], [True] * 5), rule)
    new = failing.order()[-1]
    feed(failing, {**values, new.id: result(new, False, False)})
    verdict = conclude(failing, Ending())
    assert verdict.outcome == "regression"
    assert "fails on" in verdict.reason
    assert new.id in verdict.reason


def test_unpaired_cases_are_not_asked_without_an_absolute_check() -> None:
    some = cases(10)
    judged = judge(some, results(some[:5], [True] * 5), gate(HARD))
    assert len(judged.order()) == 5


@pytest.mark.parametrize("epochs", [(True, True), (True, False)])
def test_only_cases_that_always_passed_are_guarded(epochs: tuple[bool, bool]) -> None:
    case = Case(id="a", input="q")
    stored = {"a": result(case, epochs=epochs)}
    judged = judge([case], stored, gate(HARD))
    judged.observe(result(case, False, False))
    verdict = conclude(judged, Ending())
    assert bool(verdict.hard[0].flips) == all(epochs)
    assert EvalSet(name="s", cases=(case,)).living == (case,)


def test_a_behaviour_group_cannot_be_asked_again_so_its_hard_check_has_one_attempt() -> None:
    some = cases(10)
    stored = results(some, [True] * 10, "invariance")
    once = gate(limit("invariance", margin=None, every=True, attempts=1))
    with pytest.raises(ConfigError, match="'invariance' scores whole behaviour groups") as error:
        judge(some, stored, gate(limit("invariance", margin=None, every=True)), scorers=(GroupFacts(),))
    assert "attempts = 1" in error.value.tip
    judge(some, stored, once, scorers=(GroupFacts(),))
    judge(some, stored, gate(limit("invariance", margin=None, every=True)), scorers=(GroupFacts(),), recorded=True)


def test_a_gate_without_a_hard_check_asks_nothing_again() -> None:
    some = cases(20)
    judged = judge(some, results(some, [True] * 20))
    assert not judged.wants_attempt(result(some[0], False))
