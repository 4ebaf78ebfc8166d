"""``docs/attacks.md`` lists every attack, and names only tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def test_the_index_is_true() -> None:
    page = (ROOT / "docs" / "attacks.md").read_text(encoding="utf-8")
    places = [*HERE.glob("test_b*.py"), ROOT / "tests" / "proofs" / "test_exact_attacks.py"]
    known = {name for path in places for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.M)}
    named = set(re.findall(r"`(test_\w+)`", page))
    assert named <= known
    rows = dict(re.findall(r"^\| (B\d+) \|(.*)$", page, re.M))
    assert list(rows) == [f"B{k}" for k in range(1, 21)]
    for number, row in rows.items():
        (path,) = HERE.glob(f"test_b{int(number[1:]):02d}_*.py")
        own = set(re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.M))
        assert own & set(re.findall(r"`(test_\w+)`", row)), f"{number} names no test of its own file"
