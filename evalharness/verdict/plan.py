"""What a gate can see before anything is spent: its guards, its hard checks, and how often it stays green."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalharness.core.cases import Case
from evalharness.core.results import CaseResult
from evalharness.stats import min_cases, needed_cases
from evalharness.stats.design import smallest_margin
from evalharness.stats.hard import hard_checks_block_rate
from evalharness.stats.laws import Law, law_of
from evalharness.stats.rule import Method, Rule
from evalharness.verdict.chart import Chart, Row
from evalharness.verdict.measure import Measure
from evalharness.verdict.paired import pairs_of
from evalharness.verdict.pairing import units_in_order

_ON_THE_MARGIN = 0.2
"""A distance below this share of the margin is one that no affordable number of cases settles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The differences of an earlier run of this gate, under one scorer."""

    law: Law
    units: int
    """Units (cases or clusters) that have both scores."""
    worse: int
    better: int
    skipped: int = 0
    """Cases without a number in one of the arms."""

    @property
    def same(self) -> int:
        """Units that did not change."""
        return self.units - self.worse - self.better


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPlan:
    """One guard."""

    scorer: str
    role: str
    unit: str
    span: float
    """Width of the scorer's range, in its unit: what the numbers of the chart are multiplied by."""
    margin: float
    """In the scorer's unit."""
    method: Method
    planned: int
    """Units of this plan."""
    clusters: bool
    """Whether some unit is more than one case."""
    binary: bool
    """Rows are shares of changed cases; else standard deviations."""
    least: int | None
    """N_min: fewer units than this can show nothing; None where PASS needs an improvement."""
    smallest: float | None
    """The smallest margin that this many units can show, in the scorer's unit; None like ``least``."""
    needed_as_seen: int | None
    """Units for the planned power if the mean of the earlier run is the truth; None without one, or where that sits on
    the margin."""
    power: float
    """The planned power."""
    alpha_block: float
    """Chance that this guard blocks an unchanged candidate, at most."""
    chart: Chart
    measured: Measured | None = None

    @property
    def reference(self) -> Row:
        """The row that single numbers refer to."""
        return self.chart.rows[self.chart.reference]


