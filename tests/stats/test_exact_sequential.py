from __future__ import annotations

import pytest

from evalharness.stats.exact_sequential import ExactSequential
from evalharness.stats.rule import Rule


def test_what_the_exact_face_refuses_and_tells() -> None:
    engine = ExactSequential(Rule(margin=0.1, planned=20))
    with pytest.raises(ValueError, match="no clusters or weights"):
        engine.update(0.0, size=2.0)
    with pytest.raises(ValueError, match="both its worst and its best"):
        engine.update(None, 0.0)
    with pytest.raises(ValueError, match="differences -1, 0 and 1"):
        engine.update(0.5)
    engine.update(1.0)
    assert engine.n_used == 1
    assert engine.log_e_now.pass_ > 0 > engine.log_e_now.drop
    for _ in range(19):
        engine.update(0.0)
    with pytest.raises(ValueError, match="all 20 planned"):
        engine.update(0.0)


@pytest.mark.parametrize(
    ("margin", "said"), [(0.02, "worse than the margin of 0.02;"), (0.1, "a drop is proven, whether")]
)
def test_a_fail_at_the_last_look_has_proven_a_drop(margin: float, said: str) -> None:
    """Nothing was proven while running: what the last bar shows must be said as well."""
    engine = ExactSequential(Rule(margin=margin, planned=40))
    limits = engine.plan.fail_min_losses if margin == 0.02 else engine.plan.drop_min_losses
    for step in [0.0] * (40 - limits[0]) + [-1.0] * limits[0]:
        engine.update(step)
    assert engine.verdict is None
    end = engine.finish()
    assert (end.verdict, end.planned, end.n_used, end.drop_proven) == ("fail", 40, 40, True)
    assert end.reason.startswith(said)
    assert end.log_e_drop < engine.plan.dropping.bar
