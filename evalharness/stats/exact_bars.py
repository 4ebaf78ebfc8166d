"""The last bar of a question: what is left of alpha at the planned last case, found and then certified."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import log
from typing import TYPE_CHECKING

from evalharness.stats.arrays import load_numpy
from evalharness.stats.exact_evidence import Evidence, Question, evidence, null_mean
from evalharness.stats.exact_question import QuestionPlan, Rule
from evalharness.stats.exact_size import boundary, grid, masses, size, trinomials
from evalharness.stats.exact_survival import log_e_array, survival

if TYPE_CHECKING:
    from numpy import bool_, float64, int64
    from numpy.typing import NDArray

    Floats = NDArray[float64]
    Flags = NDArray[bool_]
    Ints = NDArray[int64]

# Kept free of alpha while searching on a grid, so that the certificate has room between the grid's points.
_PLAIN_SLACK = 1e-4
_STAIR_SLACK = 3e-4
_STAIR_DEPTH = 1.2
_WEIGHTLESS = 1e-6
MOST_STAIRCASE = 500  # longest plan with a staircase: beyond it a state more or less is not worth its time
_MOST_EVALUATIONS = 40_000
_BATCH = 2_000


def solve(
    question: Question,
    planned: int,
    margin: float,
    alpha: float,
    *,
    staircase: bool | None = None,
    bar: float | None = None,
    earlier: Sequence[QuestionPlan] = (),
) -> QuestionPlan:
    """Find and certify the lower last bar of a question.

    Args:
        question: `pass`, `fail` or `drop`.
        planned: number of cases at the last look.
        margin: tolerated drop, 0..1.
        alpha: error rate of the question, running looks and last look together.
        staircase: add single states below the last bar; default: for `pass` up to 500 cases.
        bar: log of the running bar, where that is another than 1/alpha (several looks share one bar).
        earlier: declared earlier looks; what they reject is spent.

    Returns:
        The best rule that is certified: staircase, else plain bar, else the running bar at the end as before, which
        Ville proves where no earlier look spends beside it.
    """
    null = evidence(null_mean(question, margin))
    bar = log(1.0 / alpha) if bar is None else bar
    alive = survival(null, bar, planned, [(look.planned, look.least_ups()) for look in earlier])
    scores = _end_scores(null, planned)
    if staircase is None:
        staircase = question == "pass" and planned <= MOST_STAIRCASE
    for rule, last_bar, region in _candidates(null, alive, scores, alpha=alpha, bar=bar, staircase=staircase):
        if certified(null, _outside(alive, region), alpha):
            return _plan(question, bar, last_bar, rule=rule, region=region)
    running = _plan(question, bar, bar, rule="running", region=scores >= bar)
    return running if not earlier else replace(running, certified=certified(null, alive, alpha))


def _candidates(
    null: Evidence, alive: Floats, scores: Floats, *, alpha: float, bar: float, staircase: bool
) -> Iterator[tuple[Rule, float, Flags]]:
    """Rules worth a certificate, sharpest first.

    In a few plans at small alpha the size rises above alpha between the coarse grid's last points, near
    discordance 1; a plain bar found on a finer grid is certified there, and gives back far more than 1/alpha would.
    """
    np = load_numpy()
    coarse, even = grid(null.null, 300), np.linspace(abs(null.null), 1.0, 700)
    last_bar, region = plain_region(null, alive, scores, alpha=alpha, bar=bar, discordances=coarse)
    if staircase:
        stairs = staircase_region(null, alive, scores, region=region, last_bar=last_bar, alpha=alpha)
        yield "staircase", last_bar, stairs
    yield "plain", last_bar, region
    finer = np.concatenate((coarse, even))
    yield "plain", *plain_region(null, alive, scores, alpha=alpha, bar=bar, discordances=finer)


def _end_scores(null: Evidence, planned: int) -> Floats:
    """Log E at the planned last case, [u, v]; -inf where the counts exceed the plan."""
    np = load_numpy()
    u, v = np.indices((planned + 1, planned + 1))
    ties = planned - u - v
    scores: Floats = np.where(ties >= 0, log_e_array(null, u, v, np.maximum(ties, 0)), -np.inf)
    return scores


def plain_region(
    null: Evidence, alive: Floats, scores: Floats, *, alpha: float, discordances: Floats, bar: float | None = None
) -> tuple[float, Flags]:
    """Return the smallest last bar, never below E = 1, of size <= alpha - 1e-4 on a grid, and its region [u, v]."""
    np = load_numpy()
    nulls = boundary(null.null, discordances)
    planned = scores.shape[0] - 1
    bar = log(1.0 / alpha) if bar is None else bar
    spent = size(alive, nulls)
    region = scores >= bar
    strip = np.argwhere((scores >= 0.0) & (scores < bar))
    strip = strip[np.argsort(-scores[strip[:, 0], strip[:, 1]], kind="stable")]
    last_bar = bar
    for start in range(0, len(strip), _BATCH):
        u, v = strip[start : start + _BATCH].T
        gained = masses((u, v), planned, nulls) * alive[u, v][:, None]
        totals = spent + np.cumsum(gained, axis=0)
        fits = int(np.searchsorted(totals.max(axis=1), alpha - _PLAIN_SLACK, side="right"))
        region[u[:fits], v[:fits]] = True
        if fits:
            last_bar = float(scores[u[fits - 1], v[fits - 1]])
        if fits < len(u):
            break
        spent = totals[-1]
    return last_bar, region


def staircase_region(
    null: Evidence, alive: Floats, scores: Floats, *, region: Flags, last_bar: float, alpha: float
) -> Flags:
    """Return the region with single states below the last bar added, best first, while it is monotone and fits.

    The grid is even: the size of such a region peaks near discordance 1, where the other grid is thin.
    """
    np = load_numpy()
    planned = scores.shape[0] - 1
    nulls = boundary(null.null, np.linspace(abs(null.null), 1.0, 700))
    spent = size(_outside(alive, region), nulls)
    # Where the plain bar has used the slack up already (a few sizes), states that weigh nothing there may still come.
    limit = np.maximum(alpha - _STAIR_SLACK, spent + _WEIGHTLESS)
    strip = np.argwhere((scores >= last_bar - _STAIR_DEPTH) & (scores < last_bar) & ~region)
    strip = strip[np.argsort(-scores[strip[:, 0], strip[:, 1]], kind="stable")]
    gains = masses((strip[:, 0], strip[:, 1]), planned, nulls) * alive[strip[:, 0], strip[:, 1]][:, None]
    region = region.copy()
    waiting = list(range(len(strip)))
    room = True
    while room:
        room = False
        for index in tuple(waiting):
            u, v = int(strip[index, 0]), int(strip[index, 1])
            if not all(region[state] for state in _better(u, v, planned)):
                continue
            total = spent + gains[index]
            if (total <= limit).all():
                region[u, v], spent, room = True, total, True
                waiting.remove(index)
    return region


def _better(u: int, v: int, planned: int) -> Iterator[tuple[int, int]]:
    """States that one case changed for the better leads to: they must be in before (u, v) may be."""
    if u + v < planned:
        yield u + 1, v
    if v > 0:
        yield u, v - 1
        yield u + 1, v - 1


def _outside(alive: Floats, region: Flags) -> Floats:
    np = load_numpy()
    kept: Floats = np.where(region, 0.0, alive)
    return kept


def certified(null: Evidence, kept: Floats, alpha: float) -> bool:
    """Prove size <= alpha for every trinomial null, not only on a grid.

    On discordances [a, b] every boundary null is stochastically below the trinomial with the most ups (b) and the
    fewest downs (a); the rejection event is monotone, so its probability there bounds them all. Intervals whose
    bound exceeds alpha are halved until none is left. Nulls inside are dominated by the boundary.

    Args:
        null: the bets, which know the null mean.
        kept: P(not rejected | u, v), see `size`.
        alpha: the error rate to prove.

    Returns:
        True if proven; False if the bound will not come down within 40,000 evaluations.
    """
    np = load_numpy()
    low, high = np.array([abs(null.null)]), np.array([1.0])
    evaluations = 0
    while low.size:
        evaluations += low.size
        if evaluations > _MOST_EVALUATIONS:
            return False
        bad = size(kept, trinomials((high + null.null) / 2, (low - null.null) / 2)) > alpha
        low, high = low[bad], high[bad]
        middle = (low + high) / 2
        low, high = np.concatenate((low, middle)), np.concatenate((middle, high))
    return True


def _plan(question: Question, bar: float, last_bar: float, *, rule: Rule, region: Flags) -> QuestionPlan:
    planned = region.shape[0] - 1
    return QuestionPlan(
        question=question,
        planned=planned,
        bar=bar,
        last_bar=last_bar,
        rule=rule,
        certified=True,
        limits=most_losses(region) if question == "pass" else fewest_losses(region),
    )


def most_losses(region: Flags) -> tuple[int, ...]:
    """By wins: most losses with which [wins, losses] is in the region, -1 if none."""
    return tuple(int(count) - 1 for count in region.sum(axis=1))


def fewest_losses(region: Flags) -> tuple[int, ...]:
    """By wins: fewest losses with which [losses, wins] is in the region, planned + 1 if none."""
    np = load_numpy()
    found = np.where(region.any(axis=0), region.argmax(axis=0), region.shape[0])
    return tuple(int(count) for count in found)
