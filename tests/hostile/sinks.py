"""Every sink around a text: our writers, and those of somebody who did not think of this."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, TypeAlias

from evalharness.core.specs import digest_text
from evalharness.report import sinks
from tests.hostile import checkers
from tests.hostile.corpus import inputs

Writer: TypeAlias = Callable[[str], str]
Checker: TypeAlias = Callable[[str, str], list[str]]

PAGE: Final = "<!DOCTYPE html><title>{0}</title><body><p title=\"{0}\">{0}</p><b title='{0}'></b></body>"
BLOCK: Final = '<!DOCTYPE html><title>x</title><script type="application/json">{0}</script><p>x</p>'
XML: Final = '<?xml version="1.0" encoding="UTF-8"?>\n<suite><case name="{0}">{0}</case></suite>'

OURS: Final[Mapping[str, tuple[Writer, Checker]]] = {
    "terminal": (lambda x: f"  - {sinks.visible(x, keep_newlines=True)}\n", checkers.terminal),
    "terminal, ASCII": (lambda x: sinks.ascii_only(sinks.visible(x)), checkers.terminal),
    "HTML": (lambda x: PAGE.format(sinks.html_text(x)), checkers.html),
    "JSON in HTML": (lambda x: BLOCK.format(sinks.html_json({"a": [x]})), checkers.html),
    "Markdown text": (lambda x: f"- {sinks.md_text(x)}\n\nend\n", checkers.markdown),
    "Markdown code": (lambda x: f"a {sinks.md_code(x)} b\n\nend\n", checkers.markdown),
    "Markdown cell": (lambda x: f"| a | b |\n|-|-|\n| {sinks.md_code(x, cell=True)} | x |\n\nend\n", checkers.markdown),
    "Markdown fence": (lambda x: f"start\n\n{sinks.md_fence(x)}\n\nend\n", checkers.markdown),
    "CSV": (lambda x: sinks.csv_line((x, 1.5, x)), checkers.csv_),
    "XML": (lambda x: XML.format(sinks.xml_text(x)), checkers.xml),
    "JSON": (lambda x: sinks.json_text({"a": [x]}), checkers.json_),
    "JSON Lines": (lambda x: sinks.inert_json(json.dumps({"a": [x]}, ensure_ascii=False)) + "\n", checkers.json_),
    "workflow command": (lambda x: sinks.github_command("error", x, file=x, line=3, title=x), checkers.log),
    "workflow log": (lambda x: sinks.github_stopped(sinks.visible(x, keep_newlines=True), "f" * 32), checkers.log),
    "file name": (lambda x: f"{digest_text(x.encode('utf-8', 'replace').decode())}.json", checkers.file_name),
}  # fmt: skip


def _naive_csv(text: str) -> str:
    rows = io.StringIO(newline="")
    csv.writer(rows).writerow([text, 1.5, text])
    return rows.getvalue()


NAIVE: Final[Mapping[str, tuple[Writer, Checker]]] = {
    "terminal": (lambda x: f"  - {x}\n", checkers.terminal),
    "terminal, ASCII": (lambda x: x, checkers.terminal),
    "HTML": (PAGE.format, checkers.html),
    "JSON in HTML": (lambda x: BLOCK.format(json.dumps({"a": [x]})), checkers.html),
    "Markdown text": (lambda x: f"- {x}\n\nend\n", checkers.markdown),
    "Markdown code": (lambda x: f"a `{x}` b\n\nend\n", checkers.markdown),
    "Markdown cell": (lambda x: f"| a | b |\n|-|-|\n| `{x}` | x |\n\nend\n", checkers.markdown),
    "Markdown fence": (lambda x: f"start\n\n```\n{x}\n```\n\nend\n", checkers.markdown),
    "CSV": (_naive_csv, checkers.csv_),
    "XML": (XML.format, checkers.xml),
    "JSON": (lambda x: json.dumps({"a": [x]}, ensure_ascii=False, indent=1), checkers.json_),
    "JSON Lines": (lambda x: json.dumps({"a": [x]}, ensure_ascii=False) + "\n", checkers.json_),
    "workflow command": (lambda x: f"::error file={x},line=3,title={x}::{x}", checkers.log),
    "workflow log": (lambda x: f"  {x}", checkers.log),
    "file name": (lambda x: f"{x}.json", checkers.file_name),
}  # fmt: skip


@cache
def measured(ours: bool = True) -> Mapping[str, Mapping[str, dict[str, list[str]]]]:
    """Category -> input -> what is live, for the inputs where something is: in our sinks, or in a naive writer's.

    A naive writer's file names are left out: there nearly everything is live.
    """
    table = OURS if ours else {name: part for name, part in NAIVE.items() if name != "file name"}
    return {
        category: {text: found for text in texts if (found := live(table, text))}
        for category, texts in inputs().items()
    }


def live(table: Mapping[str, tuple[Writer, Checker]], text: str) -> dict[str, list[str]]:
    """Sink -> what is live in it, for the sinks where something is."""
    found = {}
    for name, (write, check) in table.items():
        findings = check(write(text), write("x"))
        if findings:
            found[name] = findings
    return found
