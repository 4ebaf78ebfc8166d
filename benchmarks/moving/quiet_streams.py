"""How often a quiet stream is said to have drifted: the customary bar, and ours. python benchmarks/moving/quiet_streams.py [RUNS]"""

from __future__ import annotations

import random
import sys
from math import sqrt

import numpy as np

from evalharness.stats.drift import Shift, category_shift, holm, number_shift


def plain_psi(old: list[float], new: list[float]) -> float:
    edges = np.quantile(old, np.linspace(0, 1, 11))
    edges[0], edges[-1] = -np.inf, np.inf
    p, q = (np.maximum(np.histogram(side, edges)[0] / len(side), 1e-4) for side in (old, new))
    return float(((p - q) * np.log(p / q)).sum())


def share(hits: int, runs: int) -> str:
    p = hits / runs
    return f"{p:.1%} ± {1.96 * sqrt(p * (1 - p) / runs):.1%}"


def main(runs: int) -> None:
    print(f"identical streams, {runs} comparisons each")
    for n in (100, 200, 500, 2000):
        stream = random.Random(n)
        fired = [
            plain_psi([stream.gauss(0, 1) for _ in range(n)], [stream.gauss(0, 1) for _ in range(n)])
            for _ in range(runs)
        ]
        over, far = sum(psi > 0.1 for psi in fired), sum(psi > 0.25 for psi in fired)
        print(f"  plain PSI, n = {n:5}: > 0.1 in {share(over, runs)}, > 0.25 in {share(far, runs)}")
    for n in (200, 500):
        one = anything = 0
        for run in range(runs):
            stream = random.Random(f"{n} {run}")
            shifts = []
            for _ in range(5):
                shifts.append(  # noqa: PERF401 - each draw reads as one
                    number_shift(
                        [stream.expovariate(1) for _ in range(n)],
                        [stream.expovariate(1) for _ in range(n)],
                        rounds=399,
                        seed=run,
                    )
                )
            for share_of in (0.05, 0.5):
                sides = [["yes" if stream.random() < share_of else "no" for _ in range(n)] for _ in range(2)]
                shifts.append(category_shift(*sides, rounds=399, seed=run))
            values = [shift.p_value for shift in shifts if isinstance(shift, Shift)]
            one += values[0] <= 0.05
            anything += min(holm(values)) <= 0.05
        print(
            f"  ours, n = {n:5}: one field at 0.05 in {share(one, runs)}, any of 7 fields after Holm in {share(anything, runs)}"
        )
    for n, shift in ((200, 0.2), (500, 0.2), (2000, 0.1)):
        found = 0
        for run in range(runs):
            stream = random.Random(f"moved {n} {run}")
            old, new = [stream.gauss(0, 1) for _ in range(n)], [stream.gauss(shift, 1) for _ in range(n)]
            moved = number_shift(old, new, rounds=399, seed=run)
            found += isinstance(moved, Shift) and moved.p_value <= 0.05
        print(f"  ours, a mean that moved by {shift} sd, n = {n:5}: named in {share(found, runs)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
