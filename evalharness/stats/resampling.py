"""Tests of corpus scores, which are no means of case scores: BLEU, chrF, TER, macro-F1, ECE (scorers.md section 4).

A case is a row of numbers that add up (n-gram counts, lengths, hits); a score is a function of the column totals, with
higher being better. Rows may also be single numbers: the score is then their mean.

Source: Koehn, Statistical significance tests for machine translation evaluation, EMNLP 2004; Riezler and Maxwell 2005.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import add, sub
from typing import Any, SupportsFloat, TypeAlias, cast

from evalharness.stats.arrays import load_numpy
from evalharness.stats.ranges import check_share

MOST_EXACT = 12
"""Up to so many changed cases all swaps are enumerated."""
_TIE = 1e-9
_CHUNK = 2_000_000
"""Numbers held at once while resampling."""

Totals: TypeAlias = tuple[float, ...]
Statistic: TypeAlias = Callable[[Totals], float]
Rows: TypeAlias = Sequence[Sequence[SupportsFloat]] | Sequence[SupportsFloat]


@dataclass(frozen=True, slots=True, kw_only=True)
class Randomisation:
    """A paired randomisation test, one-sided for worse."""

    p_value: float
    """Chance of a difference at least as bad if baseline and candidate were exchangeable, case by case."""
    difference: float
    """Candidate minus baseline."""
    changed: int
    """Cases whose rows differ; p is never below 2^-changed."""
    exact: bool
    """True when all swaps were enumerated."""


def paired_randomisation(
    baseline: Rows, candidate: Rows, statistic: Statistic | None = None, *, rounds: int = 10_000, seed: int = 0
) -> Randomisation:
    """Test whether the candidate's corpus score is worse.

    Args:
        baseline: One row a case.
        candidate: One row a case, in the same order.
        statistic: Score of the column totals, higher is better; by default the mean of single numbers.
        rounds: Random swaps beyond 12 changed cases.
        seed: Seed of the random swaps.

    Returns:
        The test: all swaps up to 12 changed cases (p = share), else (c + 1) / (rounds + 1); swaps within 1e-9 of the
        observed difference count as at least as bad.

    Raises:
        ValueError: If the sides differ in length or width, there is no case, or ``rounds`` is less than 1.
    """
    old, new, score = _table(baseline, candidate, statistic)
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds!r}")
    before, after = _totals(old), _totals(new)
    observed = score(after) - score(before)
    deltas = [tuple(map(sub, b, a)) for a, b in zip(old, new, strict=True) if a != b]
    exact = len(deltas) <= MOST_EXACT
    swaps = _all_sums(deltas, len(before)) if exact else _random_sums(deltas, rounds, seed)
    count = total = 0
    for moved in swaps:
        total += 1
        swapped = score(tuple(map(sub, after, moved))) - score(tuple(map(add, before, moved)))
        count += swapped <= observed + _TIE
    p_value = count / total if exact else (count + 1) / (total + 1)
    return Randomisation(p_value=p_value, difference=observed, changed=len(deltas), exact=exact)


def bootstrap_interval(
    baseline: Rows,
    candidate: Rows,
    statistic: Statistic | None = None,
    *,
    tails: tuple[float, float] = (0.05, 0.025),
    rounds: int = 10_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the signed difference, by case (asymptotic).

    Args:
        baseline: One row a case.
        candidate: One row a case, in the same order.
        statistic: Score of the column totals, higher is better; by default the mean of single numbers.
        tails: Share of resampled differences below and above the interval.
        rounds: Number of resamples.
        seed: Seed of the resampling.

    Raises:
        ValueError: As for ``paired_randomisation``, and if a tail is not in (0, 1).
    """
    old, new, score = _table(baseline, candidate, statistic)
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds!r}")
    for tail in tails:
        check_share("tail", tail)
    np = load_numpy()
    width = len(old[0])
    table = np.array([a + b for a, b in zip(old, new, strict=True)], dtype=float)
    differences = [
        score(tuple(row[width:])) - score(tuple(row[:width])) for row in _resampled_totals(table, rounds, seed)
    ]
    lower, upper = np.quantile(differences, [tails[0], 1 - tails[1]])
    return float(lower), float(upper)


