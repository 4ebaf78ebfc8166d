"""The planned last look: Gaffke's test of a bounded mean, computed without simulation (gate.md section 2).

With W_i independent Exp(1) and one extra pseudo-unit at the worst end of the range,

    p_pass = P(W_0 (low - q) + sum W_i (d_i - q) <= 0),   p_fail = P(W_0 (q - high) + sum W_i (q - d_i) <= 0).

For 0/1 data this is Clopper-Pearson. The probability is the inverse of a Laplace transform that is known in closed
form, X = sum a_j W_j having E exp(sX) = prod (1 - s a_j)^-1. The integral runs through its saddle point, bent like the
steepest descent there and upright further out, where the trapezoid rule converges geometrically: 30 to 100 terms mostly,
some times the square root of the number of units at worst. It gives the value of the Gil-Pelaez sum of gate.md (the tests
compare them), which needs millions of terms when few units differ from the null, and it keeps its relative accuracy for
tiny p.

Sources: Gaffke 2005; Gil-Pelaez 1951; Davies 1973; Rice 1980 (saddle-point contours); Learned-Miller and Thomas 2020.
"""

from __future__ import annotations

import cmath
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import SupportsFloat, TypeAlias

from evalharness.stats.arrays import VECTOR_FROM, load_numpy
from evalharness.stats.ranges import Side, all_in_range, check_null, check_side

_Slopes: TypeAlias = Callable[[float], tuple[float, float, float]]
"""s -> first, second and third derivative of the log transform."""
_Transform: TypeAlias = Callable[[complex], complex]
"""s -> log E exp(sX)."""

_FIRST_STEP = 1 / 4
"""First step of the trapezoid rule in y."""
_AGREEMENT = 1e-9
"""Two sums that agree to this share mean that the finer one is exact to rounding."""
_NEGLIGIBLE = 1e-18
"""A sum stops where a term is less than this share of the largest term."""
_FACTORS = 16
_NEAR_SADDLE = 0.05
"""Newton's decrement that is near enough to the saddle."""


def final_look(
    differences: Iterable[SupportsFloat], null: float, side: Side, low: float = -1.0, high: float = 1.0
) -> float:
    """Return the p-value of the planned last look.

    Args:
        differences: All planned paired differences, each within [low, high].
        null: Null value q of the mean.
        side: ``"pass"`` tests "the mean is at most q", ``"fail"`` tests "the mean is at least q".
        low: Lower end of the range.
        high: Upper end of the range.

    Returns:
        The p-value, in [0, 1], to about 1e-14.

    Raises:
        ValueError: If a difference is outside the range or NaN, the null is outside it, or the side is unknown.
    """
    return final_look_counts(Counter(all_in_range(differences, low, high)), null, side, low=low, high=high)


def final_look_counts(counts: Mapping[float, int], null: float, side: Side, *, low: float, high: float) -> float:
    """``final_look`` of differences given as value -> how often it occurs.

    Args:
        counts: How often each value occurs; values within [low, high].
        null: Null value q of the mean.
        side: As for ``final_look``.
        low: Lower end of the range.
        high: Upper end of the range.

    Raises:
        ValueError: If the null is outside the range or the side is unknown.
    """
    check_side(side)
    check_null(null, low, high)
    sign, worst = (1.0, low) if side == "pass" else (-1.0, high)
    weights: Counter[float] = Counter({sign * (value - null): count for value, count in counts.items()})
    weights[sign * (worst - null)] += 1
    return chance_not_positive(list(weights), list(weights.values()))


def chance_not_positive(weights: Sequence[float], counts: Sequence[int]) -> float:
    """Return P(sum of c_j-fold a_j W <= 0) for independent standard exponential W.

    Args:
        weights: Distinct weights a_j.
        counts: How many exponentials carry each weight.
    """
    least = min(weights)
    if max(weights) <= 0:
        return 1.0
    if least >= 0:
        return 0.0
    scaled = [weight / -least for weight in weights]
    if len(scaled) >= VECTOR_FROM:
        return _integrate_vector(scaled, counts)
    return _integrate_plain(list(zip(scaled, counts, strict=True)))


