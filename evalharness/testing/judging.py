"""Verdicts inside a test session: a gate of the config, or a rule given in a test; live, or from what is recorded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

from evalharness.api import judged
from evalharness.core.errors import EvalhError, Interrupted
from evalharness.core.protocols import Recording
from evalharness.core.results import CaseResult, Failure
from evalharness.core.verdicts import Comparison, GateVerdict, Outcome, Verdict
from evalharness.project.asking import Answered as AnsweredCandidate
from evalharness.project.asking import CandidateWord
from evalharness.project.gating import together
from evalharness.project.workspace import Workspace
from evalharness.testing.batch import NOT_RECORDED, STALE, Answered, Home
from evalharness.testing.sitting import Sitting

WIDTH: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict, or why there is none."""

    verdict: Verdict
    comparisons: tuple[Comparison, ...]
    skip: str = ""
    """Why it was not judged; empty when it was."""

    @property
    def run(self) -> str:
        """Id of the candidate's run; empty when there is none."""
        return next((gate.run for gate in self.verdict.gates if gate.run), "")

    def text(self, *, quiet: bool = False) -> str:
        """The table of the terminal; quiet: the verdict line alone."""
        from evalharness.report.terminal import Screen, verdict_text

        # Under pytest's capture sys.stdout is a file of its own; what the terminal can show, the first one knows.
        encoding = getattr(sys.__stdout__, "encoding", None) or ""
        screen = Screen(width=WIDTH, unicode=encoding.lower().startswith("utf"), quiet=quiet)
        return verdict_text(self.verdict, self.comparisons, screen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be judged."""

    candidate: CandidateWord
    """A gate's name when nothing else is given; else a candidate or a function."""
    evalset: str | None = None
    baseline: str | None = None
    limits: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """What the verdict is called."""
        return self.candidate if isinstance(self.candidate, str) else getattr(self.candidate, "__name__", "candidate")


def judge(sitting: Sitting, home: Home, wanted: Wanted, answered: Answered | None = None) -> Judgement:
    """Ask for a verdict; whatever is wrong with the gate is its outcome.

    Args:
        sitting: The session.
        home: The project.
        wanted: What to judge.
        answered: What the candidate was asked in this session, so that it is not asked again.
    """
    try:
        with sitting.project(home) as workspace:
            stale = _prepare(sitting, workspace, wanted, answered)
            verdict, comparisons = (
                _absent(wanted, STALE)
                if stale
                else judged(
                    workspace,
                    wanted.candidate,
                    evalset=wanted.evalset,
                    baseline=wanted.baseline,
                    limits=wanted.limits,
                )
            )
    except Interrupted as error:
        pytest.exit(str(error))
    except EvalhError as error:
        stale = False
        verdict, comparisons = _ended(wanted, error)
    sitting.comparisons.extend(comparisons)
    skip = "" if sitting.live or sitting.ci else (STALE if stale else _not_recorded(verdict, comparisons))
    return Judgement(verdict=verdict, comparisons=tuple(comparisons), skip=skip)


def not_judged(name: str, reason: str) -> Judgement:
    """A gate that was left alone, for a reason that is no fault."""
    verdict, comparisons = _absent(Wanted(candidate=name), reason)
    return Judgement(verdict=verdict, comparisons=tuple(comparisons), skip=reason)


def _prepare(sitting: Sitting, workspace: Workspace, wanted: Wanted, answered: Answered | None) -> bool:
    """Hand over answers that serve this session alone; True when plain pytest would have to ask somebody for them."""
    if not isinstance(wanted.candidate, str):
        return not sitting.live
    gate = workspace.config.gates.get(wanted.candidate) if wanted.limits is None else None
    name, evalset = (gate.candidate, gate.evalset) if gate is not None else (wanted.candidate, wanted.evalset)
    if name not in workspace.config.candidates or evalset is None:
        return False  # the gate itself says what is wrong
    candidate = workspace.candidate(name, evalset)
    if isinstance(candidate, Recording):
        return False
    if candidate.reuse == "always" and not workspace.options.fresh:
        return False
    if answered is not None and answered.arm is not None:
        workspace.ready[name, evalset] = AnsweredCandidate(candidate, answered.arm)
        return False
    return not sitting.live


def _absent(wanted: Wanted, reason: str) -> tuple[Verdict, list[Comparison]]:
    return _made(GateVerdict(gate=wanted.name, outcome="incomplete", reason=reason))


def _ended(wanted: Wanted, error: EvalhError) -> tuple[Verdict, list[Comparison]]:
    outcome: Outcome = error.outcome  # type: ignore[assignment]
    return _made(GateVerdict(gate=wanted.name, outcome=outcome, reason=error.message, error=error.to_json()))


def _made(gate: GateVerdict) -> tuple[Verdict, list[Comparison]]:
    return together([gate]), [Comparison(gate=gate)]


def _not_recorded(verdict: Verdict, comparisons: list[Comparison]) -> str:
    """Why a gate without answers is no failure of plain pytest; empty when it has been judged all the same."""
    if verdict.outcome in ("pass", "regression"):
        return ""
    sides: list[Callable[[Comparison], Mapping[str, CaseResult]]] = [lambda c: c.candidate, lambda c: c.baseline]
    lost = any(
        isinstance(trial.output, Failure) and trial.output.kind == "not_recorded"
        for comparison in comparisons
        for side in sides
        for result in side(comparison).values()
        for trial in result.trials
    )
    missing = any(gate.error is not None and gate.error.get("code") == "not_recorded" for gate in verdict.gates)
    return NOT_RECORDED if lost or missing else ""
