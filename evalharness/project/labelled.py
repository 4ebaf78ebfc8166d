"""Lets a judge loose on labelled answers, through the same runner as everything else: store, money, retries, resume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalharness.core.cases import Case, EvalSet
from evalharness.core.results import Failure, Output, Run
from evalharness.core.specs import digest, freeze, thaw
from evalharness.judging.labels import Label
from evalharness.judging.observe import LabelScorer, Observation, label_case, observations_in
from evalharness.judging.scorer import JudgeScorer
from evalharness.project.execution import Task, execute
from evalharness.project.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of it."""

    observations: Mapping[str, Sequence[Observation]]
    """Label id -> what the judge said; labels that it could not be asked about are absent."""
    run: Run

    @property
    def fault(self) -> Failure | None:
        """Why a label has no observation, for the first that has none."""
        for result in self.run.results.values():
            for trial in result.trials:
                for score in trial.scores.values():
                    if isinstance(score, Failure):
                        return score
        return None


def hear(
    workspace: Workspace,
    scorer: JudgeScorer,
    labels: Sequence[Label],
    *,
    purpose: str,
    repeats: Sequence[int] = (0,),
    resume: str = "",
    fresh: bool = False,
) -> Heard:
    """Judge labelled answers.

    Args:
        workspace: The opened project.
        scorer: The judge.
        labels: What is judged.
        purpose: ``calibrate``, ``anchors`` or ``attack``.
        repeats: Repeat numbers of each judgement.
        resume: Command line that goes on with it.
        fresh: Use no verdict of another run.

    Raises:
        EvalhError: As ``execution.execute``.
    """
    rubric = scorer.judge.rubric
    cases = tuple(label_case(label) for label in labels)
    asked = LabelScorer(scorer, {label.id: label for label in labels}, repeats=repeats)
    run = execute(
        workspace,
        Task(
            purpose=purpose,
            candidate=LabelledAnswers(rubric.id, labels),
            evalset=EvalSet(name=f"{rubric.id}-{purpose}", cases=cases),
            cases=cases,
            scorers=(asked,),
            resume=resume,
            fresh=fresh,
        ),
    )
    heard = {
        case_id: seen
        for case_id, result in run.results.items()
        for trial in result.trials
        if (seen := observations_in(trial.scores.get(scorer.name)))
    }
    return Heard(observations=heard, run=run)


class LabelledAnswers:
    """Labelled answers as a recording: nobody is asked for them.

    Args:
        name: Of the rubric.
        labels: The answers.
    """

    kind = "recorded"

    def __init__(self, name: str, labels: Sequence[Label]) -> None:
        self.name = name
        self.description: Mapping[str, Any] = freeze({"labels": len(labels)})
        self.digest = digest([[label.id, thaw(label.fields), list(label.tags)] for label in labels])
        self._answers = {label.id: _answer(label) for label in labels}

    def lookup(self, case: Case, *, epoch: int, attempt: int) -> Output | Failure | None:
        """The labelled answer."""
        return self._answers[case.id] if (epoch, attempt) == (0, 0) else None


def _answer(label: Label) -> Output:
    fields = label.fields
    return Output(text=str(fields.get("output", fields.get("output_b", ""))))
