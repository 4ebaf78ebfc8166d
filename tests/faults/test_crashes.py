"""``evalh gate`` killed with SIGKILL at commits and when calls arrive: what it had is kept, and it ends as if nothing had been.

Many more trials, and every commit: ``python -m tests.faults.crashes``, as .ci/nightly does.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evalharness.store.store import open_store
from tests.e2e import mock_server
from tests.faults import crashes, power
from tests.faults import store_crasher as crasher
from tests.faults.conftest import Site
from tests.faults.test_store_kill import stored

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def url(right_answers: Path) -> Iterator[str]:
    with mock_server.running("--answers", str(right_answers), *crashes.SERVER) as base_url:
        yield base_url


@pytest.fixture
def fresh(tmp_path: Path, url: str) -> Iterator[Site]:
    return crashes.sites(tmp_path, url)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, url: str) -> dict[str, Any]:
    return crashes.uninterrupted(Site(root=tmp_path_factory.mktemp("whole"), url=url))


def show_and_check(tally: crashes.Tally) -> None:
    print(f"\n{crashes.HEAD}\n{tally.row()}")
    assert (tally.lost, tally.unequal) == (0, 0)
    assert max(tally.repeated) <= crashes.JOBS + crashes.GROUP


def test_killed_when_a_call_arrives(fresh: Iterator[Site], expected: dict[str, Any]) -> None:
    choose = random.Random()
    tally = crashes.at_calls(fresh, expected, [choose.randint(20, crashes.CASES) for _ in range(2)])
    show_and_check(tally)
    assert tally.killed == 2


@pytest.mark.parametrize(("word", "moment"), [("commit", 4), ("ack", 3)])
def test_killed_at_commits(fresh: Iterator[Site], expected: dict[str, Any], word: str, moment: int) -> None:
    tally = crashes.at_commits(fresh, expected, (moment,), word=word)
    show_and_check(tally)
    assert tally.killed == 1  # 450 records are at least five commits


def test_negative_control_a_lost_answer_is_counted() -> None:
    there = {b"gone": b"1", b"changed": b"2", b"paid twice": b"3", b"kept": b"4"}
    end = {b"changed": b"x", b"paid twice": b"3", b"kept": b"4"}
    assert crashes.lost(there, end, {b"changed": 1, b"paid twice": 2, b"kept": 1}) == 3


KILLABLE = "pwrite64,fdatasync,fsync,ftruncate,rename,unlink,openat,write"
needs_strace = pytest.mark.skipif(bool(power.why_not()), reason=power.why_not())


def is_finished(store: Path) -> bool:
    """True when the run came to its end, and only the process did not live to say so."""
    with open_store(store) as opened:
        return any(run.finished for run in opened.runs())


def killed_at_system_calls(folder: Path, moments: list[int]) -> tuple[int, int, int]:
    """The store's writer killed at the N-th system call that could change a file: (killed, acknowledged, lost)."""
    killed = acknowledged = lost = 0
    for moment in moments:
        store = folder / str(moment)
        inject = f"inject={KILLABLE}:signal=KILL:when={moment}"
        command = [
            *("strace", "-f", "-qq", "-o", "/dev/null", "-P", f"{store}/store.db", "-P", f"{store}/store.db-wal"),
            *("-P", f"{store}/store.db.new", "-P", f"{store}/store.lock", "-P", str(store)),
            *("-e", f"trace={KILLABLE}", "-e", inject),
            *(sys.executable, crasher.__file__, str(store), "0", "20", "3"),
        ]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"})  # fmt: skip
        killed += done.returncode != 0
        said = {int(word) for word in done.stdout.split("\n")[:-1]}
        acknowledged += len(said)
        lost += len(said - (stored(store, range(20)) if store.exists() else set()))
        if not is_finished(store):
            assert crasher.write(store, 0, 20, 3, lambda _: None) <= 20 - len(said)
        shutil.rmtree(store)
    return killed, acknowledged, lost


@needs_strace
def test_killed_at_system_calls(tmp_path: Path) -> None:
    moments = sorted(random.Random(3).sample(range(1, 120), 12))
    killed, acknowledged, lost = killed_at_system_calls(tmp_path, moments)
    print(f"killed at {killed} system calls of the store, {acknowledged} answers acknowledged, lost: {lost}")
    assert lost == 0
    assert killed >= 10


@pytest.mark.slow
@needs_strace
def test_killed_at_every_system_call(tmp_path: Path) -> None:
    killed, acknowledged, lost = killed_at_system_calls(tmp_path, list(range(1, 160)))
    print(f"killed at {killed} system calls of the store, {acknowledged} answers acknowledged, lost: {lost}")
    assert lost == 0
    assert killed > 60  # all there are: 91 on one machine
