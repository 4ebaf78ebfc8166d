"""One scorer of one gate, followed unit by unit: its paired numbers and its evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from evalharness.config.model import GateConfig
from evalharness.core.verdicts import EvidencePoint
from evalharness.stats.rule import Decision, Method, Rule
from evalharness.stats.sequential import LogE, Sequential
from evalharness.verdict.corpus import Corpus
from evalharness.verdict.measure import Measure
from evalharness.verdict.paired import Differences, PairedCase

if TYPE_CHECKING:
    from evalharness.stats.exact import ExactPlan

PlanSource: TypeAlias = Callable[[Rule], "ExactPlan"]
"""Gives the exact plan of a rule, from a cache or computed."""


_PATH_STEP = 1.02


class Engine(Protocol):
    """The rule's state: ``stats.sequential.Sequential`` or ``stats.exact_sequential.ExactSequential``."""

    verdict: Literal["pass", "fail"] | None

    @property
    def log_e_now(self) -> LogE:
        """Current log capitals."""
        ...

    @property
    def bars(self) -> tuple[float, float]:
        """Log capitals that prove PASS and FAIL while running."""
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


@dataclass(slots=True, kw_only=True)
class Track:
    """The state of one scorer within a gate (or within one guard slice of it)."""

    measure: Measure
    rule: Rule | None
    """None for a report: numbers, no decision."""
    engine: Engine | None
    method: str
    corpus: Corpus | None = None
    """Set for a corpus metric: tested once at the end, so there is no engine."""
    against: str = ""
    """Word of the arm it is compared with where that is not the gate's baseline: ``pinned``."""
    family: int = 1
    """Number M of metrics that share the block alpha."""
    cases: list[PairedCase] = field(default_factory=list)
    """Used cases, in order."""
    differences: Differences = field(default_factory=Differences)
    """Of the units, in order: what the interval inverts."""
    path: list[EvidencePoint] = field(default_factory=list)
    """How the evidence grew until the running verdict, at places ever farther apart."""
    unscored: int = 0
    """Paired cases used whose candidate has no number here."""
    unassessed: int = 0
    """Of these, the ones that a judge could not tell: bounded like the others, but no lack of calls."""

    @property
    def name(self) -> str:
        """Scorer name, with the arm where that is not the gate's baseline."""
        return f"{self.measure.name} ({self.against})" if self.against else self.measure.name

    @property
    def missing(self) -> int:
        """Paired cases used that lack what this scorer needs."""
        return self.unscored - self.unassessed if self.corpus is None else self.corpus.missing

    @property
    def judges(self) -> bool:
        """Whether anything could come out of it: some case has a baseline number."""
        return self.engine is not None or (self.corpus is not None and self.corpus.planned > 0)

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
        for pair in pairs:
            if pair.missing:
                self.unscored += 1
                self.unassessed += pair.candidate.missing == pair.candidate.unassessed
        if len(pairs) == 1:
            size, worst, best = pairs[0].weight, pairs[0].worst, pairs[0].best
        else:
            size = math.fsum(pair.weight for pair in pairs)
            worst = math.fsum(pair.weight * pair.worst for pair in pairs) / size
            best = math.fsum(pair.weight * pair.best for pair in pairs) / size
        # With nothing missing the two bounds are the same number; else only they enter the decision.
        mean = worst if worst == best else (worst + best) / 2
        self.differences.add(mean, worst, best, size)
        if self.engine is not None:
            undecided = self.engine.verdict is None
            self.engine.update(mean, worst, best, size=size)
            if undecided:
                self._note(self.engine)

    def _note(self, engine: Engine) -> None:
        """Keep a point of the path: each of the first units, then one for every fiftieth part more, and the verdict."""
        units = engine.n_used
        if self.path and units < self.path[-1].units * _PATH_STEP and engine.verdict is None:
            return
        now, bars = engine.log_e_now, engine.bars
        passing, failing = (
            log_e / bar if math.isfinite(bar) else 0.0 for log_e, bar in zip((now.pass_, now.fail), bars, strict=True)
        )
        self.path.append(EvidencePoint(units, passing, failing))


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
        looks=tuple(size for size in gate.extendable if size < len(sizes)),
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
        return Track(measure=measure, rule=None, engine=None, method=method, family=family)
    if method == "exact":
        from evalharness.stats.exact_sequential import ExactSequential

        plan = None if plans is None else plans(rule)
        return Track(measure=measure, rule=rule, engine=ExactSequential(rule, plan), method=method, family=family)
    return Track(measure=measure, rule=rule, engine=Sequential(rule), method=method, family=family)
