"""Projects whose candidate asks a server with faults, and ``evalh`` as a process in them."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e import mock_server
from tests.e2e.house import House, ask_server, jsonl, server_answers


@dataclass(frozen=True, kw_only=True)
class Site(House):
    """A project with a gate against recorded answers, all of them right; 100 cases unless a test says otherwise."""

    def prepared(self, n: int = 100, *, word: str = "SURE", **config: str) -> Site:
        """Cases, recorded baseline and config; every case is asked, so that counts can be compared."""
        self.cases(n)
        self.write("old.jsonl", jsonl({"id": f"c{i:04d}", "output": f"yes-{i:04d}"} for i in range(n)))
        gate = config.pop("gate", "")
        self.config(word, gate=f'baseline = "old.jsonl"\nstop = "never"\n{gate}', **config)
        return self

    @property
    def db(self) -> Path:
        """The store's file."""
        return self.root / ".evalh" / "store.db"

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """What the store holds, read with SQLite alone."""
        with contextlib.closing(sqlite3.connect(f"file:{self.db}?mode=ro", uri=True)) as store:
            return store.execute(sql).fetchall()

    def answers(self) -> int:
        """Answers in the store; no key is there twice."""
        ((count, keys),) = self.rows("SELECT count(*), count(DISTINCT key) FROM answers")
        assert count == keys
        return int(str(count))

    def attempts(self) -> Counter[str]:
        """How the calls ended, over all runs."""
        return Counter(
            {
                str(kind): int(str(count))
                for kind, count in self.rows("SELECT kind, count(*) FROM attempts GROUP BY kind")
            }
        )

    def repeated(self) -> int:
        """Calls that the server got more than once, summed over requests."""
        return sum(count - 1 for count in ask_server(self.url, "GET", "/stats")["bodies"].values())


@pytest.fixture(scope="session")
def right_answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mock server's table for 2,000 cases."""
    path = tmp_path_factory.mktemp("answers") / "answers.json"
    path.write_text(json.dumps(server_answers(2000)))
    return path


@pytest.fixture
def serve(right_answers: Path) -> Iterator[Callable[..., str]]:
    """Start mock servers that know the answers; arguments as on their command line."""
    with contextlib.ExitStack() as stack:
        yield lambda *words: stack.enter_context(mock_server.running("--answers", str(right_answers), *words))


@pytest.fixture
def site(tmp_path: Path, serve: Callable[..., str]) -> Callable[..., Site]:
    """A project at a server that misbehaves as told: ``site("--fail", "500:0.1")``."""

    def make(*faults: str, name: str = "p") -> Site:
        return Site(root=tmp_path / name, url=serve(*faults))

    return make
