"""A real language model behind a real server: 500 cases at concurrency 8, killed twice, finished."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any

import pytest
from house import COMMAND, clean_env, evalh, jsonl

ROOT = Path(__file__).resolve().parents[2]
N, JOBS, GROUP = 500, 8, 100
LONG = 1800.0
"""Seconds that a command may take on a machine that does other things as well."""
CALL = b"POST /v1/chat/completions HTTP/1.1"


class Wire:
    """Stands between the client and the server, passes every byte on, counts calls, and kills a process at a given call."""

    def __init__(self, base_url: str) -> None:
        self._target = urllib.parse.urlsplit(base_url)
        self.calls = 0
        self.kill: tuple[int, int] | None = None
        """(call, pid): the process gets SIGKILL when that call passes."""
        self._ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        self._ready.wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        await asyncio.gather(self._pass(reader, back, counts=True), self._pass(there, writer, counts=False))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counts: bool) -> None:
        rest = b""
        try:
            while data := await reader.read(65536):
                if counts:
                    rest += data
                    for _ in range(rest.count(CALL)):
                        self._count()
                    rest = rest.rpartition(CALL)[2][-len(CALL) + 1 :]
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    def _count(self) -> None:
        self.calls += 1
        if self.kill is not None and self.kill[0] == self.calls:
            os.kill(self.kill[1], signal.SIGKILL)


def answers(root: Path) -> dict[bytes, bytes]:
    with sqlite3.connect(f"file:{root}/.evalh/store.db?mode=ro", uri=True) as store:
        found = dict(store.execute("SELECT key, body FROM answers").fetchall())
    store.close()
    return found


def project(root: Path, url: str) -> None:
    """200 questions of the demo and 300 sums, against a baseline that is always right: the model falls behind it."""
    lines = (ROOT / "evalsets/demo-qa.jsonl").read_text(encoding="utf-8").splitlines()
    cases: list[dict[str, Any]] = [json.loads(line) for line in lines][:200]
    cases += [
        {"id": f"sum-{i:03d}", "input": f"Question: What is {i} plus {i + 3}?\nAnswer:", "target": [str(2 * i + 3)]}
        for i in range(N - len(cases))
    ]
    (root / "qa.jsonl").write_text(jsonl(cases), encoding="utf-8")
    (root / "right.jsonl").write_text(jsonl({"id": case["id"], "output": case["target"][0]} for case in cases))
    (root / "evalh.toml").write_text(
        f"""version = 1
[evalsets]
qa = {{ path = "qa.jsonl" }}
[candidates]
bot = {{ model = "smollm2-135m-instruct", base_url = "{url}", temperature = 0, max_tokens = 12, timeout = 600 }}
[scorers]
found = {{ use = "squad_f1" }}
[gates.qa]
candidate = "bot"
evalset = "qa"
baseline = "right.jsonl"
stop = "never"
limits = {{ found = {{ margin = 0.1 }} }}
"""
    )


@pytest.mark.slow
def test_500_cases_killed_twice(smollm: str, tmp_path: Path) -> None:
    wire = Wire(smollm)
    project(tmp_path, wire.url)
    kept: list[dict[bytes, bytes]] = []
    for moment in (150, 350):
        started = time.monotonic()
        process = subprocess.Popen(
            [*COMMAND, "gate", "--jobs", str(JOBS)],
            cwd=tmp_path, env=clean_env(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wire.kill = (moment, process.pid)
        assert process.wait(timeout=LONG) == -signal.SIGKILL
        kept.append(answers(tmp_path))
        print(
            f"killed at call {moment} after {time.monotonic() - started:.0f} s: {len(kept[-1])} answers are in the store"
        )
    wire.kill = None
    started = time.monotonic()
    done = evalh("gate", "--jobs", str(JOBS), cwd=tmp_path, timeout=LONG)
    print(f"finished after {time.monotonic() - started:.0f} s with exit {done.code}\n{done.out}")
    end = answers(tmp_path)
    repeated = wire.calls - N
    lost = sum(end.get(key) != body for found in kept for key, body in found.items())
    print(f"{N} cases, {wire.calls} calls, {repeated} repeated over two kills, {lost} of the kept answers lost")
    assert done.code == 1  # the model is worse than the right answers
    assert (len(end), lost) == (N, 0)
    assert 0 <= repeated <= 2 * (JOBS + GROUP)
    replay = evalh("gate", "--json", cwd=tmp_path, timeout=LONG)
    assert (replay.code, replay.gate["calls"]["made"], wire.calls) == (1, 0, N + repeated)
