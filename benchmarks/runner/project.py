"""The project that ``evalh`` is measured in, and the command measured as a process: CPU, wall, peak memory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CONFIG = """\
version = 1
defaults = {{ jobs = {jobs} }}
[evalsets]
s = {{ path = "s.jsonl" }}
[candidates]
bot = {{ model = "mock", base_url = "{url}", temperature = {temperature} }}
[scorers]
exact = {{ use = "equals" }}
has = {{ use = "contains", value = "a" }}
[gates]
g = {{ candidate = "bot", evalset = "s", stop = "never", limits = {{ exact = {{ margin = 0.1 }}, has = {{ margin = 0.1 }} }} }}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one process took."""

    cpu: float
    """Seconds, user and system."""
    wall: float
    """Seconds."""
    peak_mb: float
    """Largest resident set, in MB."""
    out: str
    """Standard output."""


def run(command: list[str], *, cwd: Path, wanted: tuple[int, ...] = (0,)) -> Cost:
    """Run a command to its end, on the cores of this process.

    Args:
        command: The words.
        cwd: Folder.
        wanted: Exit codes that are right.

    Raises:
        RuntimeError: If it ended with another code.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("EVALH_", "CI", "GITHUB_", "PYTHONDONT"))
    }

    with (cwd / "out.txt").open("w+") as out, (cwd / "err.txt").open("w+") as err:
        started = time.monotonic()
        process = subprocess.Popen(command, cwd=cwd, stdout=out, stderr=err, env={**kept, "PYTHONPATH": str(ROOT)})
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        if process.returncode not in wanted:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {err.read()[-2000:]}")
        scale = 1024 if sys.platform != "darwin" else 1024**2
        cpu = usage.ru_utime + usage.ru_stime
        return Cost(cpu=cpu, wall=wall, peak_mb=usage.ru_maxrss / scale, out=out.read())


def evalh(*words: str, cwd: Path, wanted: tuple[int, ...] = (0,)) -> Cost:
    """One ``evalh`` command."""
    return run([sys.executable, "-m", "evalharness", *words], cwd=cwd, wanted=wanted)


class Project:
    """Cases, two cheap scorers, one gate that looks at every case.

    Args:
        root: An empty folder.
        url: The mock server.
        cases: How many.
        jobs: Calls in flight.
    """

    def __init__(self, root: Path, url: str, *, cases: int, jobs: int = 64) -> None:
        self.root, self.url, self.cases, self.jobs = root, url, cases, jobs
        root.mkdir(parents=True)
        with (root / "s.jsonl").open("w", encoding="utf-8") as lines:
            for number in range(cases):
                case = {"id": f"c{number:07d}", "input": f"question {number:07d}", "target": "Paris"}
                lines.write(json.dumps(case) + "\n")
        self.candidate(0.0)

    def candidate(self, temperature: float, jobs: int = 0) -> None:
        """Change the candidate: its requests, so its answers, are new ones."""
        text = CONFIG.format(url=self.url, temperature=temperature, jobs=jobs or self.jobs)
        (self.root / "evalh.toml").write_text(text, encoding="utf-8")

    def promoted(self) -> Cost:
        """A stored baseline of one candidate; afterwards the candidate is another and nothing of it is recorded."""
        cost = evalh("promote", "--why", "the start", cwd=self.root)
        self.candidate(0.5)
        self.forget()
        return cost

    def forget(self) -> None:
        """An empty store."""
        shutil.rmtree(self.root / ".evalh", ignore_errors=True)

    def gate(self) -> tuple[Cost, dict[str, Any]]:
        """The gate, and its verdict."""
        cost = evalh("gate", "--json", cwd=self.root, wanted=(0, 1, 3))
        found: dict[str, Any] = json.loads(cost.out)["gates"][0]
        return cost, found
