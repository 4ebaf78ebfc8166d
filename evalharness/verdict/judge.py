"""The stop rule of one gate: takes the candidate's cases in the planned order and knows when the verdict is certain.

The runner obeys it (``core.protocols.StopRule``); ``conclusion.py`` turns its state into the verdict that people read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalharness.config.model import GateConfig, LimitConfig
from evalharness.core.cases import Case
from evalharness.core.errors import BaselineError
from evalharness.core.protocols import ScorerFacts
from evalharness.core.results import CaseResult
from evalharness.stats import mean_log_e, name_regressed
from evalharness.verdict.baseline import Baseline
from evalharness.verdict.hard import HardCheck
from evalharness.verdict.measure import Measure, lost, measure_for
from evalharness.verdict.pairing import Pairing, Unit, units_in_order
from evalharness.verdict.track import (
    PairedCase,
    PlanSource,
    Track,
    live_pairs,
    open_track,
    pairs_of,
    planned_sizes,
    sizes_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCase:
    """Everything that is fixed before the first call: what is compared, and under which rule."""

    gate: GateConfig
    baseline: Baseline
    pairing: Pairing
    scorers: Mapping[str, ScorerFacts]
    """Scorer name -> built scorer, one per limit."""
    order_seed: str
    recorded: bool
    """The candidate's answers are recorded (one attempt)."""
    cases: tuple[Case, ...]
    """All living cases, for absolute checks."""
    slice_fields: tuple[str, ...] = ()
    """Metadata fields that reports slice by."""
    live: Mapping[str, frozenset[str]] | None = None
    """Scorer name -> ids of the cases that count under it, when the baseline is answered in this very run and its results
    are filled in case by case; None when they are all there."""
    plans: PlanSource | None = None
    """Where exact plans come from; computed when None."""

    @property
    def epochs(self) -> tuple[int, int]:
        """Epochs of (baseline, candidate)."""
        return self.baseline.epochs, self.gate.epochs


@dataclass(slots=True, kw_only=True)
class SliceTracks:
    """A declared guard slice: the tracks of its limits over the units inside it."""

    field: str
    value: str
    units: frozenset[str]
    tracks: list[Track]


