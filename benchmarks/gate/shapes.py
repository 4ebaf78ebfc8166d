"""Score shapes with a chosen true change, and real pairs as populations."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

DATA = Path(os.environ.get("EVALH_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A kind of score."""

    name: str
    binary: bool
    draw: Callable
    """(generator, runs, cases, true change) -> differences."""
    discordance: float = 0.0
    """P(win) + P(loss) when unchanged, of 0/1 scores."""


def binary(discordance):
    def draw(rng, runs, n, theta):
        psi = max(discordance, abs(theta))
        u = rng.random((runs, n))
        return (u < (psi + theta) / 2).astype(float) - (u > 1 - (psi - theta) / 2)

    return Shape(name=f"0/1, {100 * discordance:g} % discordant", binary=True, draw=draw, discordance=discordance)


def judge(rng, runs, n, theta):
    """Judge 1 to 5, mapped to steps of 1/4; 27 % of the cases move by one step: sd .13."""
    moved = max(0.27, abs(theta) / 0.25)
    u = rng.random((runs, n))
    return 0.25 * ((u < (moved + 4 * theta) / 2).astype(float) - (u > 1 - (moved - 4 * theta) / 2))


def overlap(rng, runs, n, theta):
    """ROUGE-like: 30 % ties, else normal around the change, rounded to .01: sd .15."""
    moved = rng.normal(theta / 0.7, 0.179, (runs, n)).clip(-1, 1).round(2)
    return np.where(rng.random((runs, n)) < 0.3, 0.0, moved)


BINARY = [binary(psi) for psi in (0.04, 0.10, 0.20)]
GRADED = [
    Shape(name="judge 1-5, sd .13", binary=False, draw=judge),
    Shape(name="ROUGE-like, sd .15, 30 % ties", binary=False, draw=overlap),
]


def arms(rng, x, *, is_binary, level=0.8):
    """Scores of both arms with these differences: 0/1 with a pass rate of ``level``, or levels spread evenly."""
    if is_binary:
        ties = max(1e-9, float((x == 0).mean()))
        both = np.clip((level - float((x < 0).mean())) / ties, 0, 1)
        base = np.where(x < 0, 1.0, np.where(x > 0, 0.0, rng.random(x.shape) < both))
    else:
        low, high = np.maximum(0, -x), np.minimum(1, 1 - x)
        base = low + (high - low) * rng.random(x.shape)
    return base, base + x


@dataclass(frozen=True, slots=True, kw_only=True)
class Real:
    """Recorded differences of a real pair of systems; the worse one is the candidate."""

    source: str
    name: str
    differences: np.ndarray
    binary: bool

    @property
    def drop(self):
        return float(-self.differences.mean())

    @property
    def discordance(self):
        return float((self.differences != 0).mean())


def real_pairs():
    """Every pair whose true drop lies between 1 and 45 points, with at least 80 cases."""
    found = [*_gsm8k(), *_llmbar(), *_mqm(), *_small_models()]
    return [pair for pair in found if 0.01 <= pair.drop <= 0.45 and len(pair.differences) >= 80]


def _pair(source, one, two, scores, *, is_binary):
    x = np.array(scores[two]) - np.array(scores[one])
    if x.mean() > 0:
        one, two, x = two, one, -x
    return Real(source=source, name=f"{one} -> {two}", differences=x, binary=is_binary)


def _gsm8k():
    with gzip.open(DATA / "gsm8k" / "gsm8k_even.jsonl.gz", "rt") as lines:
        rows = [json.loads(line)["official_correct"] for line in lines]
    scores = {name: [float(row[name]) for row in rows] for name in rows[0]}
    for one, two in combinations(sorted(scores), 2):
        yield _pair("gsm8k", one, two, scores, is_binary=True)


def _llmbar():
    """Right in both orders, by judge and prompt: prompts of one judge are the pairs (GPT-4 and ChatGPT)."""
    scores = defaultdict(dict)
    with gzip.open(DATA / "llmbar" / "judgements.csv.gz", "rt") as lines:
        for row in csv.DictReader(lines):
            right = row["winner_ab"] == row["winner_ba"] == row["gold_better"]
            scores[row["judge"], row["prompt"]][row["subset"], row["item"]] = float(right)
    for judge_name in ("GPT-4", "ChatGPT"):
        runs = {key[1]: value for key, value in scores.items() if key[0] == judge_name and len(value) >= 90}
        for one, two in list(combinations(sorted(runs), 2))[::9]:
            shared = sorted(set(runs[one]) & set(runs[two]))
            sides = {name: [runs[name][item] for item in shared] for name in (one, two)}
            yield _pair(f"llmbar {judge_name}", one, two, sides, is_binary=True)


def _mqm():
    """Human MQM of a segment, 0 to -25, as 1 + MQM / 25."""
    with gzip.open(DATA / "wmt_mqm" / "ted_ende.csv.gz", "rt") as lines:
        rows = list(csv.DictReader(lines))
    systems = [name for name in rows[0] if name != "seg"]
    scores = {name: [1 + max(-25.0, float(row[name])) / 25 for row in rows] for name in systems}
    for one, two in list(combinations(systems, 2))[::6]:
        yield _pair("wmt mqm", one, two, scores, is_binary=False)


def _small_models():
    scores = defaultdict(dict)
    with gzip.open(DATA / "real_llm" / "runs.jsonl.gz", "rt") as lines:
        for line in lines:
            row = json.loads(line)
            scores[row["run"]][row["id"]] = float(row["score"])
    sides = {name: [value[item] for item in sorted(value)] for name, value in scores.items()}
    for one, two in list(combinations(sorted(sides), 2))[::3]:
        yield _pair("small models", one, two, sides, is_binary=True)
