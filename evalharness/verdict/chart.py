"""The chances of one guard's verdicts, before anything is spent.

Exact for 0/1 scores (the same enumeration that fixes the bars), simulated for all others: the rule itself, on draws from
the differences that were seen or from a stated spread.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from evalharness.stats import exact_plan, needed_cases
from evalharness.stats.laws import Law, centred, of_discordance
from evalharness.stats.replicate import Replicated, replicate
from evalharness.stats.rule import Method, Rule
from evalharness.verdict.track import PlanSource

if TYPE_CHECKING:
    from evalharness.stats.exact import ExactPlan

LawAt: TypeAlias = Callable[[float], Law]
"""Gives the law of the differences whose mean is a given one."""

DISCORDANCES: Final = (0.02, 0.05, 0.10, 0.20)
"""Shares of cases whose 0/1 score differs between the arms."""
SPREADS: Final = (0.05, 0.10, 0.20, 0.30)
"""Standard deviations of graded differences."""
CHANGES: Final = (0.5, 1.0, 2.0)
"""True losses (gains, for a guard that must improve) in margins."""
LARGER: Final = (1.0, 1.5, 2.0)
"""Plans that are shown, in units of N."""
SIMULATED_RUNS: Final = 400
"""Runs a cell; a chance near 50 % is then known to about 5 points (95 %)."""
_EXACT_RUNS: Final = 20_000
"""Runs a cell on the exact path, where the enumeration does not serve."""
_LARGEST_SHOWN: Final = 4_000
"""Larger plans than this one are shown up to so many units."""
_MOST_SIMULATED: Final = 1_000_000
"""Units that a cell may draw: larger plans get fewer runs."""
_LEAST_SIMULATED: Final = 20
_CORRECTION: Final = 1.15
_CORRECTIONS: Final = 8
_TYPICAL: Final = 2
"""Which row single numbers refer to where nothing was measured: 10 % changed cases, a spread of 0.2."""
_SEED: Final = 7
_FARTHEST: Final = 0.5
"""Graded laws are moved by at most so much, so that they stay inside the range."""
_MOST_EXACT: Final = 1_000
_SIZES: Final[tuple[int, ...]] = (*range(20, 200, 10), 200, 250, 300, 400, 500, 750, 1000)
"""Plans that are tried for the needed N on the exact path; most of them are shipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """What happens to an unchanged candidate under a plan of some size."""

    planned: int
    """Units."""
    passed: float
    """P(PASS)."""
    failed: float
    """P(FAIL)."""
    paid: float
    """Mean number of units until the verdict."""
    ceiling: float | None
    """P(PASS) that no valid rule can exceed; None where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One assumption about how much the candidates differ."""

    spread: float
    """Share of changed cases (0/1 scores), or the standard deviation of the differences, on the 0..1 scale."""
    measured: bool
    """True when it is what an earlier run showed."""
    sizes: tuple[At, ...]
    """This plan, and larger ones."""
    missed: float
    """P(PASS) at a true drop of the margin (where the mean is what PASS must beat)."""
    caught: tuple[tuple[float, float], ...]
    """(true change on the 0..1 scale, P(FAIL)); for a guard that must improve (gain, P(PASS))."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """All chances of one guard. A function of rule, scale and earlier differences alone, so it can be kept."""

    rows: tuple[Row, ...]
    """The measured row first, if there is one."""
    reference: int
    """Which row single numbers refer to."""
    needed: int
    """About how many units reach the planned power if the candidate is unchanged."""
    runs: int | None
    """Simulated runs a cell; None where the figures are exact."""

    def to_json(self) -> dict[str, Any]:
        """JSON object of all fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Chart:
        """The opposite of :meth:`to_json`.

        Raises:
            KeyError: If a field is missing.
            TypeError: If there is one too many, or it is of another type.
        """
        rows = []
        for row in data["rows"]:
            sizes = tuple(At(**at) for at in row["sizes"])
            rows.append(Row(**{**row, "sizes": sizes, "caught": tuple((a, b) for a, b in row["caught"])}))
        return cls(**{**data, "rows": tuple(rows)})


def chart(
    rule: Rule,
    method: Method,
    *,
    binary: bool,
    power: float,
    size: float = 1.0,
    seen: Law | None = None,
    plans: PlanSource | None = None,
) -> Chart:
    """The chances of one guard.

    Args:
        rule: The rule that the gate will use, about a population.
        method: The path it will take.
        binary: Whether the scores are 0/1 (also on the general path): rows are then shares of changed cases.
        power: Chance of PASS that ``needed`` aims at, inside (0, 1).
        size: Size of a typical unit; matters only where units differ in size.
        seen: Differences of an earlier run, shown first.
        plans: Where exact plans come from; computed when left out.
    """
    chances = _Chances(rule, method, binary=binary, size=size, plans=plans or computed)
    rows = [chances.row(spread, measured=False) for spread in (DISCORDANCES if binary else SPREADS)]
    reference = _TYPICAL
    if seen is not None:
        rows.insert(0, chances.row(seen.discordance if binary else seen.sd, seen, measured=True))
        reference = 0
    exact = method == "exact" and rule.proven_drop == "fail"
    return Chart(
        rows=tuple(rows),
        reference=reference,
        needed=chances.needed(rows[reference].spread, power, seen),
        runs=None if exact else chances.runs(rule.planned),
    )


