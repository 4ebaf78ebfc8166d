"""The main job on real input: what a start costs, real systems through the gate, a gate that is killed and goes on.

    python benchmarks/main_job/measure.py [--data FOLDER] [--rounds 20]

Writes docs/benchmarks/main-job.md. CPU seconds are user and system of each process; commands take turns, so that a busy
moment hits all. ``--data`` holds ``gsm8k/gsm8k_even.jsonl.gz``: 660 questions and four systems' answers.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

import mock_server  # noqa: E402  found through the line above
from house import COMMAND, House, clean_env, comparable, evalh, jsonl, server_answers  # noqa: E402  likewise

SCRIPT = (str(Path(sys.executable).with_name("evalh")),)
N, JOBS = 2000, 16
SYSTEMS = (("175b_verification", "175b_finetuning", (50, 200, 660)), ("6b_verification", "175b_finetuning", (200,)))


def cpu_ms(command: Sequence[str], cwd: Path) -> float:
    """CPU of one process, in milliseconds."""
    process = subprocess.Popen(command, cwd=cwd, env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return (used.ru_utime + used.ru_stime) * 1000


def starts(rounds: int) -> Iterator[str]:
    """Rows: command, median, smallest, largest, ratio to ``python -c pass``."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        assert evalh("demo", "-q", cwd=here).code == 0
        project = here / "evalh-demo"
        commands = {
            "`python -c pass`": ((sys.executable, "-c", "pass"), here),
            "`evalh`": (SCRIPT, here),
            "`evalh gate --help`": ((*SCRIPT, "gate", "--help"), here),
            "`evalh gate prompt --json`, 200 replayed cases": ((*SCRIPT, "gate", "prompt", "--json"), project),
            "`evalh gate prompt`, the same on a screen": ((*SCRIPT, "gate", "prompt"), project),
        }
        seen: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds + 1):
            for name, (command, cwd) in commands.items():
                seen[name].append(cpu_ms(command, cwd))
        floor = statistics.median(seen["`python -c pass`"][1:])
        for name, all_times in seen.items():
            times = all_times[1:]  # the first round fills caches
            middle = statistics.median(times)
            yield f"| {name} | {middle:.0f} | {min(times):.0f}-{max(times):.0f} | {middle / floor:.1f} |"


def solved(data: Path) -> list[dict[str, Any]]:
    """The questions with every system's answer."""
    with gzip.open(data / "gsm8k/gsm8k_even.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def real_systems(data: Path) -> Iterator[str]:
    """Rows: pair, cases, verdict, change, interval, exit code."""
    rows = solved(data)
    for old, new, sizes in SYSTEMS:
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                gate, code = judged(Path(folder), rows[:size], old=old, new=new)
            (scorer,) = gate["scorers"]
            low, high = scorer["interval"]
            change = f"{100 * scorer['difference']:+.1f}, {100 * low:+.1f} .. {100 * high:+.1f}"
            yield f"| {old} -> {new} | {size} | {scorer['n']} | {gate['outcome']} | {change} | {code} |"


def judged(folder: Path, rows: list[dict[str, Any]], *, old: str, new: str) -> tuple[dict[str, Any], int]:
    """The verdict on two systems: the older is promoted, the newer goes through the gate."""
    cases = [{"id": row["id"], "input": row["input"], "target": row["expected"]} for row in rows]
    (folder / "gsm8k.jsonl").write_text(jsonl(cases), encoding="utf-8")
    for name in (old, new):
        answers = [{"id": row["id"], "output": row["outputs"][name]} for row in rows]
        (folder / f"{name}.jsonl").write_text(jsonl(answers), encoding="utf-8")
    done = None
    for name, words in ((old, ("promote", "--why", "the system in use")), (new, ("gate", "--json"))):
        (folder / "evalh.toml").write_text(
            f"""version = 1
[evalsets]
gsm8k = {{ path = "gsm8k.jsonl" }}
[candidates]
solver = {{ recorded = "{name}.jsonl" }}
[scorers]
right = {{ use = "number", after = "A:" }}
[gates]
solver = {{ candidate = "solver", evalset = "gsm8k", limits = {{ right = {{ margin = 0.05 }} }} }}
"""
        )
        done = evalh(*words, cwd=folder)
    assert done is not None
    return done.gate, done.code


def kills() -> Iterator[str]:
    """Rows: killed after so many answers, calls in all, calls paid twice, verdict, equal to the uninterrupted one."""
    with tempfile.TemporaryDirectory() as folder:
        answers = Path(folder) / "answers.json"
        answers.write_text(json.dumps(server_answers(N)))
        with mock_server.running("--answers", str(answers), "--latency-ms", "2") as url:
            made = House(root=Path(folder) / "p", url=url)
            made.promoted(N)
            made.config("EVEN", gate='stop = "never"')
            whole = None
            for at in (0, 300, 1000, 1700):
                root = Path(folder) / f"killed-{at}"
                shutil.copytree(made.root, root)
                row, verdict = killed(House(root=root, url=url), at)
                whole = whole or verdict
                yield f"{row} {'-' if not at else 'yes' if verdict == whole else 'NO'} |"


def killed(made: House, at: int) -> tuple[str, dict[str, Any]]:
    """kill -9 once so many calls were answered (0: never), then the same command again."""
    made.forget_calls()
    words = ("gate", "--json", "--jobs", str(JOBS))
    if at:
        made.hold_calls(after=at)
        process = subprocess.Popen(
            (*COMMAND, *words), cwd=made.root, env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while made.calls() < at + JOBS:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        made.release_calls()
    done = evalh(*words, cwd=made.root, timeout=600.0)
    calls = made.calls()
    return f"| {at or 'never'} | {calls:,} | {calls - N} | {done.gate['outcome']} |", comparable(done.json)


PAGE = """\
# The main job, measured

`python benchmarks/main_job/measure.py` made this page. {machine}

## What a start costs

CPU, user and system, of the whole process; {rounds} rounds in turn.

| command | ms, median | smallest-largest | times `python -c pass` |
| --- | --- | --- | --- |
{starts}

## Four real systems

Answers to grade-school problems by two sizes of a model, chosen by a verifier or plainly fine-tuned, through
`evalh gate --json` with a margin of 5 points; the first rows of one file are each smaller set. The gate stops as soon as
the verdict is certain.

| change | cases | paid for | verdict | change of the mean and its interval, points | exit code |
| --- | --- | --- | --- | --- | --- |
{systems}

## kill -9, and again

A gate of {cases:,} cases, {jobs} calls at a time, against a test server. The process is killed when so many answers have
come and {jobs} more are on their way; then the same command runs again. *Equal*: the whole verdict as JSON, but for run id
and times.

| killed after | calls in all | paid twice | verdict | equal |
| --- | --- | --- | --- | --- |
{kills}
"""


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("-o", type=Path, default=ROOT / "docs/benchmarks/main-job.md")
    args = parser.parse_args()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    facts = {
        "machine": f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load} at the start.",
        "rounds": args.rounds,
        "cases": N,
        "jobs": JOBS,
        "starts": "\n".join(starts(args.rounds)),
        "systems": "\n".join(real_systems(args.data)),
        "kills": "\n".join(kills()),
    }
    args.o.write_text(PAGE.format(**facts), encoding="utf-8")
    print(args.o.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
