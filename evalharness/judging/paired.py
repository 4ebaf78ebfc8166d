"""The protocol of a gate: both arms get the same treatment, and only what changed is judged.

(a) What a judge sees is byte for byte the same in both arms: the stored verdict is taken, the difference is exactly 0.
(b) Else the candidate's answer is judged; the baseline's verdict comes from where it is stored.
(c) Where the two differ, both answers are judged again, up to ``repeats.on_change`` times each, and the majority counts.

Re-judging one arm more than the other, or only the apparent regressions, is wrong in ways that a simulation shows
(``benchmarks/judge``): 17.8 % false blocks at a nominal 5 %, or half of the power.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace

from evalharness.core.cases import Case
from evalharness.core.results import CaseResult, Failure, Output, Score, ScoreResult, Trial
from evalharness.judging.scorer import JudgeScorer, as_score, opinions_in, run_without_calls
from evalharness.judging.subject import Subject, pair_of, subject_of


@dataclass(slots=True, kw_only=True)
class Tally:
    """What the protocol did, for the verdict's notes."""

    reused: set[tuple[str, int]] = field(default_factory=set)
    """(case, epoch) whose verdict was taken over."""
    judged: set[tuple[str, int]] = field(default_factory=set)
    again: set[tuple[str, int]] = field(default_factory=set)
    """(case, epoch) that was judged again in both arms."""


class PairedJudge(JudgeScorer):
    """A judge that looks at a candidate's answer beside the baseline's.

    Args:
        inner: The judge scorer.
        arms: Results by case id of the baseline, and of the pinned one; where answers are judged again, their scores
            are replaced here.
        anew: Judge the baseline's answers anew: what judged them is not what judges now.
    """

    def __init__(self, inner: JudgeScorer, *arms: MutableMapping[str, CaseResult], anew: bool = False) -> None:
        super().__init__(inner.judge, name=inner.name, signature=inner.signature, finish=inner.finish)
        self.inner = inner
        self.anew = anew
        self.tally = Tally()
        self._arms = arms

    def check(self, case: Case) -> None:
        """Raise ``KeyMissing`` when a call could not be made for want of a key."""
        check = getattr(self.inner, "check", None)
        if check is not None:
            check(case)

    async def close(self) -> None:
        """Give back the connections."""
        close = getattr(self.inner, "close", None)
        if close is not None:
            await close()

    def recorded_score(self, output: Output, case: Case, *, repeat: int) -> ScoreResult | None:
        """The score out of stored verdicts alone; None when a call is needed."""
        return run_without_calls(lambda: self.scored(output, case, repeat, calls=False))

    async def scored(self, output: Output, case: Case, epoch: int, *, calls: bool) -> ScoreResult:
        """The candidate's score; those of the other arms are replaced where they were judged again."""
        rubric = self.judge.rubric
        others = [_Other(arm, trial, case) for arm in self._arms if (trial := self._partner(arm, case, epoch))]
        if rubric.pairwise and others:
            return await self._pair(others, output, case, calls=calls)
        if not others:
            return await super().scored(output, case, epoch, calls=calls)
        for other in others:
            other.subject = subject_of(rubric, other.output, case)
            other.score = other.trial.scores.get(self.name)
            if self.anew:
                other.score = await self._look(other.subject, case, rubric.judge.first, calls=calls)
                if not isinstance(other.score, Score):
                    return other.score  # nothing to be held against: the pair counts with its bounds
                other.put(self.name, other.score)
        return await self._beside(others, subject_of(rubric, output, case), case, epoch, calls=calls)

    async def _beside(
        self, others: Sequence[_Other], subject: Subject, case: Case, epoch: int, *, calls: bool
    ) -> ScoreResult:
        """Parts (a) to (c) of the protocol."""
        settings, place = self.judge.rubric.judge, (case.id, epoch)
        score = next((other.score for other in others if other.subject == subject and other.score is not None), None)
        (self.tally.judged if score is None else self.tally.reused).add(place)
        if score is None:
            score = await self._look(subject, case, settings.first, calls=calls)
        again = settings.on_change > settings.first and any(_differ(score, other.score) for other in others)
        if again:
            self.tally.again.add(place)
            score = await self._look(subject, case, settings.on_change, calls=calls, known=score)
        for other in others:
            theirs: ScoreResult | None = score
            if other.subject != subject:
                most = settings.on_change
                theirs = await self._look(other.subject, case, most, calls=calls, known=other.score) if again else None
                if theirs is not None and not isinstance(theirs, Score):
                    return theirs  # as above
            if isinstance(theirs, Score):
                other.put(self.name, theirs)
        return score

    async def _look(
        self, subject: Subject, case: Case, repeats: int, *, calls: bool, known: ScoreResult | None = None
    ) -> ScoreResult:
        """An answer judged so many times; what is known of it counts as the first."""
        before = opinions_in(known) if isinstance(known, Score) else ()
        left = range(len(before), repeats)
        finding = await self.judge.look(subject, left, self.inquiry(case, calls=calls), known=before)
        return self.finish(as_score(finding))

    async def _pair(self, others: Sequence[_Other], output: Output, case: Case, *, calls: bool) -> ScoreResult:
        """A pairwise judge: the baseline counts one half, the candidate what it won."""
        rubric, first = self.judge.rubric, others[0]
        for other in others:
            other.put(self.name, self.finish(Score(value=0.5, reason="compared with the candidate")))
        subject = pair_of(rubric, first.output, output, case)
        place = (case.id, first.trial.epoch)
        if subject.fields["output_a"] == subject.fields["output_b"]:
            self.tally.reused.add(place)
            return self.finish(Score(value=0.5, reason="the answers are the same"))
        self.tally.judged.add(place)
        return await self._look(subject, case, rubric.judge.first, calls=calls)

    def _partner(self, arm: Mapping[str, CaseResult], case: Case, epoch: int) -> Trial | None:
        """The answer of an arm that an epoch is held against; None where there is nothing to be alike with."""
        result = arm.get(case.id)
        trials = result.epoch_trials() if result is not None and result.case_digest == case.digest else ()
        trial = trials[epoch % len(trials)] if trials else None
        if trial is None or isinstance(trial.output, Failure):
            return None
        known = isinstance(trial.scores.get(self.name), Score)
        return trial if known or self.anew or self.judge.rubric.pairwise else None


