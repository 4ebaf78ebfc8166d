"""``decide``: arguments in, one decision out; the rule itself is tested with the engine."""

import math

import numpy as np
import pytest

from evalharness.stats.decision import decide
from evalharness.stats.exact import exact_plan
from evalharness.stats.rule import Rule
from evalharness.stats.sequential import Sequential

GRADED = np.clip(np.random.default_rng(2).normal(-0.01, 0.15, 160), -1, 1)


def engine(ds, planned, **rule):
    state = Sequential(Rule(margin=0.05, planned=planned, **rule))
    for d in ds:
        state.update(d)
    return state.finish()


def test_it_is_the_engine_fed_in_order():
    assert decide(GRADED, 0.05, 160) == engine(GRADED, 160)
    assert decide(GRADED.tolist(), 0.05, 400, method="general") == engine(GRADED, 400)
    options = {"alpha_pass": 0.1, "alpha_block": 0.01, "split": 0.5, "effect": 0.1, "proven_drop": "stop"}
    assert decide(iter(GRADED), 0.05, 160, **options) == engine(GRADED, 160, **options)


def test_each_alpha_is_the_one_that_was_asked_for():
    low, high = GRADED - 0.02, GRADED + 0.02
    for ds, name, strict, loose in (
        (low, "alpha_block", "inconclusive", "fail"),
        (high, "alpha_pass", "inconclusive", "pass"),
    ):
        assert decide(ds.clip(-1, 1), 0.05, 160, **{name: 1e-6}).verdict == strict
        assert decide(ds.clip(-1, 1), 0.05, 160, **{name: 0.2}).verdict == loose


def test_zero_one_scores_take_the_exact_path_unless_told_otherwise():
    ties = [0] * 59
    assert decide(ties, 0.05, 59).method == "exact"
    assert decide(ties, 0.05, 59).verdict == "pass"
    assert decide(ties[:58], 0.05, 58).verdict == "inconclusive"
    assert decide(ties, 0.05, 59, method="general").verdict == "inconclusive"
    assert decide(np.zeros(59), 0.05, 59, method="exact").method == "exact"
    general = (
        {"split": 0.5},
        {"effect": 0.05},
        {"clusters": range(59)},
        {"estimand": "eval_set"},
        {"low": -2.0},
        {"method": "general"},
    )
    assert all(decide(ties, 0.05, 59, **keywords).method == "general" for keywords in general)
    assert decide([*ties, 0.5], 0.05, 60).method == "general"
    assert decide(ties, 0.05, 1001).method == "general"
    assert decide(ties, 0.0, 59).method == "general"


def test_rounding_of_scores_does_not_choose_the_path():
    assert decide([1 - 1e-12, 1e-12, -1 + 1e-12] * 5, 0.05, 50).method == "exact"


@pytest.mark.parametrize(
    ("ds", "planned", "proven_drop", "verdict", "reason"),
    [
        ([0] * 150, 150, "fail", "pass", "not worse by 0.05 or more; shown after 1"),
        ([0] * 59, 59, "fail", "pass", "not worse by 0.05 or more; at the last look"),
        ([-1] * 30, 60, "fail", "fail", "worse than the margin of 0.05; shown after 10 of 60"),
        ([0, 0, 0, 0, 0, 0, 0, -1] * 25, 200, "stop", "fail", "a drop is proven; shown after"),
        (
            [0] * 58 + [-1] * 6,
            64,
            "fail",
            "fail",
            "a drop is proven, whether it is within the margin is not; at the last",
        ),
        ([0] * 58 + [-1] * 6, 64, "inconclusive", "inconclusive", "a drop is proven, whether"),
        ([0] * 20, 60, "fail", "inconclusive", "the data cannot tell; stopped after 20 of 60"),
    ],
)
def test_the_exact_path_says_why(ds, planned, proven_drop, verdict, reason):
    decision = decide(ds, 0.05, planned, proven_drop=proven_drop)
    assert (decision.method, decision.verdict) == ("exact", verdict)
    assert decision.reason.startswith(reason)
    assert decision.drop_proven == ("drop" in reason or verdict == "fail")
    assert decision.p_pass is None


