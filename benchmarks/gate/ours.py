"""Our rule for many runs at once, beside the engine that ships (``check_against_the_engine`` compares the two)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evalharness.stats.decision import decide
from evalharness.stats.exact import ExactPlan, exact_plan
from evalharness.stats.exact_evidence import evidence, null_mean
from evalharness.stats.exact_survival import crossing
from evalharness.stats.rule import default_split
from tests.proofs.many_runs import decide_many

PASS, FAIL, OPEN = 1, -1, 0
WORDS = {"pass": PASS, "fail": FAIL, "inconclusive": OPEN}
ALPHA_PASS, ALPHA_BLOCK = 0.05, 0.025


class Many(NamedTuple):
    """Verdicts (1, 0, -1) and cases paid, one of each for every run."""

    verdict: np.ndarray
    paid: np.ndarray


def general_many(x, margin, *, alpha_block=ALPHA_BLOCK, split=None, worst=None, best=None, drop_fails=True):
    """The general rule (betting, then the last look) on every row of x."""
    split = default_split(x.shape[1]) if split is None else split
    out = decide_many(x, margin, alpha_pass=ALPHA_PASS, alpha_block=alpha_block, split=split, worst=worst, best=best,
                      drop_fails=drop_fails)  # fmt: skip
    return Many(np.array([WORDS[word] for word in out.verdict]), out.paid)


def exact_many(x, plan: ExactPlan, *, worst=None, best=None):
    """The exact rule on every row of x (-1, 0, 1); PASS sees ``worst``, FAIL and drop see ``best``."""
    worst = x if worst is None else worst
    best = x if best is None else best
    runs, n = x.shape
    t = np.arange(1, n + 1)[None, :]
    wins, losses = np.cumsum(worst > 0, axis=1), np.cumsum(worst < 0, axis=1)
    block_wins, block_losses = np.cumsum(best > 0, axis=1), np.cumsum(best < 0, axis=1)
    tables = {
        name: crossing(evidence(null_mean(name, plan.margin)), plan.question(name).bar, n)
        for name in ("pass", "fail", "drop")
    }
    passed = wins >= tables["pass"][t, losses]
    failed = block_losses >= tables["fail"][t, block_wins]
    dropped = (block_losses >= tables["drop"][t, block_wins]).any(axis=1)
    first_pass, first_fail = _first(passed), _first(failed)
    verdict = np.zeros(runs, dtype=int)
    verdict[(first_fail < n) & (first_fail <= first_pass)] = FAIL
    verdict[(first_pass < n) & (first_pass < first_fail)] = PASS
    last = verdict == OPEN
    ends = (wins[:, -1], losses[:, -1], block_wins[:, -1], block_losses[:, -1])
    w, k, bw, bk = ends
    in_pass = k <= np.array(plan.pass_max_losses)[w]
    in_fail = bk >= np.array(plan.fail_min_losses)[bw]
    drop = dropped | (bk >= np.array(plan.drop_min_losses)[bw])
    verdict[last & drop & (in_fail | ~in_pass)] = FAIL
    verdict[last & in_pass & ~(drop & in_fail)] = PASS
    return Many(verdict, np.minimum(np.minimum(first_pass, first_fail) + 1, n))


def _first(crossed):
    return np.where(crossed.any(axis=1), crossed.argmax(axis=1), crossed.shape[1])


def check_against_the_engine(rng, *, runs=40):
    """Raise unless the arrays and ``decide`` agree run by run, on both paths, with and without lost answers."""
    for theta in (0.0, -0.03, -0.1):
        x = rng.choice([-1.0, 0.0, 1.0], (runs, 120), p=[0.05 - theta / 2, 0.9, 0.05 + theta / 2])
        lost = rng.random(x.shape) < 0.05
        worst, best = np.where(lost, -1.0, x), np.where(lost, 1.0, x)
        plan = exact_plan(120, 0.05)
        for got, method in (
            (exact_many(x, plan, worst=worst, best=best), "exact"),
            (general_many(x, 0.05, worst=worst, best=best), "general"),
        ):
            for i in range(runs):
                one = decide(x[i].tolist(), 0.05, 120, method=method, worst=worst[i].tolist(), best=best[i].tolist())
                if (WORDS[one.verdict], one.n_used) != (got.verdict[i], got.paid[i]):
                    raise AssertionError(f"{method} run {i}: engine {one}, arrays {got.verdict[i]}, {got.paid[i]}")
