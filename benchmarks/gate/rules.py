"""The rules that others ship, each on many runs at once: PASS 1, REGRESSION -1, INCONCLUSIVE 0.

Written from the published rule, or the installed code called (statgate, evalsig). ``SOURCES`` says where each comes from.
A rule that knows only two outcomes calls everything that it does not fail PASS, as its users do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from ours import FAIL, OPEN, PASS, Many
from scipy import stats


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a rule sees: scores of both arms, run by case, and the margin."""

    base: np.ndarray
    cand: np.ndarray
    margin: float
    level: float
    """Mean score of the baseline system, for rules with an absolute threshold."""
    binary: bool
    seed: int = 0

    @property
    def x(self):
        return self.cand - self.base


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A rule, with its source."""

    name: str
    source: str
    decide: Callable[[Trial], Many]
    slow: bool = False
    """Called run by run: fewer repetitions."""


def _whole(verdict, trial):
    return Many(verdict, np.full(len(verdict), trial.base.shape[1]))


def _two(fails, trial):
    return _whole(np.where(fails, FAIL, PASS), trial)


def absolute(trial):
    return _two(trial.cand.mean(axis=1) < trial.level - trial.margin - 1e-12, trial)


def mean_drop(trial):
    return _two(trial.x.mean(axis=1) < -trial.margin - 1e-12, trial)


def mean_below_zero(trial):
    return _two(trial.x.mean(axis=1) < -1e-12, trial)


def unpaired_z(trial):
    n = trial.base.shape[1]
    error = np.sqrt((trial.base.var(axis=1, ddof=1) + trial.cand.var(axis=1, ddof=1)) / n)
    return _two(trial.x.mean(axis=1) < -stats.norm.ppf(0.95) * error, trial)


def _counts(trial):
    return (trial.x > 1e-12).sum(axis=1), (trial.x < -1e-12).sum(axis=1)


@lru_cache(maxsize=1)
def _exact_binomial():
    return lru_cache(maxsize=None)(lambda k, n: float(stats.binom.sf(k - 1, n, 0.5)))


def _worse_p(wins, losses):
    """Exact one-sided McNemar (sign test): chance of so many losses among the changed."""
    chance = _exact_binomial()
    return np.array([chance(int(k), int(k + w)) if k + w else 1.0 for w, k in zip(wins, losses, strict=True)])


def mcnemar(trial):
    return _two(_worse_p(*_counts(trial)) < 0.05, trial)


def _t_parts(x):
    n = x.shape[1]
    return x.mean(axis=1), x.std(axis=1, ddof=1) / math.sqrt(n), n


def paired_t(trial):
    mean, error, n = _t_parts(trial.x)
    return _two(mean < -stats.t.ppf(0.95, n - 1) * error - 1e-12, trial)


def _against_margin(low, high, margin):
    return np.where(low > -margin, PASS, np.where(high < -margin, FAIL, OPEN))


def margin_t(trial):
    mean, error, n = _t_parts(trial.x)
    reach = stats.t.ppf(0.95, n - 1) * error
    return _whole(_against_margin(mean - reach, mean + reach, trial.margin), trial)


def peeking_t(trial):
    """Look every 10 cases, stop at the first decision."""
    x, n = trial.x, trial.base.shape[1]
    verdict, paid = np.zeros(len(x), dtype=int), np.full(len(x), n)
    for look in range(10, n + 1, 10):
        mean, error, _ = _t_parts(x[:, :look])
        reach = stats.t.ppf(0.95, look - 1) * error
        now = _against_margin(mean - reach, mean + reach, trial.margin)
        new = (verdict == OPEN) & (now != OPEN)
        verdict[new], paid[new] = now[new], look
    return Many(verdict, paid)


def bootstrap(trial, resamples=1000):
    """Percentile interval, 90 %, drawn as multinomial counts of the distinct differences."""
    rng = np.random.default_rng(trial.seed)
    limits = {}
    verdict = np.empty(len(trial.x), dtype=int)
    for i, row in enumerate(trial.x.round(9)):
        values, counts = np.unique(row, return_counts=True)
        key = (tuple(values), tuple(counts))
        if key not in limits:
            means = rng.multinomial(row.size, counts / row.size, size=resamples) @ values / row.size
            limits[key] = np.quantile(means, [0.05, 0.95])
        low, high = limits[key]
        verdict[i] = PASS if low > -trial.margin else FAIL if high < -trial.margin else OPEN
    return _whole(verdict, trial)


def assert_improved(trial):
    """MLflow: PASS only if significantly better, two-sided p < .05 (McNemar; Wilcoxon for numbers); else it raises."""
    better = trial.x.mean(axis=1) > 0
    if trial.binary:
        wins, losses = _counts(trial)
        p = np.array([_mlflow_mcnemar(int(w), int(k)) for w, k in zip(wins, losses, strict=True)])
    else:
        p = np.ones(len(trial.x))
        for i in np.flatnonzero(better):
            p[i] = stats.wilcoxon(trial.x[i], method="approx").pvalue if trial.x[i].any() else 1.0
    return _two(~(better & (p < 0.05)), trial)


@cache
def _mlflow_mcnemar(wins, losses):
    changed = wins + losses
    if changed == 0:
        return 1.0
    if changed < 25:
        return float(stats.binomtest(wins, changed, 0.5).pvalue)
    return float(stats.chi2.sf((abs(wins - losses) - 1) ** 2 / changed, df=1))


def nel_compare(trial):
    """NeMo ``nel compare --max-drop M --strict --correct-above .5``: BLOCK and WARN (significant, but small) are REGRESSION.

    Its effect of graded scores is Cohen's d, compared with the same max-drop.
    """
    old, new = trial.base > 0.5, trial.cand > 0.5
    wins, losses = (new & ~old).sum(axis=1), (old & ~new).sum(axis=1)
    changed = wins + losses
    if trial.binary:
        p, effect = _worse_p(wins, losses), np.abs(losses - wins) / trial.base.shape[1]
    else:
        p, effect = _flip_p(trial), np.abs(trial.x.mean(axis=1)) / np.maximum(trial.x.std(axis=1, ddof=1), 1e-12)
    significant = p < 0.05
    block = significant & (effect > trial.margin) & (losses > wins)
    weak = (2.8 / np.sqrt(np.maximum(changed, 1)) > 10 * trial.margin) & ~significant
    verdict = np.where(block | significant, FAIL, np.where(weak, OPEN, PASS))
    return _whole(np.where(changed == 0, PASS, verdict), trial)


def _flip_p(trial, flips=2000):
    rng = np.random.default_rng(trial.seed)
    worse = -trial.x
    signs = rng.choice([-1.0, 1.0], size=(flips, worse.shape[1]))
    return np.array([((signs @ row) >= row.sum() - 1e-12).sum() + 1 for row in worse]) / (flips + 1)


def nel_gate(trial):
    """NeMo ``nel gate``: the paired 95 % t interval against max_drop; fewer than 10 pairs: insufficient."""
    mean, error, n = _t_parts(trial.x)
    reach = stats.t.ppf(0.975, n - 1) * error
    low, high = (mean - reach).round(6), (mean + reach).round(6)
    verdict = np.where(low >= -trial.margin, PASS, np.where(high < -trial.margin, FAIL, OPEN))
    return _whole(verdict if n >= 10 else np.zeros(len(mean), dtype=int), trial)


def statgate_compare(trial):
    from statgate import GateSettings, evaluate_gate

    settings = GateSettings(margin=trial.margin, permutations=100, seed=trial.seed)
    words = {"SHIP": PASS, "BLOCK": FAIL, "INCONCLUSIVE": OPEN}
    verdict = [words[evaluate_gate(*_statgate_records(trial, i), settings).verdict] for i in range(len(trial.x))]
    return _whole(np.array(verdict), trial)


def statgate_sequential(trial):
    from statgate import GateSettings, SequentialSettings
    from statgate.sequential_runner import run_replay

    words = {"SHIP": PASS, "BLOCK": FAIL, "INCONCLUSIVE": OPEN}
    n = trial.base.shape[1]
    gate, sequential = GateSettings(margin=trial.margin), SequentialSettings(max_cases=n)
    done = [run_replay(*_statgate_records(trial, i), gate, sequential) for i in range(len(trial.x))]
    return Many(np.array([words[d.verdict] for d in done]), np.array([d.pairs_used for d in done]))


def _statgate_records(trial, i):
    from statgate import EvalRecord

    return [
        [EvalRecord.model_construct(case_id=f"{k:06d}", score=float(s), passed=None, run_index=0) for k, s in enumerate(side[i])]
        for side in (trial.base, trial.cand)
    ]  # fmt: skip


def evalsig_gate(trial):
    from evalsig import gate

    words = {"ALLOW": PASS, "REJECT": FAIL, "INCONCLUSIVE": OPEN}
    verdict = [
        words[gate(*_evalsig_frames(trial, i), min_delta=trial.margin, n_resamples=1000).verdict.value]
        for i in range(len(trial.x))
    ]
    return _whole(np.array(verdict), trial)


def _evalsig_frames(trial, i):
    from evalsig import ItemResult, RunFrame

    return [
        RunFrame(name, name, "task", "score", [ItemResult(f"{k:06d}", float(s)) for k, s in enumerate(side[i])])
        for name, side in (("a", trial.base), ("b", trial.cand))
    ]


def evalsig_sequential(trial):
    """Its confidence sequence of the differences moved by the margin, stopped on either side of 0."""
    from evalsig import sequential_gate

    done = [sequential_gate(row, alternative="two-sided") for row in trial.x + trial.margin]
    verdict = [(PASS if d.ci[0] > 0 else FAIL) if d.stopped and (d.ci[0] > 0 or d.ci[1] < 0) else OPEN for d in done]
    return Many(np.array(verdict), np.array([d.n_pairs for d in done]))


LETTA = (
    "docs.letta.com/guides/evals/concepts/gates (`avg_score gte value`); the same in DeepEval and promptfoo thresholds"
)
NEMO = "github.com/NVIDIA-NeMo/Evaluator, src/nemo_evaluator"
TEXTBOOK = "textbook; the advice of many CI guides"

PEERS = [
    Peer(name="mean score below a threshold (baseline level - margin)", source=LETTA, decide=absolute),
    Peer(name="mean drop above the margin", decide=mean_drop,
         source="docs.nvidia.com/nemo/evaluator/deployment/ci-regression (`delta > max_drop`); MLflow MetricThreshold(min_absolute_change)"),
    Peer(name="mean difference below zero", source=TEXTBOOK, decide=mean_below_zero),
    Peer(name="unpaired z, one-sided 5 %", source=TEXTBOOK, decide=unpaired_z),
    Peer(name="McNemar exact, one-sided 5 % (graded: sign test)", source=TEXTBOOK, decide=mcnemar),
    Peer(name="paired t against zero, one-sided 5 %", source=TEXTBOOK, decide=paired_t),
    Peer(name="paired t against the margin, 5 % each side", source=TEXTBOOK, decide=margin_t),
    Peer(name="peeking t (the same, looked at every 10 cases)", source=TEXTBOOK, decide=peeking_t),
    Peer(name="bootstrap 90 % interval against the margin", source=TEXTBOOK, decide=bootstrap),
    Peer(name="MLflow assert_improved", source="mlflow 3.17 genai, ComparisonResult.assert_improved (alpha .05)", decide=assert_improved),
    Peer(name="NeMo nel compare --max-drop --strict", source=f"{NEMO}/engine/comparison.py", decide=nel_compare),
    Peer(name="NeMo nel gate", source=f"{NEMO}/engine/gate.py", decide=nel_gate),
    Peer(name="statgate compare", source="its own code, PyPI statgate 0.1.1, defaults but the margin", decide=statgate_compare, slow=True),
    Peer(name="statgate sequential", source="its own code, PyPI statgate 0.1.1, batches of 25 (default)", decide=statgate_sequential, slow=True),
    Peer(name="evalsig gate", source="its own code, PyPI evalsig 0.1.2, min_delta = margin", decide=evalsig_gate, slow=True),
    Peer(name="evalsig sequential_gate", source="its own code, PyPI evalsig 0.1.2, differences + margin", decide=evalsig_sequential, slow=True),
]  # fmt: skip
