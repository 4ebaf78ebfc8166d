"""Answers that were recorded as messages: the last words of the assistant, and nothing that nobody said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.results import Output
from evalharness.evalset.answers import load_answers

USER = {"role": "user", "content": "Hi"}
SAID = {"role": "assistant", "content": "Hello"}


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([USER, SAID], "Hello"),
        ([SAID], "Hello"),
        ([SAID, USER], None),
        ([USER, {"role": "assistant", "content": None, "tool_calls": [{"name": "x"}]}], None),
        ([USER, {"role": "tool", "content": "found"}], None),
        ([USER, {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]}], None),
    ],
)
def test_the_answer_of_a_recorded_conversation(tmp_path: Path, messages: Any, text: str | None) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"id": "a", "messages": messages}) + "\n", encoding="utf-8")
    answer = load_answers(path)["a", 0, 0]
    assert isinstance(answer, Output)
    assert answer.text == text
    path.write_text(json.dumps({"id": "a", "messages": messages, "output": "own"}) + "\n", encoding="utf-8")
    own = load_answers(path)["a", 0, 0]
    assert isinstance(own, Output)
    assert own.text == "own"
