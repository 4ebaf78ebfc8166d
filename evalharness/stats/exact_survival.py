"""Survival of the running rule: P(no crossing so far | final counts), free of every unknown probability."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import floor, sqrt
from typing import TYPE_CHECKING

from evalharness.stats.arrays import load_numpy
from evalharness.stats.exact_evidence import Evidence

if TYPE_CHECKING:
    from numpy import float64, int64
    from numpy.typing import NDArray

    Floats = NDArray[float64]
    Ints = NDArray[int64]

# Paths further than this many sqrt(t) below the null mean are given up as if they had crossed: that can only raise
# the size, and by Azuma by less than planned * exp(-8^2 / 2) = planned * 1.3e-14.
_REACH = 8.0


def log_e_array(evidence: Evidence, ups: Ints, downs: Ints, ties: Ints) -> Floats:
    """`Evidence.log_e` for arrays of counts (broadcast together)."""
    np = load_numpy()
    parts = [prior + ups * up + downs * down + ties * tie for prior, up, down, tie in evidence.rows]
    top = np.maximum(np.maximum(parts[0], parts[1]), np.maximum(parts[2], parts[3]))
    total = np.zeros_like(top)
    for part in parts:
        total += np.exp(part - top)
    result: Floats = top + np.log(total)
    return result


@lru_cache(maxsize=24)
def crossing(evidence: Evidence, log_bar: float, planned: int) -> Ints:
    """Fewest ups that reach the bar: entry [t, v] for t cases of which v are downs; t - v + 1 where none does.

    log E rises with ups and moves little from one t to the next, so each row is corrected from the one before.
    """
    np = load_numpy()
    table: Ints = np.zeros((planned + 1, planned + 1), dtype=np.int64)
    downs = np.arange(planned + 1)
    least = np.ones(planned + 1, dtype=np.int64)
    table[0, 0] = 1
    for t in range(1, planned + 1):
        v, most = downs[: t + 1], t - downs[: t + 1]
        row = np.minimum(least[: t + 1], most + 1)
        while (short := (row <= most) & (log_e_array(evidence, row, v, most - row) < log_bar)).any():
            row = row + short
        while (spare := (row > 0) & (log_e_array(evidence, row - 1, v, most - row + 1) >= log_bar)).any():
            row = row - spare
        least[: t + 1] = row
        table[t, : t + 1] = row
    return table


def survival(
    evidence: Evidence, log_bar: float, planned: int, looks: Sequence[tuple[int, Sequence[int]]] = ()
) -> Floats:
    """P(log E stayed below the bar after every one of the planned cases | u ups and v downs in random order).

    Args:
        evidence: The bets.
        log_bar: The running bar.
        planned: Number of cases.
        looks: Declared earlier looks as (cases, fewest ups by downs): what they reject counts as crossed.

    Returns:
        Array [u, v], (planned + 1) squared; 0 where u + v > planned, where the end itself crosses, and for the
        improbable states that are given up (see `_REACH`).

    r_t(u, v) = 0 if (u, v, t) crosses, else [u r(u-1, v) + v r(u, v-1) + (t-u-v) r(u, v)] / t: a convex
    combination, so nothing cancels. Held as [v, u - v], since only a band of u - v around its null mean matters.
    """
    np = load_numpy()
    least = crossing(evidence, log_bar, planned)
    if looks:
        least = with_looks(least, looks)
    lowest, highest = _band(evidence, least, planned)
    first, last = lowest[planned], highest[planned]
    rows = (planned - first) // 2 + 1
    # One spare row above and one spare column at either side stand for neighbours that do not exist.
    old, new, part = (np.zeros((rows + 1, last - first + 3)) for _ in range(3))
    v = np.arange(rows)[:, None]
    e = np.arange(first - 1, last + 2)[None, :]
    ups, downs, moved = (v + e).astype(float), v.astype(float), (2 * v + e).astype(float)
    ceiling = (least[:, :rows] - np.arange(rows)[None, :]).astype(np.int32)
    e32 = e.astype(np.int32)
    old[1, 1 - first] = 1.0
    for t in range(1, planned + 1):
        n = min((t - lowest[t]) // 2 + 1, rows)
        left, right = lowest[t] - first + 1, highest[t] - first + 2
        fresh, spare = new[1 : n + 1, left:right], part[1 : n + 1, left:right]
        np.subtract(t, moved[:n, left:right], out=fresh)
        fresh *= old[1 : n + 1, left:right]
        np.multiply(ups[:n, left:right], old[1 : n + 1, left - 1 : right - 1], out=spare)
        fresh += spare
        np.multiply(downs[:n], old[:n, left + 1 : right + 1], out=spare)
        fresh += spare
        fresh *= 1.0 / t
        fresh[e32[:, left:right] >= ceiling[t, :n, None]] = 0.0
        old, new = new, old
    return _by_counts(old[1:, 1:-1], first, planned)


def with_looks(least: Ints, looks: Sequence[tuple[int, Sequence[int]]]) -> Ints:
    """A crossing table in which the states that earlier looks reject cross too."""
    np = load_numpy()
    table: Ints = least.copy()
    for cases, fewest in looks:
        table[cases, : cases + 1] = np.minimum(table[cases, : cases + 1], fewest)
    return table


def _band(evidence: Evidence, least: Ints, planned: int) -> tuple[list[int], list[int]]:
    """Lowest and highest u - v worth following after each t; both only widen, so no stale entry is ever read."""
    np = load_numpy()
    lowest, highest = [0], [0]
    downs = np.arange(planned + 1)
    for t in range(1, planned + 1):
        low = max(floor(evidence.null * t - _REACH * sqrt(t)), -t)
        high = int((least[t, : t + 1] - 1 - downs[: t + 1]).max())
        lowest.append(min(low, lowest[-1]))
        highest.append(max(high, highest[-1]))
    return lowest, highest


def _by_counts(table: Floats, first: int, planned: int) -> Floats:
    np = load_numpy()
    result: Floats = np.zeros((planned + 1, planned + 1))
    for v in range(table.shape[0]):
        start = max(0, -(v + first))
        stop = min(table.shape[1], planned - 2 * v - first + 1)
        result[v + first + start : v + first + stop, v] = table[v, start:stop]
    return result