class GateJudge:
    """Follows one gate while its cases come in.

    Args:
        setup: What is compared, and the rule.
    """

    def __init__(self, setup: GateCase) -> None:
        self.setup = setup
        gate = setup.gate
        self.units = units_in_order(setup.pairing.paired, setup.order_seed)
        self.hard = [
            HardCheck(limit=limit, signature=setup.scorers[limit.scorer].signature, recorded=setup.recorded)
            for limit in gate.limits
            if limit.every
        ]
        soft = [limit for limit in gate.limits if not limit.every]
        slices = list(_slice_units(gate, self.units))
        guards = sum(1 for limit in soft if limit.role != "report")
        self.family = max(1, guards + sum(len(limits) for _, _, limits, _ in slices))
        self.tracks = [self._track(limit, self.units) for limit in soft]
        self._check_guards()
        self.slices = [
            SliceTracks(
                field=field,
                value=value,
                units=frozenset(unit.name for unit in inside),
                tracks=[self._track(limit, inside) for limit in limits],
            )
            for field, value, limits, inside in slices
        ]
        self._paired = frozenset(case.id for case in setup.pairing.paired)
        self._position = 0
        self._pending: dict[str, CaseResult] = {}
        self._lost: set[str] = set()
        self.used = 0
        """Paired cases of the contiguous prefix so far."""
        self.family_failed: tuple[str, ...] = ()
        """Scorers named by the merged evidence, when that crossed before any single one did."""
        self._bar = -math.log(self._running_block_alpha())

    # --- the plan ---------------------------------------------------------------------------------------------------

    def order(self) -> tuple[Case, ...]:
        """The cases to ask, in order: paired units by the seed, then unpaired cases that an absolute check needs."""
        paired = [case for unit in self.units for case in unit.cases]
        if not any(check.absolute for check in self.hard):
            return tuple(paired)
        known = {case.id for case in paired}
        return (*paired, *(case for case in self.setup.cases if case.id not in known))

    # --- core.protocols.StopRule ------------------------------------------------------------------------------------

    def wants_attempt(self, result: CaseResult) -> bool:
        """True when a hard check failed on a case the baseline passes, and attempts are left."""
        before = self.setup.baseline.results.get(result.case_id)
        return any(check.wants_attempt(result, before) for check in self.hard)

    def observe(self, result: CaseResult) -> bool:
        """Take the next case of the order; True when the verdict cannot change any more."""
        before = self._paired_baseline(result.case_id)
        for check in self.hard:
            if before is not None or check.absolute:
                check.observe(result, before)
        looked_at = result.epoch_trials()
        if self.setup.live is not None and before is not None:
            looked_at += before.epoch_trials()
        if any(lost(trial) for trial in looked_at):
            self._lost.add(result.case_id)
        self._pending[result.case_id] = result
        self._advance()
        return self.settled

    @property
    def settled(self) -> bool:
        """True when nothing that is still to come can change the verdict (and stopping early is allowed)."""
        if self.setup.gate.stop == "never":
            return False
        return self.failed or (not self.hard and self.all_passed)

    @property
    def failed(self) -> bool:
        """A confirmed flip, or a guard that is proven worse."""
        return (
            any(check.flips for check in self.hard)
            or bool(self.family_failed)
            or any(track.decided == "fail" for track in self.blocking())
        )

    @property
    def all_passed(self) -> bool:
        """Every guard is shown not worse (and there is one)."""
        guards = self.guards()
        return bool(guards) and all(track.decided == "pass" for track in guards)

    @property
    def lost_cases(self) -> int:
        """Used cases with an answer that the infrastructure lost."""
        return len(self._lost)

    def guards(self) -> list[Track]:
        """The tracks that must pass."""
        return [track for track in self.tracks if track.measure.limit.role != "report"]

    def blocking(self) -> list[Track]:
        """The tracks that can fail the gate: guards and guard slices."""
        return [*self.guards(), *(track for part in self.slices for track in part.tracks)]

    # --- inside -----------------------------------------------------------------------------------------------------

    def _check_guards(self) -> None:
        """A guard that no baseline score could ever inform must not look like one that holds.

        Raises:
            BaselineError: If a guard has no case with a baseline score.
        """
        for track in self.guards():
            if track.engine is None:
                raise BaselineError(
                    f"scorer {track.measure.name!r} gives no score on any paired case of the baseline",
                    where=track.measure.limit.where,
                    tip="check that the cases have the fields it needs (evalh run shows what is unscored)",
                )

    def _track(self, limit: LimitConfig, units: Sequence[Unit]) -> Track:
        setup = self.setup
        measure = measure_for(limit, setup.scorers[limit.scorer])
        sizes = (
            planned_sizes(measure, units, setup.baseline.results, setup.baseline.epochs)
            if setup.live is None
            else sizes_of(units, setup.live[limit.scorer])
        )
        return open_track(measure, setup.gate, sizes, family=self.family, epochs=setup.epochs, plans=setup.plans)

    def _paired_baseline(self, case_id: str) -> CaseResult | None:
        return self.setup.baseline.results.get(case_id) if case_id in self._paired else None

    def _advance(self) -> None:
        """Hand on every unit whose cases are all in: only whole units of the contiguous prefix count."""
        while self._position < len(self.units):
            unit = self.units[self._position]
            if any(case.id not in self._pending for case in unit.cases):
                return
            results = {case.id: self._pending.pop(case.id) for case in unit.cases}
            self._position += 1
            self.used += len(unit.cases)
            self._observe_unit(unit, results)

    def _observe_unit(self, unit: Unit, results: Mapping[str, CaseResult]) -> None:
        for tracks in (self.tracks, *(part.tracks for part in self.slices if unit.name in part.units)):
            for track in tracks:
                track.observe(self._pairs(track.measure, unit, results))
        self._merge_evidence()

    def _pairs(self, measure: Measure, unit: Unit, results: Mapping[str, CaseResult]) -> list[PairedCase]:
        setup = self.setup
        stored = setup.baseline.results
        if setup.live is None:
            return pairs_of(measure, unit, stored, results, setup.epochs)
        planned = setup.live[measure.name]
        return live_pairs(measure, unit, stored, results, epochs=setup.gate.epochs, planned=planned)

    def _merge_evidence(self) -> None:
        """Mean of the *current* e-values of the general tracks: an e-value for "none of them is worse".

        Never the mean of running maxima (gate-exact, attack B2). The exact tracks keep their own share of alpha and
        take no part, because their refunded last bar has spent it.
        """
        general = [track for track in self.blocking() if track.method == "general" and track.engine is not None]
        if self.family_failed or len(general) < 2:
            return
        nows = [track.engine.log_e_now for track in general if track.engine is not None]
        # "Worse than the margin" must have proven the drop too (unequal clusters are not nested path by path).
        if mean_log_e([now.fail for now in nows]) >= self._bar and mean_log_e([now.drop for now in nows]) >= self._bar:
            alpha = math.exp(-self._bar)
            named = name_regressed([now.fail for now in nows], alpha)
            names = dict.fromkeys(general[place].measure.name for place in named)
            self.family_failed = tuple(names) or ("one of several",)

    def _running_block_alpha(self) -> float:
        """The running share of alpha_block that the general tracks hold together."""
        general = [track for track in self.blocking() if track.method == "general" and track.rule is not None]
        shares = [track.rule.running_share for track in general if track.rule is not None]
        return self.setup.gate.alpha_block * len(general) / self.family * min(shares) if shares else 1e-300


def _slice_units(
    gate: GateConfig, units: Sequence[Unit]
) -> list[tuple[str, str, tuple[LimitConfig, ...], tuple[Unit, ...]]]:
    """(field, value, limits, units) of each declared guard slice; a unit belongs where all its cases agree."""
    found: list[tuple[str, str, tuple[LimitConfig, ...], tuple[Unit, ...]]] = []
    for field, limits in gate.slices.items():
        values: dict[str, list[Unit]] = {}
        for unit in units:
            shown = {str(case.metadata[field]) for case in unit.cases if field in case.metadata}
            if len(shown) == 1:
                values.setdefault(shown.pop(), []).append(unit)
        found.extend((field, value, limits, tuple(inside)) for value, inside in sorted(values.items()))
    return found
