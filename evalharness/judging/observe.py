"""What a judge says of labelled answers, recorded or asked: the observations that calibration counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from evalharness.core.cases import Case
from evalharness.core.results import Failure, Output, Score, ScoreResult
from evalharness.core.specs import thaw
from evalharness.judging.assessment import assess
from evalharness.judging.judge import Finding
from evalharness.judging.labels import Judged, Label
from evalharness.judging.reply import Opinion
from evalharness.judging.rubric import Rubric
from evalharness.judging.scorer import JudgeScorer, run_without_calls
from evalharness.judging.subject import subject_of_label, swapped

Side = Literal["A", "B", "tie"]
_TURNED: Final[Mapping[Any, Any]] = {"A": "B", "B": "A"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One judgement of one labelled answer."""

    order: Literal["AB", "BA"] = "AB"
    repeat: int = 0
    verdicts: Mapping[str, Any] | None
    """Criterion -> verdict, of a pair in terms of output_a and output_b; None when there was no valid reply."""
    passed: bool | None
    """What the rubric makes of it; None when nothing was assessed."""
    value: float | None
    """0..1; of a pair 0 = A, 1 = B."""
    guard: str = ""
    problem: str = ""

    @property
    def side(self) -> Side | None:
        """Of a pair: which answer is better; None when nothing was assessed."""
        if self.value is None:
            return None
        return "tie" if abs(self.value - 0.5) < 1e-9 else ("B" if self.value > 0.5 else "A")

    def to_json(self) -> dict[str, Any]:
        """JSON object of all fields."""
        return {name: thaw(getattr(self, name)) for name in self.__slots__}


def read(rubric: Rubric, label: Label, verdicts: Mapping[str, Any]) -> tuple[bool | None, float | None]:
    """(passed, value) that a rubric makes of plain verdicts; criteria without a verdict do not count.

    Args:
        rubric: The rubric.
        label: What was judged.
        verdicts: Criterion -> verdict.
    """
    subject = subject_of_label(label)
    opinions = {name: Opinion(verdict=verdict) for name, verdict in verdicts.items()}
    asked = [criterion for criterion in rubric.criteria if criterion.id in opinions and subject.applies(criterion)]
    found = assess(rubric, opinions, asked)
    return found.passed, found.value


def recorded(rubric: Rubric, label: Label) -> tuple[Observation, ...]:
    """The verdicts that stand beside a label."""
    return tuple(_observation(rubric, label, judged) for judged in label.judged)


def _observation(rubric: Rubric, label: Label, judged: Judged) -> Observation:
    passed, value = (None, None) if judged.verdicts is None else read(rubric, label, judged.verdicts)
    return Observation(order=judged.order, repeat=judged.repeat, verdicts=judged.verdicts, passed=passed, value=value)


class LabelScorer(JudgeScorer):
    """Judges labelled answers as often, and in as many orders, as a measurement needs.

    Args:
        inner: The judge scorer.
        labels: By case id.
        repeats: Judgements of each answer.
    """

    def __init__(self, inner: JudgeScorer, labels: Mapping[str, Label], *, repeats: Sequence[int] = (0,)) -> None:
        super().__init__(inner.judge, name=inner.name, signature=inner.signature, finish=lambda result: result)
        self.inner = inner
        self._labels = labels
        self._repeats = repeats

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
        """The observations out of stored verdicts alone; None when a call is needed."""
        return run_without_calls(lambda: self.scored(output, case, repeat, calls=False))

    async def scored(self, output: Output, case: Case, epoch: int, *, calls: bool) -> ScoreResult:
        """A score that carries the observations; a Failure where the judge could not be reached at all."""
        del output, epoch
        label = self._labels[case.id]
        subject, inquiry = subject_of_label(label), self.inquiry(case, calls=calls)
        orders: tuple[Literal["AB", "BA"], ...] = ("AB", "BA") if self.judge.rubric.pairwise else ("AB",)
        seen: list[dict[str, Any]] = []
        for repeat in self._repeats:
            for order in orders:
                shown = subject if order == "AB" else swapped(subject)
                found = await self.judge.in_order(shown, repeat, inquiry)
                if isinstance(found, Failure) and found.kind != "invalid_verdict":
                    return found
                seen.append(_seen(found, order, repeat).to_json())
        return Score(value=0.0, evidence={"observations": seen})


def _seen(found: Finding | Failure, order: Literal["AB", "BA"], repeat: int) -> Observation:
    if isinstance(found, Failure):
        problem = found.message
        return Observation(order=order, repeat=repeat, verdicts=None, passed=None, value=None, problem=problem)
    verdicts = {name: opinion.verdict for name, opinion in found.assessment.opinions.items()}
    value = found.assessment.value
    if order == "BA":
        verdicts = {name: _TURNED.get(verdict, verdict) for name, verdict in verdicts.items()}
        value = None if value is None else 1.0 - value
    passed = found.assessment.passed
    return Observation(order=order, repeat=repeat, verdicts=verdicts, passed=passed, value=value, guard=found.guard)


def observations_in(score: ScoreResult | None) -> tuple[Observation, ...]:
    """The observations that a score carries; none where there is no score."""
    if not isinstance(score, Score):
        return ()
    return tuple(Observation(**row) for row in score.evidence["observations"])


def label_case(label: Label) -> Case:
    """A labelled answer as a case, so that a run can walk over it."""
    return Case(id=label.id, input=thaw(label.fields.get("input", "")) or "-")
