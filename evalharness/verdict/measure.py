"""How one limit of a gate reads numbers out of scores: on a 0..1 scale, oriented so that more is better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from evalharness.config.model import LimitConfig
from evalharness.core.errors import ConfigError
from evalharness.core.protocols import ScorerFacts
from evalharness.core.results import CaseResult, Failure, Score, ScoreResult, Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One scorer under one limit."""

    limit: LimitConfig
    low: float
    """Lowest value of the scorer (or 0 for ``on = "passed"``)."""
    high: float
    """Highest value, or the cap."""
    lower_is_better: bool
    binary: bool
    """True when every value is 0 or 1 by declaration (exact path)."""
    signature: str
    unit: str
    """``points``, ``s``, ``USD`` or empty: how to print values."""
    bounded: bool = True
    """False for an uncapped latency, cost or TER: a report only, no bound exists."""

    @property
    def name(self) -> str:
        """Scorer name."""
        return self.limit.scorer

    @property
    def span(self) -> float:
        """Width of the declared range, in the scorer's unit: 1 for 0..1 scores, the cap for latency and cost."""
        return self.high - self.low

    @property
    def margin(self) -> float:
        """The margin on the 0..1 scale (0 when none is set)."""
        return (self.limit.margin or 0.0) / self.span if self.bounded else 0.0

    def number(self, result: ScoreResult | None) -> float | None:
        """The oriented value of one score in [0, 1] (unbounded ones: the signed raw value); None when absent.

        What the candidate itself broke (an answer that cannot be read, too long a one) is data: the lowest value.
        A value within 1e-9 of a bound is the bound. A value further outside the declared range is a fault of the
        scorer and counts as absent, never clipped in silence (``outside`` tells it).
        """
        if not isinstance(result, Score):
            return 0.0 if self.bounded and by_candidate(result) else None
        if self.limit.on == "passed":
            return None if result.passed is None else float(result.passed)
        if not self.bounded:
            return -result.value if self.lower_is_better else result.value
        value = min(result.value, self.high) if self.limit.cap is not None else result.value
        scaled = (value - self.low) / self.span
        if not -1e-9 <= scaled <= 1 + 1e-9:
            return None
        scaled = min(1.0, max(0.0, scaled))
        return 1.0 - scaled if self.lower_is_better else scaled

    def bounds(self, result: ScoreResult | None) -> tuple[float, float]:
        """(least, most) that an absent score can be, oriented: what is known of it, else the whole range."""
        if not isinstance(result, Failure) or result.bounds is None or self.lower_is_better:
            return 0.0, 1.0
        least, most = (min(1.0, max(0.0, (value - self.low) / self.span)) for value in result.bounds)
        if self.limit.on == "passed":  # it passes when everything holds
            return float(least >= 1.0), float(most >= 1.0)
        return least, most

    def raw(self, oriented: float) -> float:
        """Back from the oriented 0..1 scale to the scorer's own unit."""
        if self.limit.on == "passed":
            return oriented
        if not self.bounded:
            return -oriented if self.lower_is_better else oriented
        scaled = 1.0 - oriented if self.lower_is_better else oriented
        return self.low + scaled * self.span


def measure_for(limit: LimitConfig, scorer: ScorerFacts) -> Measure:
    """The measure of a limit over a built scorer.

    Raises:
        ConfigError: If a guard sits on an unbounded scorer without ``cap``, or its margin is not inside the range.
    """
    passed = limit.on == "passed" or bool(limit.every)
    high = 1.0 if passed else (limit.cap if limit.cap is not None else scorer.high)
    bounded = math.isfinite(high)
    if not bounded and limit.role != "report":
        raise ConfigError(
            f"{limit.scorer!r} has no upper bound, so a guard on it needs a cap",
            where=limit.where,
            tip='write for example { cap = 10.0, margin = 0.5 }, or { role = "report" }',
        )
    low = 0.0 if passed else scorer.low
    measure = Measure(
        limit=limit,
        low=low,
        high=high if bounded else 1.0,
        lower_is_better=scorer.direction == "lower" and not passed,
        binary=passed or (scorer.binary and limit.cap is None),
        signature=scorer.signature,
        unit=_unit(limit, scorer),
        bounded=bounded,
    )
    if limit.margin is not None and (limit.margin > measure.span or measure.margin >= 1):
        raise ConfigError(
            f"the margin {limit.margin:g} is not inside the scorer's range 0..{measure.span:g}", where=limit.where
        )
    return measure


