"""What a rule does on many runs drawn from one law: its error rates measured, not stated.

The same decisions as ``Sequential`` and ``ExactSequential``, written once more for many runs at a time; the tests hold
the two against each other path by path.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import exp, lgamma, log, log1p
from typing import TYPE_CHECKING, Any

from evalharness.stats.arrays import load_numpy
from evalharness.stats.betting import LEAST_VARIANCE, PRIOR_CASES, PRIOR_VARIANCE, SIZES, WEIGHTS, ceiling
from evalharness.stats.exact_evidence import evidence, null_mean
from evalharness.stats.exact_survival import crossing
from evalharness.stats.last_look import final_look_counts
from evalharness.stats.laws import Law
from evalharness.stats.ranges import Side
from evalharness.stats.rule import Rule

if TYPE_CHECKING:
    from evalharness.stats.exact import ExactPlan

_HOPELESS = exp(-1)
"""A sum of exponentials is log-concave, so it is below its mean with chance 1/e at least (Gruenbaum): a last look whose
weights have a mean on the wrong side has a p-value of at least 1/e and need not be computed."""
_EXACT_RUNS = 20_000
_MOST_RUNS = 2_000
_LEAST_RUNS = 100
_WORK = 3_000_000
"""Units that all runs of one law may use together."""
_LOOK_WORK = 600_000
"""Distinct values that all last looks of one law may use together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicated:
    """Verdicts of many runs under one law."""

    runs: int
    passed: int
    failed: int
    mean_cases: float
    """Mean number of units that a run used before its verdict."""

    @property
    def pass_rate(self) -> float:
        """Share of runs that passed."""
        return self.passed / self.runs

    @property
    def fail_rate(self) -> float:
        """Share of runs that failed."""
        return self.failed / self.runs