def leave_one_out(baseline: Rows, candidate: Rows, statistic: Statistic | None = None) -> list[float]:
    """Return each case's influence: the difference with it minus the difference without it.

    Args:
        baseline: One row a case, at least two cases.
        candidate: One row a case, in the same order.
        statistic: Score of the column totals, higher is better; by default the mean of single numbers.

    Raises:
        ValueError: If the sides differ in length or width or there are fewer than two cases.
    """
    old, new, score = _table(baseline, candidate, statistic)
    if len(old) < 2:
        raise ValueError("leaving one out needs at least two cases")
    before, after = _totals(old), _totals(new)
    whole = score(after) - score(before)
    return [
        whole - (score(tuple(map(sub, after, b))) - score(tuple(map(sub, before, a))))
        for a, b in zip(old, new, strict=True)
    ]


def _table(
    baseline: Rows, candidate: Rows, statistic: Statistic | None
) -> tuple[list[Totals], list[Totals], Statistic]:
    score = _mean if statistic is None else statistic
    old, new = ([_row(row, single=statistic is None) for row in side] for side in (baseline, candidate))
    if not old or len(old) != len(new):
        raise ValueError(f"both sides need the same cases, at least one; got {len(old)} and {len(new)}")
    if len({len(row) for row in old + new}) != 1:
        raise ValueError("all rows must be equally long")
    return old, new, score


def _row(row: SupportsFloat | Sequence[SupportsFloat], *, single: bool) -> Totals:
    if single:
        return (float(cast("SupportsFloat", row)), 1.0)
    return tuple(float(x) for x in cast("Sequence[SupportsFloat]", row))


def _mean(totals: Totals) -> float:
    return totals[0] / totals[1]


def _totals(rows: Sequence[Totals]) -> Totals:
    return tuple(map(sum, zip(*rows, strict=True)))


def _all_sums(deltas: Sequence[Totals], width: int) -> list[Totals]:
    sums: list[Totals] = [(0.0,) * width]
    for delta in deltas:
        sums += [tuple(map(add, moved, delta)) for moved in sums]
    return sums


def _random_sums(deltas: Sequence[Totals], rounds: int, seed: int) -> Iterator[Totals]:
    """Sum the deltas of random subsets; the bits come from ``random``, whose stream does not change by version."""
    np = load_numpy()
    generator = random.Random(seed)  # noqa: S311 - resampling, not secrets
    table = np.array(deltas, dtype=float)
    row_bytes = -(-len(deltas) // 8)
    chunk = max(1, _CHUNK // len(deltas))
    for start in range(0, rounds, chunk):
        size = min(chunk, rounds - start)
        drawn = np.frombuffer(generator.randbytes(size * row_bytes), dtype=np.uint8).reshape(size, row_bytes)
        bits = np.unpackbits(drawn, axis=1)[:, : len(deltas)]
        yield from map(tuple, (bits.astype(float) @ table).tolist())


def _resampled_totals(table: Any, rounds: int, seed: int) -> Iterator[list[float]]:
    """Yield column totals of resampled cases: the table times how often each case is drawn.

    The bits are PCG64's own stream, which does not change by NumPy's version, as the draws derived from it may.
    """
    np = load_numpy()
    bits = np.random.PCG64(seed)
    cases = len(table)
    columns = np.ascontiguousarray(table.T)
    # 32 bits times the number of cases, without its fraction: no case is favoured by more than cases / 2^32.
    scale = cases / 2**32
    for _ in range(rounds):
        words = bits.random_raw(-(-cases // 2)).astype("<u8", copy=False).view("<u4")[:cases]
        counts = np.bincount((words * scale).astype(np.intp), minlength=cases)
        yield (columns @ counts.astype(float)).tolist()
