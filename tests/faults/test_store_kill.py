"""kill -9 at every commit and at random moments: what was acknowledged is there, and nothing else is wrong."""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evalharness.store import writer
from evalharness.store.care import check
from evalharness.store.rows import identity_of
from evalharness.store.store import open_store
from tests.faults import store_children as children
from tests.faults import store_crasher as crasher

COUNT, FLUSH_EVERY = 32, 3


def stored(folder, numbers):
    """Numbers whose answer is there; each is compared with what it must be."""
    with open_store(folder) as store:
        found = {number: store.find_answer(crasher.key(number)) for number in numbers}
        assert not store.claimed
    assert all(answer is None or answer == crasher.output(number) for number, answer in found.items())
    return {number for number, answer in found.items() if answer is not None}


def plain(run):
    """What a run says of its cases, apart from which answers were replayed."""
    return [
        (result.case_id, result.case_digest, [(trial.output, trial.scores, trial.key) for trial in result.trials])
        for result in run.results.values()
    ]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    assert crasher.write(folder, 0, COUNT, FLUSH_EVERY, lambda _: None) == COUNT
    with open_store(folder) as store:
        return plain(store.load_run("run0"))


@pytest.mark.parametrize("moment", ["insert", "commit", "ack"])
def test_kill_at_every_moment_until_none_is_left(tmp_path, moment, uninterrupted):
    """The loop over N: N = 1, 2, ... until the writer ends before its N-th moment."""
    killed = lost = 0
    step = 1 if moment != "insert" else 7
    for count in range(1, 1000, step):
        folder = tmp_path / str(count)
        code, words = children.end(
            children.start(
                lambda say, folder=folder: crasher.write(folder, 0, COUNT, FLUSH_EVERY, say),
                fault=f"kill@{moment}:{count}",
            )
        )
        acknowledged = set(map(int, words))
        there = stored(folder, range(COUNT))
        lost += len(acknowledged - there)
        assert check(folder) == []
        if code == 0:
            break
        assert code == -signal.SIGKILL
        killed += 1
        with open_store(folder) as store:
            ended = [run.run_id for run in store.runs() if run.finished]
        if ended:  # the last commit was the run's own; only the process did not live to say so
            assert there == set(range(COUNT))
            continue
        if there:
            with open_store(folder) as store:
                assert store.resumable(identity_of(crasher.header(0, COUNT))) == "run0"
                assert store.spent("run0").calls >= len(acknowledged)
        repeated = crasher.write(folder, 0, COUNT, FLUSH_EVERY, lambda _: None) - (COUNT - len(acknowledged))
        assert repeated <= 0  # one call in flight, so what repeats was never acknowledged
        with open_store(folder) as store:
            run = store.load_run("run0")
        assert plain(run) == uninterrupted
        assert run.complete
        shutil.rmtree(folder)
    assert lost == 0
    assert killed >= 8


def test_a_store_that_acknowledges_too_soon_is_caught(tmp_path):
    """Negative control: without the barrier, acknowledged answers are lost to the same kills."""

    def careless(say):
        writer.GROUP_S = 60.0  # the group stays open until everything was said: no race with the writer's clock
        store = open_store(tmp_path)
        flush, store.flush = store.flush, lambda: None
        store.start_run(crasher.header(0, COUNT))
        for number in range(COUNT):
            request = crasher.Request(case_id="c", epoch=0, attempt=0, seed=1, body="q", key=crasher.key(number))
            store.put_answer(crasher.key(number), crasher.output(number), request)
            store.flush()
            say(number)
        flush()

    code, words = children.end(children.start(careless, fault="kill@commit:1"))
    assert code == -signal.SIGKILL
    assert set(map(int, words)) - stored(tmp_path, range(COUNT))


def test_kill_at_thirty_random_moments(tmp_path):
    """A real process, killed from outside while it writes; the store lives on from kill to kill.

    It cannot end before it is killed: what it says fills the pipe, which nobody reads until then.
    """
    choose = random.Random(11)
    acknowledged = set()
    script = Path(crasher.__file__)
    for trial in range(30):
        process = subprocess.Popen(
            [
                sys.executable,
                str(script),
                str(tmp_path),
                str(10**10 * (trial + 1)),
                "8000",
                str(choose.choice((1, 7, 60))),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        acknowledged.add(int(process.stdout.readline()))
        time.sleep(choose.random() * 0.08)
        process.kill()
        rest = process.stdout.read().split("\n")[:-1]  # a line that was cut was never said
        process.wait()
        process.stdout.close()
        acknowledged.update(map(int, rest))
    numbers = sorted(acknowledged)
    assert len(numbers) >= 30
    assert stored(tmp_path, numbers) == acknowledged
    assert check(tmp_path) == []
    with open_store(tmp_path) as store:
        assert {run.stopped for run in store.runs(100)} == {"interrupted"}
        for run in store.runs(100):
            for result in store.load_run(run.run_id).results.values():
                number = int(result.case_id[1:])
                assert result.trials[0].output == crasher.output(number)


def test_after_a_kill_reading_needs_no_writer(tmp_path):
    """What is on disk after a hard crash: store.db, its log, and a lock file that names a dead process."""
    code, words = children.end(
        children.start(lambda say: crasher.write(tmp_path, 0, COUNT, FLUSH_EVERY, say), fault="kill@commit:5")
    )
    assert code == -signal.SIGKILL
    names = {path.name for path in tmp_path.iterdir()}
    assert {".gitignore", "store.db", "store.db-wal", "store.lock"} <= names
    assert names <= {".gitignore", "store.db", "store.db-wal", "store.db-shm", "store.lock"}
    log = (tmp_path / "store.db-wal").read_bytes()
    with open_store(tmp_path) as store:
        run = store.load_run("run0")
        assert len(run.results) >= len(words)
        assert run.stopped == "interrupted"
    assert (tmp_path / "store.db-wal").read_bytes() == log


def test_killed_while_the_store_is_made(tmp_path):
    """There is no half store: it gets its name when it is whole."""

    def half(say):
        import evalharness.store.schema as schema

        def die(*_):
            import os

            os.kill(os.getpid(), signal.SIGKILL)

        schema.os.replace = die
        crasher.write(tmp_path, 0, COUNT, FLUSH_EVERY, say)

    assert children.end(children.start(half)) == (-signal.SIGKILL, [])
    assert (tmp_path / "store.db.new").exists()
    assert not (tmp_path / "store.db").exists()
    assert crasher.write(tmp_path, 0, COUNT, FLUSH_EVERY, lambda _: None) == COUNT
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", "store.db", "store.lock"]
