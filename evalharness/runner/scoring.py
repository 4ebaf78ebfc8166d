"""Turns answers into scores: one trial, the epochs of a case, the cases of a behaviour group."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from evalharness.core.cases import Case
from evalharness.core.endpoints import shown
from evalharness.core.errors import EvalhError
from evalharness.core.protocols import (
    AsyncScorer,
    BatchScorer,
    CaseScorer,
    EpochScorer,
    Executor,
    GroupScorer,
    ScorerFacts,
)
from evalharness.core.results import CaseResult, Failure, Output, Score, ScoreResult, Trial, Unscored
from evalharness.core.specs import EMPTY
from evalharness.runner.batches import Batches
from evalharness.runner.job import ReadsFailures, Remembers, RunEnded

_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
_MOST_SAID: Final = 1024
"""Different scores that are shared between answers; graded ones hardly ever are the same."""


class Scoring:
    """The scorers of a run, sorted once by what they look at."""

    def __init__(self, scorers: Sequence[ScorerFacts], executor: Executor | None = None) -> None:
        self.groups = [scorer for scorer in scorers if isinstance(scorer, GroupScorer)]
        self.epochs = [scorer for scorer in scorers if isinstance(scorer, EpochScorer)]
        self.awaited = [scorer for scorer in scorers if isinstance(scorer, AsyncScorer)]
        self.plain = [
            scorer
            for scorer in scorers
            if isinstance(scorer, CaseScorer) and not isinstance(scorer, (AsyncScorer, EpochScorer, GroupScorer))
        ]
        known = {id(scorer) for part in (self.groups, self.epochs, self.awaited, self.plain) for scorer in part}
        strange = [scorer.name for scorer in scorers if id(scorer) not in known]
        if strange:
            raise TypeError(f"not scorers that a run can use: {', '.join(strange)}")
        self._each = (*self.plain, *self.awaited)
        self._batches = None if executor is None else Batches(executor, self.plain)
        self._many = [scorer for scorer in self.plain if isinstance(scorer, BatchScorer)]
        self._ready: dict[tuple[str, str, int], ScoreResult] = {}
        """(scorer, case, epoch) -> score that was computed beforehand."""
        self._said: dict[tuple[object, ...], Mapping[str, ScoreResult]] = {}

    @property
    def slow(self) -> bool:
        """Whether some scores are computed elsewhere, because they take long."""
        return self._batches is not None and bool(self._batches.slow)

    @property
    def reads_ahead(self) -> bool:
        """Whether some scores come cheaper when many answers are scored at once (``prepare``)."""
        return bool(self._many) or self.slow

    @property
    def over_trials(self) -> bool:
        """Whether some scores are about more than one answer (``over_epochs``)."""
        return bool(self.epochs or self.groups)

    def recorded(self, output: Output | Failure, case: Case, *, repeat: int) -> Mapping[str, ScoreResult] | None:
        """All scores of one answer, without waiting for anybody.

        Args:
            output: The answer.
            case: Its case.
            repeat: Epoch, for the key of stored judgements.

        Returns:
            Scorer name -> result; None when a judge would have to be called.
        """
        if isinstance(output, Failure):
            return self.of_failure(output, case)
        if not self.awaited and not self._ready:
            return self.pure(output, case)
        scores = {}
        for judge in self.awaited:
            result = judge.recorded_score(output, case, repeat=repeat) if isinstance(judge, Remembers) else None
            if result is None:
                return None
            scores[judge.name] = result
        ready = {
            scorer.name: self._ready.pop((scorer.name, case.id, repeat)) for scorer in self._prepared(case, repeat)
        }
        return {**self.pure(output, case, ready), **scores}

    def pure(self, output: Output, case: Case, ready: Mapping[str, ScoreResult] = EMPTY) -> Mapping[str, ScoreResult]:
        """The scores that need nobody else.

        Args:
            output: The answer.
            case: Its case.
            ready: Those that are there already, by scorer.
        """
        if not ready:
            return self._shared({scorer.name: self._timed(scorer, output, case) for scorer in self.plain})
        scores = {}
        for scorer in self.plain:
            found = ready.get(scorer.name)
            scores[scorer.name] = self._timed(scorer, output, case) if found is None else found
        return scores

    def _shared(self, scores: dict[str, ScoreResult]) -> Mapping[str, ScoreResult]:
        """One object for scores that say the same: those of labels do, and a run keeps the scores of every answer."""
        said: list[object] = []
        for score in scores.values():
            if type(score) is not Score or score.parts is not EMPTY:
                return scores
            said += (score.value, score.passed, score.reason, score.signature)
            for name, value in score.evidence.items():
                if type(value) not in _PLAIN:
                    return scores
                said += (name, type(value), value)  # 1, 1.0 and True are equal, and not the same
        known = self._said.get(key := tuple(said))
        if known is None:
            known = MappingProxyType(scores)
            if len(self._said) < _MOST_SAID:
                self._said[key] = known
        return known

    def _timed(self, scorer: CaseScorer, output: Output, case: Case) -> ScoreResult:
        if self._batches is None or not self._batches.timing:
            return _guarded(scorer, scorer.score, output, case)
        started = time.perf_counter()
        result = _guarded(scorer, scorer.score, output, case)
        self._batches.took(scorer, started)
        return result

    def prepare(self, answers: Sequence[tuple[Output, Case, int]]) -> None:
        """Compute the scores that come cheaper so for many answers at once; ``recorded`` finds them.

        Args:
            answers: (answer, case, epoch) of answers that will be asked for soon.
        """
        pairs = [(output, case) for output, case, _ in answers]
        found = {scorer.name: _all_guarded(scorer, pairs) for scorer in self._many}
        if self._batches is not None:
            found |= {scorer.name: self._batches.all_at_once(scorer, pairs) for scorer in self._batches.slow}
        for name, results in found.items():
            for (_, case, epoch), result in zip(answers, results, strict=False):
                self._ready[name, case.id, epoch] = result

    def _prepared(self, case: Case, epoch: int) -> list[CaseScorer]:
        return [scorer for scorer in self.plain if (scorer.name, case.id, epoch) in self._ready] if self._ready else []

    def settled(self, output: Output | Failure, case: Case) -> Mapping[str, ScoreResult]:
        """All scores of one answer where no scorer waits for anybody."""
        return self.of_failure(output, case) if isinstance(output, Failure) else self.pure(output, case)

    async def awaiting(self, output: Output | Failure, case: Case, *, repeat: int) -> Mapping[str, ScoreResult]:
        """All scores of one answer; judges are asked where needed, and what takes long is computed elsewhere."""
        if isinstance(output, Failure):
            return self.of_failure(output, case)
        batches = self._batches
        slow = [] if batches is None else batches.slow
        elsewhere = {scorer.name: await batches.one(scorer, output, case) for scorer in slow if batches is not None}
        if not self.awaited:
            return self.pure(output, case, elsewhere)
        scores = dict(self.pure(output, case, elsewhere))
        for judge in self.awaited:
            scores[judge.name] = await _awaited(judge, output, case, repeat)
        return scores

    def of_failure(self, failure: Failure, case: Case) -> dict[str, ScoreResult]:
        """The scores of an answer that never came: the lowest where the candidate is to blame, else absent."""
        if failure.blame != "candidate":
            return {}
        return {scorer.name: lowest(scorer, failure, case) for scorer in self._each}

    def over_epochs(self, trials: Sequence[Trial], case: Case) -> list[Trial]:
        """Add the scores that look at all epochs of a case (first attempts); each epoch carries the same number.

        Scorers of groups say here that they do not apply to a case that is in none.
        """
        alone = self.groups if case.group is None else ()
        if not self.epochs and not alone:
            return list(trials)
        outputs = [trial.output for trial in trials if trial.attempt == 0]
        extra = {scorer.name: _guarded(scorer, scorer.score_epochs, outputs, case) for scorer in self.epochs}
        extra |= {scorer.name: Unscored(reason="the case is in no behaviour group") for scorer in alone}
        return [replace(trial, scores={**trial.scores, **extra}) if trial.attempt == 0 else trial for trial in trials]

    def over_group(self, results: Sequence[CaseResult], cases: Sequence[Case]) -> list[CaseResult]:
        """Add the scores that look at a whole behaviour group, epoch by epoch: one value a group.

        It stands at the group's base (the member without a variant name), so that a group counts once, however many
        members it has; the other members say where.
        """
        home = next((case.id for case in cases if case.variant is None), cases[0].id)
        elsewhere = {scorer.name: Unscored(reason=f"scored with its group, at {home}") for scorer in self.groups}
        by_epoch: dict[int, dict[str, ScoreResult]] = {}
        for epoch in sorted({trial.epoch for result in results for trial in result.epoch_trials()}):
            outputs = {
                trial.case_id: trial.output
                for result in results
                for trial in result.epoch_trials()
                if trial.epoch == epoch
            }
            by_epoch[epoch] = {
                scorer.name: _guarded(scorer, scorer.score_group, outputs, cases) for scorer in self.groups
            }
        return [
            replace(
                result,
                trials=tuple(
                    replace(trial, scores={**trial.scores, **_placed(trial, home, by_epoch[trial.epoch], elsewhere)})
                    if trial.attempt == 0
                    else trial
                    for trial in result.trials
                ),
            )
            for result in results
        ]


def _placed(
    trial: Trial, home: str, scores: Mapping[str, ScoreResult], elsewhere: Mapping[str, ScoreResult]
) -> Mapping[str, ScoreResult]:
    """What a member of a group carries: the group's scores at its base, else where they are."""
    return scores if trial.case_id == home else elsewhere


