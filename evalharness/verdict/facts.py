"""The numbers of a verdict: means, differences, intervals, needed cases and worst cases. Computed once, here."""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection, Sequence
from statistics import stdev
from typing import Any, Final, Literal, NamedTuple

from evalharness.config.model import GateConfig
from evalharness.core.verdicts import NeededCases, Outcome, ScorerVerdict, WorstCase
from evalharness.stats.rule import Rule
from evalharness.verdict.corpus import Corpus, corpus_details, judge_corpus, numbers_of
from evalharness.verdict.judge import GateJudge
from evalharness.verdict.paired import PairedCase
from evalharness.verdict.sentences import TIE, nothing_proven, opening, reason
from evalharness.verdict.spread import spread_details
from evalharness.verdict.track import Track

_OUTCOMES: Final[dict[str, Outcome]] = {"pass": "pass", "fail": "regression", "inconclusive": "inconclusive"}
MOST_WORST: Final = 100
"""Worst cases that a verdict lists."""


def scorer_verdict(
    track: Track, gate: GateConfig, *, epochs: tuple[int, int] = (1, 1), cost: float | None = None
) -> ScorerVerdict:
    """One scorer's part of the verdict, in the scorer's own unit, signed so that + is better.

    Args:
        track: The scorer after the run.
        gate: Alphas, mode, power.
        epochs: Epochs of (baseline, candidate).
        cost: US dollars per answer; None where unknown.
    """
    numbers = numbers_of_cases(track.cases, track)
    measure = track.measure
    base: dict[str, Any] = {
        "scorer": track.name,
        "role": measure.limit.role,
        "n": len(track.differences),
        "signature": measure.signature,
        "unit": measure.unit,
        "margin": measure.limit.margin if measure.limit.role != "report" else None,
        **numbers,
    }
    details: dict[str, Any] = spread_details(track, epochs, cost)
    if track.against:
        details |= {"against": track.against, "scorer": measure.name}
    if measure.lower_is_better:
        details["lower_is_better"] = True  # for reports: which way single cases moved
    if track.corpus is not None:
        return _corpus_verdict(track, track.corpus, gate, base, details)
    limits = _interval(track, gate)
    if limits is not None:
        base["interval"] = limits[0]
        base["interval_level"] = round(limits[1], 9)
    if track.engine is None or track.rule is None:
        said = "reported, not judged" if measure.limit.role == "report" else "no case to judge"
        return ScorerVerdict(**base, outcome="pass", reason=said, details=details)
    return _judged(track, gate, base, details)


def _judged(track: Track, gate: GateConfig, base: dict[str, Any], details: dict[str, Any]) -> ScorerVerdict:
    assert track.engine is not None
    assert track.rule is not None
    decision = track.engine.finish()
    outcome = _OUTCOMES[decision.verdict]
    blocks_only = gate.mode == "block_only" and outcome == "inconclusive"
    needed = _needed(track, gate) if outcome == "inconclusive" and not blocks_only else None
    said = reason(track, decision, base["difference"], needed)
    if blocks_only and not decision.drop_proven and "interval" in base:
        said = nothing_proven(track, base["difference"], base["interval"][0])
    if track.rule.looks:
        details["looks"] = [*track.rule.looks, track.rule.planned]
    return ScorerVerdict(
        **base,
        outcome=outcome,
        reason=said,
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
        details={"planned": track.rule.planned, "missing": track.missing, **details},
    )


def _corpus_verdict(
    track: Track, corpus: Corpus, gate: GateConfig, base: dict[str, Any], details: dict[str, Any]
) -> ScorerVerdict:
    found = numbers_of(corpus, gate, track.family)
    judged = track.measure.limit.role != "report"
    base |= corpus_values(corpus, set(corpus.names)) | {"n": corpus.seen}
    if found is not None and found.interval is not None:
        base["interval"] = found.interval
        base["interval_level"] = round(1.0 - gate.alpha_pass - gate.alpha_block / track.family, 9)
    outcome, said = judge_corpus(corpus, found, gate, track.family) if judged else ("pass", "")
    return ScorerVerdict(
        **base,
        outcome=outcome,
        reason=f"{opening(track, base['difference'])}: {said}" if judged else "reported, not judged",
        alpha_pass=gate.alpha_pass if judged else None,
        alpha_block=gate.alpha_block / track.family if judged else None,
        p_drop=None if found is None else found.p_worse,
        details={**details, **corpus_details(corpus, found)},
    )


def corpus_values(corpus: Corpus, names: Collection[str]) -> dict[str, Any]:
    """Corpus values of both arms over some units and their signed difference; nothing where no such unit is in."""
    rows = [row for row in zip(corpus.names, corpus.before, corpus.after, strict=True) if row[0] in names]
    if not rows:
        return {"baseline_mean": None, "candidate_mean": None, "difference": None}
    before, after = corpus.value([row[1] for row in rows]), corpus.value([row[2] for row in rows])
    sign = -1.0 if corpus.scorer.direction == "lower" else 1.0
    return {"baseline_mean": before, "candidate_mean": after, "difference": sign * (after - before)}


