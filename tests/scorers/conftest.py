"""Scorers under test get as long by the clock as they need: their limit is CPU time, and the machine may be busy."""

import pytest

from evalharness.scorers import sandbox


@pytest.fixture(autouse=True)
def _patient_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 60.0)
