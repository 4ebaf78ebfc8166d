"""The verdict as Markdown: the step summary, and the one sticky comment of a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from evalharness.core.verdicts import Comparison, Verdict
from evalharness.report.changes import as_comparison
from evalharness.report.pull_request import TITLE, other_warnings, proposed
from evalharness.report.sinks import html_text, md_code, md_fence, md_text
from evalharness.report.view import CaseRow, GateView, ScorerRow, gate_view

if TYPE_CHECKING:
    from evalharness.project.running import RunSummary
    from evalharness.project.showing import Shown

CAP: Final = 60_000
"""Characters; GitHub refuses comments from 65,536 on."""
_CUT: Final = "*Cut here: the whole report is in the artifact.*"
_ALERTS: Final = {"pass": "NOTE", "regression": "CAUTION", "refused": "CAUTION", "bug": "CAUTION"}
_MARKS: Final = {"pass": "✅", "regression": "❌", "inconclusive": "❔"}
_NAME: Final = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9._]){0,63}")
"""No two hyphens in a row: they would end the comment that the marker is."""
_ANSWER: Final = 600
_HELP: Final = {
    "inconclusive": 'Add cases, widen the margin, or set `inconclusive = "pass"` for this gate.',
    "incomplete": "What was answered is kept: run it again to go on.",
}


def marker(name: str = "") -> str:
    """The first line of the comment, by which it is found again.

    Args:
        name: Tells several projects of one repository apart; empty for the only one.

    Raises:
        ValueError: If the name could end the HTML comment that the marker is.
    """
    if name and not _NAME.fullmatch(name):
        raise ValueError(f"not a name for the comment's marker: {name!r}")
    return f"<!-- evalh {name} -->" if name else "<!-- evalh -->"


def verdict_markdown(
    verdict: Verdict, comparisons: Sequence[Comparison], *, name: str = "", answers: bool = True
) -> str:
    """The comment.

    Args:
        verdict: The verdict of the command.
        comparisons: Each gate with its cases.
        name: Goes into the marker.
        answers: False leaves out what models wrote: ids and numbers only, for public repositories.

    Returns:
        Markdown that begins with the marker; at most ``CAP`` characters, cut between blocks with a note.
    """
    views = [gate_view(comparison) for comparison in comparisons]
    blocks = [block for view in views for block in _gate(view)]
    blocks += [f"- ⚠ {md_text(warned.message, 500)}" for warned in other_warnings(verdict)]
    if not views:
        blocks.insert(0, f"> [!CAUTION]\n> **{md_text(verdict.outcome)}** {_error(verdict)}")
    for view in views:
        blocks += _details(view, answers=answers)
    changes = [f"- {md_text(sentence, 500)}" for sentence in proposed(verdict)]
    if changes:
        blocks.insert(0, "\n".join([f"**{TITLE}**", "", *changes]))
    return _fitted(marker(name), blocks)


def of_verdict(verdict: Verdict, comparisons: Sequence[Comparison]) -> str:
    """The comment with answers, for a file that is not published."""
    return verdict_markdown(verdict, comparisons)


def of_runs(summaries: Sequence[RunSummary]) -> str:
    """Runs as on the screen, fenced."""
    from evalharness.report.runs import runs_text
    from evalharness.report.terminal import Screen

    return md_fence(runs_text(summaries, Screen())) + "\n"


def of_shown(shown: Shown) -> str:
    """A recorded run: its verdict, or what the screen shows of it."""
    comparison = as_comparison(shown)
    if comparison is not None:
        return of_verdict(Verdict(outcome=comparison.gate.outcome, exit_code=0), [comparison])
    from evalharness.report.shown import run_text
    from evalharness.report.terminal import Screen

    return md_fence(run_text(shown, Screen())) + "\n"


def _fitted(head: str, blocks: Sequence[str]) -> str:
    """As many whole blocks as fit: cutting inside one could leave a fence open."""
    kept, room = [head], CAP - len(head) - len(_CUT) - 8
    for block in blocks:
        room -= len(block) + 2
        if room < 0:
            kept.append(_CUT)
            break
        kept.append(block)
    return "\n\n".join(kept) + "\n"


def _error(verdict: Verdict) -> str:
    error = verdict.error or {}
    return md_text(error.get("message", ""), 1000)


def _gate(view: GateView) -> list[str]:
    blocks = [_alert(view)]
    if view.scorers:
        blocks.append(_table(view.scorers))
    said = [f"- {md_text(sentence, 500)}" for sentence in (*_hard(view), *view.notes)]
    if said:
        blocks.append("\n".join(said))
    blocks.append(_foot(view))
    return blocks


def _hard(view: GateView) -> list[str]:
    return [f"{_MARKS.get(outcome, '❗')} {said}" if outcome else said for outcome, said in view.hard]


def _alert(view: GateView) -> str:
    gate = view.verdict
    word = view.word.capitalize()
    against = f", against {md_code(view.against, 200)}" if view.against else ""
    lines = [
        f"> [!{_ALERTS.get(view.outcome, 'WARNING')}]",
        f"> **{word}: {md_text(view.reason, 600)}** {md_code(gate.gate, 80)}, {gate.pairs.used} pairs{against}",
    ]
    if view.where:
        lines.append(f"> at {md_code(view.where, 300)}")
    if view.tip:
        lines.append(f"> tip: {md_text(view.tip, 500)}")
    if view.softened:
        lines.append("> The config lets this pass: the exit code is 0.")
    elif view.outcome in _HELP:
        lines.append(f"> {_HELP[view.outcome]}")
    return "\n".join(lines)


def _table(rows: Sequence[ScorerRow]) -> str:
    levels = {row.level for row in rows if row.level is not None}
    level = f"{levels.pop() * 100:.4g} % interval" if len(levels) == 1 else "interval"
    lines = [f"| | scorer | base | new | change | {level} | margin |", "|-|-|-:|-:|-:|-:|-:|"]
    for row in rows:
        name = md_code(row.name, 80, cell=True)
        bold = "**" if row.judged and row.outcome == "regression" else ""
        mark = _MARKS.get(row.outcome, "❗") if row.judged else ""
        cells = (mark, f"{bold}{name}{bold}", row.base, row.new, f"{bold}{row.change}{bold}", row.interval, row.margin)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _foot(view: GateView) -> str:
    facts = [md_text(fact) for fact in view.facts]
    if view.verdict.run:
        facts.append(f"run {md_code(view.verdict.run[:12])}")
    facts += [f"{md_code(row.name, 80)} is {md_code(row.signature, 200)}" for row in view.scorers if row.signature]
    facts += [f"{what.lower()}: {md_code(command)}" for what, command in view.next_steps]
    return f"<sub>{' · '.join(facts)}</sub>"


def _details(view: GateView, *, answers: bool) -> list[str]:
    """Slices in one folded block, and each worst case in its own, so that the cut falls between them."""
    blocks = []
    if view.slices:
        lines = [
            f"- {md_code(field, 80)}: {', '.join(md_code(phrase, 120) for phrase in phrases)}"
            for field, phrases in view.slices
        ]
        blocks.append(_folded("Where", "\n".join(lines)))
    if view.outcome != "pass" and view.worst:
        blocks.append(f"Worst cases: {md_text(view.counts)}" if view.counts else "Worst cases")
        blocks += [_case(row, answers=answers) for row in view.worst]
    return blocks


def _case(row: CaseRow, *, answers: bool) -> str:
    scorer = md_code(row.scorer, 80)
    if not answers or row.before is None or row.after is None:
        return f"- {md_code(row.id)} {scorer} {row.change}"
    old = "\n".join(f"- {line}" for line in _lines(row.before))
    new = "\n".join(f"+ {line}" for line in _lines(row.after))
    said = f": {md_text(row.reason, 400)}" if row.reason else ""
    return _folded(
        f"<code>{html_text(row.id)}</code> {html_text(row.change)}",
        f"{scorer}{said}\n\n" + md_fence(f"{old}\n{new}", language="diff"),
    )


def _lines(answer: str) -> list[str]:
    cut = answer if len(answer) <= _ANSWER else answer[:_ANSWER] + "…"
    return cut.split("\n")


def _folded(summary: str, body: str) -> str:
    """A folded block. The summary is HTML, for a host reads no Markdown there: our words, or an id in ``<code>``."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"
