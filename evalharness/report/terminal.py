"""The verdict on a terminal of 80 columns. Colour repeats what glyphs and words already say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evalharness.core.verdicts import Comparison, Verdict
from evalharness.report.bars import bar, heading
from evalharness.report.drawing import Drawing, Screen
from evalharness.report.pull_request import TITLE, other_warnings, proposed
from evalharness.report.view import CaseRow, GateView, ScorerRow, gate_view
from evalharness.report.worddiff import word_diff

__all__ = ["Screen", "verdict_text"]

_COLOURS: Final = {"pass": "green", "regression": "red", "refused": "red"}
_LEAST_NAME, _LEAST_BAR, _MOST_BAR = 11, 18, 40
_ANSWER_LINES = 3
_COMPARED = 2000
"""Characters of an answer that are compared."""


def verdict_text(verdict: Verdict, comparisons: Sequence[Comparison], screen: Screen) -> str:
    """All gates of a command, one after the other.

    Args:
        verdict: The verdict of the command.
        comparisons: Each gate with its cases.
        screen: The terminal.

    Returns:
        Lines without a newline at the end; ANSI colours only where the screen wants them.
    """
    out = Drawing(screen)
    views = [gate_view(comparison) for comparison in comparisons]
    changes = () if screen.quiet else proposed(verdict)
    if changes:
        out.line(TITLE, "bold yellow")
    for sentence in changes:
        out.wrapped(sentence, "yellow", lead="  ! ")
    if changes:
        out.line()
    for number, view in enumerate(views):
        if number and not (_is_short(view, screen) and _is_short(views[number - 1], screen)):
            out.line()
        _gate(out, view)
    for warned in () if screen.quiet else other_warnings(verdict):
        out.wrapped(warned.message, "yellow", lead="warning: ")
    return out.text()


def _is_short(view: GateView, screen: Screen) -> bool:
    return screen.quiet or (view.outcome == "pass" and not screen.verbose)


def _gate(out: Drawing, view: GateView) -> None:
    mark = out.glyphs.marks.get(view.outcome, "!")
    style = _COLOURS.get(view.outcome, "yellow")
    soft = " (the config lets this pass: exit code 0)" if view.softened else ""
    if _is_short(view, out.screen):
        gate = view.verdict
        count = f"  n={gate.pairs.used}" if gate.pairs.used else ""
        out.wrapped(f"{gate.gate}  {view.word}   {view.reason}{count}{soft}", style, lead=f"{mark} ")
        for note in () if out.screen.quiet else view.notes:
            out.wrapped(note, "dim", lead="    ")
        return
    out.line(view.title, "bold")
    if view.facts:
        out.wrapped("   ".join(view.facts), "dim", indent=2)
    out.line()
    out.wrapped(f"{view.word}   {view.reason}{soft}", f"bold {style}", lead=f" {mark} ", indent=3)
    if view.where:
        out.wrapped(view.where, lead="   at ", indent=6)
    if view.tip:
        out.wrapped(view.tip, lead="   tip: ", indent=8)
    if view.scorers or view.hard:
        out.line()
    if view.scorers:
        _table(out, view)
    for outcome, sentence in view.hard:
        hard_mark = out.glyphs.marks.get(outcome, "!") if outcome else " "
        out.wrapped(sentence, _COLOURS.get(outcome, ""), lead=f"{hard_mark}   ")
    for note in view.notes:
        out.wrapped(note, "dim", lead="    ")
    _where(out, view)
    _worst(out, view)
    _next(out, view)


def _table(out: Drawing, view: GateView) -> None:
    rows = view.scorers
    columns = [
        _column(rows, "base", [row.base for row in rows]),
        _column(rows, "new", [row.new for row in rows]),
        _column(rows, "change", [row.change for row in rows]),
        _column(rows, _level(rows), [row.interval for row in rows]),
    ]
    numbers = sum(len(column[0]) + 2 for column in columns)
    name, room = _widths(out, rows, numbers)
    drawn = any(row.bar is not None for row in rows) and room > 0
    top = heading(room, out.glyphs) if drawn else ""
    head = f"    {'scorer':<{name}}" + "".join(f"  {column[0]}" for column in columns)
    out.line(f"{head}  {top}".rstrip(), "dim")
    for index, row in enumerate(rows):
        mark = out.glyphs.marks.get(row.outcome, "!") if row.judged else " "
        picture = bar(*row.bar, room, out.glyphs) if drawn and row.bar is not None else ""
        cells = "".join(f"  {column[index + 1]}" for column in columns)
        text = f"{mark}   {out.padded(row.name, name)}{cells}  {picture}"
        out.line(text.rstrip(), _COLOURS.get(row.outcome, "yellow") if row.judged else "dim")
    for row in rows:
        _say(out, view, row)


def _say(out: Drawing, view: GateView, row: ScorerRow) -> None:
    """What a row's numbers cannot say: its own sentence, where the headline is about another scorer."""
    seen = row.base != "-" or row.new != "-"
    if seen and row.judged and row.outcome != "pass" and row.reason != view.reason:
        out.wrapped(row.reason, lead=f"  {out.glyphs.marks.get(row.outcome, '!')} ")
    if out.screen.verbose:
        out.wrapped(f"{row.name}: {row.counts}; {row.signature}", "dim", lead="    ", indent=6)


