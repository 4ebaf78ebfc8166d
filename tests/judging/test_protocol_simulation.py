"""The judging protocol does what is stated of it: false blocks, power and calls, within Monte Carlo error."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.judge import protocol

RUNS = 4000
ROUNDING = 0.003
"""The stated figures are rounded, and simulated themselves."""


@pytest.mark.parametrize("name", protocol.STATED)
def test_the_stated_rates(name: str) -> None:
    block, power, calls = protocol.measure(name, RUNS)
    stated_block, stated_power, stated_calls = protocol.STATED[name]
    for seen, stated in ((block, stated_block), (power, stated_power)):
        if stated is not None:
            error = math.sqrt(max(stated * (1 - stated), 1 / RUNS) / RUNS)
            assert seen == pytest.approx(stated, abs=4 * error + ROUNDING)
    assert calls == pytest.approx(stated_calls, abs=0.06)


@pytest.mark.parametrize("unchanged", [0.0, 0.5])
def test_the_code_that_ships_is_the_protocol_that_was_counted(unchanged: float) -> None:
    draws = protocol.draw(1, loss=0.08, unchanged=unchanged, seed=5)
    counted, shipped = protocol.ours(draws), protocol.as_shipped(draws)
    for name in ("baseline", "candidate", "calls"):
        assert np.array_equal(getattr(counted, name), getattr(shipped, name)), name


def test_unlike_treatment_of_the_arms_would_show() -> None:
    block, *_ = protocol.measure("3 for the baseline, 1 for the candidate", 1000)
    assert block > 0.1
