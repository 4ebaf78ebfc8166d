import math

import pytest

from evalharness.stats.design import chance_to_decide, min_cases, need, needed_cases, smallest_margin
from evalharness.stats.rule import Rule
from evalharness.stats.sequential import Sequential


@pytest.mark.parametrize(
    ("margin", "split", "cases"),
    [
        (0.05, 0, 59),
        (0.10, 0.5, 36),
        (0.05, 0.5, 72),
        (0.03, 0.5, 122),
        (0.02, 0.5, 183),
        (0.01, 0.5, 368),
        (0.05, 1, 81),
        (0.02, 1, 211),
        (0.05, 0.25, 65),
        (0.05, 0.9, 84),
    ],
)
def test_least_cases(margin, split, cases):
    assert min_cases(margin, 0.05, split) == cases


@pytest.mark.parametrize("split", [0.25, 0.5, 0.9, 1.0])
def test_least_cases_are_those_at_which_the_rule_passes_ties(split):
    least = min_cases(0.1, 0.05, split)
    for planned, verdict in ((least - 1, "inconclusive"), (least, "pass")):
        state = Sequential(Rule(margin=0.1, planned=planned, split=split))
        for _ in range(planned):
            state.update(0)
        assert state.finish().verdict == verdict


@pytest.mark.parametrize("split", [0.0, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("planned", [20, 59, 200])
def test_the_smallest_margin_inverts_least_cases(split, planned):
    margin = smallest_margin(planned, 0.05, split)
    assert min_cases(margin + 1e-8, 0.05, split) <= planned < min_cases(margin - 1e-8, 0.05, split)


def test_two_cases_show_no_margin_by_betting_alone():
    assert smallest_margin(2, 0.05, 1.0) == 1.0


def test_needed_cases_follow_the_formula():
    for power, c in ((0.8, 7.7), (0.9, 10.3)):
        root = (math.sqrt(c) * 0.3 + math.sqrt(c * 0.09 + 4 * 0.05)) / 0.1
        assert needed_cases(0.3, 0.05, 0.05, power) == math.ceil(root**2)
    assert needed_cases(0.0, 0.05, 0.05) == 72
    assert needed_cases(0.0, 0.05, 0.05, split=0.0) == 59
    assert needed_cases(0.3, 0.05, 0.05, 0.8, alpha=0.01) > needed_cases(0.3, 0.05, 0.05, 0.85)
    assert needed_cases(0.3, 0.05, 0.05, 0.01) == 72


@pytest.mark.parametrize(("planned", "published"), [(100, 0.25), (200, 0.52), (500, 0.91), (1000, 1.0)])
def test_the_chance_is_near_the_simulated_table(planned, published):
    assert chance_to_decide(planned, math.sqrt(0.1), 0.05, 0.05) == pytest.approx(published, abs=0.025)


def test_the_chance_inverts_needed_cases():
    for power in (0.6, 0.8, 0.9):
        assert chance_to_decide(needed_cases(0.3, 0.04, 0.05, power), 0.3, 0.04, 0.05) == pytest.approx(power, abs=0.01)


def test_the_chance_at_the_edges():
    assert chance_to_decide(71, 0.0, 0.05, 0.05) == 0.0
    assert chance_to_decide(72, 0.0, 0.05, 0.05) == 1.0
    assert chance_to_decide(72, 0.0, 0.01, 0.05) == 0.0


def test_two_needs_of_an_inconclusive_verdict():
    pilot = [0.0] * 45 + [1.0] * 2 + [-1.0] * 3
    needs = need(pilot, 0.05)
    sd = math.sqrt(sum((d + 0.02) ** 2 for d in pilot) / 49)
    assert needs.if_unchanged == needed_cases(sd, 0.05, 0.05)
    assert needs.if_as_seen == needed_cases(sd, 0.03, 0.05)
    assert need([0.0] * 19 + [-1.0], 0.05).if_as_seen is None
    assert need([0.0], 0.05) is None
    assert need([0.5, -0.5], 0.05).if_unchanged == needed_cases(math.sqrt(0.5), 0.05, 0.05)
    strict = need(pilot, 0.05, 0.9, alpha=0.01, split=1.0)
    assert strict.if_unchanged == needed_cases(sd, 0.05, 0.05, 0.9, alpha=0.01, split=1.0)
    assert strict.if_as_seen == needed_cases(sd, 0.03, 0.05, 0.9, alpha=0.01, split=1.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: min_cases(0),
        lambda: min_cases(1),
        lambda: min_cases(0.05, 0),
        lambda: min_cases(0.05, 0.05, 2),
        lambda: smallest_margin(0),
        lambda: smallest_margin(5, 1.0),
        lambda: smallest_margin(5, 0.05, -0.1),
        lambda: needed_cases(-1, 0.05, 0.05),
        lambda: needed_cases(0.3, 0, 0.05),
        lambda: needed_cases(0.3, 0.05, 0.05, 1.0),
        lambda: chance_to_decide(0, 0.3, 0.05, 0.05),
        lambda: chance_to_decide(9, math.nan, 0.05, 0.05),
    ],
)
def test_bad_arguments_are_refused(call):
    with pytest.raises(ValueError, match="must"):
        call()


def test_a_refusal_names_what_is_wrong():
    with pytest.raises(ValueError, match=r"^margin must"):
        min_cases(1.5)
    with pytest.raises(ValueError, match=r"^alpha must"):
        min_cases(0.05, 1.5)
    with pytest.raises(ValueError, match=r"^split must lie in \[0, 1\], got 1.5"):
        min_cases(0.05, 0.05, 1.5)
    with pytest.raises(ValueError, match=r"^power must lie in \(0, 1\), got 1"):
        needed_cases(0.3, 0.05, 0.05, 1)
