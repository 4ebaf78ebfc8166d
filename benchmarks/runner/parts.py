"""The parts of the measurement: each gives (title, section of the page)."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arms import CORE
from project import Cost, Project, evalh, run

ALL_CORES = os.sched_getaffinity(0)
HERE = Path(__file__).parent
START = 100
"""Cases of the small run whose cost is taken off, so that start-up does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and how much to measure."""

    fast: str
    """Mock server without latency."""
    slow: str
    """Mock server that answers after 100 ms."""
    folder: Path
    rounds: int
    scale: float
    """Of the number of cases."""
    stats: Callable[[str], dict[str, Any]]

    def cases(self, usual: int) -> int:
        """How many cases instead of the usual number."""
        return max(2 * START, round(usual * self.scale))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Median (lowest..highest)."""
    return f"{statistics.median(values):{form}} ({min(values):{form}}..{max(values):{form}})"


def arm(name: str, url: str, cases: int, jobs: int, folder: Path) -> dict[str, float]:
    """CPU and wall seconds of one arm."""
    command = [sys.executable, str(HERE / "arms.py"), name, url, str(cases), str(jobs)]
    found: dict[str, float] = json.loads(run(command, cwd=folder).out)
    return found


def cpu(setting: Setting) -> tuple[str, str]:
    """CPU per case, start-up apart."""
    cases = setting.cases(10_000)
    names = {
        "plain": "plain loop over AsyncOpenAI",
        "post": "its generic post over its aiohttp transport, nothing else",
        "transport": "aiohttp without the openai package, nothing else",
        "run": "`evalh run`: store, retries, limits, two scorers",
        "gate": "`evalh gate`: the same, the stored baseline and the verdict",
    }
    small, large = (Project(setting.folder / str(n), setting.fast, cases=n) for n in (START, cases))
    for project in (small, large):
        project.promoted()
    got: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(setting.rounds):
        for name in names:
            costs = [_cpu_of(name, setting, project) for project in (small, large)]
            got[name].append((costs[1] - costs[0]) / (cases - START) * 1000)
    ratios = {name: [a / b for a, b in zip(got[name], got["plain"], strict=True)] for name in names}
    rows = [[text, spread(got[name], ".3f"), spread(ratios[name])] for name, text in names.items()]
    text = (
        f"{cases:,} cases, 64 in flight, no latency, n = {setting.rounds} rounds in turn; start-up ({START} cases) is taken off; "
        "median (lowest..highest). Asked: the gate at most 0.60 of the plain loop, 0.45 as the goal.\n\n"
    )
    return "CPU per case", text + table(["arm", "CPU ms a case", "ratio to the plain loop"], rows)


def _cpu_of(name: str, setting: Setting, project: Project) -> float:
    if name in ("run", "gate"):
        project.forget()
        return (project.gate()[0] if name == "gate" else evalh("run", "--json", cwd=project.root)).cpu
    return arm(name, setting.fast, project.cases, project.jobs, setting.folder)["cpu"]


def wall(setting: Setting) -> tuple[str, str]:
    """Wall time at a latency, and many connections."""
    cases = setting.cases(10_000)
    floor = cases / 64 * 0.1
    at_latency = Project(setting.folder / "latency", setting.slow, cases=cases)
    at_once = Project(setting.folder / "once", setting.fast, cases=cases)
    got: dict[str, list[float]] = {name: [] for name in ("plain", "calls", "evalh", "rate", "busy")}
    most = 0
    for project in (at_latency, at_once):
        project.promoted()
    for _ in range(setting.rounds):
        got["plain"].append(arm("plain", setting.slow, cases, 64, setting.folder)["wall"] / floor)
        setting.stats(setting.slow)
        got["evalh"].append(_gated(at_latency, 64).wall / floor)
        seen = setting.stats(setting.slow)
        got["calls"].append((seen["last"] - seen["first"]) / floor)
        near, many = _gated(at_once, 64), _gated(at_latency, 1000)
        got["rate"].append(near.wall / many.wall)
        got["busy"].append(many.cpu / many.wall)
        most = max(most, setting.stats(setting.slow)["most"])
    rows = [
        ["plain loop, 64 in flight, 100 ms: wall / floor", "", spread(got["plain"])],
        ["`evalh gate`, 64 in flight, 100 ms: first call to last answer / floor", "<= 1.05", spread(got["calls"])],
        ["the whole command, start and verdict included: wall / floor", "", spread(got["evalh"])],
        ["`evalh gate`, 1,000 in flight, 100 ms: CPU / wall", ">= 0.95", spread(got["busy"])],
        ["the same: rate / rate at 64 in flight without latency", ">= 0.9", spread(got["rate"])],
    ]
    text = (
        f"{cases:,} cases; the floor of the latency is {floor:.2f} s. "
        f"n = {setting.rounds}. Most calls that the server saw at once: {most}. Wall figures need a quiet machine.\n\n"
    )
    return "Wall time", text + table(["what", "asked", "measured"], rows)