def affordable_runs(rule: Rule, law: Law, *, exact: bool) -> int:
    """How many runs take a few seconds: fixed by sizes alone, so that the same question gives the same answer."""
    if exact:
        return _EXACT_RUNS
    looked_at = min(rule.planned, len(law.differences)) * (1 + len(rule.looks))
    return max(_LEAST_RUNS, min(_MOST_RUNS, _WORK // rule.planned, _LOOK_WORK // looked_at))


def replicate(rule: Rule, law: Law, *, runs: int, seed: int, plan: ExactPlan | None = None) -> Replicated:
    """Draw runs of ``rule.planned`` independent units and decide each.

    Args:
        rule: The rule; its estimand must be the population.
        law: What the units are drawn from.
        runs: How many runs, at least 1.
        seed: Seed of the draws.
        plan: The exact plan, where the exact path decides; the law must then be one of 0/1 scores.

    Raises:
        ValueError: If the rule is about one eval set, or the law does not fit the exact path.
    """
    if rule.estimand != "population":
        raise ValueError("a rule about one eval set cannot be checked on draws from a population")
    if plan is not None:
        if not law.steps:
            raise ValueError("the exact path needs differences of 0/1 scores")
        return _exact(plan, law, runs=runs, seed=seed, counts_drop=rule.proven_drop == "fail")
    return _general(rule, law, runs=runs, seed=seed)


def binomial_interval(hits: int, runs: int, level: float = 0.95) -> tuple[float, float]:
    """The exact (Clopper-Pearson) interval of a share.

    Args:
        hits: Runs that had it, 0..runs.
        runs: All runs, at least 1.
        level: Coverage, at least.
    """
    tail = (1.0 - level) / 2
    # P(X >= hits) rises with p: the lower end is where it reaches the tail; the upper end mirrors it.
    low = 0.0 if hits == 0 else _share_where_upper_tail_is(tail, hits, runs)
    high = 1.0 if hits == runs else 1.0 - _share_where_upper_tail_is(tail, runs - hits, runs)
    return low, high


def _share_where_upper_tail_is(tail: float, hits: int, runs: int) -> float:
    np = load_numpy()
    k = np.arange(hits, runs + 1)
    choose = lgamma(runs + 1) - np.array([lgamma(n + 1) + lgamma(runs - n + 1) for n in range(hits, runs + 1)])
    low, high = 0.0, 1.0
    for _ in range(60):
        share = (low + high) / 2
        above = float(np.exp(choose + k * log(share) + (runs - k) * log1p(-share)).sum())
        low, high = (share, high) if above < tail else (low, share)
    return (low + high) / 2


# --- the exact path ---------------------------------------------------------------------------------------------------


def _exact(plan: ExactPlan, law: Law, *, runs: int, seed: int, counts_drop: bool) -> Replicated:
    np = load_numpy()
    draws = np.random.default_rng(seed)
    chance = dict(zip(law.differences, law.chances, strict=True))
    win, loss = chance.get(1.0, 0.0), chance.get(-1.0, 0.0)
    least_wins, least_losses, least_drop = (
        crossing(evidence(null_mean(part.question, plan.margin)), part.bar, plan.planned)
        for part in (plan.passing, plan.failing, plan.dropping)
    )
    wins, losses = np.zeros(runs, dtype=np.int64), np.zeros(runs, dtype=np.int64)
    dropped = np.zeros(runs, dtype=bool)
    passed = failed = paid = 0
    for cases in range(1, plan.planned + 1):
        lot = draws.random(wins.size)
        wins += lot < win
        losses += lot >= 1.0 - loss
        fail = losses >= least_losses[cases, wins]
        right = ~fail & (wins >= least_wins[cases, losses])
        dropped |= losses >= least_drop[cases, wins]
        look = plan.look_at(cases)
        if look is not None:
            dropped |= losses >= np.array(look.drop_min_losses)[wins]
            fail |= ~right & dropped & (losses >= np.array(look.fail_min_losses)[wins])
            right |= ~fail & (losses <= np.array(look.pass_max_losses)[wins])
        settled = fail | right
        if settled.any():
            failed, passed = failed + int(fail.sum()), passed + int(right.sum())
            paid += cases * int(settled.sum())
            wins, losses, dropped = wins[~settled], losses[~settled], dropped[~settled]
    dropped |= losses >= np.array(plan.drop_min_losses)[wins]
    worse = dropped & (losses >= np.array(plan.fail_min_losses)[wins])
    right = ~worse & (losses <= np.array(plan.pass_max_losses)[wins])
    fail = worse | (dropped & ~right & counts_drop)
    return Replicated(
        runs=runs,
        passed=passed + int(right.sum()),
        failed=failed + int(fail.sum()),
        mean_cases=(paid + plan.planned * int(wins.size)) / runs,
    )


# --- the general path -------------------------------------------------------------------------------------------------


def _general(rule: Rule, law: Law, *, runs: int, seed: int) -> Replicated:
    np = load_numpy()
    draws = np.random.default_rng(seed)
    table = np.array(law.differences), np.array(law.sizes)
    shares = table[1] / rule.largest if rule.largest is not None else np.ones(len(law.sizes))
    picked = np.empty((runs, rule.planned), dtype=np.int32)
    bets = _Bets(rule, runs)
    open_rows = np.arange(runs)
    ever = np.zeros((3, runs), dtype=bool)
    bars = np.array([rule.pass_bar, rule.block_bar, rule.block_bar])[:, None]
    edges = np.cumsum(law.chances)[:-1]
    looks = _LastLooks(rule, law, shares.tolist())
    passed = failed = paid = 0
    for unit in range(rule.planned):
        drawn = np.searchsorted(edges, draws.random(open_rows.size), side="right")
        picked[open_rows, unit] = drawn
        ever |= bets.update(table[0][drawn], shares[drawn]) >= bars
        fail = ever[1] & ever[2] | (ever[2] & (rule.proven_drop == "stop"))
        right = ever[0] & ~fail
        if unit + 1 in rule.looks:
            looks.declared(picked[open_rows, : unit + 1], ever, fail=fail, right=right)
        settled = fail | right
        if settled.any():
            failed, passed = failed + int(fail.sum()), passed + int(right.sum())
            paid += (unit + 1) * int(settled.sum())
            open_rows, ever = open_rows[~settled], ever[:, ~settled]
            bets.keep(~settled)
    for row, proven in zip(open_rows.tolist(), ever.T.tolist(), strict=True):
        verdict = looks.verdict(Counter(picked[row].tolist()), fail=proven[1], drop=proven[2])
        passed, failed = passed + (verdict == "pass"), failed + (verdict == "fail")
    return Replicated(runs=runs, passed=passed, failed=failed, mean_cases=(paid + rule.planned * open_rows.size) / runs)


class _Bets:
    """The bets of ``sequential`` for many runs at once: about PASS, FAIL and a drop, in that order."""

    def __init__(self, rule: Rule, runs: int) -> None:
        np = load_numpy()
        self._np: Any = np
        sides: tuple[Side, ...] = ("pass", "fail", "fail")
        nulls = (rule.pass_null, rule.fail_null, 0.0)
        # As in ``sequential``: clusters are tested about 0 after the shift by the null.
        shifts = nulls if rule.largest is not None else (0.0, 0.0, 0.0)
        caps = [ceiling(*row) for row in _ends(sides, nulls, shifts, rule)]
        self._sign = np.array([1.0, -1.0, -1.0])[:, None]
        self._shift = np.array(shifts)[:, None]
        self._null = np.array(nulls)[:, None] - self._shift
        self._cap = np.array(caps)[:, None, None]
        self._effects = np.array(SIZES)[:, None] * rule.design_effect
        self._stake = np.log(np.array(WEIGHTS))[:, None]
        self._logs = np.zeros((3, len(SIZES), runs))
        self._totals, self._squares = np.zeros((3, runs)), np.zeros((3, runs))
        self._units = 0

    def update(self, differences: Any, shares: Any) -> Any:
        """Take one unit of every open run; log capitals, a row a question."""
        np = self._np
        values = shares * (differences - self._shift)
        spread = self._squares - (self._totals**2 / self._units if self._units else 0.0)
        spread = np.maximum(LEAST_VARIANCE, (PRIOR_CASES * PRIOR_VARIANCE + spread) / (PRIOR_CASES + self._units))
        bets = np.minimum(self._effects / (spread[:, None, :] + self._effects**2), self._cap)
        self._logs += np.log1p(bets * (self._sign * (values - self._null))[:, None, :])
        self._totals += values
        self._squares += values**2
        self._units += 1
        staked = self._logs + self._stake
        top = staked.max(axis=1)
        return top + np.log(np.exp(staked - top[:, None, :]).sum(axis=1))

    def keep(self, rows: Any) -> None:
        """Go on with some runs only."""
        self._logs, self._totals, self._squares = self._logs[:, :, rows], self._totals[:, rows], self._squares[:, rows]


def _ends(
    sides: tuple[Side, ...], nulls: tuple[float, ...], shifts: tuple[float, ...], rule: Rule
) -> list[tuple[Side, float, float, float]]:
    """Side, null, low and high end of each question."""
    return [
        (side, null - shift, rule.low - shift, rule.high - shift)
        for side, null, shift in zip(sides, nulls, shifts, strict=True)
    ]


class _LastLooks:
    """The looks at runs that are still open, declared ones and the last; equal runs are looked at once."""

    def __init__(self, rule: Rule, law: Law, shares: list[float]) -> None:
        self._rule = rule
        self._shares = shares
        self._differences = law.differences
        self._known: dict[tuple[frozenset[tuple[int, int]], Side, float], float] = {}

    def declared(self, picked: Any, ever: Any, *, fail: Any, right: Any) -> None:
        """Take an earlier look, as ``Sequential`` does: what it proves is kept, a drop alone ends nothing.

        Args:
            picked: Units of the law that each open run drew so far, a row a run.
            ever: What was proven while running, [question, run]; changed.
            fail: Runs that failed; changed.
            right: Runs that passed; changed.
        """
        rule, level = self._rule, self._rule.look_level(picked.shape[1])
        for place, row in enumerate(picked.tolist()):
            if fail[place] or right[place]:
                continue
            counts = Counter(row)
            ever[1, place] |= self._proven(counts, "fail", rule.fail_null, level * rule.alpha_block)
            ever[2, place] |= self._proven(counts, "fail", 0.0, level * rule.alpha_block)
            fail[place] = ever[2, place] and (ever[1, place] or rule.proven_drop == "stop")
            passed = not fail[place] and self._proven(counts, "pass", rule.pass_null, level * rule.alpha_pass)
            right[place] = passed

    def verdict(self, counts: Counter[int], *, fail: bool, drop: bool) -> str:
        """``pass``, ``fail`` or ``inconclusive``, as ``Sequential.finish`` says it.

        Args:
            counts: How often each unit of the law was drawn.
            fail: Whether "worse than the margin" was proven while running.
            drop: Whether a drop was.
        """
        rule = self._rule
        fail = fail or self._proven(counts, "fail", rule.fail_null, rule.last_block)
        drop = drop or self._proven(counts, "fail", 0.0, rule.last_block)
        if drop and (fail or rule.proven_drop == "stop"):
            return "fail"
        if self._proven(counts, "pass", rule.pass_null, rule.last_pass):
            return "pass"
        return "fail" if drop and rule.proven_drop == "fail" else "inconclusive"

    def _proven(self, counts: Counter[int], side: Side, null: float, level: float) -> bool:
        if level <= 0:
            return False
        name = (frozenset(counts.items()), side, null)
        if name not in self._known:
            self._known[name] = self._p_value(counts, side, null, level)
        return self._known[name] <= level

    def _p_value(self, counts: Counter[int], side: Side, null: float, level: float) -> float:
        rule = self._rule
        shift = null if rule.largest is not None else 0.0
        values: Counter[float] = Counter()
        for index, count in counts.items():
            values[self._shares[index] * (self._differences[index] - shift)] += count
        low, high, about = rule.low - shift, rule.high - shift, null - shift
        total = sum(count * (value - about) for value, count in values.items())
        hopeless = total + (low - about) <= 0 if side == "pass" else total + (high - about) >= 0
        if hopeless and level < _HOPELESS:
            return 1.0
        return final_look_counts(values, about, side, low=low, high=high)
