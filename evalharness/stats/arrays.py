"""The one door to NumPy in the statistics, opened only when there is enough data to pay for its start-up."""

from __future__ import annotations

from types import ModuleType

VECTOR_FROM = 2_000
"""From so many units (or distinct values) on NumPy pays for its import; below, plain ``math`` does."""


def load_numpy() -> ModuleType:
    """Import NumPy now (about 80 ms the first time) and return it."""
    import numpy as np

    return np
