"""``evalh plan``: what a gate can see, and what it will cost, before anything is spent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from evalharness.config.model import GateConfig, LimitConfig
from evalharness.core.cases import Case, EvalSet
from evalharness.core.errors import BaselineError, UsageError
from evalharness.core.protocols import Candidate, Recording, ScorerFacts
from evalharness.project.arms import answers_by_key, stored_baseline
from evalharness.project.workspace import Workspace
from evalharness.stats import min_cases, needed_cases
from evalharness.stats.design import chance_to_decide, smallest_margin
from evalharness.stats.rule import default_split
from evalharness.verdict.measure import Measure, measure_for
from evalharness.verdict.pairing import pair

DISCORDANCES: Final = (0.02, 0.05, 0.10, 0.20)
"""Shares of cases whose 0/1 score differs between the arms, for the power table."""
LOSSES: Final = (0.5, 1.0, 2.0, 3.0)
"""True losses in margins, for the chance to catch them."""
TYPICAL: Final = 0.10
"""Discordance that single-line figures assume."""
_TYPICAL_SD: Final = TYPICAL**0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """What one guard can see at one discordance (0/1 scores) or spread (graded scores)."""

    label: str
    pass_unchanged: float
    """P(PASS | unchanged), 0..1."""
    fail_unchanged: float
    """P(FAIL | unchanged): how often an unchanged candidate gets a red check from this guard."""
    paid_unchanged: float
    """Mean share of the cases that an unchanged candidate pays for."""
    pass_at_margin: float
    """P(PASS | a drop of the margin): missed regressions."""
    caught: tuple[tuple[float, float], ...]
    """(true loss in margins, P(FAIL))."""
    ceiling: float | None
    """P(PASS | unchanged) that no valid rule can exceed; None where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPlan:
    """One guard."""

    scorer: str
    unit: str
    margin: float
    """In the scorer's unit."""
    method: str
    least: int
    """N_min."""
    smallest: float
    """Smallest margin that this N can show, in the scorer's unit."""
    needed: int
    """Cases for the planned power at 10 % discordance, if the candidate is unchanged."""
    power: tuple[Power, ...]
    exact: bool
    """True when the figures are exact; else approximations fitted to simulations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePlan:
    """One gate before it is run."""

    gate: str
    n: int
    """Paired cases (living cases where there is no baseline yet)."""
    baseline: str
    """What it will be compared with, or why there is nothing yet."""
    guards: tuple[GuardPlan, ...]
    hard: tuple[str, ...]
    calls: int
    """Answers that are needed in all: cases x epochs."""
    recorded: int
    """Of these, already recorded."""
    cost_usd: tuple[float, float] | None
    """(likely, at most) for what is not recorded; None when the price is unknown."""
    how: str
    """How the cost was estimated."""


def plan_gates(
    workspace: Workspace, names: list[str], *, margin: float | None = None, power: float | None = None
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
    gates = [workspace.gate(name) for name in names] or list(workspace.config.gates.values())
    if not gates:
        raise UsageError(
            "the config has no gate", where=workspace.config.path, tip="evalh init writes one to start from"
        )
    return [_plan(workspace, _changed(gate, margin, power)) for gate in gates]


def _changed(gate: GateConfig, margin: float | None, power: float | None) -> GateConfig:
    limits = gate.limits
    if margin is not None:
        limits = tuple(
            replace(limit, margin=margin) if limit.margin is not None and not limit.every else limit for limit in limits
        )
    return replace(gate, limits=limits, power=gate.power if power is None else power)


def _plan(workspace: Workspace, gate: GateConfig) -> GatePlan:
    evalset = workspace.evalset(gate.evalset)
    scorers = workspace.gate_scorers(gate)
    cases, said, recorded_answers = _paired(workspace, gate, evalset)
    units = len({case.unit for case in cases})
    guards = [limit for limit in gate.limits if not limit.every and limit.role == "guard"]
    family = max(1, len(guards))
    candidate = workspace.candidate(gate.candidate, gate.evalset)
    calls = _Calls.of(workspace, candidate, cases, gate.epochs, recorded_answers)
    return GatePlan(
        gate=gate.name,
        n=len(cases),
        baseline=said,
        guards=tuple(_guard(gate, limit, scorers[limit.scorer], units, cases, family) for limit in guards),
        hard=tuple(limit.scorer for limit in gate.limits if limit.every),
        calls=len(cases) * gate.epochs,
        recorded=calls.recorded,
        cost_usd=calls.cost,
        how=calls.how,
    )


def _paired(workspace: Workspace, gate: GateConfig, evalset: EvalSet) -> tuple[tuple[Case, ...], str, dict[str, Any]]:
    if gate.baseline is not None:
        return evalset.living, gate.baseline, {}
    try:
        arm = stored_baseline(workspace, gate.name)
    except BaselineError as error:
        if error.code != "baseline_missing":
            raise
        return evalset.living, "none stored yet (evalh promote --why TEXT)", {}
    return pair(evalset, arm.results).paired, f"{arm.name}, {arm.created[:10]}", dict(answers_by_key(arm))


def _guard(
    gate: GateConfig, limit: LimitConfig, scorer: ScorerFacts, units: int, cases: tuple[Case, ...], family: int
) -> GuardPlan:
    measure = measure_for(limit, scorer)
    single = gate.epochs == 1 and units == len(cases) and all(case.weight == 1.0 for case in cases)
    exact = (
        measure.binary
        and single
        and 1 <= units <= 1000
        and gate.estimand == "population"
        and not gate.strict
        and gate.split is None
        and 0 < measure.margin < 1
    )
    split = 0.0 if exact else 1.0 if gate.strict else (gate.split if gate.split is not None else default_split(units))
    scale = measure.span
    shown = measure.margin or 0.05
    return GuardPlan(
        scorer=limit.scorer,
        unit=measure.unit,
        margin=shown * scale,
        method="exact" if exact else "general",
        least=min_cases(shown, gate.alpha_pass, split),
        smallest=smallest_margin(max(1, units), gate.alpha_pass, split) * scale,
        needed=needed_cases(_TYPICAL_SD, shown, shown, gate.power, alpha=gate.alpha_pass, split=max(split, 0.0)),
        power=tuple(
            _exact_power(gate, units, measure, family) if exact else _general_power(gate, units, measure, split)
        ),
        exact=exact,
    )


def _exact_power(gate: GateConfig, units: int, measure: Measure, family: int) -> Iterator[Power]:
    from evalharness.stats import exact_plan

    plan = exact_plan(units, measure.margin, alpha_pass=gate.alpha_pass, alpha_block=gate.alpha_block / family)
    for discordance in DISCORDANCES:
        same = plan.outcome(discordance, 0.0)
        yield Power(
            label=f"{discordance:.0%} discordant",
            pass_unchanged=same.p_pass,
            fail_unchanged=same.p_fail,
            paid_unchanged=same.mean_cases / units,
            pass_at_margin=plan.outcome(discordance, -measure.margin).p_pass,
            caught=tuple((loss, plan.outcome(discordance, -loss * measure.margin).p_fail) for loss in LOSSES),
            ceiling=plan.ceiling(discordance),
        )


def _general_power(gate: GateConfig, units: int, measure: Measure, split: float) -> Iterator[Power]:
    for sd in (0.1, 0.2, 0.3, 0.45):
        caught = []
        for loss in LOSSES:
            # A drop is proven against 0: its distance is the loss itself.
            chance = chance_to_decide(
                units, sd, loss * measure.margin, measure.margin, alpha=gate.alpha_block, split=split
            )
            caught.append((loss, chance))
        yield Power(
            label=f"sd of the differences {sd:g}",
            pass_unchanged=chance_to_decide(
                units, sd, measure.margin, measure.margin, alpha=gate.alpha_pass, split=split
            ),
            fail_unchanged=gate.alpha_block,
            paid_unchanged=1.0,
            pass_at_margin=gate.alpha_pass,
            caught=tuple(caught),
            ceiling=None,
        )


def run_calls(
    workspace: Workspace, names: list[str], evalset_name: str | None
) -> Iterator[tuple[str, int, int, tuple[float, float] | None, str]]:
    """(candidate, answers, recorded, cost, how it was estimated) of ``run``, before it is run."""
    from evalharness.project.running import which

    candidates, evalset = which(workspace, names, evalset_name)
    epochs = workspace.options.epochs or 1
    for name in candidates:
        calls = _Calls.of(workspace, workspace.candidate(name, evalset.name), evalset.living, epochs, {})
        yield name, len(evalset) * epochs, calls.recorded, calls.cost, calls.how


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calls:
    """How many answers exist already, and what the others may cost."""

    recorded: int
    cost: tuple[float, float] | None
    how: str

    @classmethod
    def of(
        cls,
        workspace: Workspace,
        candidate: Candidate | Recording,
        cases: tuple[Case, ...],
        epochs: int,
        known: dict[str, Any],
    ) -> _Calls:
        if isinstance(candidate, Recording):
            return cls(recorded=len(cases) * epochs, cost=(0.0, 0.0), how="answers are recorded")
        reader = workspace.reader()
        recorded, worst_in, worst_out = 0, 0, 0
        for case in cases:
            for epoch in range(epochs):
                request = candidate.request(case, epoch=epoch, attempt=0, run_seed=workspace.config.defaults.seed)
                if request.key in known or reader.find_answer(request.key) is not None:
                    recorded += 1
                    continue
                worst_in += request.worst_tokens[0]
                worst_out += request.worst_tokens[1]
        if candidate.price is None:
            return cls(recorded=recorded, cost=None, how="the price is unknown: add it under [prices]")
        most = (worst_in * candidate.price[0] + worst_out * candidate.price[1]) / 1e6
        likely = (worst_in * candidate.price[0] + worst_out * 0.25 * candidate.price[1]) / 1e6
        return cls(recorded=recorded, cost=(likely, most), how="~ characters / 4, a quarter of the longest answers")
