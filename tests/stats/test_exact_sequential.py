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
