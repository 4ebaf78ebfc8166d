"""The page on faults names every row of the matrix, tests that exist, and every mode of the hostile server."""

from __future__ import annotations

import re
from pathlib import Path

from tests import hostile_modes
from tests.e2e import mock_server

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/faults.md").read_text(encoding="utf-8")


def test_every_row_names_tests_that_exist() -> None:
    rows = dict(re.findall(r"^\| (\d+) \|(.*)$", PAGE, re.MULTILINE))
    assert [int(number) for number in rows] == list(range(1, 27))
    there = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", file.read_text(encoding="utf-8"))
    }
    for number, row in rows.items():
        named = set(re.findall(r"`(test_\w+)`", row))
        assert named, f"row {number} names no test"
        assert named <= there, f"row {number}: {named - there}"
    assert set(re.findall(r"`(test_[a-z0-9_]+)`", PAGE)) <= there


def test_every_mode_of_the_server_is_told() -> None:
    told = set(re.findall(r"`([\w=:]+)`", PAGE[PAGE.index("## The hostile server") :]))
    modes = {*hostile_modes.MODES, *mock_server.KINDS}
    assert modes <= told, modes - told
    assert len(modes) >= 25
