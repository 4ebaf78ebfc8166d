from __future__ import annotations

import pytest

from tests.clients.hostile_server import HostileServer


@pytest.fixture(scope="session")
def hostile():
    with HostileServer() as server:
        yield server
