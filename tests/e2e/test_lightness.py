"""What a command does not load: start-up and replay stay light because nothing heavy is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from house import House, clean_env

HEAVY = (
    "openai", "numpy", "jsonschema", "rich", "jinja2", "pandas", "datasets", "sacrebleu", "rouge_score", "rapidfuzz", "bm25s",
    "aiohttp", "asyncio", "pydantic", "yaml", "torch", "nltk",
)  # fmt: skip
REPORT = """
import sys
from evalharness.cli.main import main
code = main(sys.argv[1:])
sys.stderr.write("LOADED " + " ".join(sorted(set(sys.modules) & set({heavy!r}))) + "\\n")
raise SystemExit(code)
"""


def loaded_by(cwd: Path, *words: str) -> tuple[int, set[str]]:
    """Exit code of a command, and the heavy modules that are loaded when it is done."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT.format(heavy=HEAVY), *words],
        cwd=cwd,
        env=clean_env(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    line = next(line for line in done.stderr.splitlines() if line.startswith("LOADED"))
    return done.returncode, set(line.split()[1:])


@pytest.mark.parametrize(
    "words", [(), ("--help",), ("gate", "--help"), ("run", "-h"), ("--version",), ("help", "verdict")]
)
def test_help_loads_nothing_heavy(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert loaded_by(tmp_path, *words) == (0, set())


def test_a_replayed_gate_loads_nothing_heavy(house: House) -> None:
    screen = {"rich"}  # draws the verdict for people, and nothing else
    house.promoted(200)
    assert loaded_by(house.root, "gate", "--json") == (0, set())
    code, loaded = loaded_by(house.root, "gate")
    assert (code, loaded - screen) == (0, set())
    house.config("DROP")
    code, loaded = loaded_by(house.root, "gate", "--json")
    assert code == 1
    assert "openai" in loaded  # the negative control: the first time the answers are asked for
    assert loaded_by(house.root, "gate", "--json") == (1, set())
    code, loaded = loaded_by(house.root, "gate")
    assert (code, loaded - screen) == (1, set())
    house.config("EVEN", gate='stop = "never"')  # all 200 cases up to the last look
    house.evalh("gate")
    assert loaded_by(house.root, "gate", "--json") == (0, set())