def lowest(scorer: ScorerFacts, failure: Failure, case: Case) -> ScoreResult:
    """What a scorer says about an answer that the candidate failed to give.

    Args:
        scorer: Any scorer; one that reads failures decides itself.
        failure: Why there is no answer; the candidate is to blame.
        case: The case.

    Returns:
        The worst value of the scorer's range with the reason. A scorer without a worst value (latency, cost) gives the
        failure on, and the gate uses its bound.
    """
    if isinstance(scorer, ReadsFailures):
        return scorer.score_failure(failure, case)
    worst = scorer.low if scorer.direction == "higher" else scorer.high
    if not math.isfinite(worst):
        return failure
    return Score(
        value=worst,
        passed=False,
        reason=f"no answer: {failure.message}",
        evidence={"failure": failure.kind},
        signature=scorer.signature,
    )


async def _awaited(judge: AsyncScorer, output: Output, case: Case, repeat: int) -> ScoreResult:
    """The score of a scorer that waits; what it throws costs its score, never its case."""
    try:
        result = await judge.score_async(output, case, repeat=repeat)
    except (EvalhError, RunEnded):
        raise
    except Exception as error:  # noqa: BLE001  the runner's boundary, as below
        return _broken(judge, "raised", f"{type(error).__name__}: {error}")
    return _checked(judge, result)


