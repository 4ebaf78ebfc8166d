"""``decide``: the whole rule for one metric, applied to differences that are already in their seeded order."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Literal, SupportsFloat, TypeAlias

from evalharness.stats.ranges import TOLERANCE, in_range
from evalharness.stats.rule import Decision, Estimand, ProvenDrop, Rule, check_word, default_split
from evalharness.stats.sequential import Sequential

MOST_EXACT = 1_000
"""The exact path serves plans of at most so many cases."""

Numbers: TypeAlias = Iterable[SupportsFloat | None]


def decide(  # noqa: PLR0913 - the signature is the contract's
    differences: Numbers,
    margin: float,
    planned: int,
    *,
    alpha_pass: float = 0.05,
    alpha_block: float = 0.025,
    method: Literal["auto", "exact", "general"] = "auto",
    split: float | None = None,
    low: float = -1.0,
    high: float = 1.0,
    worst: Numbers | None = None,
    best: Numbers | None = None,
    effect: float | None = None,
    proven_drop: ProvenDrop = "fail",
    estimand: Estimand = "population",
    clusters: Iterable[Hashable] | None = None,
) -> Decision:
    """Decide whether the mean paired difference is worse than the margin.

    The verdict is the first that holds while the differences come in, whatever comes after it.

    Args:
        differences: Paired differences d = candidate - baseline, + is better, in the seeded order; None where missing.
        margin: Largest drop that is tolerated, >= 0. At 0, PASS needs a proven improvement.
        planned: Number of cases that were planned; with fewer there is no last look. Where there are more
            differences than that, it counts clusters.
        alpha_pass: Chance to pass a drop of the margin, at most.
        alpha_block: Chance to fail a candidate that is not worse, at most.
        method: ``"exact"`` (differences -1, 0, 1; gate-exact.md), ``"general"`` (gate.md), or ``"auto"``: exact
            where every value given is -1, 0 or 1 and nothing general is asked for. A metric that *can* give other
            values must be declared general: what happens to occur in the data must not choose the test.
        split: Share of each alpha that is spent while running; 0.25 up to 300 planned cases, else 0.5. 1 = strict.
        low: Lower end of the differences' range.
        high: Upper end of the differences' range.
        worst: Least value of each difference, seen by PASS (parallel to ``differences``; None = the difference).
        best: Largest value of each difference, seen by FAIL and drop.
        effect: Design effect g0 of the bets; the margin by default.
        proven_drop: What a proven drop within the margin means.
        estimand: ``"population"`` or ``"eval_set"`` (the mean of exactly the planned cases).
        clusters: Cluster of each difference; the cluster is then the unit, in the order of first appearance.

    Returns:
        The decision.

    Raises:
        ValueError: If a value is outside the range or NaN, an argument is outside its own, the sequences differ in
            length, there are more units than planned, or the exact method cannot serve what is asked for.
    """
    check_word("method", method, ("auto", "exact", "general"))
    cases = _paired(differences, worst, best)
    for value in (value for case in cases for value in case.values()):
        in_range(value, low, high)
    if method != "general":
        general = split is not None or effect is not None or clusters is not None or estimand != "population"
        obstacle = "split, effect, clusters or estimand are set" if general else _obstacle(cases, margin, planned)
        obstacle = obstacle or ("" if (low, high) == (-1.0, 1.0) else "the range is not [-1, 1]")
        if not obstacle:
            return _exact(cases, margin, planned, alphas=(alpha_pass, alpha_block), proven_drop=proven_drop)
        if method == "exact":
            raise ValueError(f"the exact method cannot serve this: {obstacle}")
    units = _grouped(cases, clusters) if clusters is not None else cases
    rule = Rule(
        margin=margin,
        planned=planned if clusters is None else _planned_clusters(len(cases), len(units), planned, estimand),
        alpha_pass=alpha_pass,
        alpha_block=alpha_block,
        split=default_split(planned) if split is None else split,
        low=low,
        high=high,
        effect=effect,
        proven_drop=proven_drop,
        estimand=estimand,
        largest=max((unit.size for unit in units), default=1.0) if clusters is not None else None,
    )
    _check_count(len(units), rule.planned)
    state = Sequential(rule)
    for unit in units:
        state.update(unit.difference, unit.worst, unit.best, size=unit.size)
    return state.finish()


@dataclass(frozen=True, slots=True)
class _Unit:
    difference: SupportsFloat | None
    worst: SupportsFloat | None
    best: SupportsFloat | None
    size: float = 1.0

    def values(self) -> Iterator[SupportsFloat]:
        return (value for value in (self.difference, self.worst, self.best) if value is not None)

    def least(self) -> SupportsFloat | None:
        return self.difference if self.worst is None else self.worst

    def most(self) -> SupportsFloat | None:
        return self.difference if self.best is None else self.best


def _paired(differences: Numbers, worst: Numbers | None, best: Numbers | None) -> list[_Unit]:
    values = list(differences)
    bounds = [list(repeat(None, len(values)) if given is None else given) for given in (worst, best)]
    if any(len(bound) != len(values) for bound in bounds):
        raise ValueError("differences, worst and best must be equally long")
    return [_Unit(*row) for row in zip(values, *bounds, strict=True)]


def _grouped(cases: Sequence[_Unit], clusters: Iterable[Hashable]) -> list[_Unit]:
    ids = list(clusters)
    if len(ids) != len(cases):
        raise ValueError("differences and clusters must be equally long")
    groups: dict[Hashable, list[_Unit]] = {}
    for cluster, case in zip(ids, cases, strict=True):
        groups.setdefault(cluster, []).append(case)
    return [_cluster(group) for group in groups.values()]


def _cluster(group: Sequence[_Unit]) -> _Unit:
    """Mean of the worst and of the best values; the difference itself is not needed beside them."""
    least = [unit.least() for unit in group]
    most = [unit.most() for unit in group]
    return _Unit(None, _mean(least), _mean(most), float(len(group)))


def _mean(values: Sequence[SupportsFloat | None]) -> float:
    return sum(map(_known, values)) / len(values)


def _known(value: SupportsFloat | None) -> float:
    if value is None:
        raise ValueError("a missing difference needs both its worst and its best value")
    return float(value)


def _planned_clusters(cases: int, units: int, planned: int, estimand: str) -> int:
    """Turn planned cases into planned clusters; of a part the rest is not known, only that there is one."""
    if cases > planned:
        return planned
    if cases < planned and estimand == "eval_set":
        raise ValueError("the eval-set estimand with clusters needs all planned cases")
    return units + planned - cases


def _obstacle(cases: Sequence[_Unit], margin: float, planned: int) -> str:
    """Say why the exact method cannot serve these data, or nothing."""
    if not 0 < margin < 1:
        return "the margin is not within (0, 1)"
    if not 1 <= planned <= MOST_EXACT:
        return f"planned is not within 1..{MOST_EXACT}"
    for value in (float(value) for case in cases for value in case.values()):
        if all(abs(value - step) > TOLERANCE for step in (-1, 0, 1)):
            return f"a difference is {value:g}, not -1, 0 or 1"
    return ""


def _exact(
    cases: Sequence[_Unit], margin: float, planned: int, *, alphas: tuple[float, float], proven_drop: ProvenDrop
) -> Decision:
    from evalharness.stats.exact_sequential import ExactSequential

    _check_count(len(cases), planned)
    rule = Rule(margin=margin, planned=planned, alpha_pass=alphas[0], alpha_block=alphas[1], proven_drop=proven_drop)
    state = ExactSequential(rule)
    for case in cases:
        state.update(case.difference, case.worst, case.best)
    return state.finish()


def _check_count(units: int, planned: int) -> None:
    if units > planned:
        raise ValueError(f"{units} units, but only {planned} were planned")
