"""One scorer of one gate, followed unit by unit: its paired numbers and its evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from evalharness.config.model import GateConfig
from evalharness.core.results import CaseResult
from evalharness.stats.rule import Decision, Method, Rule
from evalharness.stats.sequential import LogE, Sequential
from evalharness.verdict.measure import ArmValue, Measure, arm_value
from evalharness.verdict.pairing import Unit

if TYPE_CHECKING:
    from evalharness.stats.exact import ExactPlan

PlanSource: TypeAlias = Callable[[Rule], "ExactPlan"]
"""Gives the exact plan of a rule, from a cache or computed."""


class Engine(Protocol):
    """The rule's state: ``stats.sequential.Sequential`` or ``stats.exact_sequential.ExactSequential``."""

    verdict: Literal["pass", "fail"] | None

    @property
    def log_e_now(self) -> LogE:
        """Current log capitals."""
        ...

    @property
    def n_used(self) -> int:
        """Units up to the verdict."""
        ...

    def update(
        self, difference: float | None, worst: float | None = None, best: float | None = None, *, size: float = 1.0
    ) -> None:
        """Take the next unit."""
        ...

    def finish(self) -> Decision:
        """Decide with what is in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedCase:
    """Both arms' oriented values (0..1, more is better) of one case under one measure."""

    case_id: str
    weight: float
    baseline: float
    candidate: ArmValue
    baseline_epochs: tuple[float, ...] = ()
    baseline_bounds: tuple[float, float] | None = None
    """(least, most) the baseline can be, where its own answer is missing: only when both arms are answered in one run."""

    @property
    def missing(self) -> bool:
        """Whether either arm lacks an epoch here."""
        return bool(self.candidate.missing) or self.baseline_bounds is not None

    @property
    def difference(self) -> float | None:
        """Candidate - baseline; None when an epoch of either is missing."""
        if self.missing or self.candidate.mean is None:
            return None
        return self.candidate.mean - self.baseline

    @property
    def worst(self) -> float:
        """The least the difference can be."""
        return self.candidate.low - (self.baseline if self.baseline_bounds is None else self.baseline_bounds[1])

    @property
    def best(self) -> float:
        """The most the difference can be."""
        return self.candidate.high - (self.baseline if self.baseline_bounds is None else self.baseline_bounds[0])


@dataclass(slots=True, kw_only=True)
class Track:
    """The state of one scorer within a gate (or within one guard slice of it)."""

    measure: Measure
    rule: Rule | None
    """None for a report: numbers, no decision."""
    engine: Engine | None
    method: str
    veto_only: bool = False
    """Guard slices can fail a gate, never hold up a PASS."""
    cases: list[PairedCase] = field(default_factory=list)
    """Used cases, in order."""
    differences: list[tuple[float, float, float, float]] = field(default_factory=list)
    """One (mean, worst, best, size) per unit, 0..1 scale: what the interval inverts."""
    unscored: int = 0
    """Paired cases used whose candidate has no number here."""

    @property
    def decided(self) -> Literal["pass", "fail"] | None:
        """The running verdict of this scorer alone."""
        return self.engine.verdict if self.engine is not None else None

    def observe(self, pairs: Sequence[PairedCase]) -> None:
        """Take the next unit of the planned order.

        A decided engine looks at nothing more, so the verdict stays; the numbers that people read go on to use
        whatever comes in. The interval stays coherent: it asks what was *ever* rejected along the whole path.

        Args:
            pairs: The unit's cases that have a baseline number here; an empty list means it is not planned here.
        """
        if not pairs:
            return
        self.cases.extend(pairs)
        self.unscored += sum(1 for pair in pairs if pair.missing)
        size = math.fsum(pair.weight for pair in pairs)
        worst = math.fsum(pair.weight * pair.worst for pair in pairs) / size
        best = math.fsum(pair.weight * pair.best for pair in pairs) / size
        # With nothing missing the two bounds are the same number; else only they enter the decision.
        mean = worst if worst == best else (worst + best) / 2
        self.differences.append((mean, worst, best, size))
        if self.engine is not None:
            self.engine.update(mean, worst, best, size=size)


def pairs_of(
    measure: Measure,
    unit: Unit,
    baseline: Mapping[str, CaseResult],
    candidate: Mapping[str, CaseResult],
    epochs: tuple[int, int],
) -> list[PairedCase]:
    """The paired cases of one unit under one measure, in file order.

    A case without a baseline number is not in the paired set (it is counted elsewhere); one without a candidate number
    keeps its place with bounds, so that a lost answer can neither help a PASS nor cause a FAIL.

    Args:
        measure: Scorer and scale.
        unit: The unit.
        baseline: Baseline results by case id.
        candidate: Candidate results by case id; every case of the unit has one.
        epochs: Epochs of (baseline, candidate).
    """
    found = []
    for case in unit.cases:
        before = arm_value(measure, baseline[case.id], epochs[0])
        if before.mean is None:
            continue
        found.append(
            PairedCase(
                case_id=case.id,
                weight=case.weight,
                baseline=before.mean,
                baseline_epochs=before.epochs,
                candidate=arm_value(measure, candidate[case.id], epochs[1]),
            )
        )
    return found


