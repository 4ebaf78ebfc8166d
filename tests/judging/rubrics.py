"""Rubric texts that the tests of judging share, and how they are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evalharness.judging.rubric import Rubric
from evalharness.judging.rubric_file import load_rubric

HEAD = """evalh_rubric = 1
id = "{id}"
version = 1
title = "T"
uses = {uses}
task = "A system answers."
aggregate = {{ score = "weighted_mean", pass_score = 0.75, min_assessed = 0.8 }}
judge = {judge}
"""
JUDGE = '{ model = "judge-2026-08-01", seed = 7 }'
MAIN = """
[[criteria]]
id = "main-fact"
type = "boolean"
weight = 3
must_pass = true
evidence = "output"
ask = "Does the output state the fact?"
"""
CONTRADICTION = """
[[criteria]]
id = "contradiction"
type = "boolean"
expect = false
weight = 2
ask = "Does the output contradict the reference?"
"""
COMPLETE = """
[[criteria]]
id = "complete"
type = "ordinal"
ask = "How much is there?"
levels = [
  { id = "all", value = 1, when = "all of it" },
  { id = "most", value = 0.5, when = "most of it" },
  { id = "little", value = 0, when = "little of it" },
]
"""
REPEATS = """
[[criteria]]
id = "repeats"
type = "numeric"
range = [0, 10]
better = "lower"
ask = "How many sentences repeat something?"
"""
SUPPORT = """
[[criteria]]
id = "support"
type = "itemised"
items = "output.sentences"
fatal = ["contradicted"]
must_pass = true
ask = "Is the sentence backed?"
verdicts = [
  { id = "supported", value = 1 },
  { id = "contradicted", value = 0 },
  { id = "not_found", value = 0 },
  { id = "no_claim" },
]
"""
BETTER = """
[[criteria]]
id = "better"
type = "pairwise"
ask = "Which one follows the instruction?"
"""


def text_of(
    *parts: str,
    uses: tuple[str, ...] = ("input", "output", "reference"),
    judge: str = JUDGE,
    top: str = "",
    name: str = "r",
) -> str:
    """A rubric's text: the head, more keys at the top, then criteria and examples."""
    return HEAD.format(id=name, uses=json.dumps(list(uses)), judge=judge) + top + "".join(parts or (MAIN,))


def read(folder: Path, *parts: str, **head: Any) -> Rubric:
    """Write a rubric and read it."""
    return load_rubric(write(folder, text_of(*parts, **head)))


def write(folder: Path, text: str, name: str = "r") -> Path:
    """Write a rubric file."""
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path
