"""The page about conversations: its commands, run in one shell, and its recorded lines."""

from __future__ import annotations

import json
from pathlib import Path

from evalharness.evalset.answers import load_answers
from tests.docs.pages import ROOT, blocks, environment, run_block

PAGE = ROOT / "docs" / "conversations.md"


def test_every_command_does_what_the_page_says(tmp_path: Path) -> None:
    run_block("".join(blocks(PAGE, "console")), tmp_path, environment())


def test_the_recorded_lines_are_those_that_the_commands_read(tmp_path: Path) -> None:
    (lines,) = blocks(PAGE, "json")
    assert all(f"> {line}" in PAGE.read_text(encoding="utf-8") for line in lines.splitlines())
    (tmp_path / "old.jsonl").write_text(lines, encoding="utf-8")
    answers = load_answers(tmp_path / "old.jsonl")
    said = {json.loads(line)["id"]: json.loads(line)["messages"][-1]["content"] for line in lines.splitlines()}
    assert {key[0]: answer.text for key, answer in answers.items()} == said
