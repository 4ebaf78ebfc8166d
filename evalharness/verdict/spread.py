"""Where the noise of a stochastic candidate comes from: other cases, or other answers to the same case.

With several epochs the variance of the mean difference is (between + within / epochs) / cases: twice the cases halve all
of it, twice the epochs only what lies within. Both are said with what they cost, so that nobody buys the wrong one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance
from typing import Any

from evalharness.core.verdicts import ScorerVerdict
from evalharness.verdict.sentences import TIE, amount
from evalharness.verdict.track import Track


def spread_details(track: Track, epochs: tuple[int, int], cost: float | None) -> dict[str, Any]:
    """Noise split into between and within, and what more cases or more epochs would buy; JSON values.

    Args:
        track: The scorer after the run.
        epochs: Epochs of (baseline, candidate).
        cost: US dollars per answer of the candidate; None where unknown.

    Returns:
        ``spread`` and, for 0/1 scores, ``pass_hat_k`` and ``flaky``; nothing where every case was answered once.
    """
    if max(epochs) < 2:
        return {}
    whole = [pair for pair in track.cases if pair.difference is not None]
    if len(whole) < 2:
        return {}
    arms = ([pair.baseline_epochs for pair in whole], [pair.candidate.epochs for pair in whole])
    within = [_within(rows) for rows in arms]
    found: dict[str, Any] = {
        "spread": _bought(
            [pair.difference or 0.0 for pair in whole],
            within,
            epochs,
            span=track.measure.span if track.measure.bounded else 1.0,
            cost=cost,
        )
    }
    if track.measure.binary:
        found["pass_hat_k"] = {
            name: {"k": count, "value": _all_passed(rows)}
            for name, rows, count in zip(("baseline", "candidate"), arms, epochs, strict=True)
        }
        found["flaky"] = {
            name: sum(1 for row in rows if max(row) - min(row) > TIE)
            for name, rows in zip(("baseline", "candidate"), arms, strict=True)
        }
    return found


def _within(rows: Sequence[Sequence[float]]) -> float | None:
    """Mean variance of the answers to one case; None where each was answered once."""
    several = [variance(row) for row in rows if len(row) > 1]
    return fmean(several) if several else None


def _bought(
    differences: Sequence[float],
    within: Sequence[float | None],
    epochs: tuple[int, int],
    *,
    span: float,
    cost: float | None,
) -> dict[str, Any]:
    n = len(differences)
    total = variance(differences)
    shares = [(part or 0.0) / count for part, count in zip(within, epochs, strict=True)]
    between = max(0.0, total - sum(shares))
    calls = n * epochs[1]

    def offer(error: float) -> dict[str, Any]:
        return {"standard_error": error * span, "calls": calls, "cost_usd": None if cost is None else calls * cost}

    return {
        "epochs": list(epochs),
        "sd_between": math.sqrt(between) * span,
        "sd_within_baseline": None if within[0] is None else math.sqrt(within[0]) * span,
        "sd_within_candidate": None if within[1] is None else math.sqrt(within[1]) * span,
        "standard_error": math.sqrt(total / n) * span,
        "twice_the_cases": offer(math.sqrt(total / n / 2)),
        "twice_the_epochs": offer(math.sqrt((between + shares[0] + shares[1] / 2) / n)),
    }


def _all_passed(rows: Sequence[Sequence[float]]) -> float:
    """pass^k: share of cases of which every answer passed."""
    return fmean(1.0 if min(row) >= 1.0 - TIE else 0.0 for row in rows)


def spread_notes(scorers: Sequence[ScorerVerdict]) -> tuple[str, ...]:
    """One sentence per scorer whose answers vary: what more cases and what more epochs would buy."""
    notes = []
    for scorer in scorers:
        spread = scorer.details.get("spread")
        if spread is None or not spread["sd_within_candidate"]:
            continue
        cases, answers = spread["twice_the_cases"], spread["twice_the_epochs"]
        price = "" if cases["cost_usd"] is None else f", about ${cases['cost_usd']:.2f}"
        notes.append(
            f"{scorer.scorer}: the standard error is {amount(spread['standard_error'], scorer.unit)}; twice the cases make it "
            f"{amount(cases['standard_error'], scorer.unit)}, twice the epochs "
            f"{amount(answers['standard_error'], scorer.unit)} ({cases['calls']} more calls either way{price})"
        )
        hat = scorer.details.get("pass_hat_k")
        if hat is not None:
            notes.append(
                f"{scorer.scorer}: pass^{hat['candidate']['k']} (every answer to a case passes) "
                f"{hat['candidate']['value']:.1%}, baseline pass^{hat['baseline']['k']} {hat['baseline']['value']:.1%}"
            )
    return tuple(notes)
