"""A paired difference as a bar of characters: interval, point, margin and zero on one axis for all rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """Characters to draw with."""

    left: str
    right: str
    beyond: tuple[str, str]
    """Ends of an interval that goes on outside the axis."""
    line: str
    point: str
    margin: str
    zero: str
    crossed: str
    """Where the interval crosses margin or zero."""
    marks: dict[str, str]
    """Outcome word -> mark."""
    ellipsis: str
    arrow: str


UNICODE: Final = Glyphs(
    left="├",
    right="┤",
    beyond=("‹", "›"),
    line="─",
    point="●",
    margin="┊",
    zero="│",
    crossed="┼",
    marks={"pass": "✓", "regression": "✗", "inconclusive": "?", "incomplete": "!", "refused": "!"},
    ellipsis="…",
    arrow="→",
)
ASCII: Final = Glyphs(
    left="|",
    right="|",
    beyond=("<", ">"),
    line="-",
    point="o",
    margin=":",
    zero="0",
    crossed="+",
    marks={"pass": "+", "regression": "x", "inconclusive": "?", "incomplete": "!", "refused": "!"},
    ellipsis="...",
    arrow="->",
)

_LEFT, _RIGHT = -3.5, 2.0
"""Ends of the axis, in margins: what lies outside is drawn at the edge."""


def bar(low: float, point: float, high: float, width: int, glyphs: Glyphs) -> str:
    """Draw an interval.

    Args:
        low: Lower end, in units of the margin (-1 is the margin, 0 no change).
        point: Observed difference.
        high: Upper end.
        width: Characters, at least 12.
        glyphs: What to draw with.

    Returns:
        ``width`` characters; the margin at the same column in every row.
    """
    cells = [" "] * width

    def column(value: float) -> int:
        share = (min(max(value, _LEFT), _RIGHT) - _LEFT) / (_RIGHT - _LEFT)
        return round(share * (width - 1))

    first, last = column(low), column(high)
    for index in range(first, last + 1):
        cells[index] = glyphs.line
    cells[last] = glyphs.right
    if low <= _RIGHT:
        cells[first] = glyphs.beyond[0] if low < _LEFT else glyphs.left
    if high > _RIGHT:
        cells[last] = glyphs.beyond[1]
    for value, mark in ((-1.0, glyphs.margin), (0.0, glyphs.zero)):
        place = column(value)
        cells[place] = glyphs.crossed if first < place < last else mark if cells[place] == " " else cells[place]
    if _LEFT <= point <= _RIGHT:
        # An arrow at the edge says more than the point's exact cell: the point stands beside it.
        inner = (1 if low < _LEFT else 0, width - (2 if high > _RIGHT else 1))
        cells[min(max(column(point), inner[0]), inner[1])] = glyphs.point
    return "".join(cells)


def heading(width: int, glyphs: Glyphs) -> str:
    """The heading over the bars: where margin and zero stand."""
    share = (-1.0 - _LEFT) / (_RIGHT - _LEFT)
    margin = round(share * (width - 1))
    zero = round((0.0 - _LEFT) / (_RIGHT - _LEFT) * (width - 1))
    text = list(" " * width)
    label = "margin "
    text[max(0, margin - len(label)) : margin] = label[-min(len(label), margin) :]
    text[margin] = glyphs.margin
    text[zero] = glyphs.zero
    if glyphs.zero != "0" and zero + 2 < width:
        text[zero + 2] = "0"
    return "".join(text[:width]).rstrip()
