"""The numbers of a verdict: means, differences, intervals, needed cases, slices and worst cases. Computed once, here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from evalharness.config.model import GateConfig
from evalharness.core.verdicts import NeededCases, Outcome, Role, ScorerVerdict, SliceVerdict, WorstCase
from evalharness.stats.rule import Decision
from evalharness.verdict.judge import GateJudge
from evalharness.verdict.track import PairedCase, Track

_OUTCOMES: Final[dict[str, Outcome]] = {"pass": "pass", "fail": "regression", "inconclusive": "inconclusive"}
MOST_WORST: Final = 100
"""Worst cases that a verdict lists."""
_TIE: Final = 1e-9


def scorer_verdict(track: Track, gate: GateConfig) -> ScorerVerdict:
    """One scorer's part of the verdict, in the scorer's own unit, signed so that + is better."""
    numbers = _numbers(track.cases, track)
    measure = track.measure
    decision = track.engine.finish() if track.engine is not None else None
    base: dict[str, Any] = {
        "scorer": measure.name,
        "role": _role(track),
        "n": len(track.differences),
        "signature": measure.signature,
        "unit": measure.unit,
        "margin": measure.limit.margin if measure.limit.role != "report" else None,
        **numbers,
    }
    limits = _interval(track, gate)
    if limits is not None:
        base["interval"] = limits[0]
        base["interval_level"] = round(limits[1], 9)
    if decision is None or track.rule is None:
        return ScorerVerdict(
            **base,
            outcome="pass",
            reason="reported, not judged" if measure.limit.role == "report" else "no case to judge",
        )
    outcome = _OUTCOMES[decision.verdict]
    needed = _needed(track, gate) if outcome == "inconclusive" else None
    return ScorerVerdict(
        **base,
        outcome=outcome,
        reason=_reason(track, decision, numbers["difference"], needed),
        alpha_pass=track.rule.alpha_pass,
        alpha_block=track.rule.alpha_block,
        method=decision.method,
        log_e_pass=decision.log_e_pass,
        log_e_fail=decision.log_e_fail,
        log_e_drop=decision.log_e_drop,
        p_pass=decision.p_pass,
        p_fail=decision.p_fail,
        p_drop=decision.p_drop,
        needed_cases=needed,
        details={"planned": track.rule.planned, "missing": track.unscored},
    )


def slice_verdicts(judge: GateJudge) -> tuple[SliceVerdict, ...]:
    """Declared guard slices with their verdicts, then every value of the eval set's slice fields with numbers only."""
    gate = judge.setup.gate
    declared = [
        SliceVerdict(
            field=part.field,
            value=part.value,
            n=len(part.units),
            guard=True,
            scorers=tuple(scorer_verdict(track, gate) for track in part.tracks),
        )
        for part in judge.slices
    ]
    known = {(part.field, part.value) for part in judge.slices}
    cases = {case.id: case for case in judge.setup.pairing.paired}
    listed = []
    for field in judge.setup.slice_fields:
        values = sorted({str(c.metadata[field]) for c in cases.values() if field in c.metadata})
        for value in values:
            if (field, value) in known:
                continue
            inside = {i for i, c in cases.items() if field in c.metadata and str(c.metadata[field]) == value}
            listed.append(_listed_slice(field, value, inside, judge.tracks))
    return (*declared, *listed)


def worst_cases(judge: GateJudge) -> tuple[WorstCase, ...]:
    """The cases that got worse under a guard, largest drop first, at most ``MOST_WORST``."""
    found = [
        (pair.difference, index, track, pair)
        for index, track in enumerate(judge.guards() or judge.tracks)
        for pair in track.cases
        if pair.difference is not None and pair.difference < -_TIE
    ]
    found.sort(key=lambda row: (row[0], row[1], row[3].case_id))
    return tuple(
        WorstCase(
            id=pair.case_id,
            scorer=track.measure.name,
            baseline=track.measure.raw(pair.baseline),
            candidate=track.measure.raw(pair.candidate.mean or 0.0),
        )
        for _, _, track, pair in found[:MOST_WORST]
    )


def _role(track: Track) -> Role:
    return track.measure.limit.role


def _listed_slice(field: str, value: str, inside: set[str], tracks: Sequence[Track]) -> SliceVerdict:
    scorers = []
    for track in tracks:
        cases = [pair for pair in track.cases if pair.case_id in inside]
        numbers = _numbers(cases, track)
        scorers.append(
            ScorerVerdict(
                scorer=track.measure.name,
                role="report",
                reason="reported, not judged",
                n=len(cases),
                signature=track.measure.signature,
                unit=track.measure.unit,
                **numbers,
            )
        )
    return SliceVerdict(field=field, value=value, n=max((s.n for s in scorers), default=0), scorers=tuple(scorers))


def _numbers(cases: Sequence[PairedCase], track: Track) -> dict[str, Any]:
    """Means over the cases that have both numbers (weighted), their difference, and the counts of worse/better/same."""
    whole = [pair for pair in cases if pair.difference is not None]
    weight = math.fsum(pair.weight for pair in whole)
    if not weight:
        return {"baseline_mean": None, "candidate_mean": None, "difference": None, "worse": 0, "better": 0, "same": 0}
    measure = track.measure
    before = math.fsum(pair.weight * pair.baseline for pair in whole) / weight
    after = math.fsum(pair.weight * (pair.candidate.mean or 0.0) for pair in whole) / weight
    changes = [pair.difference or 0.0 for pair in whole]
    return {
        "baseline_mean": measure.raw(before),
        "candidate_mean": measure.raw(after),
        "difference": (after - before) * _span(track),
        "worse": sum(1 for d in changes if d < -_TIE),
        "better": sum(1 for d in changes if d > _TIE),
        "same": sum(1 for d in changes if abs(d) <= _TIE),
    }


