"""B10: of five stored runs of one system, promote the best (or the worst): false blocks 15 %, missed drops 11 %.

Defence: ``promote`` makes a run of its own. One that was picked says among how many, and every gate against it warns.
"""

from __future__ import annotations

import sys

import pytest

from evalharness.project.promoting import promote
from evalharness.project.running import run_candidates
from tests.attacks.shop import Shop


@pytest.fixture
def shop(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    found = Shop(tmp_path)
    found.cases(60)
    (tmp_path / "shop_bot.py").write_text(
        "import random\ndef answer(case):\n    return 'yes' if random.random() < 0.9 else 'no'\n"
    )
    found.config(bot='python = "shop_bot:answer"', baseline="")
    yield found
    sys.modules.pop("shop_bot", None)


def test_a_picked_run_says_among_how_many(shop: Shop) -> None:
    with shop.open() as workspace:
        runs = [run_candidates(workspace, ["bot"], "s")[0].run for _ in range(3)]
        promote(workspace, runs[1].header.run_id, why="the luckiest")
    verdict = shop.gate()
    warned = {one.code: one.message for one in verdict.warnings}
    assert "picked among 3 stored runs" in warned["picked_baseline"]


def test_a_run_of_its_own_is_nobodys_choice(shop: Shop) -> None:
    with shop.open() as workspace:
        run_candidates(workspace, ["bot"], "s")
        promote(workspace, "g", why="every push to the main branch")
        promote(workspace, "g", why="every push to the main branch")
    assert "picked_baseline" not in {one.code for one in shop.gate().warnings}
