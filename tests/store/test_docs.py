import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_the_promises_name_exists():
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "store.md").read_text("utf-8")))
    files = [*(ROOT / "tests" / "store").glob("test_*.py"), *(ROOT / "tests" / "faults").glob("test_*.py")]
    there = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)}
    assert len(named) > 20
    assert named <= there