def _gated(project: Project, jobs: int) -> Cost:
    project.candidate(0.5, jobs)
    project.forget()
    return project.gate()[0]


def growth(setting: Setting) -> tuple[str, str]:
    """Memory and CPU at ten times as many cases."""
    text = "One run each; the gate reads its cases and its stored baseline, so three sets of results are in play.\n\n"
    return "Growth", text + _growth(setting, {10_000: 150, 100_000: 200})


def million(setting: Setting) -> tuple[str, str]:
    """The same at a million cases."""
    return "A million cases", _growth(setting, {1_000_000: 400})


def _growth(setting: Setting, asked: Mapping[int, int]) -> str:
    rows = []
    for usual, limit in asked.items():
        cases = setting.cases(usual)
        project = Project(setting.folder / str(cases), setting.fast, cases=cases)
        before = evalh("promote", "--why", "the start", cwd=project.root)
        project.candidate(0.5)
        project.forget()
        alone = evalh("run", "--json", cwd=project.root)
        project.forget()
        whole = project.gate()[0]
        for name, cost in (("promote", before), ("run", alone), ("gate", whole)):
            rows.append(
                [
                    f"{cases:,}",
                    f"`evalh {name}`",
                    f"{cost.peak_mb:.0f}",
                    str(limit),
                    f"{cost.cpu / cases * 1000:.2f}",
                    f"{cost.wall:.0f}",
                ]
            )
    return table(["cases", "command", "peak MB", "asked", "CPU ms a case, start included", "wall s"], rows)


def replay(setting: Setting) -> tuple[str, str]:
    """The same gate again."""
    cases = setting.cases(10_000)
    project = Project(setting.folder / "replay", setting.fast, cases=cases)
    project.promoted()
    project.gate()
    before, calls = _rows(project), setting.stats(setting.fast)["calls"]
    costs = [project.gate()[0] for _ in range(setting.rounds)]
    after = _rows(project)
    made = setting.stats(setting.fast)["calls"] - calls
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    rows = [
        ["CPU seconds, start included", "< 2", spread([cost.cpu for cost in costs])],
        ["calls made", "0", str(made)],
        [f"rows written by {setting.rounds} replays", f"{setting.rounds} runs", json.dumps(grown).replace('"', "")],
    ]
    return "Replay", f"{cases:,} recorded cases, two scorers and the gate.\n\n" + table(
        ["what", "asked", "measured"], rows
    )


