"""Several processes: pytest-xdist's workers ask once together, and the controller judges once."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from evalharness.testing.exchange import Exchange
from tests.pytest_plugin.project import (
    IDS,
    WORKERS,
    N,
    calls,
    gate,
    marked,
    no_other_plugins,
    quiet_environment,
    write_project,
)

pytest_plugins = "pytester"
pytest.importorskip("xdist", reason="pytest-xdist is not installed")
pytestmark = pytest.mark.usefixtures("quiet_environment", "no_other_plugins")
__all__ = ["no_other_plugins", "quiet_environment"]


def test_the_first_worker_answers_for_all_and_the_controller_judges(pytester, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(pytester.mkdir("temporary")))
    config = gate("replayed", "live") + gate("fresh", "code") + gate("worse", "bad")
    write_project(pytester.path, config=config)
    pytester.makepyfile(
        test_live=marked("live", "assert trial.output.text == trial.case.target"),
        test_code=marked("code"),
        test_bad=marked("bad"),
    )
    seen = pytester.runpytest_subprocess(
        *WORKERS, "--basetemp=base", "--evalh-live", "--junitxml=out.xml", "--evalh-report=out.json", "-v"
    )

    seen.assert_outcomes(passed=3 * N + 2, failed=1)
    assert sorted(calls(pytester.path)) == sorted(2 * IDS)
    seen.stdout.fnmatch_lines(["evalh::gate::worse[[]exact[]] FAILED *94%*", "*100%*"])
    cases = ET.parse(pytester.path / "out.xml").findall(".//testcase[@classname='evalh.gate']")
    assert sorted(case.get("name") for case in cases) == ["fresh[exact]", "replayed[exact]", "worse[exact]"]
    runs = {
        node.get("value")
        for case in ET.parse(pytester.path / "out.xml").findall(".//testcase[@classname='test_code']")
        for node in case.iterfind("properties/property[@name='evalh_run']")
    }
    assert len(runs) == 1
    assert list((pytester.path / "temporary").glob("evalh-*")) == []
    assert len(json.loads((pytester.path / "out.json").read_text())["gates"]) == 3


def test_a_part_is_not_judged_and_a_named_gate_is(pytester):
    write_project(pytester.path, config=gate("fine", "good", "recorded/good.jsonl") + gate("worse", "bad"))
    pytester.makepyfile(test_bad=marked("bad"))
    seen = pytester.runpytest_subprocess(
        *WORKERS, "evalh.toml::fine", "evalh.toml::worse", "test_bad.py", "-k", "c05 or fine or worse"
    )
    seen.assert_outcomes(passed=2, failed=1, skipped=1)
    seen.stdout.fnmatch_lines([f"gate worse: not judged: 1 of {N} selected"])


def test_the_verdict_is_seen_when_the_session_stops_early(pytester):
    write_project(pytester.path, config=gate("worse", "bad"))
    pytester.makepyfile(test_bad=marked("bad", "assert trial.case.id != 'c00'"))
    seen = pytester.runpytest_subprocess(*WORKERS, "-x")
    assert seen.ret != 0
    seen.stdout.fnmatch_lines(["FAILED evalh::gate::worse[[]exact[]] - *"])


WORKER = """
def pytest_configure(config):
    config.workerinput = {"evalh_folder": FOLDER}
"""


def test_a_worker_takes_what_another_one_was_answered(pytester, tmp_path):
    """Two sessions that believe to be workers of one: the second asks nobody, and neither judges."""
    write_project(pytester.path, config=gate("worse", "bad"))
    pytester.makeconftest(WORKER.replace("FOLDER", repr(str(tmp_path))))
    pytester.makepyfile(test_code=marked("code", "trial.output"), test_bad=marked("bad"))
    for _ in range(2):
        seen = pytester.runpytest_inprocess("-p", "evalharness.pytest_plugin", "--evalh-live")
        seen.assert_outcomes(passed=2 * N)
    assert sorted(calls(pytester.path)) == IDS


def test_a_worker_hears_why_another_one_could_not_ask(pytester, tmp_path):
    write_project(pytester.path, app="raise ImportError('gone')\n")
    pytester.makeconftest(WORKER.replace("FOLDER", repr(str(tmp_path))))
    pytester.makepyfile(marked("code"))
    for _ in range(2):
        seen = pytester.runpytest_inprocess("-p", "evalharness.pytest_plugin", "--evalh-live")
        seen.assert_outcomes(errors=N)
        seen.stdout.fnmatch_lines(["*app:answer: ImportError: gone*"])
        (pytester.path / "app.py").write_text("def answer(case): return case.target\n")


@pytest.mark.parametrize("shared", [True, False])
def test_an_exchange_keeps_values_and_lets_one_in_at_a_time(tmp_path: Path, shared):
    import threading

    first, second = Exchange(str(tmp_path) if shared else None), Exchange(str(tmp_path) if shared else None)
    second = second if shared else first
    first.write("a", [1])
    assert (second.read("a"), second.read("b")) == ([1], None)
    inside: list[str] = []
    entered = threading.Event()

    def other() -> None:
        entered.set()
        with second.alone():
            inside.append("second")

    with first.alone():
        thread = threading.Thread(target=other)
        thread.start()
        entered.wait()
        thread.join(timeout=0.1)
        inside.append("first")
    thread.join()
    assert inside == ["first", "second"]