def _span(track: Track) -> float:
    return track.measure.span if track.measure.bounded else 1.0


def _interval(track: Track, gate: GateConfig) -> tuple[tuple[float, float], float] | None:
    """The interval that inverts the gate's own tests, and its level; None where there is nothing to invert."""
    rule = track.rule
    if not track.differences or not track.measure.bounded:
        return None
    low, high = _limits(track, gate)
    span = _span(track)
    block = rule.alpha_block if rule is not None else gate.alpha_block
    alpha_pass = rule.alpha_pass if rule is not None else gate.alpha_pass
    return (low * span, high * span), round(1.0 - alpha_pass - block, 12)


def _limits(track: Track, gate: GateConfig) -> tuple[float, float]:
    from evalharness.stats.intervals import interval_eval_set, limit
    from evalharness.stats.rule import default_split

    own = getattr(track.engine, "interval", None)
    if own is not None:
        limits: tuple[float, float] = own()
        return limits
    rule = track.rule
    worst = [row[1] for row in track.differences]
    best = [row[2] for row in track.differences]
    alphas = (rule.alpha_pass, rule.alpha_block) if rule is not None else (gate.alpha_pass, gate.alpha_block)
    effect = rule.design_effect if rule is not None else 0.05
    if rule is not None and rule.estimand == "eval_set":
        planned = rule.planned
        return (
            interval_eval_set(worst, effect, planned, alpha=alphas[0])[0],
            interval_eval_set(best, effect, planned, alpha=alphas[1])[1],
        )
    largest = rule.largest if rule is not None else None
    weights = [row[3] / largest for row in track.differences] if largest is not None else None
    split = rule.running_share if rule is not None else default_split(len(worst))
    final = rule is None or len(worst) == rule.planned
    return (
        limit("pass", worst, effect, alpha=alphas[0], split=split, final=final, weights=weights),
        limit("fail", best, effect, alpha=alphas[1], split=split, final=final, weights=weights),
    )


def _needed(track: Track, gate: GateConfig) -> NeededCases:
    """About how many units in all would decide: if the candidate is unchanged, and if what was seen is real."""
    from evalharness.stats.design import need

    rule = track.rule
    if rule is None or rule.pass_null >= 0:
        return NeededCases()
    split = 0.0 if track.method == "exact" else rule.running_share
    found = need((row[0] for row in track.differences), rule.margin, gate.power, alpha=rule.alpha_pass, split=split)
    if found is None:
        return NeededCases()
    return NeededCases(if_unchanged=found.if_unchanged, if_as_seen=found.if_as_seen)


def amount(value: float, unit: str) -> str:
    """A size (not a change) as people read it: ``5.0 points``, ``0.40 s``, ``0.0012 USD``."""
    if unit == "points":
        return f"{value * 100:.1f} points"
    return f"{value:.4g} {unit}".rstrip()


def _moved(difference: float | None, unit: str, *, lower_is_better: bool) -> str:
    """``fell 6.6 points``; ``hardly moved`` where the printed number would be zero."""
    if difference is None:
        return "has no pair of numbers yet"
    if abs(difference) < _TIE:
        return "did not move"
    if unit == "points" and abs(difference) < 0.0005:
        return "hardly moved"
    size = amount(abs(difference), unit)
    if lower_is_better:
        return f"got {'worse' if difference < 0 else 'better'} by {size}"
    return f"{'fell' if difference < 0 else 'rose'} {size}"


def missed_if_merged(track: Track) -> tuple[float, float] | None:
    """What merging an INCONCLUSIVE by hand would mean: (P(PASS), P(INCONCLUSIVE)) at a true drop of the margin.

    Exact, for 0/1 scores, at the discordance that was seen (gate-exact, attack B20); None elsewhere.
    """
    plan = getattr(track.engine, "plan", None)
    if plan is None or not track.cases:
        return None
    changed = sum(1 for pair in track.cases if pair.difference is not None and abs(pair.difference) > _TIE)
    at_margin = plan.outcome(changed / len(track.cases), -track.measure.margin)
    return at_margin.p_pass, at_margin.p_inconclusive


def _reason(track: Track, decision: Decision, difference: float | None, needed: NeededCases | None) -> str:
    measure = track.measure
    name, unit = measure.name, measure.unit
    margin = amount(measure.limit.margin or 0.0, unit)
    moved = _moved(difference, unit, lower_is_better=measure.lower_is_better)
    if decision.verdict == "fail":
        if "worse than the margin" in decision.reason:
            return f"{name} {moved}: worse than the margin of {margin}"
        return f"{name} {moved}: a drop is proven, that it is within {margin} is not"
    if decision.verdict == "pass":
        if measure.limit.role == "improve":
            return f"{name} {moved}: shown to be better"
        return f"{name} {moved}: not worse by {margin} or more"
    return f"{name} {moved}: cannot be told yet{_advice(needed)}"


def _advice(needed: NeededCases | None) -> str:
    if needed is None or (needed.if_unchanged is None and needed.if_as_seen is None):
        return ""
    if needed.if_as_seen is None:
        return f"; it sits on the margin (about {needed.if_unchanged} cases in all if it is really unchanged)"
    return (
        f"; about {needed.if_unchanged} cases in all if it is really unchanged, "
        f"{needed.if_as_seen} if what was seen is real"
    )
