"""The guard that runs through the whole suite does refuse: here, in processes that tests start, and where it is swallowed."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guard import sitecustomize as guard

AWAY = "198.51.100.7"
REFUSED = "tests do not reach the network"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log of this test's own: what it tries on purpose is no fault."""
    path = tmp_path / "network"
    path.write_text("")
    monkeypatch.setenv(guard.LOG, str(path))
    return path


def test_connections_and_look_ups_are_refused_and_noted(log: Path) -> None:
    with socket.socket() as tcp, pytest.raises(OSError, match=REFUSED):
        tcp.connect((AWAY, 80))
    with socket.socket(type=socket.SOCK_DGRAM) as udp, pytest.raises(OSError, match=REFUSED):
        udp.sendto(b"x", (AWAY, 53))
    with pytest.raises(OSError, match=REFUSED):
        socket.getaddrinfo("pypi.org", 443)
    assert [line.split() for line in log.read_text().splitlines()] == [
        ["socket.connect", AWAY], ["socket.sendto", AWAY], ["socket.getaddrinfo", "pypi.org"],
    ]  # fmt: skip


def test_a_refusal_that_is_swallowed_is_noted_all_the_same(log: Path) -> None:
    async def ask() -> str:
        try:
            await asyncio.open_connection(AWAY, 443)
        except OSError:
            return "down"
        return "up"

    assert asyncio.run(ask()) == "down"
    assert AWAY in log.read_text()


def test_processes_that_tests_start_are_guarded(log: Path) -> None:
    code = f"import socket; socket.create_connection(({AWAY!r}, 80), timeout=5)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=False)
    assert "NetworkRefused" in done.stderr
    assert AWAY in log.read_text()


def test_names_that_cannot_exist_are_refused_without_a_note(log: Path) -> None:
    with pytest.raises(OSError, match=REFUSED):
        socket.getaddrinfo("llm.example.com", 443)
    assert log.read_text() == ""


def test_this_machine_may_be_reached(log: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
    assert log.read_text() == ""


def test_a_test_that_reaches_out_fails(tmp_path: Path) -> None:
    """The suite's own conftest, over a test that swallows the refusal."""
    root = Path(__file__).parent.parent
    (tmp_path / "conftest.py").write_text("from tests.conftest import _closed_network, pytest_configure\n")
    (tmp_path / "test_two.py").write_text(
        "import socket\n\n"
        "def test_sly():\n    try:\n        socket.getaddrinfo('pypi.org', 443)\n    except OSError:\n        pass\n\n"
        "def test_good():\n    pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", tmp_path, tmp_path],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(root)}, check=False,
    )  # fmt: skip
    assert "the network was asked for" in done.stdout
    assert "socket.getaddrinfo pypi.org" in done.stdout
    assert "2 passed, 1 error" in done.stdout
