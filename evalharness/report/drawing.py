"""Lines of clean text for a terminal: the one place that knows rich, colours and the width of characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Final

from evalharness.report.bars import ASCII, UNICODE, Glyphs
from evalharness.report.sinks import ascii_only, visible
from evalharness.report.worddiff import Piece

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_LONGEST: Final = 2000
"""Characters of one sentence that a screen shows."""


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


class Drawing:
    """Collects lines and renders them. Every text that enters is cleaned here."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.glyphs = screen.glyphs
        self._console = _console(screen)
        self._lines: list[Text] = []

    def clean(self, text: str) -> str:
        """Text that this screen can show and that cannot act on it."""
        shown = visible(text, limit=_LONGEST)
        return shown if self.screen.unicode else ascii_only(shown)

    def line(self, text: str = "", style: str = "") -> None:
        """One line, cut where it does not fit."""
        from rich.text import Text

        self._lines.append(Text(self.clipped(text, self.screen.width), style=style, no_wrap=True))

    def wrapped(self, text: str, style: str = "", *, lead: str = "", indent: int = 4) -> None:
        """A sentence over as many lines as it needs.

        Args:
            text: The sentence.
            style: Of all lines.
            lead: What stands before it on the first line (ours, already clean).
            indent: Columns before the text on the following lines; never 0, so that no data starts a line.
        """
        from rich.text import Text

        room = max(10, self.screen.width - max(len(lead), indent))
        for number, row in enumerate(Text(self.clean(text)).wrap(self._console, room, no_wrap=False)):
            start = lead if number == 0 else " " * indent
            self._lines.append(Text(start + row.plain.rstrip(), style=style))

    def pieces(self, lead: str, pieces: Sequence[Piece], most: int) -> None:
        """An answer with its changed words marked, at most ``most`` lines, each indented by the lead's width."""
        from rich.text import Text

        text = Text()
        for piece in pieces:
            text.append(self.clean(piece.text), style="bold underline" if piece.changed else "")
        rows = list(text.wrap(self._console, max(10, self.screen.width - len(lead)), no_wrap=False)) or [Text("")]
        for number, row in enumerate(rows[:most]):
            row.rstrip()
            if number == most - 1 and len(rows) > most:
                row = Text(self.clipped(row.plain + " " + self.glyphs.ellipsis, self.screen.width - len(lead)))  # noqa: PLW2901
            self._lines.append(Text(lead if number == 0 else " " * len(lead)) + row)

    def width_of(self, text: str) -> int:
        """Columns that a text takes, cleaned; wide characters take two."""
        from rich.cells import cell_len

        return cell_len(self.clean(text))

    def clipped(self, text: str, width: int) -> str:
        """Clean text of at most ``width`` columns; the cut is marked."""
        from rich.cells import cell_len, set_cell_size

        text = self.clean(text)
        if cell_len(text) <= width:
            return text
        dots = self.glyphs.ellipsis
        return set_cell_size(text, max(0, width - len(dots))).rstrip() + dots

    def padded(self, text: str, width: int) -> str:
        """Clean text of exactly ``width`` columns, cut or filled on the right."""
        from rich.cells import cell_len

        text = self.clipped(text, width)
        return text + " " * (width - cell_len(text))

    def text(self) -> str:
        """Everything, rendered."""
        for line in self._lines:
            self._console.print(line, soft_wrap=True)
        file = self._console.file
        assert isinstance(file, StringIO)
        return "\n".join(line.rstrip() for line in file.getvalue().rstrip("\n").split("\n"))


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
