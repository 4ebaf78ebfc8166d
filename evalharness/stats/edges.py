"""Where rejection ends: searches over null values in which every look costs a pass over all units or an integral."""

from __future__ import annotations

from collections.abc import Callable
from math import copysign, sqrt

_WIDTH = 1e-12
"""A limit is found to this share of the range."""
_BESIDE = 1e-11
"""A secant knows an edge to less than this share of the range."""


def edge(capital: Callable[[float], float], bar: float, way: tuple[float, float, float]) -> float:
    """Return the last null on a way whose log capital reaches the bar; its start if none does.

    It is the value that bisecting finds, with a third of the looks at all units: up to the mean the root of a log capital is
    nearly a straight line in the null, so a secant soon knows the edge, and bisecting has to look at what lies beside it only.

    Args:
        capital: Largest log capital of the bets against a null.
        bar: What it has to reach.
        way: From one end of the range over the mean of the units to the other end.
    """
    start, mean, far = way

    def excess(q: float) -> float:
        found = capital(q)
        return sqrt(bar) - copysign(sqrt(abs(found)), found)

    if mean in (start, far) or capital(start) < bar or capital(mean) >= bar:
        return bisect(lambda q: capital(q) >= bar, start, far)
    near = root(excess, start, mean)
    beside = _BESIDE * abs(far - start)

    def rejects(q: float) -> bool:
        return capital(q) >= bar if abs(q - near) <= beside else abs(q - start) < abs(near - start)

    return bisect(rejects, start, far)


def bisect(rejects: Callable[[float], bool], start: float, far: float) -> float:
    """Return the last rejected value on the way from ``start`` to ``far``; ``start`` if none is."""
    if not rejects(start):
        return start
    width = _WIDTH * abs(far - start)
    while abs(far - start) > width:
        middle = (start + far) / 2
        if rejects(middle):
            start = middle
        else:
            far = middle
    return start


def boundary(excess: Callable[[float], float], rejected: float, far: float) -> float:
    """Return where rejection ends on the way to ``far``: walk in doubling steps first, for far out an integral costs most."""
    share, whole = 1 / 1024, far - rejected
    outside = rejected + share * whole
    while excess(outside) < 0:
        rejected, share = outside, 2 * share
        outside = far - whole + share * whole if share < 1 else far
    return root(excess, rejected, outside)


def root(excess: Callable[[float], float], inside: float, outside: float) -> float:
    """Return the zero of an increasing excess between a rejected and an accepted value.

    Regula falsi that halves the weight of an end which stays (Illinois), as every value costs a numerical integral.
    """
    width = _WIDTH * max(1.0, abs(inside), abs(outside))
    below, above = excess(inside), excess(outside)
    stayed = 0
    while abs(outside - inside) > width:
        middle = outside - above * (outside - inside) / (above - below)
        value = excess(middle)
        if abs(value) < _WIDTH:
            return middle
        if value < 0:
            inside, below = middle, value
            above, stayed = (above / 2 if stayed == 1 else above), 1
        else:
            outside, above = middle, value
            below, stayed = (below / 2 if stayed == -1 else below), -1
    return inside
