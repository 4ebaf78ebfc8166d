"""The report page: one self-contained HTML file that needs no network and lets nothing from outside act.

Verdict, plot and slices need no script. The script shows cases from a JSON block, by ``textContent`` only; the content
security policy allows exactly this style sheet and this script.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from evalharness.core.cases import Case
from evalharness.core.results import Run
from evalharness.core.verdicts import Comparison, GateVerdict, ScorerVerdict, Verdict, Warned
from evalharness.report.changes import as_comparison, mean_of
from evalharness.report.html.curves import chance_curves, path_curves
from evalharness.report.html.embedded import comparison_json, results_json
from evalharness.report.html.plot import Plot, plot_of
from evalharness.report.sinks import visible
from evalharness.report.view import GateView, ScorerRow, gate_view, points

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Environment

    from evalharness.project.running import RunSummary
    from evalharness.project.showing import Shown

TONES: Final = {"pass": "pass", "regression": "bad", "refused": "bad", "bug": "bad", "store": "bad"}
MARKS: Final = {"pass": "✓", "regression": "✗", "inconclusive": "?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """One gate or run on the page, ready for the template; texts are not yet cleaned (the template's door does it)."""

    anchor: str
    name: str
    title: str
    reason: str
    word: str = ""
    mark: str = ""
    tone: str = "warn"
    where: str = ""
    tip: str = ""
    softened: bool = False
    facts: Sequence[str] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    level: str = "Interval"
    plot: Plot | None = None
    means: Sequence[Mapping[str, str]] = ()
    said: Sequence[str] = ()
    curves: Sequence[Mapping[str, Any]] = ()
    slices: Mapping[str, Any] | None = None
    counts: str = ""
    data: Any = ""
    cut: str = ""
    record: Sequence[tuple[str, str]] = ()
    next_steps: Sequence[tuple[str, str]] = field(default=())


def of_verdict(verdict: Verdict, comparisons: Sequence[Comparison]) -> str:
    """The page of a command with all its gates."""
    sections = [_gate_section(f"gate-{number}", one) for number, one in enumerate(comparisons, 1)]
    if not sections:
        error = verdict.error or {}
        sections = [
            _Section(anchor="gate-1", name="", title="evalh", word=verdict.outcome, reason=error.get("message", ""))
        ]
    return _page(f"evalh: {verdict.outcome}", sections, verdict.warnings)


def of_runs(summaries: Sequence[RunSummary]) -> str:
    """The page of runs: scores without a verdict."""
    sections = [
        _run_section(f"run-{number}", one.run, one.evalset.by_id, one.evalset.slices)
        for number, one in enumerate(summaries, 1)
    ]
    return _page("evalh run", sections)


def of_shown(shown: Shown) -> str:
    """The page of a recorded run: as its verdict when it has one."""
    comparison = as_comparison(shown)
    title = f"evalh: run {shown.run.header.run_id}"
    if comparison is not None:
        return _page(title, [_gate_section("gate-1", comparison)])
    return _page(title, [_run_section("run-1", shown.run, shown.cases, ())])


def _gate_section(anchor: str, comparison: Comparison) -> _Section:
    view = gate_view(comparison)
    gate = comparison.gate
    fields = list(dict.fromkeys(part.field for part in gate.slices))
    data, cut = comparison_json(comparison, fields)
    levels = {row.level for row in view.scorers if row.level is not None}
    return _Section(
        anchor=anchor,
        name=gate.gate,
        title=view.title,
        reason=view.reason,
        word=view.word,
        mark=MARKS.get(view.outcome, "!"),
        tone=TONES.get(view.outcome, "warn"),
        where=view.where,
        tip=view.tip,
        softened=view.softened,
        facts=view.facts,
        rows=_scorer_rows(view.scorers),
        level=f"{levels.pop() * 100:.4g} % interval" if len(levels) == 1 else "Interval",
        plot=plot_of([row.bar for row in view.scorers if row.bar is not None]),
        said=(*_hard(view), *view.notes, *view.warnings),
        curves=_curves(comparison),
        slices=_slices(gate),
        counts=view.counts,
        data=_markup(data),
        cut=cut,
        record=_gate_record(gate),
        next_steps=view.next_steps,
    )


def _hard(view: GateView) -> list[str]:
    return [f"{MARKS.get(outcome, '!')} {said}" if outcome else said for outcome, said in view.hard]


def _scorer_rows(rows: Sequence[ScorerRow]) -> list[dict[str, Any]]:
    plot = plot_of([row.bar for row in rows if row.bar is not None])
    return [
        {
            "name": row.name,
            "role": row.role,
            "outcome": row.outcome if row.judged else "reported",
            "mark": MARKS.get(row.outcome, "!") if row.judged else "",
            "tone": TONES.get(row.outcome, "warn") if row.judged else "reported",
            "reason": row.reason,
            "base": row.base,
            "new": row.new,
            "change": row.change,
            "interval": row.interval,
            "margin": row.margin,
            "bar": plot.bar(row.bar) if plot is not None and row.bar is not None else None,
        }
        for row in rows
    ]


def _curves(comparison: Comparison) -> list[dict[str, Any]]:
    """Per guard: its evidence against the cases paid, and what a set of this size sees."""
    chances = comparison.chances()
    found = []
    for scorer in comparison.gate.scorers:
        path = path_curves(comparison.paths.get(scorer.scorer, ()), comparison.gate.calls.planned)
        seen = chance_curves(chances.get(scorer.scorer, ()), scorer.unit)
        if path is not None or seen is not None:
            found.append({"name": scorer.scorer, "path": path, "chances": seen, "unit": scorer.unit})
    return found


def _slices(gate: GateVerdict) -> dict[str, Any] | None:
    names = list(dict.fromkeys(s.scorer for part in gate.slices for s in part.scorers if s.difference is not None))
    if not names:
        return None
    margins = {s.scorer: s.margin for s in gate.scorers}
    rows = []
    for part in gate.slices:
        by_name = {s.scorer: s for s in part.scorers}
        cells = [_cell(by_name.get(name), margins.get(name)) for name in names]
        rows.append({"field": part.field, "value": part.value, "n": part.n, "guard": part.guard, "cells": cells})
    return {"names": names, "rows": rows}


def _cell(scorer: ScorerVerdict | None, margin: float | None) -> dict[str, str]:
    """A change with its tint: strong beyond the margin, faint within it."""
    if scorer is None or scorer.difference is None:
        return {"text": "–", "tint": "0"}
    change = scorer.difference
    strength = 0 if abs(change) <= 1e-9 else 2 if margin and abs(change) > margin else 1
    return {"text": points(change, scorer.unit, sign=True), "tint": str(strength if change > 0 else -strength)}


def _gate_record(gate: GateVerdict) -> list[tuple[str, str]]:
    def named(facts: Mapping[str, Any]) -> str:
        return "  ".join(str(value) for value in facts.values() if value)

    rows = [
        ("Run", gate.run),
        ("Eval set", named(gate.evalset)),
        ("Candidate", named(gate.candidate)),
        ("Baseline", named(gate.baseline)),
        ("Epochs", str(gate.epochs)),
        ("Order seed", gate.order_seed),
        *((f"Signature of {s.scorer}", s.signature) for s in gate.scorers),
        *((f"Signature of {h.scorer}", h.signature) for h in gate.hard if h.signature),
    ]
    return [(key, value) for key, value in rows if value.strip()]


def _run_section(anchor: str, run: Run, cases: Mapping[str, Case], fields: Sequence[str]) -> _Section:
    header = run.header
    data, cut = results_json(run.results, cases, header.scorers, fields)
    failed = len({case_id for case_id, _ in run.failures()})
    name = str(header.candidate.get("name", ""))
    answered = f"{len(run.results) - failed} of {len(header.case_digests) or len(run.results)} cases answered"
    return _Section(
        anchor=anchor,
        name=name,
        title=f"{header.evalset.get('name', '')}  {name}  run {header.run_id[:12]}",
        reason=answered + (f", stopped: {run.stopped}" if run.stopped else ""),
        tone="" if run.complete else "warn",
        facts=(f"{run.calls.made} calls", f"{run.calls.replayed} replayed", f"${run.calls.cost_usd:.2f}"),
        means=[_mean_row(run, scorer) for scorer in header.scorers],
        data=_markup(data),
        cut=cut,
        record=_run_record(run),
    )


def _mean_row(run: Run, scorer: str) -> dict[str, str]:
    values = [value for result in run.results.values() if (value := mean_of(result, scorer)) is not None]
    mean = f"{sum(values) / len(values):.4g}" if values else "–"
    return {"name": scorer, "mean": mean, "n": str(len(values)), "absent": str(len(run.results) - len(values))}


def _run_record(run: Run) -> list[tuple[str, str]]:
    header = run.header
    rows = [
        ("Run", header.run_id),
        ("Eval set", "  ".join(str(value) for value in header.evalset.values() if value)),
        ("Candidate", "  ".join(str(header.candidate.get(key, "")) for key in ("name", "kind", "digest"))),
        ("Made", header.created),
        ("Commit", header.commit),
        ("Seed", str(header.seed)),
        ("Epochs", str(header.epochs)),
        *((f"Signature of {name}", signature) for name, signature in header.scorers.items()),
        ("Versions", ", ".join(f"{name} {version}" for name, version in header.versions.items())),
    ]
    return [(key, value) for key, value in rows if value.strip()]


def _page(title: str, sections: Sequence[_Section], warnings: Sequence[Warned] = ()) -> str:
    said = {sentence for section in sections for sentence in section.said}
    return rendered(
        "page.jinja",
        script=_part("page.js"),
        title=title,
        sections=sections,
        warnings=[warned.message for warned in warnings if warned.message not in said],
    )


def rendered(template: str, *, script: str = "", **values: Any) -> str:
    """A template of this folder as one file whose policy allows its style sheet, its script and nothing else.

    Args:
        template: Its file name.
        script: The only script; none at all when empty.
        **values: What the template shows; texts are made visible and escaped on their way in.
    """
    style = _part("page.css")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src {_quoted_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    page = (
        _environment()
        .from_string(_part(template))
        .render(style=_markup(style), script=_markup(script), policy=policy, **values)
    )
    return page + "\n"


def _quoted_hash(script: str) -> str:
    return f"'{_hash(script)}'" if script else "'none'"


@cache
def _environment() -> Environment:
    """The template engine: every value that is not our own markup is made visible, then escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    def door(value: Any) -> Any:
        return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    return Environment(autoescape=True, finalize=door, undefined=StrictUndefined)


def _markup(text: str) -> Any:
    """Our own style, script or JSON block, which the template must not escape again."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - files of this folder, and JSON made by sinks.html_json


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    import base64
    import hashlib

    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