def worst_cases(judge: GateJudge) -> tuple[WorstCase, ...]:
    """The cases that got worse under a guard, largest drop first, at most ``MOST_WORST``."""
    found = [
        (pair.difference, index, track, pair)
        for index, track in enumerate([t for t in judge.guards() if not t.against] or judge.tracks)
        for pair in track.cases
        if pair.difference is not None and pair.difference < -TIE
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


def numbers_of_cases(cases: Sequence[PairedCase], track: Track) -> dict[str, Any]:
    """Means over the cases that have both numbers (weighted), their difference, and the counts of worse/better/same."""
    weights, befores, afters = array("d"), array("d"), array("d")
    worse = better = 0
    for pair in cases:
        change = pair.difference
        if change is None:
            continue
        weights.append(pair.weight)
        befores.append(pair.weight * pair.baseline)
        afters.append(pair.weight * (pair.candidate.mean or 0.0))
        worse += change < -TIE
        better += change > TIE
    weight = math.fsum(weights)
    if not weight:
        return {"baseline_mean": None, "candidate_mean": None, "difference": None, "worse": 0, "better": 0, "same": 0}
    measure = track.measure
    before, after = math.fsum(befores) / weight, math.fsum(afters) / weight
    return {
        "baseline_mean": measure.raw(before),
        "candidate_mean": measure.raw(after),
        "difference": (after - before) * _span(track),
        "worse": worse,
        "better": better,
        "same": len(weights) - worse - better,
    }


def _span(track: Track) -> float:
    return track.measure.span if track.measure.bounded else 1.0


def _interval(track: Track, gate: GateConfig) -> tuple[tuple[float, float], float] | None:
    """The interval that inverts the gate's own tests, and its level; None where there is nothing to invert."""
    rule = track.rule
    if not len(track.differences) or not track.measure.bounded:
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
    worst, best = track.differences.worst, track.differences.best
    alphas = (rule.alpha_pass, rule.alpha_block) if rule is not None else (gate.alpha_pass, gate.alpha_block)
    effect = rule.design_effect if rule is not None else 0.05
    if rule is not None and rule.estimand == "eval_set":
        planned = rule.planned
        return (
            interval_eval_set(worst, effect, planned, alpha=alphas[0])[0],
            interval_eval_set(best, effect, planned, alpha=alphas[1])[1],
        )
    largest = rule.largest if rule is not None else None
    weights = [size / largest for size in track.differences.sizes] if largest is not None else None
    if rule is not None and rule.looks:
        return (
            _over_looks(rule, "pass", worst, alpha=alphas[0], weights=weights),
            _over_looks(rule, "fail", best, alpha=alphas[1], weights=weights),
        )
    split = rule.running_share if rule is not None else default_split(len(worst))
    final = rule is None or len(worst) == rule.planned
    return (
        limit("pass", worst, effect, alpha=alphas[0], split=split, final=final, weights=weights),
        limit("fail", best, effect, alpha=alphas[1], split=split, final=final, weights=weights),
    )


def _over_looks(
    rule: Rule, side: Literal["pass", "fail"], values: Sequence[float], *, alpha: float, weights: Sequence[float] | None
) -> float:
    """One end of the interval where alpha is shared by betting and several looks: the furthest that any of them rejects."""
    from evalharness.stats.intervals import limit

    effect, share = rule.design_effect, rule.running_share
    ends = [limit(side, values, effect, alpha=alpha, split=share, final=False, weights=weights)]
    for size in (*rule.looks, rule.planned):
        level = rule.look_level(size) * alpha
        if size <= len(values) and level > 0:
            part = None if weights is None else weights[:size]
            ends.append(limit(side, values[:size], effect, alpha=level, split=0.0, weights=part))
    return max(ends) if side == "pass" else min(ends)


def _needed(track: Track, gate: GateConfig) -> NeededCases:
    """About how many units in all would decide: if the candidate is unchanged, and if what was seen is real."""
    from evalharness.stats.design import need

    rule = track.rule
    if rule is None or rule.pass_null >= 0:
        return NeededCases()
    split = 0.0 if track.method == "exact" else rule.running_share
    found = need(track.differences.means, rule.margin, gate.power, alpha=rule.alpha_pass, split=split)
    if found is None:
        return NeededCases()
    return NeededCases(if_unchanged=found.if_unchanged, if_as_seen=found.if_as_seen)


class Missed(NamedTuple):
    """What would get through if every INCONCLUSIVE were merged by hand, at a true drop of the margin."""

    p_pass: float
    p_inconclusive: float
    exact: bool
    """False: an approximation from the spread that was seen."""


def missed_if_merged(track: Track) -> Missed | None:
    """What merging an INCONCLUSIVE by hand would mean (gate-exact, attack B20).

    For 0/1 scores exact, at the discordance that was seen; else about, at the standard deviation that was seen.

    Returns:
        None for corpus metrics, guards without a margin, and before the second case.
    """
    rule = track.rule
    if rule is None or rule.pass_null >= 0 or len(track.differences) < 2:
        return None
    plan = getattr(track.engine, "plan", None)
    if plan is not None:
        changed = sum(1 for pair in track.cases if pair.difference is not None and abs(pair.difference) > TIE)
        at_margin = plan.outcome(changed / len(track.cases), -track.measure.margin)
        return Missed(at_margin.p_pass, at_margin.p_inconclusive, exact=True)
    from evalharness.stats.design import chance_to_decide

    sd = stdev(track.differences.means)
    caught = chance_to_decide(
        rule.planned, sd, rule.margin, rule.margin, alpha=rule.alpha_block, split=rule.running_share
    )
    return Missed(rule.alpha_pass, max(0.0, 1.0 - rule.alpha_pass - caught), exact=False)