def computed(rule: Rule) -> ExactPlan:
    """The exact plan of a rule: shipped, or computed."""
    return exact_plan(
        rule.planned, rule.margin, alpha_pass=rule.alpha_pass, alpha_block=rule.alpha_block, looks=rule.looks
    )


class _Chances:
    """Chances of verdicts under one rule, by enumeration or by simulation."""

    def __init__(self, rule: Rule, method: Method, *, binary: bool, size: float, plans: PlanSource) -> None:
        self._rule = rule
        self._method = method
        self._binary = binary
        self._size = size if rule.largest is not None else 1.0
        self._plans = plans

    def row(self, spread: float, law: Law | None = None, *, measured: bool) -> Row:
        """Everything under one assumption; without a law, the one that the spread stands for."""
        rule = self._rule
        law_at = self._around(spread, law)
        gained = (rule.margin, 1.0) if rule.improve else (0.0, -1.0)
        changes = [gained[0] + gained[1] * times * rule.design_effect for times in CHANGES]
        found = {change: self._chances(rule, law_at, change) for change in (*changes, rule.pass_null)}
        which = 0 if rule.improve else 1
        sizes = [max(1, round(rule.planned * times)) for times in LARGER]
        return Row(
            spread=spread,
            measured=measured,
            sizes=tuple(self._at(size, law_at) for size in sizes if size <= max(_LARGEST_SHOWN, rule.planned)),
            missed=found[rule.pass_null][0],
            caught=tuple((change, found[change][which]) for change in changes),
        )

    def _sized(self, planned: int) -> Rule:
        """The rule of another plan; declared looks belong to the planned one alone."""
        return self._rule if planned == self._rule.planned else replace(self._rule, planned=planned, looks=())

    def runs(self, planned: int) -> int:
        """Simulated runs a cell."""
        if self._method == "exact" and planned <= _MOST_EXACT:
            return _EXACT_RUNS
        return max(_LEAST_SIMULATED, min(SIMULATED_RUNS, _MOST_SIMULATED // planned))

    def needed(self, spread: float, power: float, law: Law | None = None) -> int:
        """About how many units reach the power if the candidate is unchanged and changes as the row says."""
        rule = self._rule
        law_at = self._around(spread, law)
        if self._method == "exact":
            place = bisect.bisect_left(_SIZES, power, key=lambda n: self._chances(self._sized(n), law_at, 0.0)[0])
            if place < len(_SIZES):
                return _SIZES[place]
        sd = math.sqrt(spread) if self._binary else spread
        split = 0.0 if self._method == "exact" else rule.running_share
        about = needed_cases(sd, rule.design_effect, rule.design_effect, power, alpha=rule.alpha_pass, split=split)
        return about if self._method == "exact" else self._corrected(about, law_at, power)

    def _corrected(self, about: int, law_at: LawAt, power: float) -> int:
        """The formula's size, made larger until the simulated rule reaches the power (on large plans it is left alone)."""
        for _ in range(_CORRECTIONS):
            if about > _LARGEST_SHOWN or self._chances(self._sized(about), law_at, 0.0)[0] >= power:
                break
            about = math.ceil(about * _CORRECTION)
        return about

    def _around(self, spread: float, law: Law | None) -> LawAt:
        """The law of what was seen, tilted; else of 0/1 scores, or of graded ones.

        Of the graded ones two cases of five differ, and all move together: their spread stays the one that is named.
        """
        if law is not None:
            return partial(centred, law)
        if self._binary:
            return lambda mean: replace(of_discordance(spread, mean), sizes=(self._size,) * 3)
        step = spread / math.sqrt(0.4)
        return lambda mean: Law(
            differences=(mean - step, mean, mean + step), sizes=(self._size,) * 3, chances=(0.2, 0.6, 0.2)
        )

    def _at(self, planned: int, law_at: LawAt) -> At:
        rule = self._sized(planned)
        passed, failed, paid = self._chances(rule, law_at, 0.0)
        limit = None
        if self._method == "exact":
            from evalharness.stats.exact_outcome import ceiling

            limit = ceiling(planned, rule.margin, law_at(0.0).discordance, alpha=rule.alpha_pass)
        return At(planned=planned, passed=passed, failed=failed, paid=paid, ceiling=limit)

    def _chances(self, rule: Rule, law_at: LawAt, mean: float) -> tuple[float, float, float]:
        """P(PASS), P(FAIL) and the mean number of units at a true mean difference."""
        law = law_at(max(-_FARTHEST, min(_FARTHEST, mean)))
        runs = self.runs(rule.planned)
        if self._method == "general" or rule.planned > _MOST_EXACT:
            return _simulated(rule, law, runs)
        plan = self._plans(rule)
        if rule.proven_drop != "fail":
            return _rates(replicate(rule, law, runs=runs, seed=_SEED, plan=plan))
        found = plan.outcome(law.discordance, law.mean)
        return found.p_pass, found.p_fail, found.mean_cases


@lru_cache(maxsize=256)
def _simulated(rule: Rule, law: Law, runs: int) -> tuple[float, float, float]:
    """As ``_Chances._chances``; gates of one project often ask the same."""
    return _rates(replicate(rule, law, runs=runs, seed=_SEED))


def _rates(found: Replicated) -> tuple[float, float, float]:
    return found.pass_rate, found.fail_rate, found.mean_cases
