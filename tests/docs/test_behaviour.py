"""The page about behaviour tests: its commands, run in one shell; its cases and tables, as they ship."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.builtin import builtin
from evalharness.core.cases import Case
from evalharness.evalset.variants import variants_of
from evalharness.scorers.registry import WORDS
from tests.docs.pages import ROOT, blocks, environment, run_block

PAGE = ROOT / "docs" / "behaviour.md"
FAMILIES = ("invariance", "direction", "injection", "leak", "language", "length", "grounding")


def test_every_command_does_what_the_page_says(tmp_path: Path) -> None:
    run_block("".join(blocks(PAGE, "console")), tmp_path, environment())


def test_a_page_that_promises_something_else_is_noticed(tmp_path: Path) -> None:
    text = "".join(blocks(PAGE, "console")[:1]).replace("clean", "3 findings")
    with pytest.raises(AssertionError, match="evalh lint printed"):
        run_block(text, tmp_path, environment())


def test_the_cases_that_are_shown_ship() -> None:
    shipped = {line for path in builtin("evalsets/behaviour").glob("*.jsonl") for line in lines(path)}
    shown = [line for block in blocks(PAGE, "json") for line in block.splitlines()]
    assert len(shown) > 10
    assert set(shown) <= shipped


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_the_tables_that_are_shown_are_those_of_the_example() -> None:
    config = tomllib.loads((builtin("evalsets/behaviour") / "evalh.toml").read_text(encoding="utf-8"))
    shown = [tomllib.loads(block) for block in blocks(PAGE, "toml")]
    assert len(shown) == 8
    for table in shown:
        assert within(table, config), table


def within(part: Any, whole: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and within(part[key], whole[key]) for key in part)
    return bool(part == whole)


def test_every_family_and_every_made_variant_is_told() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert set(FAMILIES) <= set(WORDS)
    assert all(f'use = "{word}"' in page for word in FAMILIES)
    made = dict(variants_of(Case(id="a", input="Where is the station?", context=["one", "two"])))
    assert all(f"`{name}`" in page for name in made)
