"""kill -9, Ctrl-C and SIGTERM in the middle of a run: what is paid for stays, and running again ends as if nothing had been."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mock_server
import pytest
from house import COMMAND, House, ask_server, clean_env, jsonl, server_answers

N = 2000
JOBS = 16
GROUP = 64
"""Answers that one commit of the store may hold, at most."""


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


def comparable(verdict: dict[str, Any]) -> dict[str, Any]:
    """A verdict without the run's random id and without times: wall seconds, and when the recorded baseline was read."""
    (gate,) = verdict["gates"]
    kept = {name: value for name, value in gate.items() if name not in ("run", "seconds")}
    kept["baseline"] = {name: value for name, value in gate["baseline"].items() if name != "created"}
    return verdict | {"gates": [kept]}


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
    process = start(killed, "gate", "--json", "--jobs", str(JOBS))
    wait_for_calls(killed, N // 2, process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    before = killed.calls()
    assert N // 2 <= before < N
    again = killed.evalh("gate", "--json", "--jobs", str(JOBS))
    print(f"calls before the kill {before}, in all {killed.calls()}, repeated {repeated(killed)}")
    assert again.code == uninterrupted.code
    assert killed.calls() - N == repeated(killed) <= JOBS + GROUP
    assert comparable(again.json) == comparable(uninterrupted.json)
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
        process = start(killed, "gate", "--json", "--jobs", "4")
        wait_for_calls(killed, calls, process)
        process.kill()
        process.communicate()
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
    process = start(house, "gate", "--jobs", str(JOBS))
    wait_for_calls(house, 200, process)
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "evalh gate g" in err
    assert "interrupted" in err
    assert "Traceback" not in err
    calls = house.calls()
    assert calls < 600
    with sqlite3.connect(f"file:{house.root}/.evalh/store.db?mode=ro", uri=True) as store:
        (answers,) = store.execute("SELECT count(*) FROM answers").fetchone()
    assert answers == calls  # what was in flight came back and was kept
    house.evalh("gate", "--jobs", str(JOBS))
    assert (house.calls(), repeated(house)) == (600, 0)


def test_a_signal_under_json_still_prints_one_object(tmp_path: Path, server: str) -> None:
    house = project(tmp_path / "p", server)
    process = start(house, "gate", "--json", "--jobs", str(JOBS))
    wait_for_calls(house, 100, process)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    found = json.loads(out)
    assert (process.returncode, found["outcome"], found["exit_code"]) == (130, "interrupted", 130)


def test_two_signals_end_it_at_once_and_the_store_is_sound(tmp_path: Path, start_mock: Callable[..., str]) -> None:
    slow = start_mock("--fail", "hang:@201-100000")
    house = project(tmp_path / "p", slow)
    process = start(house, "gate", "--jobs", str(JOBS))
    wait_for_calls(house, 200 + JOBS, process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None  # it waits for what is in flight
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    process.communicate(timeout=30)
    seconds = time.monotonic() - begun
    assert process.returncode in (130, -signal.SIGINT)
    assert seconds < 1.0 + 2.0 * (os.getloadavg()[0] > 2)
    check = house.evalh("doctor", "--check")
    assert check.code == 0, check
    with sqlite3.connect(f"file:{house.root}/.evalh/store.db?mode=ro", uri=True) as store:
        (answers,) = store.execute("SELECT count(*) FROM answers").fetchone()
    assert answers >= 200 - GROUP


def test_a_second_process_waits_for_the_first_and_asks_nothing_twice(tmp_path: Path, server: str) -> None:
    house = project(tmp_path / "p", server, n=300)
    first = start(house, "gate", "--json", "--jobs", str(JOBS))
    wait_for_calls(house, 50, first)
    second = house.evalh("gate", "--json", "--jobs", str(JOBS))
    first_out, _ = first.communicate(timeout=60)
    assert f"{first.pid}" in second.err
    assert second.gate["calls"]["made"] == 0
    assert second.gate["scorers"] == json.loads(first_out)["gates"][0]["scorers"]
    assert (house.calls(), repeated(house)) == (300, 0)
    third = start(house, "gate", "--fresh", "--jobs", "1")
    wait_for_calls(house, 320, third)
    gave_up = house.evalh("gate", EVALH_WAIT="0")
    assert gave_up.code == 5
    assert str(third.pid) in gave_up.err
    assert house.evalh("show", "--list").code == 0  # looking needs no lock
    third.kill()
    third.communicate()
