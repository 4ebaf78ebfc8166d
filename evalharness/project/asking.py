"""One candidate on chosen cases: what a test session asks before any verdict, so that every case can be looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from evalharness.config.model import GateConfig
from evalharness.core.cases import EvalSet
from evalharness.core.errors import BaselineError, UsageError
from evalharness.core.protocols import Candidate, Recording, ScorerFacts
from evalharness.core.results import Failure, Output, Run
from evalharness.project.arms import answers_by_key, stored_baseline
from evalharness.project.execution import Task, execute
from evalharness.project.running import fitting_scorers
from evalharness.project.words import evalset_of_word
from evalharness.project.workspace import Workspace
from evalharness.verdict.baseline import Baseline

CandidateWord: TypeAlias = str | Callable[..., Any]
"""A candidate of the config, an answers file, or a function ``case -> str | Output``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of whom, and what for."""

    evalset: EvalSet
    candidate: Candidate | Recording
    scorers: Mapping[str, ScorerFacts]
    """Every scorer of the gates, and the others of the config that fit the eval set and call nobody."""
    gates: tuple[GateConfig, ...]
    """Gates of the config about this candidate on this eval set."""

    @property
    def kept(self) -> bool:
        """Whether answers serve other runs too; False for code that does not declare what decides its answers."""
        return isinstance(self.candidate, Recording) or self.candidate.reuse == "always"


def question(workspace: Workspace, evalset: str, candidate: CandidateWord) -> Question:
    """Build everything that answering takes; nothing is called yet.

    Args:
        workspace: The opened project.
        evalset: Name in the config, or a path.
        candidate: Name in the config, an answers file, or a function.

    Raises:
        ConfigError: If a name or its table is wrong.
        EvalSetError: If a file is wrong.
    """
    cases = evalset_of_word(workspace, evalset)
    gates = gates_about(workspace, evalset, candidate)
    scorers, _ = fitting_scorers(workspace, cases)
    for gate in gates:
        scorers |= workspace.gate_scorers(gate)
    return Question(evalset=cases, candidate=_build(workspace, candidate, evalset), scorers=scorers, gates=tuple(gates))


def ask(workspace: Workspace, asked: Question, case_ids: Collection[str]) -> Run:
    """Answer and score the chosen cases, all side by side; recorded answers, the stored baselines' own too, come first.

    Args:
        workspace: The opened project; offline, an answer that was never recorded is a Failure ``not_recorded``.
        asked: What :func:`question` built.
        case_ids: The cases wanted.

    Raises:
        EvalhError: As ``execution.execute``.
    """
    cases = tuple(case for case in asked.evalset.living if case.id in case_ids)
    return execute(
        workspace,
        Task(
            purpose="pytest",
            candidate=asked.candidate,
            evalset=asked.evalset,
            cases=cases,
            scorers=tuple(asked.scorers.values()),
            epochs=max((gate.epochs for gate in asked.gates), default=1),
            recorded=_baseline_answers(workspace, asked.gates),
        ),
    )


def gates_about(workspace: Workspace, evalset: str, candidate: CandidateWord) -> list[GateConfig]:
    """The gates of the config that judge this candidate on this eval set."""
    return [g for g in workspace.config.gates.values() if (g.evalset, g.candidate) == (evalset, candidate)]


def only_candidate(workspace: Workspace, evalset: str) -> str:
    """The candidate that is meant when none is named: that of the eval set's gates, else the only one there is.

    Raises:
        UsageError: If there are several, or none.
    """
    judged = {gate.candidate for gate in workspace.config.gates.values() if gate.evalset == evalset}
    names = sorted(judged or workspace.config.candidates)
    if len(names) != 1:
        raise UsageError(f"which candidate answers {evalset!r}?", tip=f"defined: {', '.join(names) or 'none'}")
    return names[0]


def check_candidate(workspace: Workspace, word: str) -> None:
    """Find out early whether a candidate's name means anything.

    Raises:
        ConfigError: If it is neither a candidate of the config nor a file.
    """
    if word not in workspace.config.candidates and not (workspace.root / word).is_file():
        raise workspace.unknown("candidate", word, workspace.config.candidates)


class Answered:
    """A candidate as it answered in this session, under its own name and digest: judged without asking it again.

    Args:
        candidate: The candidate.
        arm: Its answers.
    """

    def __init__(self, candidate: Candidate | Recording, arm: Baseline) -> None:
        self.name = candidate.name
        self.kind = candidate.kind
        self.digest = candidate.digest
        self.reuse = getattr(candidate, "reuse", "always")
        self.description = candidate.description
        self._answers = {
            (trial.case_id, trial.epoch, trial.attempt): trial.output
            for result in arm.results.values()
            for trial in result.trials
        }

    def lookup(self, case: Any, *, epoch: int, attempt: int) -> Output | Failure | None:
        """The answer of this session; None for one that was not asked."""
        return self._answers.get((case.id, epoch, attempt))


def _build(workspace: Workspace, word: CandidateWord, evalset: str) -> Candidate | Recording:
    if not isinstance(word, str):
        from evalharness.candidates.registry import function_candidate

        return function_candidate(word, name=getattr(word, "__name__", "candidate"))
    if word in workspace.config.candidates:
        return workspace.candidate(word, evalset)
    check_candidate(workspace, word)
    path = workspace.root / word
    return workspace.recording(path, path.stem)


def _baseline_answers(workspace: Workspace, gates: Collection[GateConfig]) -> dict[str, Output]:
    """Answers of the stored baselines by content key: an unchanged request costs nothing, also in a fresh checkout."""
    answers: dict[str, Output] = {}
    for gate in gates:
        if gate.baseline is None:
            try:
                answers |= answers_by_key(stored_baseline(workspace, gate.name))
            except BaselineError:
                continue  # not promoted yet, or damaged: the gate itself says so
    return answers
