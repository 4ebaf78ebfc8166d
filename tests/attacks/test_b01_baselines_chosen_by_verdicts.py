"""B1: let the run that last passed become the baseline, and luck survives: 15 % false blocks after eight merges.

Defence: a gate run is never a baseline; ``promote`` runs the candidate afresh and whole, on a clock or on every push.
"""

from __future__ import annotations

import random

import pytest

from evalharness.core.errors import BaselineError
from evalharness.project.promoting import promote
from evalharness.stats import exact_plan
from tests.attacks.shop import Shop

N, ALWAYS = 200, 0.8


def answers(rng: random.Random) -> list[int]:
    """One run of a system that never changes: most cases are sure, the others flip."""
    return [int(rng.random() < (0.95 if i < N * ALWAYS else 0.05)) for i in range(N)]


def blocked(before: list[int], after: list[int]) -> str:
    state = exact_plan(N, 0.05, alpha_block=0.05).start()
    for old, new in zip(before, after, strict=True):
        state.update(new - old)
        if state.verdict() is not None:
            break
    return state.finish().verdict


def chain(rng: random.Random, *, by_verdict: bool) -> int:
    """Blocks at the fifth merge of a chain in which nothing ever changes."""
    baseline = answers(rng)
    verdict = "inconclusive"
    for _ in range(5):
        now = answers(rng)
        verdict = blocked(baseline, now)
        baseline = now if by_verdict and verdict == "pass" else baseline if by_verdict else answers(rng)
    return verdict == "fail"


def test_choosing_by_verdict_blocks_more_and_a_clock_does_not() -> None:
    rng = random.Random(7)
    chains = 400
    chosen = sum(chain(rng, by_verdict=True) for _ in range(chains)) / chains
    fresh = sum(chain(rng, by_verdict=False) for _ in range(chains)) / chains
    assert chosen > 0.07
    assert fresh < 0.08
    assert chosen > fresh


def test_a_gate_run_cannot_be_promoted(tmp_path) -> None:
    shop = Shop(tmp_path)
    shop.cases(80)
    shop.answers("old.jsonl", [True] * 80)
    shop.answers("new.jsonl", [True] * 79 + [False])
    shop.config()
    verdict = shop.gate()
    assert verdict.run
    shop.config(baseline="")
    with shop.open() as workspace, pytest.raises(BaselineError, match="made by a gate"):
        promote(workspace, verdict.run, why="it passed")
