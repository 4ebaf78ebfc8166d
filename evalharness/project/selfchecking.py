"""``evalh plan --selfcheck``: the error rates of a gate, measured on the user's own pairs. Calls nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalharness.config.model import GateConfig
from evalharness.core.errors import Refused
from evalharness.core.protocols import Recording
from evalharness.core.results import Run
from evalharness.project.arms import arm_of_run, scored
from evalharness.project.comparing import two_arms
from evalharness.project.pilot import twin_runs
from evalharness.project.planning import PlannedGuard, Prepared, gates_of, prepare
from evalharness.project.plans import KeptPlans
from evalharness.project.workspace import Workspace
from evalharness.stats.laws import centred
from evalharness.stats.replicate import Replicated, affordable_runs, binomial_interval, replicate
from evalharness.stats.rule import Method
from evalharness.verdict.measure import Measure
from evalharness.verdict.pairing import grouped, pair
from evalharness.verdict.plan import Measured, measured_differences

SEED = 7
"""Seed of all draws."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """An error rate that was measured, beside the one that is stated."""

    hits: int
    runs: int
    low: float
    """Exact 95 % interval."""
    high: float
    stated: float
    """At most, as the gate states it."""

    @property
    def value(self) -> float:
        """The share of runs."""
        return self.hits / self.runs

    @property
    def kept(self) -> bool:
        """False when the measurement contradicts what is stated."""
        return self.low <= self.stated


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardCheck:
    """One guard on the user's own differences."""

    scorer: str
    method: Method
    planned: int
    margin: float
    """In the scorer's unit."""
    unit: str
    measured: Measured
    missed: Rate
    """PASS when the true mean sits where PASS must not happen: at the margin."""
    blocked: Rate
    """FAIL when nothing changed."""
    passed: Rate
    """PASS when nothing changed (no error: what the gate is for); stated is 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """One guard on two runs of the same candidate."""

    scorer: str
    unit: str
    span: float
    measured: Measured

    @property
    def floor(self) -> float:
        """Half width of the 95 % range of the mean difference when nothing changed, in the scorer's unit."""
        return float(1.96 * self.measured.law.sd / self.measured.units**0.5) * self.span


@dataclass(frozen=True, slots=True, kw_only=True)
class SameTwice:
    """The same candidate twice (A/A)."""

    candidate: str
    runs: tuple[str, str]
    """Ids, older first."""
    flips: tuple[Flips, ...]
    outcome: str
    """Verdict of the gate on the two."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfCheck:
    """What one gate does on the user's own data."""

    gate: str
    pairs: tuple[str, str] | None
    """What the pairs are of: (baseline, run id); None when the store has none."""
    guards: tuple[GuardCheck, ...]
    without: tuple[str, ...]
    """Guards that could not be checked, and why."""
    twice: SameTwice | None
    why_not_twice: str = ""
    """What to do to get two runs of the same candidate."""


def selfcheck(
    workspace: Workspace, names: Sequence[str], *, margin: float | None = None, power: float | None = None
) -> list[SelfCheck]:
    """Check gates on what the store holds.

    Args:
        workspace: The opened project.
        names: Gates; all when empty.
        margin: Check with this margin instead of the configured ones.
        power: As for ``plan``; unused by the rates.
    """
    kept = KeptPlans(workspace)
    gates = gates_of(workspace, names, margin=margin, power=power)
    found = [_check(workspace, prepare(workspace, gate), kept) for gate in gates]
    kept.keep()
    return found


def _check(workspace: Workspace, found: Prepared, kept: KeptPlans) -> SelfCheck:
    guards, without = [], []
    for guard in found.guards:
        if guard.rule.estimand == "eval_set":
            without.append(f"{guard.measure.name}: estimand eval_set promises the verdict of the whole set, no rates")
        elif guard.measured is None or guard.measured.units < 2:
            without.append(f"{guard.measure.name}: no pairs")
        else:
            guards.append(_guard(guard, guard.measured, kept))
    twice, why_not = _twice(workspace, found)
    earlier = found.earlier
    return SelfCheck(
        gate=found.gate.name,
        pairs=None if earlier is None else (earlier.before.name, earlier.after.run),
        guards=tuple(guards),
        without=tuple(without),
        twice=twice,
        why_not_twice=why_not,
    )


def _guard(guard: PlannedGuard, measured: Measured, kept: KeptPlans) -> GuardCheck:
    rule, method = guard.rule, guard.method
    law = measured.law
    if method == "exact" and not law.steps:
        method = "general"  # an earlier run with several epochs: its means are no 0/1 scores
    plan = kept.plan(rule) if method == "exact" else None

    def runs_at(mean: float) -> Replicated:
        there = centred(law, mean)
        runs = affordable_runs(rule, there, exact=plan is not None)
        return replicate(rule, there, runs=runs, seed=SEED, plan=plan)

    at_margin, at_zero = runs_at(rule.pass_null), runs_at(0.0)
    return GuardCheck(
        scorer=guard.measure.name,
        method=method,
        planned=rule.planned,
        margin=rule.margin * guard.measure.span,
        unit=guard.measure.unit,
        measured=measured,
        missed=_rate(at_margin.passed, at_margin.runs, rule.alpha_pass),
        blocked=_rate(at_zero.failed, at_zero.runs, rule.alpha_block),
        passed=_rate(at_zero.passed, at_zero.runs, 1.0),
    )


def _rate(hits: int, runs: int, stated: float) -> Rate:
    low, high = binomial_interval(hits, runs)
    return Rate(hits=hits, runs=runs, low=low, high=high, stated=stated)


def _twice(workspace: Workspace, found: Prepared) -> tuple[SameTwice | None, str]:
    """The A/A comparison of the gate's candidate, else of its baseline."""
    gate = found.gate
    names = [gate.candidate]
    names += [gate.baseline] if gate.baseline is not None else [found.stored.name] if found.stored is not None else []
    for name in dict.fromkeys(names):
        twins = twin_runs(workspace, name, found.evalset)
        if twins is None:
            continue
        try:
            return _same_twice(gate, found, name, twins), ""
        except Refused:
            continue  # not comparable today: scored otherwise, or on another version of the eval set
    candidate = workspace.candidate(gate.candidate, gate.evalset)
    if isinstance(candidate, Recording):
        return None, f"the answers of {gate.candidate} are recorded: the same again would be the same answers"
    return None, f"make two whole runs: evalh run {gate.candidate} --set {gate.evalset} --fresh"


def _same_twice(gate: GateConfig, found: Prepared, name: str, twins: tuple[Run, Run]) -> SameTwice:
    scorers, evalset = found.scorers, found.evalset
    first, second = (scored(arm_of_run(run), scorers, evalset) for run in twins)
    verdict = two_arms(gate, evalset, scorers, first, second).gate
    cases = pair(evalset, first.results, whole_groups=grouped(scorers.values())).paired
    flips = []
    for guard in found.guards:
        measure: Measure = guard.measure
        measured = measured_differences(
            measure, cases, before=first.results, after=second.results, epochs=(first.epochs, second.epochs)
        )
        if measured is not None:
            flips.append(Flips(scorer=measure.name, unit=measure.unit, span=measure.span, measured=measured))
    return SameTwice(
        candidate=name,
        runs=(first.run, second.run),
        flips=tuple(flips),
        outcome=verdict.outcome,
        reason=verdict.reason,
    )
