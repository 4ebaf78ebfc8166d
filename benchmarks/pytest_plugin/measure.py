"""What the pytest plugin costs and does: sessions with and without it, one batch, two workers, reports.

    python benchmarks/pytest_plugin/measure.py [--runs 15]

Writes docs/benchmarks/pytest.md. Sessions alternate, so that a busy moment hits both; CPU time is that of the process.
Without: ``-p no:evalh`` keeps pytest from importing the plugin. The batch asks a Python candidate that sleeps 200 ms a case.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[2]
CASES = 12
BOT = """import time

def answer(case):
    with open("/times/", "a") as file:
        file.write(f"{time.time()}\\n")
    time.sleep(0.2)
    with open("/times/", "a") as file:
        file.write(f"{time.time()}\\n")
    return case.target
"""
CONFIG = """[evalsets]
qa = { path = "qa.jsonl" }
[candidates]
bot = { python = "bot:answer", inputs = ["bot.py"] }
[scorers]
exact = { use = "equals" }
[gates.qa]
candidate = "bot"
evalset = "qa"
baseline = "old.jsonl"
limits = { exact = 0.3 }
"""
TESTS = """import pytest

@pytest.mark.evalh("qa", candidate="bot")
def test_answer(trial):
    assert trial.output
"""


def session(folder: Path, *words: str) -> tuple[float, float, subprocess.CompletedProcess[str]]:
    """Wall and CPU seconds of one pytest session."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "PYTEST_", "EVALH_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done


def shown(values: list[float]) -> str:
    """Median and range in milliseconds."""
    return f"{statistics.median(values) * 1000:.0f} ms ({min(values) * 1000:.0f} - {max(values) * 1000:.0f})"


def unused(runs: int) -> list[str]:
    """A project of ten ordinary tests: with the plugin there, and kept out."""
    found: dict[str, list[tuple[float, float]]] = {"kept out": [], "there, unused": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_stub.py").write_text("".join(f"def test_{i}():\n    assert {i} >= 0\n" for i in range(10)))
        session(folder)  # writes the byte code
        for _ in range(runs):
            for label, words in (("kept out", ["-p", "no:evalh"]), ("there, unused", [])):
                wall, cpu, done = session(folder, *words)
                assert "10 passed" in done.stdout, done.stdout
                found[label].append((wall, cpu))
    return [
        f"| {label} | {len(both)} | {shown([wall for wall, _ in both])} | {shown([cpu for _, cpu in both])} |"
        for label, both in found.items()
    ]


def project(folder: Path) -> None:
    """Twelve slow cases and a gate that loses nothing."""
    ids = [f"c{i:02d}" for i in range(CASES)]
    (folder / "bot.py").write_text(BOT.replace("/times/", str(folder / "times")))
    (folder / "evalh.toml").write_text(CONFIG)
    (folder / "qa.jsonl").write_text("".join(f'{{"id": "{i}", "input": "{i}", "target": "it is {i}"}}\n' for i in ids))
    (folder / "old.jsonl").write_text("".join(f'{{"id": "{i}", "output": "it is {i}"}}\n' for i in ids))
    (folder / "test_bot.py").write_text(TESTS)
    (folder / "conftest.py").write_text("import sys, pathlib\nsys.path.insert(0, str(pathlib.Path(__file__).parent))\n")


def batch(*words: str, runs: int = 5) -> str:
    """Live sessions of the slow project: from the first case asked to the last one answered, the session, its last line."""
    spans, sessions, ends = [], [], set()
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as name:
            project(Path(name))
            seconds, _, done = session(Path(name), "--evalh-live", *words, "test_bot.py", "evalh.toml::qa")
            times = [float(line) for line in (Path(name) / "times").read_text().split()]
        assert len(times) == 2 * CASES, times
        spans.append(max(times) - min(times))
        sessions.append(seconds)
        ends.add(done.stdout.strip().splitlines()[-1].split(" in ")[0])
    return f"{runs} | {shown(spans)} | {shown(sessions)} | {', '.join(sorted(ends))} |"


def workers_floor() -> float:
    """Seconds of ten ordinary tests under two workers, with the plugin kept out."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "test_stub.py").write_text("".join(f"def test_{i}():\n    assert {i} >= 0\n" for i in range(10)))
        return min(session(Path(name), "-p", "no:evalh", "-n", "2")[0] for _ in range(2))


def reports() -> list[str]:
    """Where the gates stand in JUnit and in pytest-html, in one process and under two workers."""
    html = ["--html", "r.html", "--self-contained-html"] if importlib.util.find_spec("pytest_html") else []
    rows = []
    for words in ([], ["-n", "2"]):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            project(folder)
            session(folder, "--evalh-live", *words, "--junitxml", "r.xml", *html, "test_bot.py", "evalh.toml::qa")
            cases = list(ET.parse(folder / "r.xml").iter("testcase"))
            page = (folder / "r.html").read_text() if html else ""
        gates = [name for case in cases if "test_answer" not in (name := str(case.get("name")))]
        inside = ", ".join(f"`{gate}`" for gate in gates if gate in page) or "not installed"
        rows.append(
            f"| {' '.join(words) or 'one process'} | {len(cases)} | {', '.join(f'`{g}`' for g in gates)} | {inside} |"
        )
    return rows


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    rows = unused(options.runs)
    one, two = batch(), batch("-n", "2")
    text = f"""# The pytest plugin, measured

Made by `python benchmarks/pytest_plugin/measure.py`; Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}.

A session of ten ordinary tests, alternately:

| plugin | sessions | wall, median (range) | CPU, median (range) |
|---|---:|---:|---:|
{chr(10).join(rows)}

{CASES} cases of 200 ms each, asked in one concurrent batch ({CASES * 0.2:.1f} s one after the other), and the gate over them.
The batch is from the first case asked to the last one answered, by the candidate's own clock:

| | sessions | batch, median (range) | session, median (range) | ends with |
|---|---:|---:|---:|---|
| one process | {one}
| `-n 2` | {two}

Ten ordinary tests under `-n 2`, the plugin kept out: {workers_floor():.1f} s.

The gates as test reports (`--junitxml`, `--html`):

| | test cases in JUnit | of them gates | in pytest-html |
|---|---:|---|---|
{chr(10).join(reports())}
"""
    (ROOT / "docs" / "benchmarks" / "pytest.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
