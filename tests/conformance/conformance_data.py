"""Where the real data lie: the folder named by EVALH_TEST_DATA."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def folder(name: str) -> Path:
    """A folder of the test data; skips the test with the reason when there is none."""
    root = os.environ.get("EVALH_TEST_DATA")
    if not root:
        pytest.skip("EVALH_TEST_DATA names no folder of test data")
    path = Path(root) / name
    if not path.is_dir():
        pytest.skip(f"EVALH_TEST_DATA has no folder {name}")
    return path
