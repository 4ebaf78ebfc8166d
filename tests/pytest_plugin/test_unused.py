"""A session that does not use the plugin pays nothing for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.pytest_plugin.project import WORKERS, no_other_plugins, quiet_environment, write_project

pytest_plugins = "pytester"
pytestmark = pytest.mark.usefixtures("quiet_environment")
__all__ = ["no_other_plugins", "quiet_environment"]

LOADED = """
import sys

def pytest_unconfigure(config):
    found = sorted(name for name in sys.modules if name.split(".")[0] == "evalharness")
    with open("loaded.txt", "a") as file:
        file.write(" ".join(found) + "\\n")
"""


def test_loading_it_imports_pytest_and_nothing_else():
    code = (
        "import sys, pytest; before = set(sys.modules); import evalharness.pytest_plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["evalharness", "evalharness.pytest_plugin"]


@pytest.mark.usefixtures("no_other_plugins")
@pytest.mark.parametrize("words", [["-p", "evalharness.pytest_plugin"], WORKERS], ids=["one process", "workers"])
def test_a_session_without_evaluations_loads_none_of_it(pytester, words):
    if words is WORKERS:
        pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    write_project(pytester.path)
    pytester.makeconftest(LOADED)
    pytester.makepyfile("import pytest\n@pytest.mark.parametrize('n', [1, 2])\ndef test_it(n): pass\n")
    pytester.runpytest_subprocess(*words, "--strict-markers").assert_outcomes(passed=2)
    loaded = (pytester.path / "loaded.txt").read_text().splitlines()
    assert set(loaded) == {"evalharness evalharness.pytest_plugin"}
    assert not (pytester.path / ".evalh").exists()


def test_marker_and_options_are_documented(pytester):
    seen = pytester.runpytest_inprocess("--markers")
    seen.stdout.fnmatch_lines(["@pytest.mark.evalh(evalset, candidate=NAME): *"])
    helped = pytester.runpytest_inprocess("--help")
    words = ("live", "fresh", "jobs=N", "max-cost=USD", "baseline=RUN", "report=FILE", "no-gate")
    helped.stdout.fnmatch_lines([f"*--evalh-{word}*" for word in words])
