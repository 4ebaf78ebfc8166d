"""Corpus metrics under a gate: BLEU, chrF, TER, macro-F1 and their like, which are no means of case scores.

What adds up is kept per unit and tested once, when every planned unit is in: FAIL by a paired randomisation test, PASS
when the bootstrap interval stays inside the margin. The bootstrap is asymptotic, so a corpus metric stands outside the
error rates that the gate states, and every sentence about it says so (scorers.md section 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import add
from typing import Any, Final, TypeGuard

from evalharness.config.keys import REPORT_ONLY
from evalharness.config.model import GateConfig, LimitConfig
from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.protocols import CorpusScorer, ScorerFacts
from evalharness.core.results import CaseResult, Output, Score, ScoreResult, Trial
from evalharness.core.verdicts import Outcome
from evalharness.verdict.measure import by_candidate
from evalharness.verdict.pairing import Unit

LEAST_CHANGED: Final = 5
"""Changed units below which no test can block at 5 %: with k of them p is never below 2^-k."""
MOST_INFLUENCE: Final = 10
"""Units whose influence on the corpus score a verdict lists."""

Stats = tuple[float, ...]
"""A case's numbers that add up."""


def is_corpus(scorer: ScorerFacts, limit: LimitConfig) -> TypeGuard[CorpusScorer]:
    """Whether a limit is about a corpus value.

    Raises:
        ConfigError: If it guards a score that may only be shown.
    """
    if limit.on != "value" or limit.every or not callable(getattr(scorer, "aggregate", None)):
        return False
    if scorer.use in REPORT_ONLY and limit.role != "report":
        raise ConfigError(
            f"{limit.scorer!r} ({scorer.use}) is biased on small sets, so it may be shown but not judged",
            where=limit.where,
            tip='write { role = "report" }, and guard on brier instead',
        )
    return True


def stats_of(scorer: CorpusScorer, trial: Trial, case: Case) -> Stats | None:
    """The statistics of one answer; an answer that the candidate failed to give counts as an empty one.

    Returns:
        None when there are none: the infrastructure lost the answer, or the scorer does not apply.
    """
    score: ScoreResult | None = trial.scores.get(scorer.name)
    found = _kept(score)
    if found is None and (by_candidate(trial.output) or by_candidate(score)):
        return _kept(scorer.score(Output(text=""), case))
    return found


def _kept(score: ScoreResult | None) -> Stats | None:
    stats = score.evidence.get("stats") if isinstance(score, Score) else None
    return tuple(float(number) for number in stats) if stats else None


def case_stats(scorer: CorpusScorer, result: CaseResult, case: Case, epochs: int) -> Stats | None:
    """Weighted mean statistics of the first ``epochs`` epochs of a case; None when one of them is missing.

    The mean, so that a case counts as much as before however often it was answered. Both arms are read to the same
    number of epochs: swapping unlike ones would compare their numbers, not the systems.
    """
    rows = [stats_of(scorer, trial, case) for trial in result.epoch_trials()[:epochs]]
    whole = [row for row in rows if row is not None]
    if len(whole) < epochs:
        return None
    return tuple(case.weight * sum(column) / epochs for column in zip(*whole, strict=True))


def corpus_value(scorer: CorpusScorer, results: Mapping[str, CaseResult], cases: Mapping[str, Case]) -> float | None:
    """The corpus value of one run over all its answers that have statistics; None where none has."""
    rows = [
        stats
        for case_id, result in results.items()
        for trial in result.epoch_trials()
        if (stats := stats_of(scorer, trial, cases[case_id])) is not None
    ]
    return scorer.aggregate(_summed(rows)) if rows else None


@dataclass(slots=True, kw_only=True)
class Corpus:
    """One corpus metric of a gate, gathered unit by unit."""

    scorer: CorpusScorer
    limit: LimitConfig
    epochs: int
    """Epochs that are read in either arm: the fewer of the two."""
    planned: int
    """Units that will count."""
    names: list[str] = field(default_factory=list)
    before: list[Stats] = field(default_factory=list)
    after: list[Stats] = field(default_factory=list)
    """Statistics of each unit, its cases added up."""
    members: dict[str, tuple[Case, ...]] = field(default_factory=dict)
    """Unit name -> its cases."""
    seen: int = 0
    """Units looked at, those with something missing too."""
    missing: int = 0
    """Cases without statistics in one of the arms."""

    def observe(
        self,
        unit: Unit,
        baseline: Mapping[str, CaseResult],
        candidate: Mapping[str, CaseResult],
        *,
        planned: frozenset[str] | None = None,
    ) -> None:
        """Take the next unit.

        Args:
            unit: The unit; of a slice, its cases inside.
            baseline: Baseline results by case id.
            candidate: Candidate results by case id.
            planned: Ids of the cases that count, where both arms are answered in one run; None: those whose baseline
                has statistics.
        """
        rows, lost = [], 0
        for case in unit.cases:
            old = case_stats(self.scorer, baseline[case.id], case, self.epochs)
            if case.id not in planned if planned is not None else old is None:
                continue
            new = case_stats(self.scorer, candidate[case.id], case, self.epochs)
            if old is None or new is None:
                lost += 1
            else:
                rows.append((old, new))
        self.seen += bool(rows or lost)
        self.missing += lost
        if rows and not lost:
            self.names.append(unit.name)
            self.members[unit.name] = unit.cases
            self.before.append(_summed([row[0] for row in rows]))
            self.after.append(_summed([row[1] for row in rows]))

    def value(self, rows: Sequence[Stats]) -> float:
        """The corpus value of some rows, in the scorer's unit, under the limit's cap."""
        return self._capped(self.scorer.aggregate(_summed(rows)))

    def statistic(self, totals: Sequence[float]) -> float:
        """The corpus value of column totals, signed so that more is better."""
        value = self._capped(self.scorer.aggregate(totals))
        return -value if self.scorer.direction == "lower" else value

    def _capped(self, value: float) -> float:
        return value if self.limit.cap is None else min(value, self.limit.cap)


