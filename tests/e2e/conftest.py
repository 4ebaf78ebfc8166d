"""Servers that the end-to-end tests talk to."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import mock_server  # (found through the line above, so that these files also work as scripts)
import serve


@pytest.fixture(scope="session")
def smollm() -> Iterator[str]:
    """Base URL of a real SmolLM2-135M-Instruct behind an OpenAI-compatible server."""
    reason = serve.missing_part()
    if reason is not None:
        pytest.skip(reason)
    with serve.running() as base_url:
        yield base_url


@pytest.fixture
def start_mock() -> Iterator[Callable[..., str]]:
    """Start mock servers with command-line arguments, as in ``start_mock("--fail", "500:0.1")``; gives the base URL."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(mock_server.running(*arguments))
