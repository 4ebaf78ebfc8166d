"""Two processes and one store: one pays, the other waits and replays; reading waits for nobody."""

import os
import signal

import pytest

from evalharness.core.errors import StoreError
from evalharness.store.store import open_store
from tests.faults import store_children as children
from tests.faults import store_crasher as crasher


def test_two_processes_at_once_make_no_call_twice(tmp_path):
    def work(say):
        say(f"made {crasher.write(tmp_path, 0, 60, 5, lambda _: None)}")

    def work_as_other(say):
        original = crasher.header
        crasher.header = lambda first, count: original(first, count).__class__(
            **{name: getattr(original(first, count), name) for name in original(first, count).__slots__}
            | {"run_id": "other"}
        )
        work(say)

    started = [children.start(work), children.start(work_as_other)]
    ended = [children.end(child) for child in started]
    assert [code for code, _ in ended] == [0, 0]
    assert sum(int(words[0].split()[1]) for _, words in ended) == 60
    with open_store(tmp_path) as store:
        assert sorted(run.run_id for run in store.runs()) == ["other", "run0"]
        assert all(run.cases == 60 for run in store.runs())


def holding(folder):
    """A child that holds the store until it is killed."""

    def hold(say):
        with open_store(folder) as store:
            store.start_run(crasher.header(0, 5))
            store.flush()
            say("holding")
            signal.pause()

    pid, reader = children.start(hold)
    assert os.read(reader, 100) == b"holding\n"
    return pid, reader


def test_the_second_process_waits_with_a_message_and_ends_with_5(tmp_path):
    child = holding(tmp_path)
    said = []
    with open_store(tmp_path, wait_s=0.2, on_wait=said.append) as store:
        with pytest.raises(StoreError, match=f"held by process {child[0]}") as caught:
            store.start_run(crasher.header(100, 5))
        assert caught.value.exit_code == 5
    assert said == [f"waiting for process {child[0]}, which holds the store {tmp_path}"]
    os.kill(child[0], signal.SIGKILL)
    assert children.end(child)[0] == -signal.SIGKILL


def test_reading_and_planning_need_no_lock(tmp_path):
    crasher.write(tmp_path, 100, 5, 5, lambda _: None)
    child = holding(tmp_path)
    with open_store(tmp_path, wait_s=0) as store:
        assert [run.run_id for run in store.runs()] == ["run0", "run100"]
        assert len(store.load_run("run100").results) == 5
        assert store.find_answer(crasher.key(101)) == crasher.output(101)
        assert store.find_answer(crasher.key(1)) is None
        store.cache_put("plan", b"not kept while somebody works")
        assert store.cache_get("plan") is None
        assert not store.claimed
    os.kill(child[0], signal.SIGKILL)
    children.end(child)


def test_the_lock_of_a_killed_process_is_gone(tmp_path):
    child = holding(tmp_path)
    os.kill(child[0], signal.SIGKILL)
    children.end(child)
    assert (tmp_path / "store.lock").read_text() == f"{child[0]}\n"
    with open_store(tmp_path, wait_s=0) as store:
        store.claim()
        assert store.claimed


def test_a_replay_asks_again_for_the_lock_before_it_pays(tmp_path):
    """Between a look that found nothing and the call, another process paid: the answer is taken from there."""
    crasher.write(tmp_path, 0, 5, 5, lambda _: None)
    with open_store(tmp_path) as store:
        store.start_run(crasher.header(0, 5).__class__(**_fields(crasher.header(0, 5)) | {"run_id": "again"}))
        assert not store.claimed
        code, _ = children.end(children.start(lambda _: crasher.write(tmp_path, 50, 5, 5, lambda _: None)))
        assert code == 0
        look, looks = store.reader.answer, []

        def stale(key):
            looks.append(key)
            return None if len(looks) == 1 else look(key)

        store.reader.answer = stale
        assert store.find_answer(crasher.key(52)) == crasher.output(52)
        assert store.claimed


def _fields(header):
    return {name: getattr(header, name) for name in header.__slots__}


def test_going_on_waits_for_the_process_that_is_still_at_it(tmp_path):
    """A run that is going on in another process is not a stopped one."""
    from evalharness.store.rows import identity_of

    child = holding(tmp_path)
    with open_store(tmp_path, wait_s=0.1) as store, pytest.raises(StoreError, match="held"):
        store.resumable(identity_of(crasher.header(0, 5)))
    os.kill(child[0], signal.SIGKILL)
    children.end(child)
    with open_store(tmp_path, wait_s=0.1) as store:
        assert store.resumable(identity_of(crasher.header(0, 5))) == "run0"
