"""The judge as the runner sees it: an ``AsyncScorer`` that remembers, and what it writes into a score."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from evalharness.core.cases import Case
from evalharness.core.protocols import Desk, Direction
from evalharness.core.results import Failure, Output, Score, ScoreResult, Unscored
from evalharness.core.specs import thaw
from evalharness.judging.judge import Finding, Inquiry, Judge
from evalharness.judging.reply import Opinion
from evalharness.judging.rubric import Rubric
from evalharness.judging.seat import NotKept
from evalharness.judging.subject import subject_of

UNASSESSED: Final = "unassessed"
"""Kind of the Failure that says: the judge was asked, and too little could be told."""


class Ending(Protocol):
    """What turns a plain score into the scorer's own: threshold, ``not``, signature."""

    def __call__(self, result: ScoreResult) -> ScoreResult:
        """The finished score."""
        ...


class JudgeScorer:
    """A judge as the runner sees it: an ``AsyncScorer`` that remembers.

    Args:
        judge: The judge.
        name: Name in the config.
        signature: Says exactly how the number is made.
        finish: Applies ``threshold`` and ``not``, and signs.
    """

    use = "judge"
    low: float = 0.0
    high: float = 1.0
    direction: Direction = "higher"
    costly = True

    def __init__(self, judge: Judge, *, name: str, signature: str, finish: Ending) -> None:
        self.judge = judge
        self.name = name
        self.signature = signature
        self.binary = is_binary(judge.rubric)
        self.needs: frozenset[str] = frozenset()
        self.finish = finish
        self._desk: Desk | None = None

    def sit(self, desk: Desk) -> None:
        """Use this desk from now on."""
        self._desk = desk

    def inquiry(self, case: Case, *, calls: bool) -> Inquiry:
        """How an answer to a case is looked at."""
        assert self._desk is not None, "the runner gives every judge a desk"
        return Inquiry(desk=self._desk, case_id=case.id, calls=calls)

    async def score_async(self, output: Output, case: Case, *, repeat: int) -> ScoreResult:
        """The score of one answer; ``repeat`` is the epoch, and needs no draw of its own."""
        return await self.scored(output, case, repeat, calls=True)

    def recorded_score(self, output: Output, case: Case, *, repeat: int) -> ScoreResult | None:
        """The score out of stored verdicts alone; None when a call is needed."""
        return run_without_calls(lambda: self.scored(output, case, repeat, calls=False))

    async def scored(self, output: Output, case: Case, epoch: int, *, calls: bool) -> ScoreResult:
        """As ``score_async``, with or without calls."""
        del epoch  # equal answers have equal verdicts, in whatever epoch they come
        if self.judge.rubric.pairwise:
            return Unscored(reason="it compares two answers, and there is one")
        subject = subject_of(self.judge.rubric, output, case)
        repeats = range(self.judge.rubric.judge.first)
        return self.finish(as_score(await self.judge.look(subject, repeats, self.inquiry(case, calls=calls))))


def run_without_calls(start: Callable[[], Coroutine[Any, Any, ScoreResult]]) -> ScoreResult | None:
    """Run a coroutine that has no reason to wait; None when it would have had to call somebody."""
    coroutine = start()
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: ScoreResult = done.value
        return result
    except NotKept:
        return None
    coroutine.close()
    raise AssertionError("a stored verdict needs no waiting")


def is_binary(rubric: Rubric) -> bool:
    """Whether every score is 0 or 1 by construction: one boolean criterion, and no probabilities."""
    return len(rubric.criteria) == 1 and rubric.criteria[0].type == "boolean" and not rubric.judge.probabilities


def as_score(finding: Finding | Failure) -> Score | Failure:
    """The plain score of a finding; a Failure where nothing was assessed: never a pass, never a fail."""
    if isinstance(finding, Failure):
        return finding
    assessment = finding.assessment
    if assessment.value is None:
        return Failure(stage="judge", kind=UNASSESSED, message=assessment.reason)
    evidence: dict[str, Any] = {
        "verdicts": {name: thaw(opinion.verdict) for name, opinion in assessment.opinions.items()},
        "opinions": [
            {name: opinion.to_json() for name, opinion in judgement.items()} for judgement in finding.judgements
        ],
        "judge": list(finding.models),
        "unassessed": list(assessment.unassessed),
        "flags": list(finding.flags),
        "guard": finding.guard,
        "took": finding.took.to_json(),
    }
    return Score(
        value=assessment.value,
        passed=assessment.passed,
        reason=assessment.reason,
        evidence={key: value for key, value in evidence.items() if value},
        parts=assessment.parts,
    )


def opinions_in(score: Score) -> tuple[dict[str, Opinion], ...]:
    """The judgements behind a stored score, one mapping a repeat."""
    return tuple(
        {name: Opinion.from_json(said) for name, said in judgement.items()}
        for judgement in score.evidence.get("opinions", ())
    )
