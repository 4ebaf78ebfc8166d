"""The interval of a verdict is that of the statistics at the gate's own levels, whatever path the data take."""

from __future__ import annotations

import random

import pytest

from evalharness.stats.intervals import interval_eval_set
from evalharness.stats.intervals import limit as end_of
from evalharness.verdict.conclusion import Ending, conclude
from evalharness.verdict.judge import GateJudge
from tests.verdict.arms import LOST, Facts, cases, feed, gate, judge, limit, merged, results

GRADED = Facts(name="rouge", use="rougeL", signature="rougeL", binary=False)
N = 80


def judged(
    limits: dict[str, object], *, lost: int = 0, read: int = N, weights: bool = False, **rule: object
) -> GateJudge:
    some = cases(N)
    if weights:
        some = tuple(type(case)(id=case.id, input="q", weight=1.0 + (i % 3)) for i, case in enumerate(some))
    rng = random.Random(3)
    values = [min(1.0, max(0.0, 0.7 + rng.gauss(0.01, 0.2))) for _ in some]
    made = judge(
        some, results(some, [0.7] * N, "rouge"), gate(limit("rouge", **limits), stop="never", **rule), scorers=(GRADED,)
    )
    arm = results(some, [LOST if i < lost else value for i, value in enumerate(values)], "rouge")
    for case in made.order()[:read]:
        made.observe(arm[case.id])
    return made


def columns(made: GateJudge) -> tuple[list[float], list[float], list[float]]:
    """Worst and best differences of the units, and their sizes."""
    rows = made.tracks[0].differences
    return [row[1] for row in rows], [row[2] for row in rows], [row[3] for row in rows]


def found(made: GateJudge) -> tuple[float, float]:
    shown = conclude(made, Ending()).scorers[0].interval
    assert shown is not None
    return shown


@pytest.mark.parametrize("lost", [0, 3])
@pytest.mark.parametrize("weights", [False, True])
def test_after_all_cases_both_ends_use_the_last_look(lost: int, weights: bool) -> None:
    made = judged({"margin": 0.1}, lost=lost, weights=weights)
    worst, best, sizes = columns(made)
    shares = [size / 3.0 for size in sizes] if weights else None
    ends = (
        end_of("pass", worst, 0.1, alpha=0.05, split=0.25, weights=shares),
        end_of("fail", best, 0.1, alpha=0.025, split=0.25, weights=shares),
    )
    assert found(made) == pytest.approx(ends, abs=1e-9)
    # Without the last look each end would lie further out: a control that the comparison can fail.
    running = end_of("fail", best, 0.1, alpha=0.025, split=0.25, final=False, weights=shares)
    assert running > ends[1] + 1e-3


def test_the_numbers_of_a_verdict_are_those_of_the_decision() -> None:
    made = judged({"margin": 0.1}, lost=3)
    (track,), (shown,) = made.tracks, conclude(made, Ending()).scorers
    decision = track.engine.finish()  # type: ignore[union-attr]
    assert None not in (decision.p_pass, decision.p_fail, decision.p_drop)
    for name in ("method", "log_e_pass", "log_e_fail", "log_e_drop", "p_pass", "p_fail", "p_drop"):
        assert getattr(shown, name) == getattr(decision, name)
    assert (shown.details["planned"], shown.details["missing"]) == (N, 3)
    assert (shown.alpha_pass, shown.alpha_block) == (0.05, 0.025)


def test_before_the_end_there_is_no_last_look() -> None:
    made = judged({"margin": 0.1}, read=N - 1)
    worst, best, _ = columns(made)
    ends = (
        end_of("pass", worst, 0.1, alpha=0.05, split=0.25, final=False),
        end_of("fail", best, 0.1, alpha=0.025, split=0.25, final=False),
    )
    assert found(made) == pytest.approx(ends, abs=1e-9)


def test_a_report_has_the_interval_of_what_was_read() -> None:
    some = cases(N)
    rng = random.Random(4)
    values = [min(1.0, max(0.0, 0.7 + rng.gauss(0.0, 0.2))) for _ in some]
    rule = gate(limit("other"), limit("rouge", role="report", margin=None), stop="never")
    facts = (Facts(name="other"), GRADED)
    made = judge(
        some, merged(results(some, [True] * N, "other"), results(some, [0.7] * N, "rouge")), rule, scorers=facts
    )
    feed(made, merged(results(some, [True] * N, "other"), results(some, values, "rouge")))
    report = next(one for one in conclude(made, Ending()).scorers if one.role == "report")
    track = next(track for track in made.tracks if track.rule is None)
    differences = [row[0] for row in track.differences]
    assert report.interval == pytest.approx(
        (
            end_of("pass", differences, 0.05, alpha=0.05, split=0.25),
            end_of("fail", differences, 0.05, alpha=0.025, split=0.25),
        ),
        abs=1e-9,
    )
    assert report.interval_level == pytest.approx(0.925)


def test_declared_looks_share_alpha_in_the_interval_too() -> None:
    made = judged({"margin": 0.1}, extendable=(40,), split=0.1)
    worst, best, _ = columns(made)
    expected = []
    for side, values, alpha in (("pass", worst, 0.05), ("fail", best, 0.025)):
        ends = [
            end_of(side, values, 0.1, alpha=alpha, split=0.1, final=False),  # type: ignore[arg-type]
            end_of(side, values[:40], 0.1, alpha=0.9 * 0.8 * alpha, split=0.0),  # type: ignore[arg-type]
            end_of(side, values, 0.1, alpha=0.9 * 0.2 * alpha, split=0.0),  # type: ignore[arg-type]
        ]
        expected.append(max(ends) if side == "pass" else min(ends))
        assert expected[-1] != ends[0]  # a look decides, not the bets
    assert found(made) == pytest.approx(expected, abs=1e-9)


def test_one_eval_set_has_its_own_interval() -> None:
    made = judged({"margin": 0.1}, estimand="eval_set", read=50)
    worst, best, _ = columns(made)
    assert found(made) == pytest.approx(
        (
            interval_eval_set(worst, 0.1, N, alpha=0.05)[0],
            interval_eval_set(best, 0.1, N, alpha=0.025)[1],
        ),
        abs=1e-9,
    )