class _Other:
    """One answer of another arm, and the place of its score."""

    subject: Subject
    score: ScoreResult | None = None

    def __init__(self, arm: MutableMapping[str, CaseResult], trial: Trial, case: Case) -> None:
        assert isinstance(trial.output, Output)
        self.output = trial.output
        self.trial = trial
        self._arm = arm
        self._case_id = case.id

    def put(self, name: str, score: ScoreResult) -> None:
        """Write a score into the arm."""
        result = self._arm[self._case_id]
        trials = tuple(
            replace(other, scores={**other.scores, name: score}) if _same(other, self.trial) else other
            for other in result.trials
        )
        self._arm[self._case_id] = replace(result, trials=trials)


def _same(first: Trial, second: Trial) -> bool:
    return (first.epoch, first.attempt) == (second.epoch, second.attempt)


def _differ(mine: ScoreResult, theirs: ScoreResult | None) -> bool:
    """Whether two scores say unlike things; an answer that could not be assessed differs from one that was."""
    if isinstance(mine, Score) and isinstance(theirs, Score):
        return mine.passed != theirs.passed or abs(mine.value - theirs.value) > 1e-9
    if isinstance(mine, Failure) and mine.kind != "unassessed":
        return False  # nobody could be asked: asking more often does not help
    return isinstance(mine, Score) != isinstance(theirs, Score)


def before_any_call(arm: Mapping[str, CaseResult], scorer: JudgeScorer) -> dict[str, CaseResult]:
    """The baseline as the plan of a gate sees it: for a pairwise judge every answered case has a number to start from."""
    if not scorer.judge.rubric.pairwise:
        return dict(arm)
    half = scorer.finish(Score(value=0.5, reason="compared with the candidate"))
    return {
        case_id: replace(
            result,
            trials=tuple(
                trial
                if isinstance(trial.output, Failure)
                else replace(trial, scores={**trial.scores, scorer.name: half})
                for trial in result.trials
            ),
        )
        for case_id, result in arm.items()
    }
