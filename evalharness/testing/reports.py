"""Gate verdicts as test reports that pytest and its plugins cannot tell from a test's own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final, Literal

import pytest

from evalharness.config.model import GateConfig
from evalharness.core.verdicts import GateVerdict
from evalharness.testing.judging import Judgement

_PHASES: Final[tuple[Literal["setup", "call", "teardown"], ...]] = ("setup", "call", "teardown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One reported thing: a scorer of a gate, or the gate as a whole."""

    nodeid: str
    outcome: Literal["passed", "failed", "skipped"]
    reason: str = ""
    text: str = ""
    """What is printed under FAILURES."""


class Told:
    """A failure's text, in the form that the terminal, JUnit and HTML reports look for."""

    def __init__(self, text: str, message: str) -> None:
        self._text = text
        self.reprcrash = SimpleNamespace(message=message, path="evalh.toml", lineno=0)

    def __str__(self) -> str:
        return self._text

    def toterminal(self, out: Any) -> None:
        """Print it line by line."""
        for line in self._text.splitlines():
            out.line(line)


def judged_names(gate: GateConfig) -> list[str]:
    """The limits of a gate that can fail, by scorer."""
    return [limit.scorer for limit in gate.limits if limit.role != "report"]


def parts_of(gate: GateConfig, judgement: Judgement) -> list[Part]:
    """One part for each limit that can fail, by names that do not depend on the outcome; more only where needed.

    Args:
        gate: The rule.
        judgement: Its verdict.
    """
    verdict = judgement.verdict.gates[0]
    names = judged_names(gate)
    if judgement.skip:
        return [Part(nodeid=_id(gate, name), outcome="skipped", reason=judgement.skip) for name in names]
    if judgement.verdict:
        return [Part(nodeid=_id(gate, name), outcome="passed") for name in names]
    failed = _failed(verdict) or {"": verdict.reason}
    if verdict.outcome not in ("regression", "inconclusive"):
        failed = dict.fromkeys(names, verdict.reason)  # nothing was judged to the end, so nothing has passed
    names += [name for name in failed if name not in names]
    parts = [_part(gate, name, failed.get(name)) for name in names]
    text = judgement.text()
    first = next(part.nodeid for part in parts if part.outcome == "failed")
    return [_with_text(part, text, first) for part in parts]


def _failed(verdict: GateVerdict) -> dict[str, str]:
    """Name -> reason of what keeps the gate from passing; empty when that is nothing in particular."""
    found = {s.scorer: s.reason for s in verdict.scorers if s.role in ("guard", "improve") and s.outcome != "pass"}
    found |= {check.scorer: f"failed on {', '.join(check.flips[:5])}" for check in verdict.hard if check.flips}
    for part in verdict.slices:
        if part.guard:
            found |= {f"{part.field}={part.value}:{s.scorer}": s.reason for s in part.scorers if s.outcome != "pass"}
    return found


def _part(gate: GateConfig, name: str, reason: str | None) -> Part:
    return Part(nodeid=_id(gate, name), outcome="passed" if reason is None else "failed", reason=reason or "")


def _with_text(part: Part, text: str, first: str) -> Part:
    if part.outcome != "failed":
        return part
    own = text if part.nodeid == first else f"{part.reason}\n(the table is under {first})"
    return Part(nodeid=part.nodeid, outcome="failed", reason=part.reason, text=own)


def _id(gate: GateConfig, name: str) -> str:
    return f"evalh::gate::{gate.name}[{name}]" if name else f"evalh::gate::{gate.name}"


def send(session: pytest.Session, parts: Sequence[Part], properties: Sequence[tuple[str, str]], seconds: float) -> None:
    """Report parts as tests that ran: start, setup, call, teardown, end.

    Args:
        session: The session of the process that talks to the user.
        parts: What to report.
        properties: JUnit properties of each.
        seconds: How long judging took; written to the first.
    """
    for number, part in enumerate(parts):
        _send_one(session, part, properties, 0.0 if number else seconds)


def _send_one(session: pytest.Session, part: Part, properties: Sequence[tuple[str, str]], seconds: float) -> None:
    hook, location = session.config.hook, ("evalh.toml", None, part.nodeid)
    longrepr: Any = None
    if part.outcome == "skipped":
        longrepr = ("evalh.toml", 0, f"Skipped: {part.reason}")
    elif part.outcome == "failed":
        longrepr = Told(part.text, part.reason)
    hook.pytest_runtest_logstart(nodeid=part.nodeid, location=location)
    for phase in _PHASES:
        now, call = time.time(), phase == "call"
        hook.pytest_runtest_logreport(
            report=pytest.TestReport(
                nodeid=part.nodeid,
                location=location,
                keywords={"evalh": 1, part.nodeid: 1},
                outcome=part.outcome if call else "passed",
                longrepr=longrepr if call else None,
                when=phase,
                duration=seconds if call else 0.0,
                start=now - (seconds if call else 0.0),
                stop=now,
                user_properties=properties,
            )
        )
    hook.pytest_runtest_logfinish(nodeid=part.nodeid, location=location)
