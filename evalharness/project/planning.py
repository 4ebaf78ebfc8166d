"""``evalh plan``: what a gate can see and what it will cost, before anything is spent. Calls nothing, writes no run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from evalharness.config.model import GateConfig, LimitConfig
from evalharness.core.cases import Case, EvalSet
from evalharness.core.errors import BaselineError, UsageError
from evalharness.core.protocols import GroupScorer, Recording, ScorerFacts
from evalharness.project.arms import answers_by_key, stored_baseline
from evalharness.project.estimating import Estimate, Usage, estimate, usage_of
from evalharness.project.judge_costs import JudgeCost, judge_costs
from evalharness.project.pilot import EarlierPair, earlier_pair, newest_run
from evalharness.project.plans import KeptPlans
from evalharness.project.workspace import Workspace
from evalharness.stats.rule import Method, Rule
from evalharness.verdict.baseline import Baseline
from evalharness.verdict.corpus import is_corpus
from evalharness.verdict.measure import Measure, measure_for
from evalharness.verdict.paired import planned_sizes, sizes_of
from evalharness.verdict.pairing import Unit, grouped, pair, units_in_order
from evalharness.verdict.plan import (
    Green,
    GuardPlan,
    HardPlan,
    Measured,
    green,
    measured_differences,
    plan_guard,
    plan_hard,
)
from evalharness.verdict.sides import guard_slices
from evalharness.verdict.track import planned_rule


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePlan:
    """One gate before it is run."""

    gate: str
    evalset: str
    version: str
    """Of the eval set; empty where evalh.lock does not know it."""
    n: int
    """Paired cases (living cases where there is no baseline yet)."""
    candidate: str
    baseline: str
    """What it will be compared with, or why there is nothing yet."""
    guards: tuple[GuardPlan, ...]
    hard: tuple[HardPlan, ...]
    corpus: tuple[str, ...]
    """Corpus metrics among the guards: tested once, at the end."""
    slices: tuple[str, ...]
    """Metadata fields whose values can veto."""
    looks: tuple[int, ...]
    """Declared looks."""
    pinned: str
    """The pinned baseline that must hold too, or empty."""
    green: Green | None
    """P(exit 0 | unchanged); None where no guard is statistical."""
    earlier: EarlierPair | None
    """The earlier run whose differences the plan uses."""
    estimate: Estimate
    epochs: int
    alpha_pass: float
    alpha_block: float
    judges: tuple[JudgeCost, ...] = ()
    """What each judge will ask for, and what that costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedGuard:
    """What is fixed about one guard before its chances are worked out."""

    measure: Measure
    rule: Rule
    method: Method
    size: float
    """Mean size of its units."""
    measured: Measured | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A gate with everything that planning and the self-check look at."""

    gate: GateConfig
    evalset: EvalSet
    scorers: Mapping[str, ScorerFacts]
    cases: tuple[Case, ...]
    """Paired cases."""
    stored: Baseline | None
    said: str
    """What it is compared with."""
    earlier: EarlierPair | None
    guards: tuple[PlannedGuard, ...]
    veto_alpha: float
    """Chance that some guard slice vetoes an unchanged candidate, at most."""


def gates_of(
    workspace: Workspace, names: Sequence[str], *, margin: float | None = None, power: float | None = None
) -> list[GateConfig]:
    """The named gates, or all of them, with what the command line changes.

    Raises:
        UsageError: If the config has no gate.
        ConfigError: If a name is unknown.
    """
    gates = [workspace.gate(name) for name in names] or list(workspace.config.gates.values())
    if not gates:
        raise UsageError(
            "the config has no gate", where=workspace.config.path, tip="evalh init writes one to start from"
        )
    return [_changed(gate, margin, power, workspace.options.epochs) for gate in gates]


def plan_gates(
    workspace: Workspace, names: Sequence[str], *, margin: float | None = None, power: float | None = None
) -> list[GatePlan]:
    """Plan gates.

    Args:
        workspace: The opened project.
        names: Gates; all when empty.
        margin: Plan with this margin instead of the configured ones.
        power: Plan for this chance of a decision.

    Raises:
        UsageError: If the config has no gate.
    """
    kept = KeptPlans(workspace)
    plans = [
        _plan(workspace, prepare(workspace, gate), kept)
        for gate in gates_of(workspace, names, margin=margin, power=power)
    ]
    kept.keep()
    return plans


def _changed(gate: GateConfig, margin: float | None, power: float | None, epochs: int | None) -> GateConfig:
    limits = gate.limits
    if margin is not None:
        limits = tuple(
            replace(limit, margin=margin) if limit.margin is not None and not limit.every else limit for limit in limits
        )
    return replace(
        gate,
        limits=limits,
        power=gate.power if power is None else power,
        epochs=gate.epochs if epochs is None else epochs,
    )


def prepare(workspace: Workspace, gate: GateConfig) -> Prepared:
    """Find out what a gate compares, under which rules, and what the store knows about it."""
    evalset = workspace.evalset(gate.evalset)
    scorers = workspace.gate_scorers(gate)
    stored, said = _stored(workspace, gate)
    whole = grouped(scorers.values())
    cases = evalset.living if stored is None else pair(evalset, stored.results, whole_groups=whole).paired
    earlier = earlier_pair(workspace, gate, evalset, scorers, stored)
    units = units_in_order(cases, "")
    wanted = [limit for limit in gate.limits if not limit.every and limit.role != "report"]
    pinned = [limit for limit in wanted if limit.role == "guard"] if gate.pinned is not None else []
    slices = sum(len(limits) for _, _, limits, _ in guard_slices(gate.slices, units))
    family = max(1, len(wanted) + len(pinned) + slices)
    arms = (stored, earlier)
    guards = [_guard(gate, limit, scorers[limit.scorer], units, arms, family) for limit in wanted]
    return Prepared(
        gate=gate,
        evalset=evalset,
        scorers=scorers,
        cases=cases,
        stored=stored,
        said=said,
        earlier=earlier,
        guards=tuple(guard for guard in guards if guard is not None),
        veto_alpha=gate.alpha_block * slices / family,
    )


def _stored(workspace: Workspace, gate: GateConfig) -> tuple[Baseline | None, str]:
    if gate.baseline is not None:
        return None, gate.baseline
    try:
        arm = stored_baseline(workspace, gate.name, workspace.base_ref or None)
    except BaselineError as error:
        if error.code != "baseline_missing":
            raise
        return None, "nothing yet: evalh promote --why TEXT"
    return arm, f"{arm.name} of {arm.created[:10]}"


def _guard(
    gate: GateConfig,
    limit: LimitConfig,
    scorer: ScorerFacts,
    units: Sequence[Unit],
    arms: tuple[Baseline | None, EarlierPair | None],
    family: int,
) -> PlannedGuard | None:
    stored, earlier = arms
    if is_corpus(scorer, limit):
        return None  # tested once, at the end, by randomisation: nothing is promised about its chances
    measure = measure_for(limit, scorer)
    if stored is not None and limit.scorer in stored.signatures:
        sizes = planned_sizes(measure, units, stored.results, stored.epochs)
    else:
        sizes = sizes_of(units, frozenset(case.id for unit in units for case in unit.cases if _fits(scorer, case)))
    epochs = (stored.epochs if stored is not None else gate.epochs, gate.epochs)
    rule, method = planned_rule(measure, gate, sizes, family=family, epochs=epochs)
    if rule is None:
        return None
    measured = None
    if earlier is not None:
        measured = measured_differences(
            measure,
            tuple(case for unit in units for case in unit.cases),
            before=earlier.before.results,
            after=earlier.after.results,
            epochs=(earlier.before.epochs, earlier.after.epochs),
        )
    return PlannedGuard(
        measure=measure, rule=rule, method=method, size=math.fsum(sizes) / len(sizes), measured=measured
    )


def _fits(scorer: ScorerFacts, case: Case) -> bool:
    """Whether a case has the fields that a scorer cannot do without."""
    if isinstance(scorer, GroupScorer) and case.variant is not None:
        return False  # a group's value stands at its base
    return all(getattr(case, need) not in (None, (), {}) for need in scorer.needs)


def _plan(workspace: Workspace, found: Prepared, kept: KeptPlans) -> GatePlan:
    gate = found.gate
    candidate = workspace.candidate(gate.candidate, gate.evalset)
    guards = tuple(_charted(guard, gate, kept) for guard in found.guards)
    return GatePlan(
        gate=gate.name,
        evalset=found.evalset.name,
        version=found.evalset.version,
        n=len(found.cases),
        candidate=gate.candidate,
        baseline=found.said,
        guards=guards,
        hard=tuple(
            _hard(found, limit, recorded=isinstance(candidate, Recording)) for limit in gate.limits if limit.every
        ),
        corpus=tuple(
            limit.scorer
            for limit in gate.limits
            if limit.role != "report" and is_corpus(found.scorers[limit.scorer], limit)
        ),
        slices=tuple(gate.slices),
        looks=gate.extendable,
        pinned=gate.pinned or "",
        green=green(guards, slice_alpha=found.veto_alpha),
        earlier=found.earlier,
        estimate=estimate(
            workspace,
            candidate,
            found.cases,
            epochs=gate.epochs,
            known=answers_by_key(found.stored) if found.stored is not None else None,
            usage=_usage(workspace, found),
            scorers=found.scorers.values(),
        ),
        epochs=gate.epochs,
        alpha_pass=gate.alpha_pass,
        alpha_block=gate.alpha_block,
        judges=judge_costs(
            workspace,
            found.scorers.values(),
            found.cases,
            stored=found.stored.results if found.stored is not None else None,
            epochs=gate.epochs,
        ),
    )


def _charted(guard: PlannedGuard, gate: GateConfig, kept: KeptPlans) -> GuardPlan:
    rule, method = guard.rule, guard.method
    if rule.estimand == "eval_set":
        # Its promise is about the verdict of the whole set; chances can only be told for cases like these.
        rule, method = replace(rule, estimand="population"), "general"
    seen = guard.measured.law if guard.measured is not None else None
    chances = kept.chart(rule, method, binary=guard.measure.binary, power=gate.power, size=guard.size, seen=seen)
    return plan_guard(guard.measure, rule, method, power=gate.power, chances=chances, measured=guard.measured)


def _hard(found: Prepared, limit: LimitConfig, *, recorded: bool) -> HardPlan:
    return plan_hard(
        limit.scorer,
        cases=len(found.cases),
        attempts=limit.attempts,
        stored=found.stored.epochs
        if found.stored is not None
        else found.gate.epochs * (found.gate.baseline is not None),
        absolute=limit.every == "absolute",
        recorded=recorded,
    )


def _usage(workspace: Workspace, found: Prepared) -> Usage | None:
    """What answers took: of the candidate's newest run, else of the stored baseline of the same name."""
    run = newest_run(workspace, found.gate.candidate, found.evalset)
    usage = usage_of(run.results.values()) if run is not None else None
    if usage is None and found.stored is not None and found.stored.name == found.gate.candidate:
        usage = usage_of(found.stored.results.values())
    return usage


def run_estimates(
    workspace: Workspace, names: Sequence[str], evalset_name: str | None
) -> Iterator[tuple[str, Estimate]]:
    """What ``run`` will ask for, candidate by candidate, before it is run."""
    from evalharness.project.running import which

    candidates, evalset = which(workspace, list(names), evalset_name)
    for name in candidates:
        run = newest_run(workspace, name, evalset)
        yield (
            name,
            estimate(
                workspace,
                workspace.candidate(name, evalset.name),
                evalset.living,
                epochs=workspace.options.epochs or 1,
                usage=usage_of(run.results.values()) if run is not None else None,
            ),
        )
