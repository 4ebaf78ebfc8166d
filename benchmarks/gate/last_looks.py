"""How near the ceiling a gate can come that stops early: the price of the running bar, as linear programmes.

``must_show.py`` prints the table. Given the running bar, a last look is a number 0..1 for every pair of final counts (the
chance to say PASS there). Its size under every null and its PASS rate when nothing changed are linear in these numbers, so
the smallest possible distance from the ceilings is a linear programme. Coins are allowed and only a grid of nulls binds:
both can but flatter the bound, so no last look of any shape can be nearer.
"""

from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
from scipy.optimize import linprog

from evalharness.stats.exact import ExactPlan, exact_plan
from evalharness.stats.exact_evidence import evidence
from evalharness.stats.exact_outcome import ceiling
from evalharness.stats.exact_size import boundary, masses, size, trinomials
from evalharness.stats.exact_survival import survival

ALPHA = 0.05


def shortfalls(planned: int, margin: float, bar: float, discordances: tuple[float, ...]) -> tuple[float, ...]:
    """Distance from the ceiling, for each discordance, of the last look whose largest distance is smallest.

    Args:
        planned: Number of cases.
        margin: Tolerated drop.
        bar: E-value that passes while running.
        discordances: Of the unchanged candidate; one last look has to serve them all.
    """
    alive = survival(evidence(-margin), log(bar), planned)
    wins, losses = np.indices(alive.shape)
    states = np.argwhere((wins + losses <= planned) & (alive > 0))
    at = states[:, 0], states[:, 1]
    nulls = boundary(-margin, np.concatenate(([margin], margin + np.geomspace(1e-4, 1 - margin, 120))))
    half = np.array(discordances) / 2
    unchanged = trinomials(half, half)
    spend = masses(at, planned, nulls) * alive[at][:, None]
    gain = masses(at, planned, unchanged) * alive[at][:, None]
    likely = gain.max(axis=1) > 1e-9
    spend, gain, rest = spend[likely], gain[likely], gain[~likely].sum(axis=0)
    so_far = size(alive, unchanged) + rest
    tops = np.array([ceiling(planned, margin, discordance, alpha=ALPHA) for discordance in discordances])
    # The last variable is the largest shortfall; the other term makes the cells that do not bind as good as they can be.
    rows = np.vstack((
        np.hstack((spend.T, np.zeros((spend.shape[1], 1)))),
        np.hstack((-gain.T, -np.ones((gain.shape[1], 1)))),
    ))  # fmt: skip
    limits = np.concatenate((ALPHA - size(alive, nulls), so_far - tops))
    cost = np.append(-1e-4 * gain.mean(axis=1), 1.0)
    found = linprog(cost, A_ub=rows, b_ub=limits, bounds=[(0, 1)] * len(gain) + [(None, None)], method="highs")
    return tuple(float(top - won) for top, won in zip(tops, so_far + gain.T @ found.x[:-1], strict=True))


def with_bar(plan: ExactPlan, bar: float) -> ExactPlan:
    """The same plan with another running bar for PASS: for the cases paid."""
    passing = replace(plan.passing, bar=log(bar), last_bar=min(log(bar), plan.passing.last_bar))
    return replace(plan, passing=passing)


def paid(planned: int, margin: float, bar: float, discordance: float) -> float:
    """Share of the planned cases that an unchanged candidate costs under a running bar."""
    return with_bar(exact_plan(planned, margin), bar).outcome(discordance).mean_cases / planned
