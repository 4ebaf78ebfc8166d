"""``language``, ``length`` and ``table``: the outer shape of an answer.

| word | parameters | value |
| --- | --- | --- |
| ``language`` | ``language`` (ISO 639-1; else the case's ``metadata.language``) | 1 when the output is told to be in it, else 0; ``Unscored`` where no language can be told |
| ``length`` | ``unit = "words"`` (``characters`` ``sentences`` ``lines`` ``paragraphs`` ``tokens``), ``min``, ``max`` | 1 when the count is in range, ends included, else 0 |
| ``table`` | ``columns``, ``min``, ``max`` | 1 when the output holds one Markdown table with these columns and so many rows, else 0 |

Units: *words* are runs without white space; *characters* code points after NFC; *sentences* those of ``core/sentences.py``; *lines* and
*paragraphs* those that are not blank; *tokens* runs of letters and digits, each Han or Kana character, and each other mark by itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

from evalharness.core.cases import Case
from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Output, Score, ScoreResult, Unscored
from evalharness.core.sentences import sentences
from evalharness.scorers.base import Scorer
from evalharness.scorers.behaviour_languages import LANGUAGES, tell_language
from evalharness.scorers.parameters import Params

_WIDE: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN: Final = re.compile(rf"[{_WIDE}]|(?:(?![{_WIDE}])[^\W_])+|[^\w\s]|_")

UNITS: Final[Mapping[str, Callable[[str], int]]] = {
    "words": lambda text: len(text.split()),
    "characters": lambda text: len(unicodedata.normalize("NFC", text)),
    "sentences": lambda text: len(sentences(text)),
    "lines": lambda text: sum(1 for line in text.splitlines() if line.strip()),
    "paragraphs": lambda text: sum(1 for part in re.split(r"\n[ \t]*\n", text) if part.strip()),
    "tokens": lambda text: sum(1 for _ in _TOKEN.finditer(text)),
}
"""What ``length`` can count, and how."""


class Language(Scorer):
    """``language``: the answer is in the language that was asked for."""

    binary = asserts = True

    def __init__(self, params: Params) -> None:
        self._wanted = params.optional_text("language")
        if self._wanted is not None and self._wanted not in LANGUAGES:
            params.refuse("language", f"one of {' '.join(LANGUAGES)}", self._wanted)
        super().__init__(params)

    def measure(self, output: Output, case: Case, /) -> ScoreResult:
        """Tell the language and compare."""
        wanted = self._wanted or case.metadata.get("language")
        if not isinstance(wanted, str):
            return Unscored(reason="neither the scorer nor metadata.language says which language is asked for")
        if wanted not in LANGUAGES:
            return Unscored(reason=f"the language {wanted[:20]!r} cannot be told; known: {' '.join(LANGUAGES)}")
        told = tell_language(output.text or "")
        if told.language is None:
            return Unscored(reason=f"no language can be told from {told.letters} letters")
        evidence = {
            "told": told.language,
            "scripts": {name: round(share, 3) for name, share in list(told.scripts.items())[:3]},
            "points": {name: round(points, 2) for name, points in told.points.items()},
        }
        return self.verdict(told.language == wanted, f"looks like {told.language}, asked for {wanted}", evidence)


class Length(Scorer):
    """``length``: not too long, not too short."""

    binary = asserts = True

    def __init__(self, params: Params) -> None:
        self._unit = params.choice("unit", tuple(UNITS))
        self._low, self._high = _bounds(params)
        super().__init__(params)

    def measure(self, output: Output, _case: Case, /) -> Score:
        """Count and compare."""
        count = UNITS[self._unit](output.text or "")
        holds = self._low <= count and (self._high is None or count <= self._high)
        return self.verdict(
            holds, f"{count} {self._unit}, expected {_range(self._low, self._high)}", {self._unit: count}
        )


def _bounds(params: Params) -> tuple[int, int | None]:
    low, high = params.optional_integer("min", low=0), params.optional_integer("max", low=0)
    if low is None and high is None:
        params.refuse("max", "'min', 'max' or both", None)
    if low is not None and high is not None and low > high:
        params.refuse("min", f"at most max = {high}", low)
    return low or 0, high


def _range(low: int, high: int | None) -> str:
    if high is None:
        return f"at least {low}"
    return f"{low}" if low == high else f"{low} to {high}"


class Table(Scorer):
    """``table``: one Markdown table of the shape that was asked for."""

    binary = asserts = True

    def __init__(self, params: Params) -> None:
        self._columns = params.texts("columns", default=())
        self._low = params.integer("min", default=1, low=0)
        self._high = params.optional_integer("max", low=0)
        super().__init__(params)

    def measure(self, output: Output, _case: Case, /) -> Score:
        """Find the table and look at its head and rows."""
        tables = list(markdown_tables(output.text or ""))
        if len(tables) != 1:
            return self.verdict(False, f"{len(tables)} tables, expected one", {"tables": len(tables)})  # noqa: FBT003
        head, *rows = tables[0]
        evidence = {"columns": head[:20], "rows": len(rows)}
        ragged = [place for place, row in enumerate(rows, 1) if len(row) != len(head)]
        if ragged:
            return self.verdict(False, f"row {ragged[0]} has not {len(head)} cells", evidence)  # noqa: FBT003
        wanted = [column.casefold() for column in self._columns]
        if wanted and [column.casefold() for column in head] != wanted:
            return self.verdict(False, f"columns {head}, expected {list(self._columns)}", evidence)  # noqa: FBT003
        holds = self._low <= len(rows) and (self._high is None or len(rows) <= self._high)
        return self.verdict(holds, f"{len(rows)} rows, expected {_range(self._low, self._high)}", evidence)


def markdown_tables(text: str) -> list[list[list[str]]]:
    """The tables of a Markdown text: rows of cells, the head first, without the line of dashes below it."""
    tables: list[list[list[str]]] = []
    lines = [*text.splitlines(), ""]
    place = 0
    while place < len(lines) - 1:
        head, rule = _cells(lines[place]), _cells(lines[place + 1])
        place += 1
        if not head or len(head) != len(rule) or not all(re.fullmatch(r":?-+:?", cell) for cell in rule):
            continue
        rows = [head]
        place += 1
        while place < len(lines) and (cells := _cells(lines[place])):
            rows.append(cells)
            place += 1
        tables.append(rows)
    return tables


def _cells(line: str) -> list[str]:
    r"""The cells of a table row; none for another line. ``\|`` is a bar inside a cell."""
    line = line.strip()
    if "|" not in line:
        return []
    inner = line.removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {"language": Language, "length": Length, "table": Table}
