"""The verdict on a terminal of 80 columns. Colour repeats what glyphs and words already say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Final

from evalharness.core.verdicts import Comparison, Verdict
from evalharness.report.bars import ASCII, UNICODE, Glyphs, bar, heading
from evalharness.report.sinks import ascii_only, visible
from evalharness.report.view import CaseRow, GateView, ScorerRow, gate_view
from evalharness.report.worddiff import Piece, word_diff

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_COLOURS: Final = {"pass": "green", "regression": "red", "refused": "red"}
_NAME = 12
_ANSWER_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """What the terminal can do, and how much to say."""

    width: int = 80
    unicode: bool = True
    color: bool = False
    quiet: bool = False
    """The verdict line only."""
    verbose: bool = False
    """The table for passing gates too, and signatures."""

    @property
    def glyphs(self) -> Glyphs:
        """Characters to draw with."""
        return UNICODE if self.unicode else ASCII


def verdict_text(verdict: Verdict, comparisons: Sequence[Comparison], screen: Screen) -> str:
    """All gates of a command, one after the other.

    Args:
        verdict: The verdict of the command.
        comparisons: Each gate with its cases.
        screen: The terminal.

    Returns:
        Lines without a newline at the end; ANSI colours only where the screen wants them.
    """
    drawing = _Drawing(screen)
    for number, comparison in enumerate(comparisons):
        if number and not screen.quiet:
            drawing.line("")
        _gate(drawing, gate_view(comparison))
    for warned in () if screen.quiet else verdict.warnings:
        drawing.line(f"warning: {visible(warned.message)}", "yellow")
    return drawing.text()


def _gate(out: _Drawing, view: GateView) -> None:
    mark = out.glyphs.marks.get(view.outcome, "!")
    sentence = f"{view.word}   {visible(view.reason)}"
    style = _COLOURS.get(view.outcome, "yellow")
    if out.screen.quiet or (view.outcome == "pass" and not out.screen.verbose):
        pairs = view.verdict.pairs
        out.wrapped(f"{mark} {visible(view.verdict.gate)}  {sentence}  ({pairs.used} cases)", style, indent="    ")
        for note in () if out.screen.quiet else view.notes:
            out.wrapped(f"  {visible(note)}", "dim", indent="  ")
        return
    out.line(_clip(visible(view.title), out.screen.width, out.glyphs), "bold")
    out.wrapped("   ".join(view.facts), "dim")
    out.line("")
    out.wrapped(f" {mark} {sentence}", f"bold {style}", indent="   ")
    if view.tip:
        out.wrapped(f"   tip: {visible(view.tip)}", "", indent="        ")
    if view.scorers:
        out.line("")
        _table(out, view.scorers)
    for sentence in view.hard:
        out.wrapped(f"  {visible(sentence)}", "", indent="    ")
    for note in view.notes:
        out.wrapped(f"  {visible(note)}", "dim", indent="    ")
    _where(out, view)
    _worst(out, view)
    _next(out, view)


def _table(out: _Drawing, rows: Sequence[ScorerRow]) -> None:
    name = min(max((len(row.name) for row in rows), default=_NAME), _NAME + max(0, out.screen.width - 80))
    name = max(name, 8)
    room = max(12, out.screen.width - (4 + name + 8 + 8 + 8 + 18) - 2)
    level = _level(rows, out)
    head = f"    {'scorer':<{name}}{'base':>8}{'new':>8}{'change':>8}  {level:<16}  {heading(room, out.glyphs)}"
    out.line(head.rstrip(), "dim")
    for row in rows:
        mark = out.glyphs.marks.get(row.outcome, "!") if row.judged else " "
        drawn = bar(*row.bar, room, out.glyphs) if row.bar is not None else ""
        label = _clip(visible(row.name), name, out.glyphs)
        text = f"{mark}   {label:<{name}}{row.base:>8}{row.new:>8}{row.change:>8}  {row.interval:<16}  {drawn}"
        out.line(text.rstrip(), _COLOURS.get(row.outcome, "yellow") if row.judged else "dim")
    for row in rows:
        if row.judged and row.outcome == "inconclusive":
            out.wrapped(f"  {out.glyphs.marks['inconclusive']} {visible(row.reason)}", "", indent="    ")
        if out.screen.verbose:
            out.wrapped(f"    {row.name}: {row.counts}; {visible(row.signature)}", "dim", indent="      ")


def _level(rows: Sequence[ScorerRow], out: _Drawing) -> str:
    levels = {f"{level * 100:.4g} % interval" for level in out.levels(rows)}
    return levels.pop() if len(levels) == 1 else "interval"


def _where(out: _Drawing, view: GateView) -> None:
    for number, (field, phrases) in enumerate(view.slices):
        if number == 0:
            out.line("")
        out.wrapped(f"Where  {visible(field)}: {'   '.join(visible(p) for p in phrases)}", "", indent="       ")


def _worst(out: _Drawing, view: GateView) -> None:
    if view.outcome == "pass" or not view.counts:
        return
    out.line("")
    out.wrapped(f"Worst cases  {visible(view.counts)}", "")
    for row in view.worst[: 5 if out.screen.verbose else 2]:
        _case(out, row)


def _case(out: _Drawing, row: CaseRow) -> None:
    change = row.change.replace("->", out.glyphs.arrow)
    label = f"{row.id}  {visible(row.scorer)} {change}"
    out.line(f"  {_clip(label, out.screen.width - 2, out.glyphs)}", "bold")
    if row.before is None or row.after is None:
        return
    before, after = word_diff(row.before[:2000], row.after[:2000])
    out.pieces("  - ", before, _ANSWER_LINES)
    out.pieces("  + ", after, _ANSWER_LINES)


def _next(out: _Drawing, view: GateView) -> None:
    if view.next_steps:
        out.line("")
        for what, command in view.next_steps:
            out.line(f"{what:<8}{visible(command)}")


class _Drawing:
    """Collects lines and renders them through rich: the one place that knows colours."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.glyphs = screen.glyphs
        self._console = _console(screen)
        self._lines: list[Text] = []

    def levels(self, rows: Sequence[ScorerRow]) -> set[float]:
        """Interval levels of the rows that have an interval."""
        return {row.level for row in rows if row.level is not None}

    def line(self, text: str, style: str = "") -> None:
        """One line of clean text, cut by the terminal's width only where it does not fit."""
        from rich.text import Text

        self._lines.append(Text(self._clean(text), style=style, no_wrap=True))

    def wrapped(self, text: str, style: str = "", *, indent: str = "") -> None:
        """A sentence over as many lines as it needs; lines after the first are indented."""
        import textwrap

        for line in textwrap.wrap(
            self._clean(text), self.screen.width, subsequent_indent=indent, break_on_hyphens=False
        ) or [""]:
            self.line(line, style)

    def pieces(self, lead: str, pieces: Sequence[Piece], most: int) -> None:
        """A piece of untrusted text with its changed words marked, at most ``most`` lines, indented."""
        from rich.text import Text

        text = Text(lead)
        for piece in pieces:
            text.append(self._clean(visible(piece.text)), style="bold" if piece.changed else "")
        lines = text.wrap(self._console, self.screen.width, no_wrap=False)
        for number, line in enumerate(lines[:most]):
            if number:
                line = Text("    ") + line  # noqa: PLW2901 - untrusted text never starts a line
            line.truncate(self.screen.width)
            self._lines.append(line)

    def text(self) -> str:
        """Everything, rendered."""
        for line in self._lines:
            self._console.print(line, soft_wrap=True)
        file = self._console.file
        assert isinstance(file, StringIO)
        return "\n".join(line.rstrip() for line in file.getvalue().rstrip("\n").split("\n"))

    def _clean(self, text: str) -> str:
        return text if self.screen.unicode else ascii_only(text)


def _console(screen: Screen) -> Console:
    from rich.console import Console

    return Console(
        file=StringIO(),
        width=screen.width,
        color_system="standard" if screen.color else None,
        force_terminal=screen.color,
        no_color=not screen.color,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )


def _clip(text: str, width: int, glyphs: Glyphs) -> str:
    return text if len(text) <= width else text[: width - len(glyphs.ellipsis)] + glyphs.ellipsis
