"""kill -9, Ctrl-C and SIGTERM in the middle of a run: what is paid for stays, and running again ends as if nothing had been."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import mock_server
import pytest
from house import COMMAND, House, ask_server, clean_env, comparable, jsonl, server_answers

N = 2000
JOBS = 16
GROUP = 64
"""Answers that one commit of the store may hold, at most."""
GRACE_S = 5.0
"""Seconds that a first signal leaves to calls in flight."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A mock server that takes its time."""
    table = tmp_path / "answers.json"
    table.write_text(json.dumps(server_answers(N)))
    with mock_server.running("--answers", str(table), "--latency-ms", "8", "--jitter-ms", "8") as base_url:
        yield base_url


def project(root: Path, url: str, *, stop: str = "never", n: int = N) -> House:
    """A gate of 2,000 cases with a stored baseline, and nothing recorded yet."""
    house = House(root=root, url=url)
    house.cases(n)
    house.write("old.jsonl", jsonl({"id": f"c{i:04d}", "output": f"yes-{i:04d}"} for i in range(n)))
    house.config("GOOD", limits="exact = { margin = 0.1 }", gate=f'baseline = "old.jsonl"\nstop = "{stop}"')
    return house


def start(house: House, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *words],
        cwd=house.root,
        env=clean_env(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_calls(house: House, n: int, process: subprocess.Popen[str]) -> None:
    """Return once the server has seen ``n`` calls."""
    for _ in range(3000):
        if house.calls() >= n:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError(f"the server never saw {n} calls")


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """Read stderr up to the line that holds ``words``; returns what came. No waiting for time: the end of the process ends it."""
    assert process.stderr is not None
    seen = ""
    for line in process.stderr:
        seen += line
        if words in line:
            return seen
    raise AssertionError(f"the process ended without saying {words!r}: {seen}")


def repeated(house: House) -> int:
    """Calls that the server got more than once."""
    bodies = ask_server(house.url, "GET", "/stats")["bodies"]
    return sum(count - 1 for count in bodies.values())


def test_kill_9_in_the_middle_of_2000_cases(tmp_path: Path, server: str) -> None:
    whole = project(tmp_path / "whole", server)
    uninterrupted = whole.evalh("gate", "--json", "--jobs", str(JOBS))
    assert uninterrupted.gate["pairs"]["used"] == N == whole.calls()
    whole.forget_calls()

    killed = project(tmp_path / "killed", server)
    killed.hold_calls(after=3 * N // 4)  # however slowly this test looks, the process is not done before it is killed
    process = start(killed, "gate", "--json", "--jobs", str(JOBS))
    wait_for_calls(killed, N // 2, process)
    process.kill()
    process.communicate()
    killed.release_calls()
    assert process.returncode == -signal.SIGKILL
    before = killed.calls()
    assert N // 2 <= before < N
    again = killed.evalh("gate", "--json", "--jobs", str(JOBS))
    print(f"calls before the kill {before}, in all {killed.calls()}, repeated {repeated(killed)}")
    assert again.code == uninterrupted.code
    assert killed.calls() - N == repeated(killed) <= JOBS + GROUP
    assert comparable(again.json) == comparable(uninterrupted.json)
    assert N <= again.gate["calls"]["made"] <= killed.calls()
    assert comparable(killed.evalh("gate", "--json").json)["gates"][0]["scorers"] == again.gate["scorers"]
    shown = [house.evalh("show", "latest", "--format", "csv").out for house in (whole, killed)]
    assert without_times(shown[0]) == without_times(shown[1])


def without_times(table: str) -> list[list[str]]:
    """The rows of a CSV report without its latency column and run id."""
    import csv

    rows = list(csv.reader(table.splitlines()))
    drop = {place for place, name in enumerate(rows[0]) if "latency" in name or name in ("run", "created")}
    return [[cell for place, cell in enumerate(row) if place not in drop] for row in rows]


def test_killed_again_and_again_before_an_early_verdict(tmp_path: Path, server: str) -> None:
    whole = project(tmp_path / "whole", server, stop="early", n=400)
    whole.config("DROP", limits="exact = { margin = 0.2 }", gate='baseline = "old.jsonl"')
    uninterrupted = whole.evalh("gate", "--json", "--jobs", "4")
    assert uninterrupted.code == 1
    killed = House(root=tmp_path / "killed", url=server)
    shutil.copytree(whole.root, killed.root, ignore=shutil.ignore_patterns(".evalh"))
    killed.forget_calls()
    for calls in (5, 20, 30):
        killed.hold_calls(after=calls)
        process = start(killed, "gate", "--json", "--jobs", "4")
        wait_for_calls(killed, calls, process)
        process.kill()
        process.communicate()
    killed.release_calls()
    again = killed.evalh("gate", "--json", "--jobs", "4")
    first, second = (comparable(done.json)["gates"][0] for done in (uninterrupted, again))
    # How many calls were in flight when the verdict fell is a matter of timing; everything else is not.
    for gate in (first, second):
        gate["calls"] = gate["calls"]["planned"]
    assert first == second
    assert repeated(killed) <= 3 * (4 + GROUP)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_one_signal_saves_and_says_how_to_go_on(tmp_path: Path, server: str, name: str) -> None:
    house = project(tmp_path / "p", server, n=600)
    house.hold_calls(after=200)
    process = start(house, "gate", "--jobs", str(JOBS))
    wait_for_calls(house, 200 + JOBS, process)  # that many are in flight, and kept there
    process.send_signal(getattr(signal, name))
    said = read_until(process, "stopping: saving calls in flight")
    house.release_calls()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "evalh gate g" in err
    assert "interrupted" in err
    assert "Traceback" not in said + err
    calls = house.calls()
    assert calls == 200 + JOBS
    with sqlite3.connect(f"file:{house.root}/.evalh/store.db?mode=ro", uri=True) as store:
        (answers,) = store.execute("SELECT count(*) FROM answers").fetchone()
    assert answers == calls  # what was in flight came back and was kept
    house.evalh("gate", "--jobs", str(JOBS))
    assert (house.calls(), repeated(house)) == (600, 0)


def test_a_signal_under_json_still_prints_one_object(tmp_path: Path, server: str) -> None:
    house = project(tmp_path / "p", server)
    house.hold_calls(after=100)
    process = start(house, "gate", "--json", "--jobs", str(JOBS))
    wait_for_calls(house, 100, process)
    process.send_signal(signal.SIGINT)
    read_until(process, "stopping")
    house.release_calls()
    out, _ = process.communicate(timeout=60)
    found = json.loads(out)
    assert (process.returncode, found["outcome"], found["exit_code"]) == (130, "interrupted", 130)


def test_two_signals_end_it_at_once_and_the_store_is_sound(tmp_path: Path, server: str) -> None:
    """At once: while the calls in flight, which the first signal waits for, are still kept by the server."""
    house = project(tmp_path / "p", server)
    house.hold_calls(after=200)
    process = start(house, "gate", "--jobs", str(JOBS))
    wait_for_calls(house, 200 + JOBS, process)
    process.send_signal(signal.SIGINT)
    said = read_until(process, "stopping")  # it waits for what is in flight
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    seconds = time.monotonic() - begun
    print(f"out {seconds:.2f} s after the second signal")
    assert process.returncode == 130
    assert seconds < GRACE_S  # else it waited, as after one signal: see the next test
    assert "Traceback" not in said
    check = house.evalh("doctor", "--check")
    assert check.code == 0, check
    with sqlite3.connect(f"file:{house.root}/.evalh/store.db?mode=ro", uri=True) as store:
        (answers,) = store.execute("SELECT count(*) FROM answers").fetchone()
    assert answers >= 200 - GROUP


def test_one_signal_waits_for_a_server_that_never_answers_but_not_for_ever(tmp_path: Path, server: str) -> None:
    """The negative control of the test above: without the second signal the process stays for the whole grace."""
    house = project(tmp_path / "p", server, n=40)
    house.hold_calls(after=20)
    process = start(house, "gate", "--jobs", "4")
    wait_for_calls(house, 24, process)
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - begun >= GRACE_S
    house.release_calls()
    house.evalh("gate")
    assert (house.calls(), repeated(house)) == (
        44,
        4,
    )  # the four that never came back are asked again, and nothing else


def test_a_second_process_waits_for_the_first_and_asks_nothing_twice(tmp_path: Path, server: str) -> None:
    house = project(tmp_path / "p", server, n=300)
    house.hold_calls(after=50)
    first = start(house, "gate", "--json", "--jobs", str(JOBS))
    wait_for_calls(house, 50, first)
    second = start(house, "gate", "--json", "--jobs", str(JOBS))
    said = read_until(second, "waiting for process")
    house.release_calls()
    first_out, _ = first.communicate(timeout=60)
    second_out, _ = second.communicate(timeout=60)
    assert f"{first.pid}" in said
    (gate,) = json.loads(second_out)["gates"]
    assert gate["calls"]["made"] == 0
    assert gate["scorers"] == json.loads(first_out)["gates"][0]["scorers"]
    assert (house.calls(), repeated(house)) == (300, 0)


def test_a_second_process_that_may_not_wait_gives_up(tmp_path: Path, server: str) -> None:
    house = project(tmp_path / "p", server, n=300)
    house.hold_calls(after=20)
    holder = start(house, "gate", "--jobs", "1")
    wait_for_calls(house, 20, holder)
    gave_up = house.evalh("gate", EVALH_WAIT="0")
    assert gave_up.code == 5
    assert str(holder.pid) in gave_up.err
    assert house.evalh("show", "--list").code == 0  # looking needs no lock
    assert house.calls() <= 21
    holder.kill()
    holder.communicate()
