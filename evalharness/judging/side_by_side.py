"""The same protocol where both arms are answered in one run: what differs is judged again in both.

Neither answer is there first. Each is judged as it comes; whichever comes second finds the other one and goes through
the protocol of ``paired`` with it. The first score is long given away by then, so what the pair came to is kept here
until the engine has both results (``amended``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from evalharness.core.cases import Case
from evalharness.core.results import CaseResult, Failure, Output, Score, ScoreResult, Trial
from evalharness.judging.paired import PairedJudge
from evalharness.judging.scorer import UNASSESSED, JudgeScorer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Came:
    """An answer that was judged by itself."""

    output: Output
    score: ScoreResult


class SideBySideJudge(PairedJudge):
    """A judge of a run whose epochs 0..K-1 are the candidate's and K..2K-1 the baseline's.

    Args:
        inner: The judge scorer.
        epochs: K, answers a case and arm.
    """

    def __init__(self, inner: JudgeScorer, *, epochs: int) -> None:
        super().__init__(inner)
        self._epochs = epochs
        self._came: dict[tuple[str, int], _Came] = {}
        self._settled: dict[tuple[str, int], ScoreResult] = {}

    async def scored(self, output: Output, case: Case, epoch: int, *, calls: bool) -> ScoreResult:
        """The score of an answer by itself, or what the pair came to where the other answer is there already."""
        own, other = (case.id, epoch), (case.id, (epoch + self._epochs) % (2 * self._epochs))
        alone = await super().scored(output, case, epoch, calls=calls)
        if own in self._came:
            return alone  # a further attempt, which hard checks look at by itself
        mine, theirs = _Came(output=output, score=alone), self._came.get(other)
        if theirs is not None:
            settled = await self._settle(mine, theirs, case, epoch, calls=calls)
            self._settled |= dict(zip((own, other), settled, strict=True))
        self._came[own] = mine
        return self._settled.get(own, alone)

    def amended(self, result: CaseResult) -> CaseResult:
        """The result of a case that holds both arms, with what its pairs came to."""
        trials = tuple(
            replace(trial, scores={**trial.scores, self.name: settled})
            if trial.attempt == 0 and (settled := self._settled.get((result.case_id, trial.epoch))) is not None
            else trial
            for trial in result.trials
        )
        return replace(result, trials=trials)

    async def _settle(
        self, mine: _Came, theirs: _Came, case: Case, epoch: int, *, calls: bool
    ) -> tuple[ScoreResult, ScoreResult]:
        """What (mine, theirs) come to. One of them stands for the stored answer; which one makes no difference."""
        if self.judge.rubric.pairwise:
            swapped = epoch >= self._epochs  # the baseline is the one that stands
        elif any(isinstance(one.score, Failure) and one.score.kind != UNASSESSED for one in (mine, theirs)):
            return mine.score, theirs.score  # nobody could be asked: asking more often does not help
        else:
            swapped = not isinstance(theirs.score, Score)
        stands, looked_at = (mine, theirs) if swapped else (theirs, mine)
        arm = {case.id: self._as_stored(stands, case)}
        paired = PairedJudge(self.inner, arm)
        paired.tally = self.tally
        paired.sit(self.inquiry(case, calls=calls).desk)
        score = await paired.scored(looked_at.output, case, epoch % self._epochs, calls=calls)
        other = arm[case.id].trials[0].scores[self.name]
        return (other, score) if swapped else (score, other)

    def _as_stored(self, one: _Came, case: Case) -> CaseResult:
        trial = Trial(case_id=case.id, output=one.output, scores={self.name: one.score})
        return CaseResult(case_id=case.id, case_digest=case.digest, trials=(trial,))
