"""The verdict as Markdown: step summary and the one sticky comment of a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evalharness.core.verdicts import Comparison, Verdict
from evalharness.report.sinks import md_code, md_fence
from evalharness.report.view import CaseRow, GateView, ScorerRow, gate_view

CAP: Final = 60_000
"""Characters; GitHub refuses comments from 65,536 on."""
_ALERTS: Final = {"pass": "NOTE", "regression": "CAUTION"}
_MARKS: Final = {"pass": "✅", "regression": "❌", "inconclusive": "❔"}


def verdict_markdown(
    verdict: Verdict, comparisons: Sequence[Comparison], *, name: str = "", answers: bool = True
) -> str:
    """The comment.

    Args:
        verdict: The verdict of the command.
        comparisons: Each gate with its cases.
        name: Tells several projects of one repository apart in the marker.
        answers: False leaves out what models wrote: ids and numbers only, for public repositories.

    Returns:
        Markdown that begins with the marker by which the comment is found again; at most ``CAP`` characters.
    """
    marker = f"<!-- evalh {name} -->" if name.replace("-", "").isalnum() else "<!-- evalh -->"
    parts = [_gate(gate_view(comparison), answers=answers) for comparison in comparisons]
    warnings = [f"- {md_code(warned.message)}" for warned in verdict.warnings]
    text = "\n\n".join([marker, *parts, "\n".join(warnings)]).strip() + "\n"
    if len(text) <= CAP:
        return text
    short = "\n\n".join([marker, *(_head(gate_view(comparison)) for comparison in comparisons)])
    return short[: CAP - 80] + "\n\nCut: the whole report is in the artifact.\n"


def _gate(view: GateView, *, answers: bool) -> str:
    parts = [_head(view)]
    if view.scorers:
        parts.append(_table(view.scorers))
    parts.extend(f"- {md_code(sentence)}" for sentence in (*view.hard, *view.notes))
    details = _details(view, answers=answers)
    if details:
        parts.append(details)
    return "\n\n".join(parts)


def _head(view: GateView) -> str:
    alert = _ALERTS.get(view.outcome, "WARNING")
    tip = f"\n> {md_code(view.tip)}" if view.tip else ""
    facts = ", ".join(view.facts)
    against = f" against {md_code(view.against)}" if view.against else ""
    return (
        f"> [!{alert}]\n> **{view.word}: {md_code(view.reason)}**\n"
        f"> {md_code(view.verdict.gate)}{against}, {facts}{tip}"
    )


def _table(rows: Sequence[ScorerRow]) -> str:
    lines = ["| | scorer | base | new | change | interval | margin |", "|-|-|-:|-:|-:|-:|-:|"]
    for row in rows:
        mark = _MARKS.get(row.outcome, "❔") if row.judged else ""
        lines.append(
            f"| {mark} | {md_code(row.name)} | {row.base} | {row.new} | **{row.change}** | {row.interval} | {row.margin} |"
        )
    return "\n".join(lines)


def _details(view: GateView, *, answers: bool) -> str:
    where = [f"{md_code(field)}: {', '.join(md_code(p) for p in phrases)}" for field, phrases in view.slices]
    worst = [_case(row, answers=answers) for row in view.worst] if view.outcome != "pass" else []
    if not where and not worst:
        return ""
    body = "\n\n".join([*where, *worst])
    return f"<details><summary>Where, and the worst cases</summary>\n\n{body}\n\n</details>"


def _case(row: CaseRow, *, answers: bool) -> str:
    head = f"{md_code(row.id)} {md_code(row.scorer)} {md_code(row.change)}"
    if not answers or row.before is None or row.after is None:
        return head
    old = "\n".join(f"- {line}" for line in row.before[:600].split("\n"))
    new = "\n".join(f"+ {line}" for line in row.after[:600].split("\n"))
    return head + "\n\n" + md_fence(old + "\n" + new, language="diff")
