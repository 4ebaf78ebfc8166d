"""The exact path does what its specification's tables say, digit for digit; no seed, no simulation."""

import dataclasses

import pytest

from evalharness.stats.exact import exact_plan
from evalharness.stats.exact_bars import solve

CHANGES = (0.0, -0.02, -0.05, -0.10)

# N, discordance in %: PASS / FAIL / INCONCLUSIVE in % and cases paid in % of N, at each change (gate-exact.md 3a).
TABLE = """
50   4 | 33/0.7/66/100   | 12/4.0/84/100  | 0/24.0/76/100  | 0/75.0/25/100
50  10 | 26/3.0/71/100   | 15/7.5/78/100  | 5/22.3/73/100  | 0/75.0/25/100
50  20 | 18/4.2/78/99    | 11/7.9/81/99   | 5/17.3/78/100  | 1/45.3/54/99
100  4 | 63/2.4/35/96    | 27/16.4/56/99  | 4/74.2/22/100  | 0/99.2/1/97
100 10 | 44/4.2/52/95    | 22/13.5/64/98  | 5/45.1/50/100  | 0/99.2/1/97
100 20 | 28/4.4/67/96    | 16/10.2/74/98  | 5/27.2/68/99   | 0/71.9/28/96
200  4 | 93/3.4/4/73     | 55/34.5/10/92  | 3/97.0/0/100   | 0/100/0/82
200 10 | 67/4.4/28/84    | 34/20.3/46/94  | 5/71.7/24/99   | 0/100/0/82
200 20 | 44/4.3/52/89    | 22/13.1/65/95  | 5/42.3/53/98   | 0/93.0/7/89
500  4 | 100/0/0/34      | 90/10.1/0/67   | 4/95.5/0/98    | 0/100/0/43
500 10 | 95/2.9/2/54     | 61/30.7/8/81   | 5/94.4/1/97    | 0/100/0/43
500 20 | 74/3.7/22/73    | 38/19.2/43/88  | 5/71.9/23/96   | 0/99.8/0/70
1000  4 | 100/0/0/17     | 99/0.6/0/40    | 5/95.1/0/97    | 0/100/0/22
1000 10 | 100/0.2/0/30   | 85/15.3/0/63   | 5/95.2/0/96    | 0/100/0/22
1000 20 | 92/2.3/6/51    | 52/25.3/23/78  | 4/90.8/5/95    | 0/99.9/0/47
"""

# FAIL in %, discordance 10 %, alpha_block 0.025, plain bar for every question (gate-exact.md 3a').
BLOCK = {50: (1.2, 3.5, 12.7, 57), 100: (2.1, 7.8, 33, 98), 200: (2.4, 13.6, 62, 100)}
BLOCK |= {500: (1.9, 24.6, 93, 100), 1000: (0.2, 15.3, 95, 100)}


def cells():
    for line in TABLE.strip().splitlines():
        head, *row = line.split("|")
        planned, discordance = head.split()
        for change, cell in zip(CHANGES, row, strict=True):
            marks = () if int(planned) < 500 else pytest.mark.slow
            name = f"{planned}-{discordance}%{change:+g}"
            yield pytest.param(int(planned), int(discordance) / 100, change, cell, marks=marks, id=name)


@pytest.mark.parametrize(("planned", "discordance", "change", "cell"), list(cells()))
def test_table_3a(planned, discordance, change, cell):
    result = exact_plan(planned, 0.05, alpha_block=0.05).outcome(discordance, change)
    found = [100 * share for share in result[:3]] + [100 * result.mean_cases / planned]
    for value, printed in zip(found, cell.strip().split("/"), strict=True):
        # Half a unit of the last printed digit, plus a hair for what is rounded at exactly a half.
        assert value == pytest.approx(float(printed), abs=0.0501 if "." in printed else 0.501)


@pytest.mark.parametrize("planned", [50, 100, 200, pytest.param(500, marks=pytest.mark.slow)])
def test_table_3a_with_fewer_false_blocks(planned):
    plan = exact_plan(planned, 0.05, alpha_block=0.025)
    for change, printed in zip(CHANGES, BLOCK[planned], strict=True):
        # The staircase of PASS, which the table leaves out, takes up to 0.2 points from a FAIL within the margin.
        digits = 0.0501 if isinstance(printed, float) else 0.501
        assert 100 * plan.outcome(0.10, change).p_fail == pytest.approx(printed, abs=digits + 0.2 * (planned >= 500))


def test_the_sentence_of_the_decision():
    """N = 200, margin 5, 10 % discordant: PASS 67, FAIL 4.4, INCONCLUSIVE 28, 84 % of calls; never above the ceiling."""
    plan = exact_plan(200, 0.05, alpha_block=0.05)
    unchanged = plan.outcome(0.10)
    assert [round(100 * share, 1) for share in unchanged[:3]] == [67.2, 4.4, 28.4]
    assert round(unchanged.mean_cases) == 168
    assert unchanged.p_pass <= plan.ceiling(0.10)


@pytest.mark.parametrize(("planned", "percent", "paid"), [(300, 81.6, 218), (400, 89.2, 251)])
def test_longer_plans_are_the_honest_way_to_80_percent(planned, percent, paid):
    """The page's figures are for the plain bar; the staircase adds .8 points at 300 cases, 1.3 at 400."""
    result = exact_plan(planned, 0.05, alpha_block=0.05).outcome(0.10)
    assert percent - 0.05 <= 100 * result.p_pass <= percent + 1.5
    assert round(result.mean_cases) == paid


def plain(planned, margin):
    """The plan with plain bars only, of which the page's figures for other margins are."""
    plan = exact_plan(planned, margin, alpha_block=0.05)
    return dataclasses.replace(plan, passing=solve("pass", planned, margin, 0.05, staircase=False))


def test_other_margins():
    """Margin 10: N 50 / 100: 64 / 88 %, paid 95 / 75 %."""
    for planned, percent, paid in ((50, 64, 95), (100, 88, 75)):
        result = plain(planned, 0.10).outcome(0.10)
        assert 100 * result.p_pass == pytest.approx(percent, abs=0.501)
        assert 100 * result.mean_cases / planned == pytest.approx(paid, abs=0.501)
        assert exact_plan(planned, 0.10, alpha_block=0.05).outcome(0.10).p_pass >= result.p_pass


@pytest.mark.slow
def test_margin_of_two_points():
    """N 500 / 1000 / 2000, unchanged: PASS 34 / 54 / 77 %."""
    for planned, percent in ((500, 34), (1000, 54), (2000, 77)):
        assert 100 * plain(planned, 0.02).outcome(0.10).p_pass == pytest.approx(percent, abs=0.501)


def test_needed_cases_of_an_all_ties_run():
    """All ties pass from ceil(ln 0.05 / ln(1 - m)) planned cases on: 59 at a margin of 5 points."""
    for margin, least in ((0.05, 59), (0.10, 29), (0.20, 14)):
        assert exact_plan(least, margin).pass_max_losses[0] >= 0
        assert exact_plan(least - 1, margin).pass_max_losses[0] == -1
