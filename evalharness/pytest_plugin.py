"""The pytest plugin. It imports only pytest when it is loaded, so a project that does not use it pays nothing."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that ``--strict-markers`` knows it."""
    config.addinivalue_line("markers", "evalh(evalset, candidate): one test per case of an eval set")
