"""The tutorial, from its first command to its last, in one shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, environment, run_block

TUTORIAL = ROOT / "docs" / "tutorial.md"


def test_every_command_does_what_the_page_says(tmp_path: Path) -> None:
    run_block("".join(blocks(TUTORIAL, "console")), tmp_path, environment())


def test_a_page_that_promises_something_else_is_noticed(tmp_path: Path) -> None:
    text = "".join(blocks(TUTORIAL, "console")[:4]).replace(
        "correct                     100.0%", "correct                      99.0%"
    )
    with pytest.raises(AssertionError, match="evalh run bot printed"):
        run_block(text, tmp_path, environment())
