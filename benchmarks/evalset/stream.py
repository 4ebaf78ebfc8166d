"""How long reading an eval set takes, and how much memory, by size.

    python benchmarks/evalset/stream.py [N ..]        default: 100000 1000000

Writes N cases of about 190 bytes (seed 7) to a temporary folder and reads them twice with ``read_cases``: once for
time, once under tracemalloc for the peak of what Python allocated. Not measured: a cold disk, long inputs.
"""

import json
import platform
import random
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from evalharness.evalset.jsonl import read_cases


def write(path: Path, n: int) -> None:
    rng = random.Random(7)
    with path.open("w", encoding="utf-8") as file:
        for i in range(n):
            case = {
                "id": f"case-{i:07d}",
                "input": f"Question {i}: " + " ".join(rng.choices(["how", "long", "is", "für", "the", "return"], k=8)),
                "target": [f"{i % 90} days", "thirty days"],
                "metadata": {"region": rng.choice(["eu", "us"]), "level": i % 5},
                "tags": ["refund"],
                "cluster": f"conv-{i // 3}",
            }
            file.write(json.dumps(case, ensure_ascii=False) + "\n")


def count(path: Path) -> int:
    return sum(1 for _ in read_cases(path))


def main() -> None:
    print(f"python {platform.python_version()}, seed 7, one process")
    print(
        f"{'cases':>9} {'file MB':>8} {'seconds':>8} {'us/case':>8} {'CPU us/case':>12} {'peak MB':>8} {'bytes/case':>10}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for n in [int(word) for word in sys.argv[1:]] or [100_000, 1_000_000]:
            path = Path(folder) / f"{n}.jsonl"
            write(path, n)
            wall, cpu = time.perf_counter(), time.process_time()
            assert count(path) == n
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            tracemalloc.start()
            count(path)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            row = (n, path.stat().st_size / 1e6, wall, wall / n * 1e6, cpu / n * 1e6, peak / 1e6, peak / n)
            print("{:>9} {:>8.1f} {:>8.1f} {:>8.1f} {:>12.1f} {:>8.1f} {:>10.1f}".format(*row))


if __name__ == "__main__":
    main()