def _integrate_plain(terms: list[tuple[float, int]]) -> float:
    def slopes(s: float) -> tuple[float, float, float]:
        first = second = third = 0.0
        for a, c in terms:
            ratio = a / (1 - s * a)
            first += c * ratio
            second += c * ratio * ratio
            third += c * ratio * ratio * ratio
        return first, second, 2 * third

    def log_transform(s: complex) -> complex:
        return -sum(c * cmath.log(1 - s * a) for a, c in terms)

    return _integrate(log_transform, _Path.through_saddle(slopes))


def _integrate_vector(scaled: Sequence[float], counts: Sequence[int]) -> float:
    np = load_numpy()
    a = np.repeat(np.array(scaled), counts)
    # One logarithm for 16 factors: a complex product costs a tenth of a logarithm, and exp() forgets the branch.
    grid = np.zeros(-(-a.size // _FACTORS) * _FACTORS)
    grid[: a.size] = a
    grid = grid.reshape(_FACTORS, -1)

    def slopes(s: float) -> tuple[float, float, float]:
        ratio = a / (1 - s * a)
        return float(ratio.sum()), float((ratio**2).sum()), float(2 * (ratio**3).sum())

    def log_transform(s: complex) -> complex:
        return -complex(np.log(np.prod(1 - s * grid, axis=0)).sum())

    return _integrate(log_transform, _Path.through_saddle(slopes))


@dataclass(frozen=True, slots=True)
class _Path:
    """The curve s(y) = c + w (i sinh y + b (1 - 1 / cosh y)): steepest descent from the saddle c to third order, then upright.

    As w <= -c and w <= 1 + c, its real part stays between the poles at -1 and 0, and at most 2/3 w from c. There the integrand is
    never much larger than at the saddle and falls along the upright part, whatever the weights. A curve that keeps bending
    does not have this: with many small weights and a few large ones it runs to where the integrand is huge.
    """

    saddle: float
    """c, between the pole at -1 (the most negative weight) and the pole at 0."""
    width: float
    """w = f''(c)^-1/2."""
    bend: float
    """b = f''' w^3 / 3, at most 2/3 in size; it follows the steepest descent to third order."""

    @classmethod
    def through_saddle(cls, slopes: _Slopes) -> _Path:
        """Minimise f(s) = log E exp(sX) - log(-s) on (-1, 0).

        f is a sum of logarithmic barriers, so damped Newton steps stay inside and converge from anywhere. The place
        needs no accuracy: any path between the two poles gives the same integral.
        """
        s = -0.5
        while True:
            first, second, third = slopes(s)
            slope, curvature = first - 1 / s, second + 1 / s**2
            width = 1 / math.sqrt(curvature)
            decrement = abs(slope) * width
            if decrement < _NEAR_SADDLE:
                return cls(s, width, (third - 2 / s**3) * width**3 / 3)
            s -= slope / curvature / (1 + decrement)

    def at(self, y: float) -> tuple[complex, complex]:
        """Return s(y) and its derivative divided by i."""
        sinh, cosh = math.sinh(y), math.cosh(y)
        point = complex(self.saddle + self.width * self.bend * (1 - 1 / cosh), self.width * sinh)
        return point, self.width * complex(cosh, -self.bend * sinh / cosh / cosh)


def _integrate(log_transform: _Transform, path: _Path) -> float:
    """Apply the trapezoid rule, halving the step until two sums agree; each halving squares the error."""
    height = log_transform(complex(path.saddle)).real

    def term(y: float) -> complex:
        point, speed = path.at(y)
        return cmath.exp(log_transform(point) - height) / -point * speed

    step = _FIRST_STEP
    total = step * (term(0.0).real / 2 + _sum_outwards(term, step, step))
    while True:
        halved = total / 2 + step / 2 * _sum_outwards(term, step / 2, step)
        if abs(halved - total) <= _AGREEMENT * abs(halved):
            return min(1.0, math.exp(height) * halved / math.pi)
        step, total = step / 2, halved


def _sum_outwards(term: Callable[[float], complex], start: float, step: float) -> float:
    total = 0.0
    largest = 0.0
    y = start
    while True:
        value = term(y)
        total += value.real
        largest = max(largest, abs(value))
        if abs(value) <= _NEGLIGIBLE * largest:
            return total
        y += step
