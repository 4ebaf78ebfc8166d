"""Servers that the end-to-end tests talk to, and projects that use them."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import house as houses  # (found through the line above, so that these files also work as scripts)
import mock_server
import serve


@pytest.fixture(scope="session")
def smollm() -> Iterator[str]:
    """Base URL of a real SmolLM2-135M-Instruct behind an OpenAI-compatible server."""
    reason = serve.missing_part()
    if reason is not None:
        pytest.skip(reason)
    with serve.running(threads=1) as base_url:  # on a busy machine two threads wait for each other
        yield base_url


@pytest.fixture
def start_mock() -> Iterator[Callable[..., str]]:
    """Start mock servers with command-line arguments, as in ``start_mock("--fail", "500:0.1")``; gives the base URL."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(mock_server.running(*arguments))


@pytest.fixture(scope="session")
def answer_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The answers of the mock server to 2,000 cases."""
    path = tmp_path_factory.mktemp("mock") / "answers.json"
    path.write_text(json.dumps(houses.server_answers(2000)))
    return path


@pytest.fixture(scope="session")
def sound_server(answer_table: Path) -> Iterator[str]:
    """Base URL of one mock server without faults."""
    with mock_server.running("--answers", str(answer_table), "--latency-ms", "2") as base_url:
        yield base_url


@pytest.fixture(scope="session")
def kept_projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Promoted projects that were made once; tests start from copies."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def house(tmp_path: Path, sound_server: str, kept_projects: Path) -> houses.House:
    """An empty project whose candidate asks the sound server."""
    houses.ask_server(sound_server, "POST", "/reset")
    return houses.House(root=tmp_path, url=sound_server, kept=kept_projects)
