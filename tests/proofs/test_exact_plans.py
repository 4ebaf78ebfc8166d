"""Every shipped plan is certified again; survival is right by brute force; what must fail the certificate does."""

import math
import random

import numpy as np
import pytest

from evalharness.stats.exact_bars import certified, solve
from evalharness.stats.exact_evidence import QUESTIONS, evidence, null_mean
from evalharness.stats.exact_question import SHIPPED, from_text, key
from evalharness.stats.exact_survival import log_e_array, survival

BETS = ((1, 1 / 6), (0.6, 1 / 3), (0.3, 1 / 3), (0.12, 1 / 6))


def shipped_lines():
    lines = [line for line in SHIPPED.read_text().splitlines() if not line.startswith("#")]
    return [(line, *parse(line)) for line in lines]


def parse(line):
    question, planned, margin, alpha, rest = line.split(" ", 4)
    # Alphas such as 0.025 / 3 are written to 12 digits; the plan was made for, and is certified at, what is written.
    return question, int(planned), float(margin), float(alpha), rest


LINES = shipped_lines()


def kept_of(part, margin):
    """P(not rejected | u, v), rebuilt from the limits by wins alone."""
    alive = survival(evidence(null_mean(part.question, margin)), part.bar, part.planned)
    return np.where(region_of(part), 0.0, alive)


def region_of(part):
    _, losses = np.indices((part.planned + 1, part.planned + 1))
    limits = np.array(part.limits)[:, None]
    by_wins = losses <= limits if part.question == "pass" else losses >= limits
    return by_wins if part.question == "pass" else by_wins.T


def proven(line):
    _, question, planned, margin, alpha, rest = line
    part = from_text(rest, question=question, planned=planned, alpha=alpha)
    return certified(evidence(null_mean(question, margin)), kept_of(part, margin), alpha)


def test_the_file_holds_what_it_says():
    keys = [line[: -len(rest)] for line, *_, rest in LINES]
    assert len(keys) == len(set(keys)) == 537
    for planned in (20, 60, 100, 150, 200, 250, 300, 400, 500, 750, 1000):
        for margin in (0.01, 0.02, 0.03, 0.05, 0.10):
            assert key("pass", planned, margin, 0.05) in keys
            for alpha in (0.025, 0.05):
                assert key("fail", planned, margin, alpha) in keys
                assert key("drop", planned, margin, alpha) in keys
    for share in (2, 3, 4, 5):
        assert key("fail", 200, 0.05, 0.025 / share) in keys


def test_every_shipped_plan_gives_something_back():
    for _, _question, _planned, _margin, alpha, rest in LINES:
        last_bar, rule, *_ = rest.split(" ")
        assert rule in {"staircase", "plain"}
        assert float(last_bar) < math.log(1 / alpha)


def test_last_bars_lie_where_the_specification_found_them():
    """At alpha 0.05: PASS 2.6-4.1, FAIL 2.5-3.5, drop 2.9-3.5; the interval's 4.5 / 0.05 alpha is above all."""
    ranges = {"pass": (2.6, 4.1), "fail": (2.5, 3.5), "drop": (2.9, 3.5)}
    for _, question, planned, _, alpha, rest in LINES:
        bar = math.exp(float(rest.split(" ")[0]))
        assert bar < 0.225 / alpha
        if alpha == 0.05 and planned <= 400:
            low, high = ranges[question]
            assert low - 0.05 <= bar <= high + 0.05


def sample(count, most):
    fits = [line for line in LINES if line[2] <= most]
    return random.Random(4).sample(fits, count)


@pytest.mark.parametrize("line", sample(12, 200), ids=lambda line: " ".join(line[0].split(" ")[:4]))
def test_a_sample_of_shipped_plans_is_recomputed_and_certified(line):
    text, question, planned, margin, alpha, rest = line
    assert solve(question, planned, margin, alpha).to_text() == rest, text
    assert proven(line)


@pytest.mark.slow
@pytest.mark.parametrize("planned", sorted({line[2] for line in LINES}))
def test_every_shipped_plan_is_certified(planned):
    for line in LINES:
        if line[2] == planned:
            assert proven(line), line[0]


@pytest.mark.parametrize("line", sample(6, 120), ids=lambda line: " ".join(line[0].split(" ")[:4]))
def test_one_loss_more_for_the_claim_is_not_certified(line):
    """Negative control: the same limits moved by one loss in the claim's favour spend more than alpha."""
    _, question, planned, margin, alpha, rest = line
    part = from_text(rest, question=question, planned=planned, alpha=alpha)
    bets = evidence(null_mean(question, margin))
    looser = region_of(part)
    looser[1:] |= looser[:-1]
    up = looser.copy()
    up[:-1] |= looser[1:]
    kept = np.where(up, 0.0, survival(bets, part.bar, planned))
    assert not certified(bets, kept, alpha)


@pytest.mark.parametrize("planned", range(1, 11))
@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("bar", [3.0, 20.0])
def test_survival_is_brute_force_over_every_path(planned, question, bar):
    """3^planned paths, their e-values multiplied out bet by bet; equal to 1e-12."""
    fast = survival(evidence(null_mean(question, 0.05)), math.log(bar), planned)
    assert fast == pytest.approx(brute_force(planned, question, bar), abs=1e-12)
    assert planned < 7 or bar == 20.0 or ((fast > 0) & (fast < 1)).any()


def test_survival_of_a_bar_that_is_watched_at_the_end_only_is_not_that():
    """Negative control: a recursion that forgets the looks on the way fails the same comparison."""
    bets = evidence(null_mean("pass", 0.05))
    u, v = np.indices((11, 11))
    end_only = np.where((u + v <= 10) & (log_e_array(bets, u, v, np.maximum(10 - u - v, 0)) < math.log(3.0)), 1.0, 0.0)
    assert end_only != pytest.approx(brute_force(10, "pass", 3.0), abs=1e-3)


def brute_force(planned, question, bar):
    null = null_mean(question, 0.05)
    ups = downs = np.zeros(1, dtype=int)
    capital = np.array([[weight] for _, weight in BETS])
    alive = np.ones(1, dtype=bool)
    lams = np.array([[0.8 * f / (1 + null)] for f, _ in BETS])
    for _ in range(planned):
        step = np.tile([1, -1, 0], len(ups))
        ups, downs = np.repeat(ups, 3) + (step == 1), np.repeat(downs, 3) + (step == -1)
        capital = np.repeat(capital, 3, axis=1) * (1 + lams * (step - null))
        alive = np.repeat(alive, 3) & (capital.sum(axis=0) < bar)
    total, lived = np.zeros((2, planned + 1, planned + 1))
    np.add.at(total, (ups, downs), 1)
    np.add.at(lived, (ups, downs), alive)
    assert total.sum() == 3**planned
    return np.divide(lived, total, out=np.zeros_like(total), where=total > 0)
