"""Charts of the tests are small ones: how they are made is tested with the verdict."""

import pytest

from evalharness.verdict import chart


@pytest.fixture(autouse=True)
def small_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chart, "SIMULATED_RUNS", 40)
    monkeypatch.setattr(chart, "_SIZES", (20, 100, 200, 300))
