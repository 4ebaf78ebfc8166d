"""Sentences of a text, split by rule: what judges, and the scorers of grounding and length, count.

A sentence ends at ``.``, ``!`` or ``?`` before white space and what may begin a sentence, at ``。！？`` anywhere, and at
a line's end. Abbreviations, initials and decimal numbers do not end one; list items and table rows are lines; a fenced
block of code is one item.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_FENCE: Final = re.compile(r"^ {0,3}(```+|~~~+)")
_WIDE_END: Final = re.compile(r"(?<=[。！？｡])[」』）)\"”’]*")
_END: Final = re.compile(r"[.!?…]+[\"'”’)\]»]*(?:\s*\[\d+\])*(?=\s)")
_STARTS: Final = re.compile(r"\s+[\"'“‘(\[«¿¡]*[^\Wa-z_]")
_ABBREVIATION: Final = re.compile(
    r"(?:^|[\s(\[])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|al|e\.g|i\.e|cf|approx|No|Nos|Fig|Figs|Eq|Sec|Vol|pp?|ed|eds"
    r"|Inc|Ltd|Co|Corp|Gen|Col|Lt|Sgt|Rev|Hon|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|z\.B|bzw|ca|Nr|Abs)\.$"
)
_MARKER: Final = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)]|#{1,6}|>)\s+")
_BLANK_RULE: Final = re.compile(r"^[\s|:=_*-]*$")


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order, without blank ones."""
    return [item for block in _blocks(text) for item in block]


def _blocks(text: str) -> Iterator[list[str]]:
    """Lines as lists of sentences; a fenced block as a list of one."""
    code: list[str] = []
    fence = ""
    for line in text.splitlines():
        opening = _FENCE.match(line)
        if fence:
            code.append(line)
            if opening and opening[1].startswith(fence) and not line.strip(" `~"):
                yield ["\n".join(code)]
                fence, code = "", []
        elif opening:
            fence, code = opening[1], [line]
        elif not _BLANK_RULE.match(line):
            yield [part for part in _line(_MARKER.sub("", line, count=1).strip()) if part]
    if code:
        yield ["\n".join(code)]


def _line(line: str) -> Iterator[str]:
    start = 0
    for end in sorted({*_narrow_ends(line), *_wide_ends(line)}):
        yield line[start:end].strip()
        start = end
    yield line[start:].strip()


def _narrow_ends(line: str) -> Iterator[int]:
    for match in _END.finditer(line):
        before = line[: match.start() + 1]
        if _STARTS.match(line, match.end()) and not (match[0][0] == "." and _ABBREVIATION.search(before)):
            yield match.end()


def _wide_ends(line: str) -> Iterator[int]:
    return (match.end() for match in _WIDE_END.finditer(line) if match.end() < len(line))
