from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from hostile_server import HostileServer


@pytest.fixture(scope="session")
def hostile():
    with HostileServer() as server:
        yield server
