import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from evalharness.core.errors import ConfigError, Interrupted, StoreError
from evalharness.store import lock
from evalharness.store.lock import StoreLock, wait_seconds

HOLDER = """
import sys, time
from pathlib import Path
from evalharness.store.lock import StoreLock
held = StoreLock(Path(sys.argv[1]))
held.acquire(wait_s=0)
print("held", flush=True)
sys.stdin.readline()
held.release()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.lock"


@pytest.fixture
def holder(path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_file_names_the_holder_and_is_empty_after(path):
    held = StoreLock(path)
    assert not held.held
    held.acquire(wait_s=0)
    held.acquire(wait_s=0)
    assert held.held
    assert held.holder() == str(os.getpid())
    assert path.stat().st_mode & 0o777 == 0o600
    held.release()
    held.release()
    assert path.read_bytes() == b""
    assert held.holder() == ""


def test_a_second_process_waits_with_a_message_and_then_gives_up(path, holder):
    said = []
    start = time.monotonic()
    with pytest.raises(StoreError, match=f"held by process {holder.pid}; waited 0.1 s") as caught:
        StoreLock(path).acquire(wait_s=0.1, on_wait=said.append)
    assert time.monotonic() - start >= 0.1
    assert caught.value.exit_code == 5
    assert said == [f"waiting for process {holder.pid}, which holds the store {path.parent}"]


def test_a_second_process_gets_it_when_the_first_is_done(path, holder):
    second = StoreLock(path)
    waiting = threading.Event()
    thread = threading.Thread(target=second.acquire, kwargs={"wait_s": 30, "on_wait": lambda _: waiting.set()})
    thread.start()
    assert waiting.wait(10)
    holder.stdin.write("\n")
    holder.stdin.flush()
    thread.join(10)
    assert second.held
    assert not second.after_failure
    second.release()


def test_a_killed_holder_leaves_no_lock(path, holder):
    holder.kill()
    holder.wait()
    assert path.read_text() == f"{holder.pid}\n"
    second = StoreLock(path)
    second.acquire(wait_s=0)
    assert second.held
    second.release()


def test_the_message_comes_again(path, holder, monkeypatch):
    monkeypatch.setattr(lock, "_TELL_EVERY_S", 0.03)
    said = []
    with pytest.raises(StoreError):
        StoreLock(path).acquire(wait_s=0.2, on_wait=said.append)
    assert len(said) >= 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_the_waiting(path, holder, number):
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match="while waiting for another process") as caught:
        StoreLock(path).acquire(wait_s=60, on_wait=lambda _: os.kill(os.getpid(), number))
    assert caught.value.exit_code == 130
    assert signal.getsignal(number) is before


def test_waiting_without_a_listener(path, holder):
    with pytest.raises(StoreError):
        StoreLock(path).acquire(wait_s=0)


def test_a_forked_worker_does_not_keep_the_lock(path):
    """The worker outlives its parent's lock; with the handle kept it would hold it."""
    held = StoreLock(path)
    held.acquire(wait_s=0)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writer)
        os.read(reader, 1)  # stay alive until the test is over
        os._exit(0)
    os.close(reader)
    os.close(held._handle)  # as when the parent is killed: closed without unlocking
    second = StoreLock(path)
    second.acquire(wait_s=10)
    second.release()
    os.close(writer)
    os.waitpid(pid, 0)
    lock._HELD.clear()


def test_a_failure_is_told_to_the_next_holder_once(path):
    first = StoreLock(path)
    first.mark_failed()
    assert not path.exists()
    first.acquire(wait_s=0)
    first.mark_failed()
    first.release(clean=False)
    second = StoreLock(path)
    second.acquire(wait_s=0)
    assert second.after_failure
    second.release()
    third = StoreLock(path)
    third.acquire(wait_s=0)
    assert not third.after_failure
    third.release()


@pytest.mark.parametrize("content", [b"", b"\xff\n", b"word\n"])
def test_odd_content_names_nobody(path, content):
    path.write_bytes(content)
    assert StoreLock(path).holder() == ""


def test_no_file_names_nobody(path):
    assert StoreLock(path).holder() == ""


def test_a_link_or_folder_in_its_place_is_refused(path, tmp_path):
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="cannot be written"):
        StoreLock(path).acquire(wait_s=0)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(("text", "seconds"), [("", 600.0), ("0", 0.0), ("2.5", 2.5)])
def test_wait_seconds(text, seconds):
    assert wait_seconds(text) == seconds


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_wait_seconds_refuses(text):
    with pytest.raises(ConfigError, match="EVALH_WAIT"):
        wait_seconds(text)


def test_wait_seconds_from_the_environment(monkeypatch):
    monkeypatch.setenv("EVALH_WAIT", "7")
    assert wait_seconds() == 7.0
