"""CPU of a run per case, beside a plain loop over AsyncOpenAI, on the same mock server in another process.

    python benchmarks/runner/quick.py [--cases 10000] [--jobs 64] [--latency-ms 0] [--rounds 3] [--profile]

Each arm runs in a fresh process, the arms in turn; printed are CPU milliseconds per case (user + system) without
start-up (measured with an arm of 100 cases), and wall seconds. ``evalh`` has everything on: the store with its
synchronous commits, two scorers, the retry policy. What is not measured: the gate's own arithmetic, reports.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "benchmarks" / "runner" / "mock_server.py"


def plain(url: str, cases: int, jobs: int) -> None:
    """A bare loop: no store, no retries, two scores."""
    import asyncio

    from openai import AsyncOpenAI

    async def main() -> int:
        client = AsyncOpenAI(api_key="no-key", base_url=url, max_retries=0)
        rest = iter(range(cases))
        right = 0

        async def work() -> None:
            nonlocal right
            for number in rest:
                reply = await client.chat.completions.create(
                    model="mock", messages=[{"role": "user", "content": f"question {number}"}], seed=number
                )
                text = reply.choices[0].message.content or ""
                right += (text == "x") + ("a" in text)

        await asyncio.gather(*(work() for _ in range(jobs)))
        await client.close()
        return right

    asyncio.run(main())


def evalh(url: str, cases: int, jobs: int) -> None:
    """A whole run."""
    from evalharness.candidates.registry import build_candidate
    from evalharness.clients.limits import Pacing
    from evalharness.clients.openai_chat import connector
    from evalharness.config.model import Config
    from evalharness.core.cases import Case
    from evalharness.core.options import RunOptions
    from evalharness.core.protocols import ScorerSpec
    from evalharness.core.results import RunHeader
    from evalharness.core.specs import ComponentSpec, freeze
    from evalharness.evalset.answers import load_answers
    from evalharness.runner.clock import SystemClock
    from evalharness.runner.job import Job
    from evalharness.runner.run import run_cases
    from evalharness.scorers.registry import build_scorer
    from evalharness.store.store import open_store

    table = freeze({"model": "mock", "base_url": url})
    with tempfile.TemporaryDirectory(dir=ROOT / "benchmarks") as folder:
        options = RunOptions()
        candidate = build_candidate(
            ComponentSpec(name="bot", use="model", params=table),
            config=Config(path="evalh.toml", root=Path(folder)),
            options=options,
            corpus=lambda: (),
            env={},
            connect=connector(options, {}),
            load_answers=load_answers,
        )
        scorers = [
            build_scorer(
                ScorerSpec(component=ComponentSpec(name=use, use=use, params=freeze(params))), root=Path(folder)
            )
            for use, params in (("equals", {}), ("contains", {"value": "a"}))
        ]
        items = tuple(Case(id=f"c{n}", input=f"question {n}", target="x") for n in range(cases))
        with open_store(Path(folder) / ".evalh") as store:
            header = RunHeader(run_id="bench", purpose="run", case_digests={case.id: case.digest for case in items})
            pacing = Pacing(jobs=jobs, clock=SystemClock())
            job = Job(
                header=header, cases=items, candidate=candidate, scorers=scorers, store=store, pacing=pacing, jobs=jobs
            )
            run = run_cases(job)
        assert run.complete, (run.stopped, run.failures()[:1])


ARMS = {"plain AsyncOpenAI": plain, "evalh": evalh}


def child(arm: str, url: str, cases: int, jobs: int, profile: bool) -> None:
    started = time.monotonic()
    if profile:
        import cProfile
        import pstats

        with cProfile.Profile() as profiler:
            ARMS[arm](url, cases, jobs)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(45)
    else:
        ARMS[arm](url, cases, jobs)
    print(json.dumps({"cpu_s": sum(os.times()[:2]), "wall_s": time.monotonic() - started}))


def measure(arm: str, url: str, cases: int, jobs: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--arm", arm, "--url", url, "--cases", str(cases), "--jobs", str(jobs)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=64)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--arm", choices=list(ARMS), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.arm:
        child(given.arm, given.url, given.cases, given.jobs, given.profile)
        return
    server = subprocess.Popen(
        [sys.executable, str(SERVER), "--cpu", "1", "--latency-ms", str(given.latency_ms)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        if given.profile:
            child("evalh", url, given.cases, given.jobs, True)
            return
        report(url, given)
    finally:
        server.kill()
        server.wait()


def report(url: str, given: argparse.Namespace) -> None:
    print(f"{platform.platform()}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    medians = {}
    rows: dict[str, list[tuple[float, float]]] = {arm: [] for arm in ARMS}
    for _ in range(given.rounds):
        for arm in ARMS:
            start = measure(arm, url, 100, given.jobs)
            whole = measure(arm, url, given.cases, given.jobs)
            per_case = (whole["cpu_s"] - start["cpu_s"]) / (given.cases - 100) * 1000
            rows[arm].append((per_case, whole["wall_s"]))
    for arm, values in rows.items():
        cpu = sorted(value for value, _ in values)
        medians[arm] = statistics.median(cpu)
        wall = statistics.median(value for _, value in values)
        print(
            f"{arm:20} {medians[arm]:.3f} ms CPU a case ({cpu[0]:.3f}..{cpu[-1]:.3f}, n={len(cpu)}), wall {wall:.1f} s"
        )
    print(f"ratio {medians['evalh'] / medians['plain AsyncOpenAI']:.2f}")


if __name__ == "__main__":
    main()