@dataclass(frozen=True, slots=True, kw_only=True)
class HardPlan:
    """One check without tolerance."""

    scorer: str
    cases: int
    attempts: int
    absolute: bool
    """Every case must pass, whatever the baseline did."""
    block_rate: float | None
    """At most so often an unchanged candidate is blocked by chance, whatever each case's flake rate (0 where the answers
    are recorded); None where nothing bounds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Green:
    """P(exit 0 | unchanged) of the whole gate, hard checks apart."""

    low: float
    high: float
    blocked: float
    """P(FAIL | unchanged), at most."""


def measured_differences(
    measure: Measure,
    cases: tuple[Case, ...],
    *,
    before: Mapping[str, CaseResult],
    after: Mapping[str, CaseResult],
    epochs: tuple[int, int],
) -> Measured | None:
    """The paired differences of two arms under one scorer, unit by unit.

    Args:
        measure: Scorer and scale.
        cases: Paired cases.
        before: Baseline results by case id.
        after: Candidate results by case id; cases that were not asked are absent.
        epochs: Epochs of (baseline, candidate).

    Returns:
        None when no unit has both.
    """
    differences, sizes, skipped = [], [], 0
    for unit in units_in_order(cases, ""):
        if any(case.id not in after or case.id not in before for case in unit.cases):
            continue
        pairs = pairs_of(measure, unit, before, after, epochs)
        whole = [(pair.weight, d) for pair in pairs if (d := pair.difference) is not None]
        skipped += len(unit.cases) - len(whole)
        if whole and len(whole) == len(pairs):
            size = math.fsum(weight for weight, _ in whole)
            differences.append(_snapped(math.fsum(weight * d for weight, d in whole) / size))
            sizes.append(size)
    if not differences:
        return None
    return Measured(
        law=law_of(differences, sizes),
        units=len(differences),
        worse=sum(d < 0 for d in differences),
        better=sum(d > 0 for d in differences),
        skipped=skipped,
    )


def _snapped(difference: float) -> float:
    """Rounding noise of a mean is no change."""
    nearest = round(difference)
    return float(nearest) if abs(difference - nearest) < 1e-9 else difference


def plan_guard(
    measure: Measure,
    rule: Rule,
    method: Method,
    *,
    power: float,
    chances: Chart,
    measured: Measured | None = None,
) -> GuardPlan:
    """Put together what one guard can see.

    Args:
        measure: Scorer and scale.
        rule: The rule that the gate will use.
        method: The path it will take.
        power: Chance of PASS that planning aims at, inside (0, 1).
        chances: Its chart.
        measured: Differences of an earlier run.
    """
    split = 0.0 if method == "exact" else rule.running_share
    shows = rule.pass_null < 0
    return GuardPlan(
        scorer=measure.name,
        role=measure.limit.role,
        unit=measure.unit,
        span=measure.span,
        margin=rule.margin * measure.span,
        method=method,
        planned=rule.planned,
        clusters=rule.largest is not None,
        binary=measure.binary,
        least=min_cases(rule.margin, rule.alpha_pass, split) if shows else None,
        smallest=smallest_margin(rule.planned, rule.alpha_pass, split) * measure.span if shows else None,
        needed_as_seen=_needed_as_seen(rule, measured, power, split),
        power=power,
        alpha_block=rule.alpha_block,
        chart=chances,
        measured=measured,
    )


def _needed_as_seen(rule: Rule, measured: Measured | None, power: float, split: float) -> int | None:
    if measured is None:
        return None
    distance = abs(measured.law.mean - rule.pass_null)
    if distance < _ON_THE_MARGIN * rule.design_effect:
        return None
    return needed_cases(measured.law.sd, distance, rule.design_effect, power, alpha=rule.alpha_pass, split=split)


def plan_hard(scorer: str, *, cases: int, attempts: int, stored: int, absolute: bool, recorded: bool) -> HardPlan:
    """How often a check without tolerance blocks an unchanged candidate by chance, at most (gate-exact.md B5).

    Args:
        scorer: Its name.
        cases: Cases that it looks at.
        attempts: Tries that must all fail.
        stored: Stored answers of the baseline that must all have passed; 0 when there is no baseline yet.
        absolute: No baseline is asked.
        recorded: The candidate's answers are recorded, so nothing is left to chance.
    """
    if recorded:
        rate = None if absolute else 0.0
    else:
        rate = None if absolute or not stored else hard_checks_block_rate(cases, attempts, stored)
    return HardPlan(
        scorer=scorer, cases=cases, attempts=1 if recorded else attempts, absolute=absolute, block_rate=rate
    )


def green(guards: Sequence[GuardPlan], *, slice_alpha: float = 0.0) -> Green | None:
    """P(exit 0 | unchanged) of a gate with these guards, hard checks apart.

    All guards must pass, and nothing is known of how their verdicts hang together: so the chance lies between two
    bounds, which are one number for a single guard.

    Args:
        guards: The guards.
        slice_alpha: Chance that a guard slice vetoes an unchanged candidate, at most.

    Returns:
        None without a guard.
    """
    if not guards:
        return None
    now = [guard.reference.sizes[0] for guard in guards]
    return Green(
        low=max(0.0, 1.0 - sum(1.0 - at.passed for at in now) - slice_alpha),
        high=min(at.passed for at in now),
        # A simulated share may be 0 by luck: what is stated is the bound.
        blocked=min(
            1.0,
            slice_alpha
            + sum(
                at.failed if guard.chart.runs is None else guard.alpha_block
                for at, guard in zip(now, guards, strict=True)
            ),
        ),
    )
