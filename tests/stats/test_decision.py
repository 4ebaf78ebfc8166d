"""``decide``: arguments in, one decision out; the rule itself is tested with the engine."""

import math

import numpy as np
import pytest

from evalharness.stats.decision import decide
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
        ({"method": "best"}, "method"),
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
