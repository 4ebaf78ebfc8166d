"""Every defence in docs/threat-model.md names a test that is there, and its limits are those of the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from evalharness.candidates import http, templates
from evalharness.clients import openai_chat
from evalharness.config import find, load
from evalharness.core import results, strictjson
from evalharness.evalset import fields, lines
from evalharness.runner import border
from evalharness.scorers import sandbox, worker
from evalharness.verdict import baseline

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")


def known_tests() -> set[str]:
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_defence_names_its_tests() -> None:
    rows = re.findall(r"^\| \d+ \|.*\| (.*) \|$", TEXT, re.MULTILINE)
    assert len(rows) >= 20
    named = [re.findall(r"`(\w+)`", row) for row in rows]
    assert all(named)
    assert {name for names in named for name in names} - known_tests() == set()


def test_the_limits_are_those_of_the_code() -> None:
    for what, limit in (
        ("a line of", f"{lines.MAX_LINE:,} bytes"),
        ("nesting of JSON", f"{strictjson.MAX_DEPTH}"),
        ("nesting of a config", f"{load.DEEPEST}"),
        ("a config file", f"{find.LARGEST // 2**20} MiB"),
        ("an answer", f"{border.MAX_CHARS:,} characters"),
        ("a reply", f"{openai_chat.MAX_BYTES:,} bytes"),
        ("a reply", f"{http.MAX_BYTES:,} bytes"),
        ("a baseline", f"{baseline.LARGEST // 2**20} MiB"),
        ("one job", f"{sandbox.CPU_SECONDS:g} s of CPU time, {worker.MEMORY_BYTES // 2**20} MiB"),
        ("seconds, dollars and tokens", f"{results.MOST_AMOUNT:g}".replace("+", "")),
        ("the text of a template", f"{templates.MAX_CHARS:,} characters"),
    ):
        assert re.search(rf"^\| {what}.*\| {re.escape(limit)}", TEXT, re.MULTILINE), what
    assert fields.MOST_WEIGHT == 1e6
    assert f"got no time in {sandbox.WALL_SECONDS:g} s" in TEXT
