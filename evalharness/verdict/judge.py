"""The stop rule of one gate: takes the candidate's cases in the planned order and knows when the verdict is certain.

The runner obeys it (``core.protocols.StopRule``); ``conclusion.py`` turns its state into the verdict that people read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalharness.config.model import GateConfig, LimitConfig
from evalharness.core.cases import Case
from evalharness.core.errors import BaselineError, ConfigError
from evalharness.core.protocols import GroupScorer, ScorerFacts
from evalharness.core.results import CaseResult, Output
from evalharness.core.verdicts import ChancePoint, EvidencePoint
from evalharness.stats import mean_log_e, name_regressed
from evalharness.verdict.baseline import Baseline
from evalharness.verdict.corpus import Corpus, is_corpus, planned_units
from evalharness.verdict.hard import HardCheck
from evalharness.verdict.measure import Measure, lost, measure_for
from evalharness.verdict.paired import PairedCase, live_pairs, pairs_of, planned_sizes, sizes_of
from evalharness.verdict.pairing import Pairing, Unit, units_in_order
from evalharness.verdict.sides import PINNED, Side, by_name, guard_slices, units_known_to
from evalharness.verdict.track import PlanSource, Track, open_track


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
    pinned: Baseline | None = None
    """A second stored arm that the same answers are compared with: guards must hold against both."""

    @property
    def epochs(self) -> tuple[int, int]:
        """Epochs of (baseline, candidate)."""
        return self.baseline.epochs, self.gate.epochs


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
        slices = guard_slices(gate.slices, self.units)
        judged = [limit for limit in soft if limit.role != "report"]
        # Only what must not get worse is held against the pinned arm: a gain is asked for over the last baseline.
        pinned = [limit for limit in judged if limit.role == "guard"] if setup.pinned is not None else []
        self.family = max(1, len(judged) + len(pinned) + sum(len(limits) for _, _, limits, _ in slices))
        self.main = self._side(setup.baseline, self.units, soft)
        self.pinned = None if setup.pinned is None else self._pinned_side(setup.pinned, pinned)
        self.slices = [
            self._side(setup.baseline, inside, limits, field=field, value=value)
            for field, value, limits, inside in slices
        ]
        self._guards = [track for track in self.tracks if track.measure.limit.role != "report"]
        self._blocking = [*self._guards, *(track for part in self.slices for track in part.tracks)]
        self._general = [track for track in self._blocking if track.engine is not None and track.method == "general"]
        self._sides = (self.main, *((self.pinned,) if self.pinned is not None else ()), *self.slices)
        self._check_guards()
        self._paired: frozenset[str] | None = None
        self._position = 0
        self._pending: dict[str, CaseResult] = {}
        self._lost: set[str] = set()
        self.used = 0
        """Paired cases of the contiguous prefix so far."""
        self.family_failed: tuple[str, ...] = ()
        """Scorers named by the merged evidence, when that crossed before any single one did."""
        self._costs: list[float] = []

    @property
    def tracks(self) -> list[Track]:
        """The gate's own limits, then the copies of its guards against the pinned arm."""
        return [*self.main.tracks, *(self.pinned.tracks if self.pinned is not None else ())]

    def epochs_of(self, track: Track) -> tuple[int, int]:
        """Epochs of (the arm it is compared with, candidate)."""
        side = self.pinned if track.against and self.pinned is not None else self.main
        return side.baseline.epochs, self.setup.gate.epochs

    @property
    def cost_per_answer(self) -> float | None:
        """US dollars that an answer cost on average; None where nothing is known."""
        return math.fsum(self._costs) / len(self._costs) if self._costs else None

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
        if not self.hard:
            return False
        before = self.setup.baseline.results.get(result.case_id)
        return any(check.wants_attempt(result, before) for check in self.hard)

    def observe(self, result: CaseResult) -> bool:
        """Take the next case of the order; True when the verdict cannot change any more."""
        before = self._paired_baseline(result.case_id) if self.hard or self.setup.live is not None else None
        for check in self.hard:
            if before is not None or check.absolute:
                check.observe(result, before)
        looked_at = result.epoch_trials()
        if self.setup.live is not None and before is not None:
            looked_at += before.epoch_trials()
        for trial in looked_at:
            if lost(trial):
                self._lost.add(result.case_id)
        for trial in result.trials:
            if isinstance(trial.output, Output) and trial.output.cost_usd is not None:
                self._costs.append(trial.output.cost_usd)
        self._take(result)
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

    def paths(self) -> dict[str, tuple[EvidencePoint, ...]]:
        """How the evidence of each guard grew."""
        return {track.name: tuple(track.path) for track in self.guards() if track.path}

    def chances(self) -> Mapping[str, Sequence[ChancePoint]]:
        """What the gate would say of each guard at given true changes: takes up to seconds."""
        from evalharness.verdict.sight import chances

        return chances(self)

    def guards(self) -> list[Track]:
        """The tracks that must pass."""
        return self._guards

    def blocking(self) -> list[Track]:
        """The tracks that can fail the gate: guards and guard slices."""
        return self._blocking

    # --- inside -----------------------------------------------------------------------------------------------------

    def _check_guards(self) -> None:
        """A guard that no baseline score could ever inform must not look like one that holds.

        Raises:
            BaselineError: If a guard has no case with a baseline score.
            ConfigError: If a hard check leaves a single attempt to answers that may vary.
        """
        for track in self.guards():
            if not track.judges:
                raise BaselineError(
                    f"scorer {track.measure.name!r} gives no score on any paired case of the "
                    f"{f'{track.against} ' if track.against else ''}baseline",
                    where=track.measure.limit.where,
                    tip="check that the cases have the fields it needs (evalh run shows what is unscored)",
                )
        for check in self.hard:
            self._refuse_asking_a_group_again(check)
            check.refuse_one_attempt(len(self.setup.pairing.paired), stored=self.setup.baseline.epochs)

    def _refuse_asking_a_group_again(self, check: HardCheck) -> None:
        """A hard check asks a failed case again, and a group's value is of all its members at once."""
        if isinstance(self.setup.scorers[check.limit.scorer], GroupScorer) and check.attempts > 1:
            raise ConfigError(
                f"{check.limit.scorer!r} scores whole behaviour groups, which a hard check cannot ask again",
                where=check.limit.where,
                tip='write { on = "passed", margin = 0.05 }, or attempts = 1',
            )

    def _side(
        self,
        baseline: Baseline,
        units: Sequence[Unit],
        limits: Sequence[LimitConfig],
        *,
        field: str = "",
        value: str = "",
    ) -> Side:
        side = Side(baseline=baseline, units=by_name(units), tracks=[], field=field, value=value, live=self.setup.live)
        # Declared looks are sizes of the whole gate; a slice is read to its end.
        gate = replace(self.setup.gate, extendable=()) if field else self.setup.gate
        side.tracks = [self._track(limit, side, gate) for limit in limits]
        return side

    def _pinned_side(self, pinned: Baseline, limits: Sequence[LimitConfig]) -> Side:
        side = Side(baseline=pinned, units=by_name(units_known_to(self.units, pinned.results)), tracks=[])
        side.tracks = [self._track(limit, side, self.setup.gate) for limit in limits]
        for track in side.tracks:
            track.against = PINNED
        return side

    def _track(self, limit: LimitConfig, side: Side, gate: GateConfig) -> Track:
        scorer = self.setup.scorers[limit.scorer]
        measure = measure_for(limit, scorer)
        units, stored = side.units.values(), side.baseline
        if is_corpus(scorer, limit):
            corpus = Corpus(scorer=scorer, limit=limit, epochs=min(stored.epochs, gate.epochs), planned=0)
            corpus.planned = (
                planned_units(corpus, units, stored.results)
                if side.live is None
                else len(sizes_of(units, side.live[limit.scorer]))
            )
            return Track(measure=measure, rule=None, engine=None, method="general", corpus=corpus, family=self.family)
        sizes = (
            planned_sizes(measure, units, stored.results, stored.epochs)
            if side.live is None
            else sizes_of(units, side.live[limit.scorer])
        )
        epochs = (stored.epochs, gate.epochs)
        return open_track(measure, gate, sizes, family=self.family, epochs=epochs, plans=self.setup.plans)

    def _paired_baseline(self, case_id: str) -> CaseResult | None:
        if self._paired is None:
            self._paired = frozenset(case.id for case in self.setup.pairing.paired)
        return self.setup.baseline.results.get(case_id) if case_id in self._paired else None

    def _take(self, result: CaseResult) -> None:
        """Hand on every unit whose cases are all in: only whole units of the contiguous prefix count."""
        if not self._pending and self._position < len(self.units):
            unit = self.units[self._position]
            if len(unit.cases) == 1 and unit.cases[0].id == result.case_id:
                self._position += 1
                self.used += 1
                self._observe_unit(unit, {result.case_id: result})
                return
        self._pending[result.case_id] = result
        while self._position < len(self.units):
            unit = self.units[self._position]
            for case in unit.cases:
                if case.id not in self._pending:
                    return
            results = {case.id: self._pending.pop(case.id) for case in unit.cases}
            self._position += 1
            self.used += len(unit.cases)
            self._observe_unit(unit, results)

    def _observe_unit(self, unit: Unit, results: Mapping[str, CaseResult]) -> None:
        for side in self._sides:
            inside = side.units.get(unit.name)
            for track in side.tracks if inside is not None else ():
                assert inside is not None
                track.observe(self._pairs(track.measure, side, inside, results))
                if track.corpus is not None:
                    planned = None if side.live is None else side.live[track.measure.name]
                    track.corpus.observe(inside, side.baseline.results, results, planned=planned)
        self._merge_evidence()

    def _pairs(self, measure: Measure, side: Side, unit: Unit, results: Mapping[str, CaseResult]) -> list[PairedCase]:
        stored, epochs = side.baseline, self.setup.gate.epochs
        if side.live is None:
            return pairs_of(measure, unit, stored.results, results, (stored.epochs, epochs))
        return live_pairs(measure, unit, stored.results, results, epochs=epochs, planned=side.live[measure.name])

    def _merge_evidence(self) -> None:
        """Mean of the *current* e-values of the general tracks: an e-value for "none of them is worse".

        Never the mean of running maxima (gate-exact, attack B2). The exact tracks keep their own share of alpha and
        take no part, because their refunded last bar has spent it. Each track weighs as much as the share of alpha that
        it watches while running, so whatever fails alone has failed the mean too, and alpha is spent once.
        """
        general = self._general
        if self.family_failed or len(general) < 2:
            return
        shares = [track.rule.running_share for track in general if track.rule is not None]
        alpha = self.setup.gate.alpha_block * math.fsum(shares) / self.family
        nows = [track.engine.log_e_now for track in general if track.engine is not None]
        merged = (mean_log_e([now.fail for now in nows], shares), mean_log_e([now.drop for now in nows], shares))
        # "Worse than the margin" must have proven the drop too (unequal clusters are not nested path by path).
        if min(merged) >= -math.log(alpha):
            named = name_regressed([now.fail for now in nows], alpha)
            names = dict.fromkeys(general[place].name for place in named)
            self.family_failed = tuple(names) or ("one of several",)