def _column(rows: Sequence[ScorerRow], head: str, cells: Sequence[str]) -> list[str]:
    """A heading and a cell per row, all of one width, numbers on the right."""
    width = max(len(head), *(len(cell) for cell in cells)) if rows else len(head)
    return [text.rjust(width) for text in (head, *cells)]


def _widths(out: Drawing, rows: Sequence[ScorerRow], numbers: int) -> tuple[int, int]:
    """Columns for names and for bars: names get what they need, as long as a bar can still be read."""
    wanted = max(_LEAST_NAME, *(out.width_of(row.name) for row in rows))
    free = out.screen.width - 4 - numbers - 2
    if free < _LEAST_NAME + _LEAST_BAR:
        return max(8, min(wanted, free)), 0
    name = min(wanted, free - _LEAST_BAR)
    return name, min(_MOST_BAR, free - name)


def _level(rows: Sequence[ScorerRow]) -> str:
    levels = {f"{row.level * 100:.4g} % interval" for row in rows if row.level is not None}
    return levels.pop() if len(levels) == 1 else "interval"


def _where(out: Drawing, view: GateView) -> None:
    for number, (field, phrases) in enumerate(view.slices):
        if number == 0:
            out.line()
        out.wrapped(f"{field}: {'   '.join(phrases)}", lead="Where  ", indent=7)


def _worst(out: Drawing, view: GateView) -> None:
    if view.outcome == "pass" or not (view.counts or view.worst):
        return
    out.line()
    if view.counts:
        out.wrapped(view.counts, lead="Worst cases  ")
    else:
        out.line("Worst cases")
    for row in view.worst[: 5 if out.screen.verbose else 2]:
        _case(out, row)


def _case(out: Drawing, row: CaseRow) -> None:
    change = row.change.replace("->", out.glyphs.arrow)
    out.line(f"  {row.id}  {row.scorer} {change}", "bold")
    if row.asked:
        out.line(f"    {row.asked}", "dim")
    if row.before is None or row.after is None:
        return
    before, after = word_diff(row.before[:_COMPARED], row.after[:_COMPARED])
    out.pieces("    - ", before, _ANSWER_LINES)
    out.pieces("    + ", after, _ANSWER_LINES)


def _next(out: Drawing, view: GateView) -> None:
    if view.next_steps:
        out.line()
        for what, command in view.next_steps:
            out.wrapped(command, lead=f"{what:<8}", indent=8)