def _rows(project: Project) -> dict[str, int]:
    with sqlite3.connect(f"file:{project.root / '.evalh' / 'store.db'}?mode=ro", uri=True) as store:
        names = [name for (name,) in store.execute("SELECT name FROM sqlite_schema WHERE type='table'")]
        return {name: store.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


COSTLY = """\
version = 1
[evalsets]
s = { path = "s.jsonl" }
[candidates]
bot = { recorded = "answers.jsonl" }
[scorers]
chrf = { use = "chrf" }
rouge = { use = "rougeL" }
slow = { use = "python", call = "slow:score" }
"""
SLOW = """\
def score(output, case):
    return {"value": 1.0, "evidence": {"n": sum(i * i for i in range(60_000)) % 7}}
"""


def cores(setting: Setting) -> tuple[str, str]:
    """Scorers that take long: on one core, and on all."""
    cases = setting.cases(1_500)
    folder = setting.folder / "cores"
    folder.mkdir()
    words = [f"word{number % 97}" for number in range(400)]
    with (folder / "s.jsonl").open("w") as lines, (folder / "answers.jsonl").open("w") as answers:
        for number in range(cases):
            target, text = (" ".join(words[(number * step) % 300 :][:60]) for step in (7, 11))
            lines.write(json.dumps({"id": f"c{number:05d}", "input": "q", "target": target}) + "\n")
            answers.write(json.dumps({"id": f"c{number:05d}", "output": text}) + "\n")
    (folder / "evalh.toml").write_text(COSTLY)
    (folder / "slow.py").write_text(SLOW)
    got: dict[str, list[float]] = {"one": [], "all": [], "ratio": []}
    kept = set()
    for _ in range(setting.rounds):
        for name, these in (("one", {CORE}), ("all", ALL_CORES)):
            os.sched_setaffinity(0, these)
            shutil.rmtree(folder / ".evalh", ignore_errors=True)
            got[name].append(evalh("run", "--json", cwd=folder).wall)
            kept.add(_scores(folder))
        got["ratio"].append(got["all"][-1] / got["one"][-1])
    os.sched_setaffinity(0, {CORE})
    rows = [
        ["wall s on one core", "", spread(got["one"])],
        [f"wall s on {len(ALL_CORES)} cores", "", spread(got["all"])],
        ["ratio", "towards 0.5", spread(got["ratio"])],
        ["rows of scores in the store, byte for byte", "the same", "the same" if len(kept) == 1 else "DIFFERENT"],
    ]
    text = f"{cases:,} recorded answers of 60 words; chrF, ROUGE-L and a Python scorer of a few milliseconds. n = {setting.rounds}.\n\n"
    return "Scorers on all cores", text + table(["what", "asked", "measured"], rows)


def _scores(folder: Path) -> str:
    with sqlite3.connect(f"file:{folder / '.evalh' / 'store.db'}?mode=ro", uri=True) as store:
        rows = store.execute("SELECT position, case_id, body FROM run_cases ORDER BY position").fetchall()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def start(setting: Setting) -> tuple[str, str]:
    """Time to the first answer."""
    import time

    project = Project(setting.folder / "start", setting.fast, cases=200)
    imports, firsts, cpus = [], [], []
    for number in range(max(5, setting.rounds)):
        imports.append(run([sys.executable, "-c", "import openai"], cwd=project.root))
        project.candidate(number / 10)
        setting.stats(setting.fast)
        began = time.monotonic()
        whole = evalh("run", "--limit", "1", "--json", cwd=project.root, wanted=(0, 4))
        firsts.append(setting.stats(setting.fast)["first"] - began)
        cpus.append(whole.cpu)
    beyond = [first - cost.wall for first, cost in zip(firsts, imports, strict=True)]
    rows = [
        ["`import openai`, wall s", "", spread([cost.wall for cost in imports])],
        ["`evalh run`: from the shell to the first call at the server, wall s", "", spread(firsts)],
        ["the difference", "<= 0.3", spread(beyond)],
        ["`import openai`, CPU s", "", spread([cost.cpu for cost in imports])],
        ["`evalh run` of one case to its end, CPU s", "", spread(cpus)],
    ]
    return "Start", f"n = {len(firsts)}, in turn.\n\n" + table(["what", "asked", "measured"], rows)


def profile(setting: Setting) -> tuple[str, str]:
    """Where the time goes."""
    cases = setting.cases(10_000)
    project = Project(setting.folder / "profile", setting.fast, cases=cases)
    project.promoted()
    command = [sys.executable, str(HERE / "profile_gate.py")]
    found = json.loads(run(command, cwd=project.root).out.splitlines()[-1])
    parts = table(["package", "share of own time"], [[name, f"{share:.1%}"] for name, share in found["packages"]])
    tops = table(["function", "own time"], [[f"`{name}`", f"{share:.1%}"] for name, share in found["functions"]])
    text = (
        f"`evalh gate` on {cases:,} cases: {found['samples']:,} samples of the main thread's stack over {found['cpu']:.1f} s of CPU, "
        f"of which other threads (the store's writer) had {found['threads']:.1f} s.\n\n"
    )
    return "Where the CPU goes", f"{text}{parts}\n\nTop ten functions:\n\n{tops}"


PARTS: Mapping[str, Callable[[Setting], tuple[str, str]]] = {
    "cpu": cpu,
    "wall": wall,
    "growth": growth,
    "million": million,
    "replay": replay,
    "cores": cores,
    "start": start,
    "profile": profile,
}
