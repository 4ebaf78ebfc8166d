"""Slices of a verdict: declared guard slices with their own, and every value of the slice fields with numbers and a flag.

Reported slices are many and were not promised anything, so they get no verdict. Those with a drop are flagged by e-BH:
of the flagged ones at most a tenth is expected to be false, under any dependence (Wang and Ramdas 2022).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import fsum
from typing import Any, Final

from evalharness.core.verdicts import ScorerVerdict, SliceVerdict
from evalharness.stats.betting import Betting
from evalharness.stats.multiple import e_bh
from evalharness.stats.rule import EFFECT_WITHOUT_MARGIN
from evalharness.verdict.facts import corpus_values, numbers_of_cases, scorer_verdict
from evalharness.verdict.judge import GateJudge
from evalharness.verdict.pairing import Unit
from evalharness.verdict.sides import units_where
from evalharness.verdict.track import Track

FALSE_SHARE: Final = 0.10
"""Share of false flags among the flagged slices, at most, on average."""


def slice_verdicts(judge: GateJudge) -> tuple[SliceVerdict, ...]:
    """Declared guard slices with their verdicts, then every value of the eval set's slice fields with numbers only."""
    gate = judge.setup.gate
    declared = [
        SliceVerdict(
            field=part.field,
            value=part.value,
            n=len(part.units),
            guard=True,
            scorers=tuple(scorer_verdict(track, gate, epochs=judge.setup.epochs) for track in part.tracks),
        )
        for part in judge.slices
    ]
    listed = list(_listed(judge))
    return (*declared, *_flagged(listed))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    field: str
    value: str
    scorers: list[ScorerVerdict]
    log_es: list[float | None]
    """By scorer: evidence against "no drop in this slice"; None where there can be none."""


def _listed(judge: GateJudge) -> Iterator[_Listed]:
    known = {(part.field, part.value) for part in judge.slices}
    for field in judge.setup.slice_fields:
        shown = {str(c.metadata[field]) for c in judge.setup.pairing.paired if field in c.metadata}
        for value in sorted(shown):
            if (field, value) not in known:
                inside = {unit.name: unit for unit in units_where(judge.units, field, value)}
                tracks = judge.main.tracks
                yield _Listed(
                    field=field,
                    value=value,
                    scorers=[_reported(track, inside) for track in tracks],
                    log_es=[_evidence(track, inside) for track in tracks],
                )


def _reported(track: Track, inside: Mapping[str, Unit]) -> ScorerVerdict:
    ids = {case.id for unit in inside.values() for case in unit.cases}
    cases = [pair for pair in track.cases if pair.case_id in ids]
    numbers: dict[str, Any] = numbers_of_cases(cases, track)
    if track.corpus is not None:
        # A cluster that lies only partly in the slice cannot be taken apart any more: it is left out.
        whole = {name for name, unit in inside.items() if unit.cases == track.corpus.members.get(name)}
        numbers |= corpus_values(track.corpus, whole)
    return ScorerVerdict(
        scorer=track.name,
        role="report",
        reason="reported, not judged",
        n=len(cases),
        signature=track.measure.signature,
        unit=track.measure.unit,
        **numbers,
    )


def _evidence(track: Track, inside: Mapping[str, Unit]) -> float | None:
    """Log e-value against "no drop here", from the units in their order; a missing case is at its best.

    A unit weighs as its cases inside do, against the heaviest of the whole plan, as everywhere (gate.md section 2).
    """
    if not track.measure.bounded or track.corpus is not None:
        return None
    largest = max(unit.weight for unit in inside.values())
    drop: dict[str, list[float]] = {}
    of = {case.id: name for name, unit in inside.items() for case in unit.cases}
    for pair in track.cases:
        if pair.case_id in of:
            drop.setdefault(of[pair.case_id], []).append(pair.weight * pair.best)
    bet = Betting("fail", 0.0, track.measure.margin or EFFECT_WITHOUT_MARGIN)
    for parts in drop.values():
        bet.update(fsum(parts) / largest)
    return bet.log_e


def _flagged(listed: list[_Listed]) -> list[SliceVerdict]:
    places = [(i, j) for i, part in enumerate(listed) for j, log_e in enumerate(part.log_es) if log_e is not None]
    log_es = [log_e for part in listed for log_e in part.log_es if log_e is not None]
    flagged = {places[place] for place in e_bh(log_es, FALSE_SHARE)}
    return [
        SliceVerdict(
            field=part.field,
            value=part.value,
            n=max((scorer.n for scorer in part.scorers), default=0),
            scorers=tuple(
                _with_flag(scorer, log_e, flag=(i, j) in flagged)
                for j, (scorer, log_e) in enumerate(zip(part.scorers, part.log_es, strict=True))
            ),
        )
        for i, part in enumerate(listed)
    ]


def _with_flag(scorer: ScorerVerdict, log_e: float | None, *, flag: bool) -> ScorerVerdict:
    if log_e is None:
        return scorer
    details = {"flag": flag, "false_share": FALSE_SHARE, "log_e_now": log_e}
    said = "a drop here, found among all slices (at most a tenth of such findings is false)" if flag else scorer.reason
    return replace(scorer, details=details, reason=said)