def _guarded(scorer: ScorerFacts, call: Callable[..., ScoreResult], *given: Any) -> ScoreResult:
    # A hostile answer must never remove its case: what a scorer throws is a Failure of the scorer, shown and counted.
    try:
        result = call(*given)
    except EvalhError:
        raise
    except Exception as error:  # noqa: BLE001  the runner's boundary: scorers are anybody's code
        return _broken(scorer, "raised", f"{type(error).__name__}: {error}")
    return _checked(scorer, result)


def _all_guarded(scorer: BatchScorer, pairs: Sequence[tuple[Output, Case]]) -> Sequence[ScoreResult]:
    """The scores of many answers; none where the batch as a whole fails: then each is scored by itself."""
    try:
        results = scorer.score_many(pairs)
    except EvalhError:
        raise
    except Exception:  # noqa: BLE001  the runner's boundary, as above: what is wrong shows for the answer that has it
        return ()
    return [_checked(scorer, result) for result in results] if len(results) == len(pairs) else ()


def _checked(scorer: ScorerFacts, result: ScoreResult) -> ScoreResult:
    if isinstance(result, Score):
        return result if math.isfinite(result.value) else _broken(scorer, "not_a_number", f"gave {result.value}")
    if isinstance(result, (Unscored, Failure)):
        return result
    return _broken(scorer, "bad_result", f"gave a {type(result).__name__}")


def _broken(scorer: ScorerFacts, kind: str, what: str) -> Failure:
    return Failure(stage="scorer", kind=kind, message=f"{scorer.name}: {shown(what, 400)}")
