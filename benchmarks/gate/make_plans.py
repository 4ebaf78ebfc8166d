"""Write evalharness/stats/exact_plans.txt: the last bars and staircases of common plans, found and certified.

Run from the repository: ``python benchmarks/gate/make_plans.py`` (a few minutes; ``--out FILE`` writes elsewhere).
The result is deterministic; ``tests/proofs/test_exact_plans.py`` recomputes a sample and certifies every line again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from evalharness.stats.exact_bars import solve
from evalharness.stats.exact_evidence import Question
from evalharness.stats.exact_question import SHIPPED, key

SIZES = (*range(20, 201, 10), 250, 300, 400, 500, 750, 1000)
MARGINS = (0.01, 0.02, 0.03, 0.05, 0.10)
BLOCK_ALPHAS = (0.025, 0.05)
SHARED_SIZES = (50, 100, 150, 200, 300, 400, 500)
SHARED_MARGINS = (0.02, 0.05, 0.10)
SHARES = (2, 3, 4, 5)
"""alpha_block of 0.025 split over so many metrics and guard slices."""

HEADER = """\
# Last bars of the exact path, certified. Made by benchmarks/gate/make_plans.py; do not edit.
# question planned margin alpha last_bar rule first_limit steps
"""

Job = tuple[Question, int, float, float]


def jobs() -> Iterator[Job]:
    """Every question that is shipped, in the order of the file. A drop does not depend on the margin."""
    for planned in SIZES:
        for margin in MARGINS:
            yield "pass", planned, margin, 0.05
            for alpha in BLOCK_ALPHAS:
                yield "fail", planned, margin, alpha
        for alpha in BLOCK_ALPHAS:
            yield "drop", planned, 0.0, alpha
    for planned in SHARED_SIZES:
        for share in SHARES:
            for margin in SHARED_MARGINS:
                yield "fail", planned, margin, 0.025 / share
            yield "drop", planned, 0.0, 0.025 / share


def line(job: Job) -> str:
    """One line of the file."""
    return f"{key(*job)}{solve(*job).to_text()}\n"


def main() -> None:
    """Compute, write, and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    started = time.perf_counter()
    with ProcessPoolExecutor(options.workers) as pool:
        lines = list(pool.map(line, jobs(), chunksize=4))
    options.out.write_text(HEADER + "".join(lines), encoding="ascii")
    print(f"{len(lines)} questions in {time.perf_counter() - started:.0f} s, {options.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