def _unit(limit: LimitConfig, scorer: ScorerFacts) -> str:
    if limit.on == "passed":
        return "points"
    return {"latency": "s", "cost": "USD", "ter": ""}.get(scorer.use, "points")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmValue:
    """One arm's mean over a case's epochs, and its bounds when some epochs are missing."""

    mean: float | None
    """Mean over the epochs that have a number; None when none has."""
    low: float
    """Mean with the least that each missing epoch can be: 0, but for what is known of it."""
    high: float
    """Mean with the most that each missing epoch can be: 1, but for what is known of it."""
    missing: int
    """Epochs without a number."""
    epochs: tuple[float, ...] = ()
    """The numbers that are there, in epoch order."""
    unassessed: int = 0
    """Epochs that a judge was asked about and could not tell: missing, but nothing that asking again would mend."""


def arm_value(measure: Measure, result: CaseResult, epochs: int) -> ArmValue:
    """The epochs of one case under one measure, as one number with bounds.

    Args:
        measure: Scorer and scale.
        result: The case's trials; attempts after the first of an epoch do not count.
        epochs: Epochs that were planned (>= 1); those that are not there are missing.
    """
    trials = result.epoch_trials()
    if len(trials) == 1 and epochs == 1:
        only = measure.number(trials[0].scores.get(measure.name))
        if only is not None:
            return _answered_once(only)
    scores = [_score(trial, measure.name) for trial in trials]
    numbers = [number for score in scores if (number := measure.number(score)) is not None]
    known = [measure.bounds(score) for score in scores if measure.number(score) is None]
    missing = max(0, epochs - len(numbers))
    least = math.fsum(low for low, _ in known[:missing])
    most = math.fsum(high for _, high in known[:missing]) + max(0, missing - len(known))
    total = math.fsum(numbers)
    count = len(numbers) + missing
    return ArmValue(
        mean=total / len(numbers) if numbers else None,
        low=(total + least) / count,
        high=(total + most) / count,
        missing=missing,
        epochs=tuple(numbers),
        unassessed=sum(is_unassessed(score) for score in scores) if missing else 0,
    )


@lru_cache(maxsize=4096)
def _answered_once(number: float) -> ArmValue:
    """The value of a case that was answered once and has its number: there are few different ones, for many cases."""
    return ArmValue(mean=number, low=number, high=number, missing=0, epochs=(number,))


def _score(trial: Trial, name: str) -> ScoreResult | None:
    return trial.scores.get(name)


def passes(trial: Trial, name: str) -> bool | None:
    """Whether a trial passes a hard check: its ``passed``, or value >= 1 when the scorer has no threshold.

    Returns:
        None when there is no score (the infrastructure lost the answer, or the scorer failed or does not apply); False
        when the candidate is to blame that there is none.
    """
    score = trial.scores.get(name)
    if not isinstance(score, Score):
        return False if by_candidate(score) else None
    return score.passed if score.passed is not None else score.value >= 1.0 - 1e-9


def is_unassessed(result: object) -> bool:
    """True where a judge was asked and could not tell enough."""
    return isinstance(result, Failure) and result.kind == "unassessed"


def by_candidate(result: object) -> bool:
    """True for a failure that the candidate is to blame for: that is data, never missing."""
    return isinstance(result, Failure) and result.blame == "candidate"


def lost(trial: Trial) -> bool:
    """True when the infrastructure, not the candidate, is why there is no answer."""
    return isinstance(trial.output, Failure) and trial.output.blame == "infrastructure"
