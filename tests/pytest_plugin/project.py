"""A small project to test in: twelve questions, and candidates that are right, wrong, alive or broken."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

# A session inside this process forgets what it imported itself; what is here already is not loaded again for each.
LOADED = [
    importlib.import_module(name)
    for name in (
        *("asyncio", "numpy", "rich.console", "rich.text"),
        *(f"evalharness.candidates.{room}" for room in ("function", "recorded", "registry")),
        *(f"evalharness.evalset.{room}" for room in ("answers", "jsonl", "lock")),
        *(f"evalharness.project.{room}" for room in ("gating", "promoting", "running")),
        *(f"evalharness.report.{room}" for room in ("terminal", "write")),
        *(f"evalharness.stats.{room}" for room in ("decision", "exact", "intervals", "sequential")),
        *(f"evalharness.testing.{room}" for room in ("closing", "configfile", "fixture", "places", "trial")),
        *("evalharness.clients.openai_chat", "evalharness.runner.live", "evalharness.scorers.text"),
        "evalharness.store.store",
    )
]
N = 12
IDS = [f"c{number:02}" for number in range(N)]

CONFIG = """\
version = 1
[evalsets]
qa = { path = "evalsets/qa.jsonl" }
[candidates]
good = { recorded = "recorded/good.jsonl" }
bad = { recorded = "recorded/bad.jsonl" }
half = { recorded = "recorded/half.jsonl" }
live = { python = "app:answer", version = "1" }
code = { python = "app:answer" }
[scorers]
exact = { use = "equals" }
"""

APP = """\
import threading

together = threading.Barrier(12)

def answer(case):
    with open("calls.txt", "a") as file:
        file.write(case.id + "\\n")
    return case.target if TRUE else "wrong"

TRUE = True
"""


def write_project(folder: Path, *, config: str = "", app: str = APP) -> None:
    """The project, with more config after the common part."""
    (folder / "evalh.toml").write_text(CONFIG + config)
    (folder / "app.py").write_text(app)
    (folder / "evalsets").mkdir(exist_ok=True)
    (folder / "recorded").mkdir(exist_ok=True)
    cases = [{"id": name, "input": f"q{name}", "target": name.upper()} for name in IDS]
    lines(folder / "evalsets/qa.jsonl", cases)
    lines(folder / "recorded/good.jsonl", [{"id": name, "output": name.upper()} for name in IDS])
    lines(folder / "recorded/bad.jsonl", [{"id": name, "output": "wrong"} for name in IDS])
    lines(folder / "recorded/half.jsonl", [{"id": name, "output": name.upper()} for name in IDS[::2]])


def lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def gate(name: str, candidate: str, baseline: str = "good", limits: str = "exact = 0.3") -> str:
    return (
        f'[gates.{name}]\ncandidate = "{candidate}"\nevalset = "qa"\nbaseline = "{baseline}"\nlimits = {{ {limits} }}\n'
    )


def marked(candidate: str, body: str = "pass") -> str:
    """A test module with one marked test."""
    return f'import pytest\n@pytest.mark.evalh("qa", candidate="{candidate}")\ndef test_it(trial):\n    {body}\n'


def calls(folder: Path) -> list[str]:
    """Ids of the cases that the function was called with, in order."""
    path = folder / "calls.txt"
    return path.read_text().split() if path.exists() else []


@pytest.fixture
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No CI and no settings of ours around the tested session."""
    import os

    for name in os.environ:
        if name == "CI" or name.startswith(("EVALH_", "GITHUB_", "GITLAB_", "CI_", "PYTEST_ADDOPTS")):
            monkeypatch.delenv(name)


WORKERS = ("-n2", "-p", "xdist", "-p", "evalharness.pytest_plugin")
"""Two workers, where plug-ins are not loaded by themselves: each process would load all that happen to be installed."""


@pytest.fixture
def no_other_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the plug-ins that a session names."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
