"""Size of a rejection rule under trinomial nulls, its last bar, its staircase, and the certificate for all nulls."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from evalharness.stats.arrays import load_numpy

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    Floats = NDArray[float64]

_TINY = 1e-300  # stands for a probability of 0, whose logarithm would be -inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Nulls:
    """Trinomials: probability of an up step, a down step and a tie, arrays of one length."""

    up: Floats
    down: Floats
    tie: Floats


def boundary(null: float, discordances: Floats) -> Nulls:
    """The trinomials whose mean of (up - down) is exactly the null mean, one a discordance."""
    return trinomials((discordances + null) / 2, (discordances - null) / 2)


def trinomials(up: Floats, down: Floats) -> Nulls:
    """Nulls from the probabilities of an up and a down step."""
    np = load_numpy()
    return Nulls(up=np.maximum(up, _TINY), down=np.maximum(down, _TINY), tie=np.maximum(1.0 - up - down, _TINY))


def grid(null: float, points: int) -> Floats:
    """Discordances from the smallest that the null mean allows up to 1, dense at the small end."""
    np = load_numpy()
    least = abs(null)
    if least == 0.0:
        points_from_zero: Floats = np.geomspace(1e-4, 1.0, points)
        return points_from_zero
    points_from_least: Floats = np.concatenate(([least], least + np.geomspace(1e-5, 1.0 - least, points)))
    return points_from_least


@lru_cache(maxsize=8)
def log_factorials(planned: int) -> Floats:
    """Return log k! for k = 0 .. planned."""
    np = load_numpy()
    steps: Floats = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, planned + 1)))))
    return steps


def size(kept: Floats, nulls: Nulls) -> Floats:
    """P(the rule rejects) under each trinomial.

    Args:
        kept: [u, v] -> P(the rule does not reject | u ups, v downs at the end): survival, 0 inside the final region.
        nulls: the trinomials.

    Returns:
        1 - sum of kept * trinomial. States beyond 8 standard deviations are left out, which can only raise it.

    The sum over (u, v) is bilinear in powers of up/tie and down/tie, so trinomials that lie close together share
    one table of exponentials and cost a matrix product each.
    """
    np = load_numpy()
    planned = kept.shape[0] - 1
    spread = 2.0 * np.sqrt(planned)
    keys = np.stack(
        (
            np.floor(spread * np.arcsin(np.sqrt(nulls.up)) / 2),
            np.floor(spread * np.arcsin(np.sqrt(nulls.down)) / 2),
            np.floor(planned * np.log(nulls.tie) / 200),
        )
    )
    result: Floats = np.empty(nulls.up.shape)
    _, group = np.unique(keys, axis=1, return_inverse=True)
    group = group.reshape(-1)
    for number in range(int(group.max()) + 1):
        members = np.flatnonzero(group == number)
        result[members] = 1.0 - _kept_mass(
            kept, Nulls(up=nulls.up[members], down=nulls.down[members], tie=nulls.tie[members])
        )
    return result


def _kept_mass(kept: Floats, nulls: Nulls) -> Floats:
    np = load_numpy()
    planned = kept.shape[0] - 1
    ups, downs = _likely(planned, nulls.up), _likely(planned, nulls.down)
    u, v = np.arange(*ups), np.arange(*downs)
    logs = log_factorials(planned)
    ties = planned - u[:, None] - v[None, :]
    up, down, tie = nulls.up.max(), nulls.down.max(), nulls.tie.max()
    table = (logs[planned] - logs[u] + u * np.log(up))[:, None] + (v * np.log(down) - logs[v])[None, :]
    table += ties * np.log(tie) - logs[ties]
    table[ties < 0] = -np.inf
    table = kept[slice(*ups), slice(*downs)] * np.exp(table, out=table)
    rest = nulls.tie / tie
    powers_down = (nulls.down / down / rest)[None, :] ** v[:, None]
    powers_up = (nulls.up / up / rest)[None, :] ** u[:, None]
    mass: Floats = rest**planned * (powers_up * (table @ powers_down)).sum(axis=0)
    return mass


def _likely(planned: int, chances: Floats) -> tuple[int, int]:
    np = load_numpy()
    low, high = chances.min(), chances.max()
    first = planned * low - 8.0 * np.sqrt(planned * low * (1.0 - low)) - 12.0
    last = planned * high + 8.0 * np.sqrt(planned * high * (1.0 - high)) + 12.0
    return max(0, int(first)), min(planned, int(last) + 1) + 1


def masses(states: tuple[NDArray[float64], NDArray[float64]], planned: int, nulls: Nulls) -> Floats:
    """Trinomial probability of single end states: [state, null]."""
    np = load_numpy()
    u, v = states
    ties = planned - u - v
    logs = log_factorials(planned)
    table = (logs[planned] - logs[u] - logs[v] - logs[ties])[:, None] + u[:, None] * np.log(nulls.up)
    table += v[:, None] * np.log(nulls.down)
    table += ties[:, None] * np.log(nulls.tie)
    result: Floats = np.exp(table, out=table)
    return result