def planned_units(corpus: Corpus, units: Iterable[Unit], baseline: Mapping[str, CaseResult]) -> int:
    """Units with at least one case whose baseline has statistics: known before the first call."""
    return sum(
        any(case_stats(corpus.scorer, baseline[case.id], case, corpus.epochs) is not None for case in unit.cases)
        for unit in units
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusNumbers:
    """What the gathered statistics say."""

    before: float
    after: float
    difference: float
    """Signed so that + is better."""
    changed: int
    """Units whose statistics differ."""
    interval: tuple[float, float] | None
    """Percentile bootstrap by unit; None until every planned unit is in, and where something is missing."""
    p_worse: float | None
    """Paired randomisation, one-sided for worse."""
    influence: tuple[tuple[str, float], ...]
    """(unit, difference with it - difference without it), the largest first."""


def numbers_of(corpus: Corpus, gate: GateConfig, family: int) -> CorpusNumbers | None:
    """Values, test, interval and influence; None before the first unit."""
    if not corpus.names:
        return None
    from evalharness.stats.resampling import bootstrap_interval, leave_one_out, paired_randomisation

    arms = (corpus.before, corpus.after)
    whole = corpus.seen == corpus.planned and not corpus.missing
    signed = [corpus.statistic(_summed(rows)) for rows in arms]
    interval = p_worse = None
    if whole:
        tails = (gate.alpha_pass, gate.alpha_block / family)
        interval = bootstrap_interval(*arms, corpus.statistic, tails=tails)
        p_worse = paired_randomisation(*arms, corpus.statistic).p_value
    moved = leave_one_out(*arms, corpus.statistic) if len(corpus.names) > 1 else []
    ranked = sorted(zip(corpus.names, moved, strict=False), key=lambda row: (-abs(row[1]), row[0]))
    return CorpusNumbers(
        before=corpus.value(corpus.before),
        after=corpus.value(corpus.after),
        difference=signed[1] - signed[0],
        changed=sum(old != new for old, new in zip(*arms, strict=True)),
        interval=interval,
        p_worse=p_worse,
        influence=tuple((name, by) for name, by in ranked[:MOST_INFLUENCE] if by != 0),
    )


def judge_corpus(  # noqa: PLR0911 - one return per sentence
    corpus: Corpus, found: CorpusNumbers | None, gate: GateConfig, family: int
) -> tuple[Outcome, str]:
    """The outcome of a corpus guard and why, in words that follow the scorer's name and its change.

    PASS goes before FAIL, as everywhere in the gate: a drop that is shown to be inside the margin may pass.
    """
    if corpus.missing:
        return "inconclusive", f"{corpus.missing} cases have no score, and a corpus score has no bounds for them"
    if found is None or found.interval is None or found.p_worse is None:
        return "inconclusive", f"a corpus score is tested once, when all {corpus.planned} are in ({corpus.seen} are)"
    margin = corpus.limit.margin or 0.0
    null = margin if corpus.limit.role == "improve" else -margin
    if found.interval[0] > null or (null < 0 and found.interval[0] >= null):
        return "pass", "shown by the bootstrap interval (asymptotic, outside the stated rates)"
    if found.changed < LEAST_CHANGED:
        return "inconclusive", f"only {found.changed} changed, and a block takes {LEAST_CHANGED}"
    p_value = f"paired randomisation, p = {found.p_worse:.2g}"
    if found.p_worse > gate.alpha_block / family:
        return "inconclusive", f"cannot be told ({p_value})"
    if gate.proven_drop == "inconclusive" and found.interval[1] >= min(null, 0.0):
        return "inconclusive", f"a drop is proven ({p_value}), that it is worse than the margin is not"
    return "regression", f"a drop is proven ({p_value})"


def corpus_details(corpus: Corpus, found: CorpusNumbers | None) -> dict[str, Any]:
    """What reports can show beside the verdict, as JSON values."""
    details: dict[str, Any] = {
        "corpus": True,
        "asymptotic": True,
        "planned": corpus.planned,
        "missing": corpus.missing,
    }
    if found is not None:
        details |= {
            "changed": found.changed,
            "p_worse": found.p_worse,
            "influence": [{"id": name, "influence": by} for name, by in found.influence],
        }
    return details


def _summed(rows: Sequence[Stats]) -> Stats:
    total = rows[0]
    for row in rows[1:]:
        total = tuple(map(add, total, row))
    return total
