"""The end of a session: every gate about the candidates that its tests asked is judged, once, and reported."""

from __future__ import annotations

import pytest

from evalharness.config.model import GateConfig
from evalharness.core.errors import EvalhError
from evalharness.project.asking import gates_about
from evalharness.testing.batch import Plan
from evalharness.testing.judging import Judgement, Wanted, judge, not_judged
from evalharness.testing.reports import judged_names, parts_of, send
from evalharness.testing.sitting import Sitting


def judge_session(session: pytest.Session, sitting: Sitting) -> list[str]:
    """Judge the gates of every planned batch and send their reports.

    Args:
        session: The session of the process that talks to the user.
        sitting: Its state.

    Returns:
        One line a gate, for the summary.
    """
    stopped = session.shouldfail
    lines: list[str] = []
    for plan in sitting.plans():
        for gate in _gates(sitting, plan):
            if session.shouldfail and not stopped:
                lines.append(f"gate {gate.name}: not judged: {session.shouldfail}")
                continue
            judgement = _judgement(sitting, plan, gate)
            first = judgement.verdict.gates[0]
            properties = [("evalh_run", judgement.run)] if judgement.run else []
            parts = parts_of(gate, judgement)
            session.testscollected += len(parts) - len(judged_names(gate))
            send(session, parts, properties, first.seconds)
            lines.append(_line(gate, judgement))
    return lines


def expected_reports(sitting: Sitting) -> int:
    """How many reports the gates will add to those of the tests, as far as is known before anything is judged."""
    return sum(len(judged_names(gate)) for plan in sitting.plans() for gate in _gates(sitting, plan))


def write_report(sitting: Sitting, path: str) -> str:
    """Write ``--evalh-report FILE``.

    Returns:
        The line for the summary.
    """
    from evalharness.project.gating import together
    from evalharness.report.write import write_reports

    if not sitting.comparisons:
        return f"{path} was not written: this process judged nothing"
    try:
        write_reports([path], together([found.gate for found in sitting.comparisons]), sitting.comparisons)
    except EvalhError as error:
        return f"{path} was not written: {error}"
    return f"report: {path}"


def _gates(sitting: Sitting, plan: Plan) -> list[GateConfig]:
    home = plan.batch.home
    if not home.file:
        return []
    with sitting.project(home) as workspace:
        return gates_about(workspace, plan.batch.evalset, plan.batch.candidate)


def _judgement(sitting: Sitting, plan: Plan, gate: GateConfig) -> Judgement:
    if len(plan.selected) < plan.total:
        return not_judged(gate.name, f"not judged: {len(plan.selected)} of {plan.total} selected")
    answered = sitting.shared(plan.batch)
    if answered is None:
        return not_judged(gate.name, "not judged: no case was run")
    if answered.error:
        return not_judged(gate.name, "not judged: the cases could not be answered")
    word = sitting.config.getoption("evalh_baseline")
    return judge(sitting, plan.batch.home, Wanted(candidate=gate.name, baseline=word), answered)


def _line(gate: GateConfig, judgement: Judgement) -> str:
    if judgement.skip:
        return f"gate {gate.name}: {judgement.skip}"
    return judgement.text(quiet=True)
