"""What the whole rule does, exactly: chances of PASS, FAIL, INCONCLUSIVE, cases paid, and the ceiling for any rule."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

from evalharness.stats.arrays import load_numpy
from evalharness.stats.exact_evidence import evidence, null_mean
from evalharness.stats.exact_size import masses, trinomials
from evalharness.stats.exact_survival import crossing

if TYPE_CHECKING:
    from numpy import bool_, float64
    from numpy.typing import NDArray

    from evalharness.stats.exact import ExactPlan

    Flags = NDArray[bool_]
    Floats = NDArray[float64]


class Outcome(NamedTuple):
    """Exact operating characteristics of a plan under one trinomial."""

    p_pass: float
    p_fail: float
    p_inconclusive: float
    mean_cases: float
    """Mean number of cases that are paid for before the verdict."""


def outcome(plan: ExactPlan, discordance: float, change: float) -> Outcome:
    """Follow every path of the trinomial through the running rule and the last look; see ``ExactPlan.outcome``."""
    if not 0.0 <= discordance <= 1.0 or not -1.0 <= change <= 1.0:
        raise ValueError(f"discordance must be within 0..1 and change within -1..1, got {discordance!r}, {change!r}")
    psi = max(discordance, abs(change))
    return _Walk(plan, win=(psi + change) / 2, loss=(psi - change) / 2).follow()


class _Walk:
    """Mass of the undecided paths by [wins, losses], apart: no drop proven yet (0), a drop proven (1)."""

    def __init__(self, plan: ExactPlan, *, win: float, loss: float) -> None:
        np = load_numpy()
        self.plan = plan
        self.win, self.loss, self.tie = win, loss, max(0.0, 1.0 - win - loss)
        self.least_wins, self.least_losses, self.least_drop = (
            crossing(evidence(null_mean(part.question, plan.margin)), part.bar, plan.planned)
            for part in (plan.passing, plan.failing, plan.dropping)
        )
        # One spare row and column stand for counts of -1.
        self.old, self.new = (np.zeros((2, plan.planned + 2, plan.planned + 2)) for _ in range(2))
        self.old[0, 1, 1] = 1.0
        self.passed = self.failed = self.paid = 0.0

    def follow(self) -> Outcome:
        """Walk to the last case, stopping at every declared look on the way."""
        for cases in range(1, self.plan.planned + 1):
            self.step(cases)
            look = self.plan.look_at(cases)
            if look is not None:
                self.look(look)
        return self.end()

    def look(self, plan: ExactPlan) -> None:
        """Take out what a declared look decides; a drop that it proves is remembered."""
        size = plan.planned
        left = self.old[:, 1 : size + 2, 1 : size + 2]
        passing, failing, dropping = _regions(plan)
        left[1, dropping] += left[0, dropping]
        left[0, dropping] = 0.0
        failed_now = float(left[1, failing].sum())
        left[1, failing] = 0.0
        passed_now = float(left[:, passing].sum())
        left[:, passing] = 0.0
        self.failed += failed_now
        self.passed += passed_now
        self.paid += size * (failed_now + passed_now)

    def step(self, cases: int) -> None:
        np = load_numpy()
        (w0, w1), (l0, l1) = _window(cases, self.win), _window(cases, self.loss)
        wins, losses = np.arange(w0, w1), np.arange(l0, l1)
        old, new = self.old, self.new
        here = new[:, w0 + 1 : w1 + 1, l0 + 1 : l1 + 1]
        here[:] = self.tie * old[:, w0 + 1 : w1 + 1, l0 + 1 : l1 + 1]
        here += self.win * old[:, w0:w1, l0 + 1 : l1 + 1]
        here += self.loss * old[:, w0 + 1 : w1 + 1, l0:l1]
        # The window moves up: what it leaves behind must not be read again.
        new[:, w0, :] = 0.0
        new[:, :, l0] = 0.0
        fail = losses[None, :] >= self.least_losses[cases, w0:w1, None]
        passed = wins[:, None] >= self.least_wins[cases, None, l0:l1]
        drop = losses[None, :] >= self.least_drop[cases, w0:w1, None]
        failed_now, passed_now = float(here[:, fail].sum()), float(here[:, passed & ~fail].sum())
        here[:, fail | passed] = 0.0
        here[1, drop] += here[0, drop]
        here[0, drop] = 0.0
        self.failed += failed_now
        self.passed += passed_now
        self.paid += cases * (failed_now + passed_now)
        self.old, self.new = new, old

    def end(self) -> Outcome:
        np = load_numpy()
        plan = self.plan
        left = self.old[:, 1:, 1:]
        passing, failing, dropping = _regions(plan)
        drop = np.stack((dropping, np.ones_like(dropping)))
        fail = drop & (failing | ~passing)
        failed, passed = float(left[fail].sum()), float(left[~fail & passing].sum())
        remaining = float(left.sum())
        return Outcome(
            p_pass=self.passed + passed,
            p_fail=self.failed + failed,
            p_inconclusive=max(0.0, remaining - failed - passed),
            mean_cases=self.paid + plan.planned * remaining,
        )


def _regions(plan: ExactPlan) -> tuple[Flags, Flags, Flags]:
    """[wins, losses] -> whether PASS, FAIL and a drop are proven at the last case of a plan."""
    np = load_numpy()
    losses = np.arange(plan.planned + 1)[None, :]
    return (
        losses <= np.array(plan.pass_max_losses)[:, None],
        losses >= np.array(plan.fail_min_losses)[:, None],
        losses >= np.array(plan.drop_min_losses)[:, None],
    )


def _window(cases: int, chance: float) -> tuple[int, int]:
    """Counts that hold all but about 1e-14 of a binomial: first, and one past the last."""
    centre, reach = cases * chance, 8.0 * sqrt(cases * chance * (1.0 - chance)) + 12.0
    return max(0, int(centre - reach)), min(cases, int(centre + reach)) + 1


def ceiling(planned: int, margin: float, discordance: float, *, alpha: float = 0.05) -> float:
    """Return an upper bound of P(PASS | unchanged) for every rule that passes a drop of the margin at most at alpha.

    Power of the most powerful test (Neyman-Pearson, randomised) of one null of discordance psi0 and mean -margin
    against the unchanged candidate, minimised over psi0. A grid minimum is still an upper bound.

    Args:
        planned: Number N of cases.
        margin: Tolerated drop, inside (0, 1).
        discordance: P(win) + P(loss) of the unchanged candidate, 0..1.
        alpha: Chance to pass a drop of the margin.
    """
    np = load_numpy()
    (first, last) = _window(planned, discordance / 2)
    w, losses = (axis.ravel() for axis in np.meshgrid(np.arange(first, last), np.arange(first, last), indexing="ij"))
    fits = w + losses <= planned
    states = (w[fits], losses[fits])
    half = np.array([discordance / 2])
    unchanged = masses(states, planned, trinomials(half, half))[:, 0]
    low, high = margin, min(1.0, 4.0 * (margin + discordance))
    best = 1.0
    for _ in range(4):
        grid = np.linspace(low, high, 25)
        nulls = masses(states, planned, trinomials((grid - margin) / 2, (grid + margin) / 2))
        powers = [_power(unchanged, null, alpha) for null in nulls.T]
        at = int(np.argmin(powers))
        best = min(best, powers[at])
        low, high = float(grid[max(0, at - 1)]), float(grid[min(24, at + 1)])
    return best


def _power(unchanged: Floats, null: Floats, alpha: float) -> float:
    np = load_numpy()
    order = np.argsort(-unchanged / np.maximum(null, 1e-300))
    spent, won = np.cumsum(null[order]), np.cumsum(unchanged[order])
    # Mass outside the window counts as won: that can only raise the bound.
    power = float(np.interp(alpha, np.concatenate(([0.0], spent)), np.concatenate(([0.0], won))))
    return min(1.0, power + max(0.0, 1.0 - float(won[-1])))
