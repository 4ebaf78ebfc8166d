"""Whether two periods of a stream differ, field by field: PSI, Kolmogorov-Smirnov, Jensen-Shannon, by permutation.

The customary bar "PSI above 0.1 has shifted" is no test: PSI of two samples of the same stream is about
(1/n + 1/m) chi2(bins - 1), so with 100 rows a side it passes 0.1 in five of six quiet comparisons. Here every number has
the share of random splits of all rows that reach it, and the fields' p-values are adjusted together (Holm), so that the
chance of naming any field of a quiet stream is at most alpha.

Sources: Holm, A simple sequentially rejective multiple test procedure, 1979; Westfall and Young, Resampling-based
multiple testing, 1993 (the smallest p of several statistics as one statistic); Lin, Divergence measures based on the
Shannon entropy, 1991.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, SupportsFloat, TypeAlias

from evalharness.stats.arrays import load_numpy

FEWEST = 200
"""Values that each period must have: with fewer, only upheavals could be told from chance."""
BINS = 10
"""Groups for PSI and Jensen-Shannon of numbers."""
GRID = 256
"""Cells on which numbers are read: quantiles of both periods together, or every value where there are not more."""
CATEGORIES = 40
"""Categories that are kept apart, the commonest; the rest is one."""
_TIE = 1e-12

Kind: TypeAlias = Literal["number", "category"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How far two periods are apart in one field."""

    kind: Kind
    n_old: int
    n_new: int
    psi: float
    """Population stability index, natural logarithms, counts smoothed by half a value a bin; >= 0."""
    js: float
    """Jensen-Shannon divergence in bits, 0..1."""
    ks: float | None
    """Largest distance of the distribution functions, 0..1; None for categories, which have no order."""
    p_psi: float
    """Share of random splits with a PSI at least as large, the split as seen counted in."""
    p_js: float
    p_ks: float | None
    p_value: float
    """Of the field: the smallest of its p-values, held against the smallest of each random split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TooFew:
    """A period has fewer than ``FEWEST`` values: nothing is said."""

    n_old: int
    n_new: int


def number_shift(
    old: Iterable[SupportsFloat], new: Iterable[SupportsFloat], *, rounds: int = 1999, seed: int = 0
) -> Shift | TooFew:
    """Compare two samples of numbers.

    Args:
        old: Values of the first period.
        new: Values of the second.
        rounds: Random splits; the smallest p-value that can come out is 1 / (rounds + 1).
        seed: Seed of the splits.

    Returns:
        The distances with their p-values, or that there are too few values.

    Raises:
        ValueError: If a value is NaN or infinite, or ``rounds`` is less than 1.
    """
    before, after = sorted(float(x) for x in old), sorted(float(x) for x in new)
    if not all(isfinite(x) for x in (*before, *after)):
        raise ValueError("a value is NaN or infinite: absence is left out, never a number")
    if min(len(before), len(after)) < FEWEST:
        return TooFew(n_old=len(before), n_new=len(after))
    edges = _edges(sorted(before + after), GRID)
    counts = [_histogram(side, edges) for side in (before, after)]
    return _shift("number", counts, rounds=rounds, seed=seed)


def category_shift(
    old: Iterable[Hashable], new: Iterable[Hashable], *, rounds: int = 1999, seed: int = 0
) -> Shift | TooFew:
    """Compare two samples of categories; arguments, result and errors as :func:`number_shift`, KS apart."""
    before, after = Counter(old), Counter(new)
    if min(before.total(), after.total()) < FEWEST:
        return TooFew(n_old=before.total(), n_new=after.total())
    both = before + after
    ranked = sorted(both, key=lambda value: (-both[value], repr(value)))
    cells = ranked[:CATEGORIES]
    counts = [[side[value] for value in cells] for side in (before, after)]
    if len(ranked) > CATEGORIES:
        for side, row in zip((before, after), counts, strict=True):
            row.append(side.total() - sum(row))
    return _shift("category", counts, rounds=rounds, seed=seed)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted so that naming those at most alpha is false anywhere with chance at most alpha.

    Args:
        p_values: One for each question, in any order, under any dependence.

    Raises:
        ValueError: If one is not in [0, 1].
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError("a p-value lies in [0, 1]")
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def psi(old: Sequence[float], new: Sequence[float]) -> float:
    """Return the population stability index of two histograms over the same bins, each smoothed by half a value a bin.

    Raises:
        ValueError: If they differ in length or a side is empty.
    """
    return float(_psi(*_table(old, new))[0])


def jensen_shannon(old: Sequence[float], new: Sequence[float]) -> float:
    """Return the Jensen-Shannon divergence in bits of two histograms over the same bins.

    Raises:
        ValueError: As :func:`psi`.
    """
    return float(_jensen_shannon(*_table(old, new))[0])


def kolmogorov_smirnov(old: Sequence[float], new: Sequence[float]) -> float:
    """Return the largest distance of the distribution functions of two histograms over the same ordered bins.

    Raises:
        ValueError: As :func:`psi`.
    """
    return float(_kolmogorov_smirnov(*_table(old, new))[0])


def _shift(kind: Kind, counts: list[list[int]], *, rounds: int, seed: int) -> Shift:
    """All statistics at the split as seen (row 0) and at random splits, and what share of them reaches it."""
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds!r}")
    np = load_numpy()
    pooled = np.array(counts).sum(axis=0)
    n_old, n_new = sum(counts[0]), sum(counts[1])
    # Which of all rows are the old ones is what chance would decide: with fixed totals a cell, hypergeometric.
    draws = np.random.Generator(np.random.PCG64(seed)).multivariate_hypergeometric(pooled, n_old, size=rounds)
    old = np.vstack([np.array(counts[0]), draws])
    new = pooled - old
    grouped = _grouped(pooled, BINS) if kind == "number" else np.arange(len(pooled))
    old_bins, new_bins = (np.add.reduceat(side, grouped, axis=1) for side in (old, new))
    values = [_psi(old_bins, new_bins), _jensen_shannon(old_bins, new_bins)]
    if kind == "number":
        values.append(_kolmogorov_smirnov(old, new))
    shares = [_shares(column) for column in values]
    smallest = np.min(np.vstack(shares), axis=0)
    ordered = kind == "number"
    return Shift(
        kind=kind,
        n_old=n_old,
        n_new=n_new,
        psi=float(values[0][0]),
        js=float(values[1][0]),
        ks=float(values[2][0]) if ordered else None,
        p_psi=float(shares[0][0]),
        p_js=float(shares[1][0]),
        p_ks=float(shares[2][0]) if ordered else None,
        p_value=float((smallest <= smallest[0] + _TIE).mean()),
    )


def _shares(column: Any) -> Any:
    """For each entry the share of entries at least as large, within ties."""
    np = load_numpy()
    ordered = np.sort(column)
    return 1 - np.searchsorted(ordered, column - _TIE, side="left") / len(column)


def _table(old: Sequence[float], new: Sequence[float]) -> tuple[Any, Any]:
    np = load_numpy()
    if len(old) != len(new) or not sum(old) or not sum(new):
        raise ValueError("two histograms over the same bins are needed, neither empty")
    return np.array([old], dtype=float), np.array([new], dtype=float)


def _psi(old: Any, new: Any) -> Any:
    np = load_numpy()
    width = old.shape[1]
    p = (old + 0.5) / (old.sum(axis=1, keepdims=True) + 0.5 * width)
    q = (new + 0.5) / (new.sum(axis=1, keepdims=True) + 0.5 * width)
    return ((p - q) * np.log(p / q)).sum(axis=1)


def _jensen_shannon(old: Any, new: Any) -> Any:
    np = load_numpy()
    p = old / old.sum(axis=1, keepdims=True)
    q = new / new.sum(axis=1, keepdims=True)
    middle = (p + q) / 2

    def towards(side: Any) -> Any:
        terms = np.zeros(side.shape)
        np.log2(np.divide(side, middle, out=np.ones(side.shape), where=side > 0), out=terms)
        return (side * terms).sum(axis=1)

    return np.clip((towards(p) + towards(q)) / 2, 0.0, 1.0)


def _kolmogorov_smirnov(old: Any, new: Any) -> Any:
    np = load_numpy()
    p = np.cumsum(old, axis=1) / old.sum(axis=1, keepdims=True)
    q = np.cumsum(new, axis=1) / new.sum(axis=1, keepdims=True)
    return np.abs(p - q).max(axis=1)


def _edges(pooled: Sequence[float], most: int) -> list[float]:
    """Upper ends of the cells, each a value that occurs: all values, or quantiles of them."""
    distinct = sorted(set(pooled))
    if len(distinct) <= most:
        return distinct
    last = len(pooled) - 1
    return sorted({pooled[round(last * (k + 1) / most)] for k in range(most)})


def _histogram(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    counts = [0] * len(edges)
    for value in values:
        counts[bisect_left(edges, value)] += 1
    return counts


def _grouped(pooled: Any, bins: int) -> list[int]:
    """First cells of at most ``bins`` groups of about equally many values; cells as they are when they are no more."""
    if len(pooled) <= bins:
        return list(range(len(pooled)))
    starts, total, seen = [0], float(pooled.sum()), 0.0
    for index, count in enumerate(pooled[:-1]):
        seen += float(count)
        if seen >= total * len(starts) / bins:
            starts.append(index + 1)
    return starts
