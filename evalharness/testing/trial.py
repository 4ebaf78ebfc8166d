"""What a test sees of its case: ``trial.case``, ``trial.output``, ``trial.scores``; or why there is nothing to see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import pytest

from evalharness.core.cases import Case
from evalharness.core.results import CaseResult, Failure, Output, Score, ScoreResult
from evalharness.testing.batch import NOT_RECORDED, STALE, Answered, Place
from evalharness.testing.sitting import FAULT, Sitting, sitting_of

IN_CI = "nothing is recorded, and CI must not pass on nothing: restore the store (.evalh), or run with --evalh-live"


class CaseTrial:
    """One case, and the candidate's answer to it.

    Args:
        case: The case.
        result: Its answers and scores; None where there is none.
        fault: Why the test fails before it begins; empty when it does not.
    """

    def __init__(self, case: Case, result: CaseResult | None, fault: str = "") -> None:
        self.case = case
        """The case, as the eval set has it."""
        self.fault = fault
        self._result = result

    def __repr__(self) -> str:
        return f"<trial {self.case.id}>"

    @property
    def result(self) -> CaseResult:
        """Everything: every epoch, with the content keys of its answers."""
        if self.fault or self._result is None:
            pytest.fail(self.fault, pytrace=False)
        return self._result

    @property
    def output(self) -> Output:
        """The answer of the first epoch."""
        output = self.result.trials[0].output
        assert isinstance(output, Output)
        return output

    @property
    def scores(self) -> Mapping[str, ScoreResult]:
        """Scorer name -> ``Score``, or ``Unscored`` or ``Failure`` where there is no number."""
        return self.result.trials[0].scores


def trial_of(request: pytest.FixtureRequest) -> CaseTrial:
    """The trial of one test. The first one that is wanted has all selected cases answered.

    A case without an answer is skipped; where the candidate itself failed, the test fails, in its own phase; where the
    infrastructure did, it is an error.
    """
    sitting = sitting_of(request.config)
    found = _trial(request, sitting)
    request.node.stash[FAULT] = found.fault
    return found


def _trial(request: pytest.FixtureRequest, sitting: Sitting) -> CaseTrial:
    place = getattr(request, "param", None)
    if not isinstance(place, Place):
        pytest.fail(
            'the fixture trial needs the marker: @pytest.mark.evalh("EVALSET", candidate="NAME")', pytrace=False
        )
    found = sitting.answered(place.batch)
    if found.error:
        pytest.fail(found.error, pytrace=False)
    _tell(request, "evalh_id", place.case.id)
    nothing = sitting.ci and not sitting.live and not found.recorded
    if nothing:
        return CaseTrial(place.case, None, f"{STALE}; {IN_CI}" if found.stale else IN_CI)
    if found.stale or found.arm is None:
        pytest.skip(STALE)
    result = found.arm.results.get(place.case.id)
    if result is None:
        pytest.fail(f"no answer: the run ended early ({found.stopped})", pytrace=False)
    output = result.trials[0].output
    if isinstance(output, Failure) and output.blame != "candidate":
        _no_answer(output, found, live=sitting.live)
    _tell(request, "evalh_run", found.arm.run)
    for name, score in result.trials[0].scores.items():
        if isinstance(score, Score):
            _tell(request, f"evalh_score.{name}", score.value)
    fault = f"the candidate failed: {output.kind}: {output.message}" if isinstance(output, Failure) else ""
    return CaseTrial(place.case, result, fault)


def _no_answer(output: Failure, found: Answered, *, live: bool) -> NoReturn:
    if output.kind != "not_recorded":
        pytest.fail(f"no answer: {output.kind}: {output.message}", pytrace=False)
    recording = found.arm is not None and found.arm.kind == "recorded"
    pytest.skip("not recorded: the answers file has no such case" if recording or live else NOT_RECORDED)


def _tell(request: pytest.FixtureRequest, name: str, value: str | float) -> None:
    """Add a JUnit property once: a rerun of the test finds it there already."""
    properties = request.node.user_properties
    if all(known != name for known, _ in properties):
        properties.append((name, value))
