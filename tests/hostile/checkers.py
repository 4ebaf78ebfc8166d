"""What is live in a finished output, found by parsers that know nothing of evalharness: html5lib, expat, csv, a terminal emulator, a
Markdown parser. Each takes the output around a payload and the same output around a harmless word, and gives what differs in kind."""

from __future__ import annotations

import csv
import io
import json
from xml.etree import ElementTree as ET

import html5lib
import pyte
from markdown_it import MarkdownIt

from tests.report.hostile import BARE, acting, live_log

_PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_QUIET = {"draw", "linefeed", "carriage_return"}
"""What a terminal does for plain text."""


def html(text: str, harmless: str) -> list[str]:
    """Elements, attributes or comments that the harmless page does not have."""
    found, wanted = skeleton(text), skeleton(harmless)
    return _unlike(found, wanted) + [f"acting {char!r}" for char in acting(text)]


def skeleton(text: str) -> list[str]:
    """The elements of a page with their attributes' names, in order."""
    tree = html5lib.parse(text, treebuilder="etree", namespaceHTMLElements=False)
    return [f"{element.tag} {' '.join(sorted(element.attrib))}" for element in tree.iter()]


def _unlike(found: list[str], wanted: list[str]) -> list[str]:
    if found == wanted:
        return []
    return [one for one in found if one not in wanted] or [f"{len(found)} parts instead of {len(wanted)}"]


def xml(text: str, harmless: str) -> list[str]:
    """No XML at all, or elements and attributes that the harmless document does not have."""
    try:
        found = [f"{element.tag} {sorted(element.attrib)}" for element in ET.fromstring(text.encode("utf-8")).iter()]
    except (ET.ParseError, UnicodeEncodeError) as error:
        return [f"no XML: {error}"]
    wanted = [f"{element.tag} {sorted(element.attrib)}" for element in ET.fromstring(harmless).iter()]
    return _unlike(found, wanted) + [f"acting {char!r}" for char in acting(text)]


def csv_(text: str, harmless: str) -> list[str]:
    """Cells that a spreadsheet would run, and rows or cells too many."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        return [f"no CSV: {error}"]
    shape = [len(row) for row in csv.reader(io.StringIO(harmless, newline=""))]
    found = [f"formula {cell[:20]!r}" for row in rows for cell in row if _is_formula(cell)]
    found += [] if [len(row) for row in rows] == shape else ["other rows"]
    return found + [f"acting {char!r}" for char in acting(text, allow="\r\n")]


def _is_formula(cell: str) -> bool:
    import unicodedata

    bare = "".join(char for char in cell if unicodedata.category(char) not in ("Cc", "Cf", "Zs", "Zl", "Zp")).strip("⏎")
    return unicodedata.normalize("NFKC", bare[:1]) in tuple("=+-@")


def terminal(text: str, harmless: str) -> list[str]:
    """Whatever a terminal does beyond drawing characters and ending lines."""
    del harmless
    log = io.StringIO()
    stream = pyte.Stream(pyte.DebugScreen(to=log))
    try:
        stream.feed(text.replace("\n", "\r\n"))
    except (TypeError, ValueError, UnicodeError) as error:  # the emulator itself gave up
        return [f"terminal: {error}"]
    events = [json.loads(line)[0] for line in log.getvalue().splitlines()]
    return [event for event in events if event not in _QUIET] + [f"acting {char!r}" for char in acting(text)]


def markdown(text: str, harmless: str) -> list[str]:
    """Links, images, markup, blocks that the harmless text does not have, and what a host would link or mention."""
    found = _blocks(text)
    live = [] if [kind for kind, _ in found] == [kind for kind, _ in _blocks(harmless)] else ["other blocks"]
    for _, token in found:
        for child in token.children or ():
            if child.type == "text" and BARE.search(child.content):
                live.append(f"bare {child.content[:30]!r}")
            elif child.type not in ("text", "code_inline", "softbreak", "hardbreak"):
                live.append(child.type)
    return live + [f"acting {char!r}" for char in acting(text)]


def _blocks(text: str) -> list[tuple[str, object]]:  # type: ignore[type-arg]
    return [(token.type, token) for token in _PARSER.parse(text)]


def json_(text: str, harmless: str) -> list[str]:
    """No JSON, another shape, or characters that act on whoever looks at the file."""
    try:
        shape, wanted = _shape(json.loads(text)), _shape(json.loads(harmless))
        text.encode("utf-8")
    except (ValueError, UnicodeEncodeError) as error:
        return [f"no JSON: {error}"]
    return ([] if shape == wanted else ["another shape"]) + [f"acting {char!r}" for char in acting(text)]


def _shape(value: object) -> object:
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    return [_shape(item) for item in value] if isinstance(value, list) else type(value).__name__


def log(text: str, harmless: str) -> list[str]:
    """Lines that a workflow runner takes for a command, and lines too many."""
    more = [] if text.count("\n") == harmless.count("\n") or "stop-commands" in harmless else ["further lines"]
    return live_log(text) + more + [f"acting {char!r}" for char in acting(text)]


def file_name(text: str, harmless: str) -> list[str]:
    """Names that lead elsewhere, act on a reader, or that some system cannot hold."""
    del harmless
    reserved = {"con", "prn", "aux", "nul"}
    bad = (
        not text
        or len(text.encode("utf-8", "replace")) > 255
        or text in (".", "..")
        or text.split(".", maxsplit=1)[0].lower() in reserved
    )
    parts = any(char in text for char in '/\\:\0<>|?*"') or text != text.strip() or text.startswith(("-", "~"))
    return (["name"] if bad or parts else []) + [f"acting {char!r}" for char in acting(text)]
