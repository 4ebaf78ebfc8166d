"""Where the time of a gate goes: samples of the stack every few milliseconds of CPU.

    python benchmarks/runner/profile_gate.py        (in a project's folder)

prints one JSON object: samples, their share by package and by function (own time). Sampling, because a tracing profiler
makes small functions look dear; the store's thread is counted by its own clock.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import sys
import time
from collections import Counter
from types import FrameType

from arms import CORE, stay_on

PACKAGE = re.compile(r".*/(?:site-packages|main|lib/python3\.\d+)/(.*)\.py$")


def place(frame: FrameType) -> tuple[str, str]:
    """(package or folder of ours, function) of a frame."""
    found = PACKAGE.match(frame.f_code.co_filename)
    path = found[1] if found else frame.f_code.co_filename
    if "evalharness/" in path:
        path = path[path.index("evalharness/") :]
    parts = path.split("/")
    package = "/".join(parts[:2]) if parts[0] == "evalharness" else parts[0]
    return package, f"{path} {frame.f_code.co_qualname}"


def main() -> None:
    stay_on(CORE)
    packages: Counter[str] = Counter()
    functions: Counter[str] = Counter()

    def sample(_number: int, frame: FrameType | None) -> None:
        if frame is not None:
            package, function = place(frame)
            packages[package] += 1
            functions[function] += 1

    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
    from evalharness.cli.main import main as command

    with contextlib.redirect_stdout(io.StringIO()):
        code = command(["gate", "--json"])
    signal.setitimer(signal.ITIMER_PROF, 0)
    times = os.times()
    total = sum(packages.values())
    found = {
        "code": code,
        "samples": total,
        "cpu": times.user + times.system,
        "threads": times.user + times.system - time.thread_time(),
        "packages": [(name, count / total) for name, count in packages.most_common(16)],
        "functions": [(name, count / total) for name, count in functions.most_common(10)],
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