def test_a_fail_at_the_last_look_has_proven_a_drop_as_well():
    """Spread evenly, so that FAIL does not cross on the way: its last bar decides."""
    losses = exact_plan(100, 0.05).fail_min_losses[0]
    spread = [0 - (i * losses // 100 != (i + 1) * losses // 100) for i in range(100)]
    decision = decide(spread, 0.05, 100)
    assert decision.reason == "worse than the margin of 0.05; at the last look"
    assert decision.drop_proven
    assert (decision.planned, decision.n_used) == (100, 100)
    assert decision.log_e_fail < math.log(40)


def test_missing_cases_of_the_exact_path_are_fed_at_their_bounds():
    from evalharness.stats.exact import exact_plan

    ds = [None if i % 7 == 0 else 0 for i in range(80)]
    worst, best = [-1 if d is None else 0 for d in ds], [1 if d is None else None for d in ds]
    decision = decide(ds, 0.05, 80, worst=worst, best=best)
    state = exact_plan(80, 0.05).start()
    for w, b in zip(worst, best, strict=True):
        state.update(w, b or 0)
    assert decision.method == "exact"
    assert (decision.verdict, decision.log_e_pass) == (state.finish().verdict, state.best.pass_)
    with pytest.raises(ValueError, match="missing"):
        decide([0, None], 0.05, 80)


def test_the_exact_path_refuses_what_it_cannot_serve():
    for keywords in ({"split": 0.5}, {"clusters": [1, 2]}, {"low": -2.0}):
        with pytest.raises(ValueError, match="exact method cannot serve this"):
            decide([0, 0], 0.05, 10, method="exact", **keywords)
    for ds, margin, planned, said in (([0.5], 0.05, 10, "0.5"), ([0], 0.0, 10, "margin"), ([0], 0.05, 1001, "planned")):
        with pytest.raises(ValueError, match=said):
            decide(ds, margin, planned, method="exact")
    with pytest.raises(ValueError, match="only 1 were planned"):
        decide([0, 0], 0.05, 1)


def test_other_ranges():
    ds = [x * 10 for x in GRADED]
    assert decide(ds, 0.5, 160, low=-10.0, high=10.0).n_used == 160


def test_bounds_stand_in_for_missing_differences():
    ds = [None if i % 4 == 0 else 0.0 for i in range(160)]
    worst, best = [-0.1 if d is None else None for d in ds], [0.1 if d is None else d for d in ds]
    decision = decide(ds, 0.05, 160, worst=worst, best=best, method="general")
    state = Sequential(Rule(margin=0.05, planned=160))
    for d in ds:
        state.update(d, -0.1 if d is None else 0.0, 0.1 if d is None else 0.0)
    assert decision == state.finish()


def test_the_eval_set():
    assert decide(GRADED, 0.05, 160, estimand="eval_set") == engine(GRADED, 160, estimand="eval_set")


def test_clusters_are_units_in_order_of_first_appearance():
    clusters = [f"c{i // 4}" if i < 120 else f"d{i % 7}" for i in range(160)]
    groups = {}
    for c, d in zip(clusters, GRADED, strict=True):
        groups.setdefault(c, []).append(d)
    state = Sequential(Rule(margin=0.05, planned=len(groups), largest=max(map(len, groups.values()))))
    for ds in groups.values():
        state.update(float(np.mean(ds)), size=len(ds))
    expected = state.finish()
    for planned in (160, len(groups)):
        decision = decide(GRADED, 0.05, planned, clusters=clusters)
        assert decision.verdict == expected.verdict
        assert decision.n_used == expected.n_used
        assert decision.log_e_pass == pytest.approx(expected.log_e_pass, abs=1e-9)
        assert decision.p_pass == pytest.approx(expected.p_pass, abs=1e-12)


def test_a_part_of_the_clusters_gets_no_last_look():
    decision = decide([0.0, 0.1] * 40, 0.05, 90, clusters=[i // 2 for i in range(80)])
    assert decision.p_pass is None
    assert decision.verdict == "inconclusive"


def test_clusters_of_the_eval_set_need_all_cases():
    whole = decide([0.0] * 20, 0.05, 20, clusters=[i // 2 for i in range(20)], estimand="eval_set")
    assert whole.verdict == "pass"
    with pytest.raises(ValueError, match="needs all planned"):
        decide([0.0] * 20, 0.05, 30, clusters=[i // 2 for i in range(20)], estimand="eval_set")


def test_nothing_at_all_is_inconclusive():
    assert decide([], 0.05, 10, method="general").verdict == "inconclusive"
    assert decide([], 0.05, 10, clusters=[]).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"method": "best"}, "method must be one of auto, exact, general; got 'best'"),
        ({"method": "exact", "differences": [0, 0], "low": -2.0}, r"cannot serve this: the range is not \[-1, 1\]"),
        ({"worst": [0.0]}, "equally long"),
        ({"best": [0.0] * 3}, "equally long"),
        ({"clusters": ["a"]}, "equally long"),
        ({"planned": 1}, "only 1 were planned"),
        ({"planned": 1, "clusters": ["a", "b"]}, "only 1 were planned"),
        ({"differences": [0.5, math.nan]}, "outside"),
        ({"differences": [0.5, 1.5]}, "outside"),
        ({"differences": [0.5, None]}, "missing"),
        ({"differences": [0.5, None], "clusters": [1, 1]}, "missing"),
        ({"margin": 2.0}, "margin"),
    ],
)
def test_bad_arguments_are_refused(keywords, message):
    arguments = {"differences": [0.5, 0.0], "margin": 0.05, "planned": 2, **keywords}
    with pytest.raises(ValueError, match=message):
        decide(**arguments)