def live_pairs(
    measure: Measure,
    unit: Unit,
    baseline: Mapping[str, CaseResult],
    candidate: Mapping[str, CaseResult],
    *,
    epochs: int,
    planned: frozenset[str],
) -> list[PairedCase]:
    """The paired cases of one unit when the baseline is answered in the same run.

    Which cases count was fixed before the first call, so a baseline that is missing keeps its place too, with bounds.

    Args:
        measure: Scorer and scale.
        unit: The unit.
        baseline: Baseline results so far by case id; every case of the unit has one.
        candidate: Candidate results by case id; every case of the unit has one.
        epochs: Epochs of either arm.
        planned: Ids of the cases that count under this measure.
    """
    found = []
    for case in unit.cases:
        if case.id not in planned:
            continue
        before = arm_value(measure, baseline[case.id], epochs)
        found.append(
            PairedCase(
                case_id=case.id,
                weight=case.weight,
                baseline=(before.low + before.high) / 2 if before.missing or before.mean is None else before.mean,
                baseline_epochs=before.epochs,
                baseline_bounds=(before.low, before.high) if before.missing else None,
                candidate=arm_value(measure, candidate[case.id], epochs),
            )
        )
    return found


def planned_sizes(
    measure: Measure, units: Sequence[Unit], baseline: Mapping[str, CaseResult], epochs: int
) -> list[float]:
    """Weight of each unit that will count under a measure: of its cases that have a baseline number.

    Known before the first call, as the statistics require: N and the largest unit are facts of eval set and baseline.
    """
    sizes = []
    for unit in units:
        size = math.fsum(
            case.weight for case in unit.cases if arm_value(measure, baseline[case.id], epochs).mean is not None
        )
        if size > 0:
            sizes.append(size)
    return sizes


def sizes_of(units: Sequence[Unit], planned: frozenset[str]) -> list[float]:
    """Weight of each unit that will count, where the cases that count are known by name."""
    sizes = (math.fsum(case.weight for case in unit.cases if case.id in planned) for unit in units)
    return [size for size in sizes if size > 0]


def planned_rule(
    measure: Measure, gate: GateConfig, sizes: Sequence[float], *, family: int, epochs: tuple[int, int]
) -> tuple[Rule | None, Method]:
    """The rule of one scorer and the path it takes: exact for 0/1 scores in single epochs, else general.

    Args:
        measure: Scorer and scale; its role decides the rule.
        gate: Alphas, split, estimand, proven_drop.
        sizes: Weight of each planned unit (``planned_sizes``).
        family: Number M of metrics (guard slices included) that can fail the gate; the block alpha is shared.
        epochs: Epochs of (baseline, candidate).

    Returns:
        No rule for a report, an unbounded scorer, or where no unit is planned.
    """
    role = measure.limit.role
    if role == "report" or not measure.bounded or not sizes:
        return None, "general"
    uniform = max(sizes) == min(sizes)
    rule = Rule(
        margin=measure.margin,
        planned=len(sizes),
        alpha_pass=gate.alpha_pass,
        alpha_block=gate.alpha_block / family,
        split=1.0 if gate.strict else gate.split,
        proven_drop=gate.proven_drop,
        estimand=gate.estimand,
        largest=None if uniform else max(sizes),
        improve=role == "improve",
    )
    exact = (
        measure.binary
        and epochs == (1, 1)
        and uniform
        and max(sizes) == 1.0
        and rule.planned <= 1000
        and gate.estimand == "population"
        and not gate.strict
        and gate.split is None
        and gate.proven_drop != "stop"
        and role == "guard"
        and measure.margin > 0
    )
    return rule, "exact" if exact else "general"


def open_track(
    measure: Measure,
    gate: GateConfig,
    sizes: Sequence[float],
    *,
    family: int,
    epochs: tuple[int, int],
    plans: PlanSource | None = None,
) -> Track:
    """A track with the engine that its data declare.

    Args:
        measure: As for ``planned_rule``, like the other arguments.
        gate: The gate.
        sizes: Weight of each planned unit.
        family: Number M of metrics that can fail the gate.
        epochs: Epochs of (baseline, candidate).
        plans: Where exact plans come from; computed when left out.
    """
    rule, method = planned_rule(measure, gate, sizes, family=family, epochs=epochs)
    if rule is None:
        return Track(measure=measure, rule=None, engine=None, method=method)
    if method == "exact":
        from evalharness.stats.exact_sequential import ExactSequential

        plan = None if plans is None else plans(rule)
        return Track(measure=measure, rule=rule, engine=ExactSequential(rule, plan), method=method)
    return Track(measure=measure, rule=rule, engine=Sequential(rule), method=method)
