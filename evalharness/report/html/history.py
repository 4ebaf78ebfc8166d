"""The history page: how each gate went over its runs, and the list of all runs. No script, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalharness.core.verdicts import GateVerdict, ScorerVerdict
from evalharness.project.history import GateRun, History
from evalharness.report.html.page import MARKS, TONES, rendered
from evalharness.report.view import WORDS, points

_WIDTH, _HEIGHT, _EDGE = 680.0, 70.0, 12.0
_LEAST_SPAN = 0.02
"""A flat line is drawn flat: the axis spans at least two points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One run on a trend."""

    x: float
    y: float
    tone: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One scorer of a gate over its runs, in pixels."""

    name: str
    line: str
    """Points of the line, as SVG writes them."""
    dots: Sequence[Dot]
    low: str
    """The axis' lower end in the scorer's unit."""
    high: str


def history_page(history: History) -> str:
    """One self-contained HTML file."""
    gates = [
        {
            "name": name,
            "anchor": f"gate-{number}",
            "trends": _trends(runs),
            "rows": [_gate_row(one) for one in reversed(runs)],
        }
        for number, (name, runs) in enumerate(history.gates.items(), 1)
    ]
    return rendered("history.jinja", title="evalh: history", gates=gates, rows=[_run_row(run) for run in history.runs])


def _trends(runs: Sequence[GateRun]) -> list[Trend]:
    names = dict.fromkeys(s.scorer for one in runs for s in one.verdict.scorers)
    found = []
    for name in names:
        seen = [
            (one, s) for one in runs for s in one.verdict.scorers if s.scorer == name and s.candidate_mean is not None
        ]
        if len(seen) > 1:
            found.append(_trend(name, seen))
    return found


def _trend(name: str, seen: Sequence[tuple[GateRun, ScorerVerdict]]) -> Trend:
    values = [s.candidate_mean or 0.0 for _, s in seen]
    low, high = min(values), max(values)
    room = max(0.0, _LEAST_SPAN - (high - low)) / 2 + 0.1 * (high - low)
    low, high = low - room, high + room
    unit = seen[0][1].unit
    dots = [
        Dot(
            x=round(_EDGE + place / (len(seen) - 1) * (_WIDTH - 2 * _EDGE), 1),
            y=round(_HEIGHT - _EDGE - (value - low) / (high - low) * (_HEIGHT - 2 * _EDGE), 1),
            tone=TONES.get(one.verdict.outcome, "warn"),
            says=f"{_when(one)} {WORDS[one.verdict.outcome]} {points(value, unit)}",
        )
        for place, ((one, _), value) in enumerate(zip(seen, values, strict=True))
    ]
    return Trend(
        name=name,
        line=" ".join(f"{dot.x:g},{dot.y:g}" for dot in dots),
        dots=dots,
        low=points(low, unit),
        high=points(high, unit),
    )


def _when(one: GateRun) -> str:
    return one.run.created[:16].replace("T", " ")


def _gate_row(one: GateRun) -> Mapping[str, Any]:
    gate, run = one.verdict, one.run
    first: ScorerVerdict | None = next((s for s in gate.scorers if s.role != "report"), None)
    return {
        **_outcome(gate.outcome),
        "run": run.run_id[:6],
        "when": _when(one),
        "candidate": run.candidate,
        "against": _against(gate),
        "change": "–" if first is None else f"{first.scorer} {points(first.difference, first.unit, sign=True)}",
        "reason": gate.reason,
        "used": gate.pairs.used,
        "calls": gate.calls.made,
        "cost": f"${gate.calls.cost_usd:.2f}",
    }


def _against(gate: GateVerdict) -> str:
    return " ".join(
        part for part in (str(gate.baseline.get("name", "")), str(gate.baseline.get("commit", ""))[:7]) if part
    )


def _run_row(run: Any) -> Mapping[str, Any]:
    end = f"stopped: {run.stopped}" if run.stopped else "whole" if run.complete else ""
    return {
        **(_outcome(run.outcome) if run.outcome else {"mark": "", "tone": "", "word": end}),
        "run": run.run_id[:6],
        "when": run.created[:16].replace("T", " "),
        "what": run.gate or run.purpose,
        "evalset": run.evalset,
        "candidate": run.candidate,
        "cases": run.cases,
        "calls": run.calls,
        "cost": f"${run.cost_usd:.2f}",
    }


def _outcome(outcome: str) -> dict[str, str]:
    return {"mark": MARKS.get(outcome, "!"), "tone": TONES.get(outcome, "warn"), "word": WORDS.get(outcome, outcome)}
