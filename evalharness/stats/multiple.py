"""Several metrics at once: merging e-values, naming the regressed, listing slices (gate.md section 2).

Merge *current* e-values at one common prefix (a decided metric: frozen at its stop). Running maxima are not e-values:
their mean breaks the level (gate-exact.md B2).

Sources: Vovk and Wang, E-values: calibration, combination and applications, AoS 2021; Wang and Ramdas, False discovery
rate control with e-values, JRSSB 2022.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, inf, isnan, log
from typing import SupportsFloat

from evalharness.stats.ranges import check_share


def mean_log_e(log_es: Iterable[SupportsFloat], weights: Iterable[SupportsFloat] | None = None) -> float:
    """Return the log of the (weighted) mean of e-values, itself an e-value under any dependence.

    Args:
        log_es: Current log e-values, at least one.
        weights: Shares, at least 0 and not all 0, fixed beforehand; scaled to sum to 1. Equal by default.

    Raises:
        ValueError: If there is nothing to merge, a value is NaN, or the weights do not fit.
    """
    logs = _numbers(log_es)
    shares = [1.0] * len(logs) if weights is None else [float(weight) for weight in weights]
    if not logs:
        raise ValueError("there is no e-value to merge")
    if len(shares) != len(logs) or not all(0 <= share < inf for share in shares) or not sum(shares):
        raise ValueError("weights must be one number of at least 0 for each e-value, not all 0")
    top = max(logs)
    if top in {inf, -inf}:
        return top
    total = sum(share * exp(x - top) for share, x in zip(shares, logs, strict=True))
    return top + log(total / sum(shares)) if total else -inf


def name_regressed(log_es: Iterable[SupportsFloat], alpha: float = 0.05) -> list[int]:
    """Return which metrics may be named as regressed, all at once at level alpha (closed testing).

    Metric j is named iff for every n the mean of E_j and the n - 1 smallest others is at least 1/alpha.

    Args:
        log_es: Current log e-values against "this metric did not regress".
        alpha: Chance that any name is false, at most.

    Returns:
        Positions in ``log_es``, ascending.

    Raises:
        ValueError: If a value is NaN or alpha is not in (0, 1).
    """
    check_share("alpha", alpha)
    logs = _numbers(log_es)
    return [j for j in range(len(logs)) if _survives(logs[j], sorted(logs[:j] + logs[j + 1 :]), -log(alpha))]


def e_bh(log_es: Iterable[SupportsFloat], alpha: float = 0.10) -> list[int]:
    """Return which of many nulls to list at false discovery rate alpha, under any dependence (e-BH).

    The k largest are listed for the largest k whose k-th e-value is at least M / (alpha k).

    Args:
        log_es: Log e-values, one for each of the M nulls.
        alpha: Expected share of false entries in the list, at most.

    Returns:
        Positions in ``log_es``, ascending.

    Raises:
        ValueError: If a value is NaN or alpha is not in (0, 1).
    """
    check_share("alpha", alpha)
    logs = _numbers(log_es)
    ranked = sorted(range(len(logs)), key=lambda j: -logs[j])
    listed = 0
    for k, j in enumerate(ranked, start=1):
        if logs[j] >= log(len(logs) / (alpha * k)):
            listed = k
    return sorted(ranked[:listed])


class Merged:
    """The merged evidence of a family over time: the maximum of the merged value, never the merged maxima.

    Args:
        members: Number of metrics.

    Raises:
        ValueError: If there is no member.
    """

    __slots__ = ("_members", "best", "log_e")

    def __init__(self, members: int) -> None:
        if members < 1:
            raise ValueError(f"a family needs at least one member, got {members!r}")
        self._members = members
        self.log_e = 0.0
        """Log of the mean e-value now."""
        self.best = 0.0
        """Largest value so far; P(ever >= log 1/a) <= a if none regressed."""

    def update(self, log_es: Sequence[SupportsFloat]) -> float:
        """Take the current log e-values of all members at one common prefix and return their log mean.

        Raises:
            ValueError: If there is not one value for each member, or a value is NaN.
        """
        if len(log_es) != self._members:
            raise ValueError(f"expected {self._members} e-values, got {len(log_es)}")
        self.log_e = mean_log_e(log_es)
        self.best = max(self.best, self.log_e)
        return self.log_e


def _numbers(log_es: Iterable[SupportsFloat]) -> list[float]:
    logs = [float(x) for x in log_es]
    if any(isnan(x) for x in logs):
        raise ValueError("a log e-value is NaN")
    return logs


def _survives(own: float, others: Sequence[float], bar: float) -> bool:
    """True iff the mean with the n - 1 smallest others reaches the bar for every n; a later n is never implied."""
    return all(mean_log_e([own, *others[:n]]) >= bar for n in range(len(others) + 1))
