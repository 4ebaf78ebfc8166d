"""Measures the runner beside a plain client loop, and writes the page.

    python benchmarks/runner/measure.py [--only PART ...] [--quick] [--rounds 3] [--out docs/benchmarks/runner.md]

Parts: cpu, wall, growth, replay, cores, start, profile; ``million`` only when it is named (it takes a quarter of an hour).
A part that is measured again replaces its section of the page. The mock server is another process on the second core;
what is measured stays on the first, one arm after the other, each in a fresh process. CPU is user + system.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import parts
from arms import CORE, stay_on
from parts import Setting

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "benchmarks" / "runner.md"
HEAD = """\
# The runner, measured

Made by `python benchmarks/runner/measure.py`; each section says when and under which load it was measured. All arms ask
the same mock server (`benchmarks/runner/mock_server.py`), another process on the other core. CPU is user + system of the
measured process alone. Ratios are between arms of the same minutes; the machine is shared, so decimals of a single
figure mean little.
"""


@contextlib.contextmanager
def server(latency_ms: float) -> Iterator[str]:
    """The mock server; gives its base URL."""
    command = [sys.executable, str(HERE / "mock_server.py"), "--cpu", str(CORE + 1), "--latency-ms", str(latency_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def stats(url: str) -> dict[str, Any]:
    """What the server has seen."""
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats") as reply:
        found: dict[str, Any] = json.loads(reply.read())
        return found


def machine() -> str:
    """One line on what it was measured with."""
    names = ("openai", "httpx2", "aiohttp", "pydantic")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores shared with others, "
        f"Python {platform.python_version()}, {versions}"
    )


def replaced(page: str, title: str, section: str) -> str:
    """The page with a section put in, in the place of the one of the same title."""
    text = f"## {title}\n\n{section.strip()}\n"
    old = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if old.search(page):
        return old.sub(lambda _: text + "\n", page).rstrip() + "\n"
    return page.rstrip() + "\n\n" + text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(parts.PARTS), metavar="PART")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the cases, one round: for trying, not for figures"
    )
    parser.add_argument("--out", type=Path, default=PAGE)
    given = parser.parse_args()
    stay_on(CORE)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65_536), most))
    names = given.only or [name for name in parts.PARTS if name != "million"]
    page = given.out.read_text("utf-8") if given.out.exists() else HEAD
    page = replaced(page, "Machine", machine())
    for name in names:
        with (
            server(0) as fast,
            server(100) as slow,
            tempfile.TemporaryDirectory(dir=HERE, prefix=".measured-") as folder,
        ):
            setting = Setting(
                fast=fast,
                slow=slow,
                folder=Path(folder),
                rounds=1 if given.quick else given.rounds,
                scale=0.1 if given.quick else 1.0,
                stats=stats,
            )
            before = os.getloadavg()[0]
            title, section = parts.PARTS[name](setting)
            load = f"Load of the machine before and after: {before:.1f}, {os.getloadavg()[0]:.1f}."
        section = f"{section}\n\n{load} Again: `python benchmarks/runner/measure.py --only {name}`."
        print(f"## {title}\n\n{section}\n", flush=True)
        page = replaced(page, title, section)
        given.out.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
