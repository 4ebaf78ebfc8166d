"""Many runs of the general rule at once, for simulations: a second writing of it in arrays.

``test_validity.py`` checks it against ``Sequential`` path by path before anything is concluded from it.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from evalharness.stats.last_look import final_look_counts

WEIGHTS = np.array([1, 2, 6, 2, 2]) / 13
SIZES = np.array([0.25, 0.5, 1, 2, 4])


def log_capital(x, null, effect, side, *, low=-1.0, high=1.0, sees_present=False):
    """log E after every case, for all runs (rows of x). ``sees_present`` is the mutation that must fail."""
    runs, n = x.shape
    squares, totals = np.zeros(runs), np.zeros(runs)
    logs = np.zeros((runs, 5))
    out = np.empty((runs, n))
    g = SIZES * effect
    room = null - low if side == "pass" else high - null
    sign = 1.0 if side == "pass" else -1.0
    for t in range(n):
        d = x[:, t]
        if sees_present:
            totals, squares, seen = totals + d, squares + d * d, t + 1
        else:
            seen = t
        v = np.maximum(1e-6, (1.0 + squares - totals**2 / max(seen, 1)) / (10 + seen))
        lam = np.minimum(g / (v[:, None] + g**2), 0.75 / room)
        gain = sign * (d - null)
        if sees_present:
            lam = np.where(gain[:, None] > 0, lam, 0.5 * lam)
        logs += np.log1p(lam * gain[:, None])
        top = logs.max(axis=1)
        out[:, t] = top + np.log(np.exp(logs - top[:, None]) @ WEIGHTS)
        if not sees_present:
            totals, squares = totals + d, squares + d * d
    return out


@dataclass
class Outcomes:
    """Verdicts and cases paid, one of each for every run."""

    verdict: np.ndarray
    paid: np.ndarray

    def share(self, verdict):
        return float(np.mean(self.verdict == verdict))

    def count(self, verdict):
        return int(np.sum(self.verdict == verdict))


def decide_many(x, margin, *, alpha_pass=0.05, alpha_block=0.025, split=0.5, worst=None, best=None,
                drop_fails=True, last_look=True):  # fmt: skip
    """The verdict of every row of x; rows are whole runs."""
    worst = x if worst is None else worst
    best = x if best is None else best
    runs, n = x.shape
    e_pass = log_capital(worst, -margin, margin, "pass")
    e_fail = log_capital(best, -margin, margin, "fail")
    e_drop = log_capital(best, 0.0, margin, "fail")
    first_pass = _first(e_pass >= -np.log(split * alpha_pass))
    first_fail = _first(e_fail >= -np.log(split * alpha_block))
    verdict = np.full(runs, "inconclusive", dtype=object)
    verdict[(first_pass < n) & (first_pass < first_fail)] = "pass"
    verdict[(first_fail < n) & (first_fail <= first_pass)] = "fail"
    paid = np.minimum(np.minimum(first_pass, first_fail) + 1, n)
    dropped = (e_drop >= -np.log(split * alpha_block)).any(axis=1)
    cache = {}

    def p(row, null, side):
        counts = Counter(row.tolist())
        key = (frozenset(counts.items()), null, side)
        if key not in cache:
            cache[key] = final_look_counts(counts, null, side, low=-1.0, high=1.0)
        return cache[key]

    for i in np.flatnonzero(verdict == "inconclusive"):
        level = (1 - split) * alpha_block if last_look else -1.0
        if last_look and p(best[i], -margin, "fail") <= level:
            verdict[i] = "fail"
        elif last_look and p(worst[i], -margin, "pass") <= (1 - split) * alpha_pass:
            verdict[i] = "pass"
        elif drop_fails and (dropped[i] or (last_look and p(best[i], 0.0, "fail") <= level)):
            verdict[i] = "fail"
    return Outcomes(verdict, paid)


def _first(crossed):
    """Index of the first crossing in each row; the row's length where there is none."""
    return np.where(crossed.any(axis=1), crossed.argmax(axis=1), crossed.shape[1])


def too_many(errors, runs, rate):
    """True when so many errors have a chance below 1e-6 at the promised rate."""
    return bool(binom.sf(errors - 1, runs, rate) < 1e-6)


def paired_binary(rng, runs, n, theta, discordance=0.10):
    """Differences of 0/1 scores with mean theta."""
    discordance = max(discordance, abs(theta))
    loss, win = (discordance - theta) / 2, (discordance + theta) / 2
    return rng.choice([-1.0, 0.0, 1.0], (runs, n), p=[loss, 1 - loss - win, win])


def _judge(rng, runs, n, theta):
    base = rng.choice([-0.25, 0.0, 0.25], (runs, n), p=[0.12, 0.76, 0.12])
    return _shift(rng, base, theta)


def _overlap(rng, runs, n, theta):
    base = np.where(rng.random((runs, n)) < 0.3, 0.0, np.clip(rng.normal(0, 0.18, (runs, n)), -0.9, 0.9).round(2))
    base = np.where(rng.random((runs, n)) < 0.5, base, -base)
    return _shift(rng, base, theta)


def _rare_losses(rng, runs, n, theta):
    """Mostly a small gain, rarely a total loss: the sample mean flatters nearly always."""
    gain = 0.02
    loss = (gain - theta) / (1 + gain)
    return np.where(rng.random((runs, n)) < loss, -1.0, gain)


def _rare_wins(rng, runs, n, theta):
    """Mostly a small loss, rarely a total win: the sample mean slanders nearly always."""
    cost = 0.08
    win = (theta + cost) / (1 + cost)
    return np.where(rng.random((runs, n)) < win, 1.0, -cost)


def _constant(rng, runs, n, theta):
    """Zero variance at the null itself."""
    return np.full((runs, n), theta)


def _shift(rng, base, theta):
    """Lower a symmetric base to mean theta by turning some cases into half losses."""
    hit = rng.random(base.shape) < -theta / 0.5
    return np.where(hit, -0.5, base)


FAMILIES = {
    "binary, 5 % discordant": lambda rng, runs, n, theta: paired_binary(rng, runs, n, theta, 0.05),
    "binary, 10 % discordant": paired_binary,
    "binary, 40 % discordant": lambda rng, runs, n, theta: paired_binary(rng, runs, n, theta, 0.40),
    "judge 1-5": _judge,
    "overlap with ties": _overlap,
    "rare total losses": _rare_losses,
    "rare total wins": _rare_wins,
    "constant": _constant,
}
