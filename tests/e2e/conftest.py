"""Servers that the end-to-end tests talk to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import serve  # (found through the line above, so that the file also works as a script)


@pytest.fixture(scope="session")
def smollm() -> Iterator[str]:
    """Base URL of a real SmolLM2-135M-Instruct behind an OpenAI-compatible server."""
    reason = serve.missing_part()
    if reason is not None:
        pytest.skip(reason)
    with serve.running() as base_url:
        yield base_url
