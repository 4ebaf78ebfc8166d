"""Gates after the tests: judged once, told as tests, and never on a part of the cases."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from evalharness.config.model import GateConfig, LimitConfig
from evalharness.core.verdicts import GateVerdict, HardVerdict, ScorerVerdict, SliceVerdict
from evalharness.project.gating import together
from evalharness.testing.judging import Judgement
from evalharness.testing.reports import parts_of
from tests.pytest_plugin.project import N, calls, gate, lines, marked, quiet_environment, write_project

pytest_plugins = "pytester"
pytestmark = pytest.mark.usefixtures("quiet_environment")
__all__ = ["quiet_environment"]


def test_each_gate_is_reported_once_as_a_whole_test(pytester):
    write_project(pytester.path, config=gate("fine", "good", "recorded/good.jsonl") + gate("worse", "bad"))
    pytester.makepyfile(test_good=marked("good"), test_bad=marked("bad"))
    seen = pytester.inline_run("-p", "no:cacheprovider")

    reports = [r for r in seen.getreports("pytest_runtest_logreport") if r.nodeid.startswith("evalh::")]
    assert [(r.nodeid, r.when, r.outcome) for r in reports] == [
        ("evalh::gate::worse[exact]", "setup", "passed"),
        ("evalh::gate::worse[exact]", "call", "failed"),
        ("evalh::gate::worse[exact]", "teardown", "passed"),
        ("evalh::gate::fine[exact]", "setup", "passed"),
        ("evalh::gate::fine[exact]", "call", "passed"),
        ("evalh::gate::fine[exact]", "teardown", "passed"),
    ]
    assert seen.ret == pytest.ExitCode.TESTS_FAILED
    starts = [call.nodeid for call in seen.getcalls("pytest_runtest_logstart") if call.nodeid.startswith("evalh::")]
    ends = [call.nodeid for call in seen.getcalls("pytest_runtest_logfinish") if call.nodeid.startswith("evalh::")]
    assert starts == ends == ["evalh::gate::worse[exact]", "evalh::gate::fine[exact]"]


def test_the_terminal_shows_table_short_line_and_one_line_a_gate(pytester):
    write_project(pytester.path, config=gate("worse", "bad"))
    pytester.makepyfile(marked("bad"))
    seen = pytester.runpytest_inprocess()
    seen.assert_outcomes(passed=N, failed=1)
    seen.stdout.fnmatch_lines(
        [
            "evalh F *100%*",
            "*REGRESSION*exact fell 100.0 points*",
            "*scorer*base*new*change*",
            "*= evalh =*",
            "*worse  REGRESSION*",
            "FAILED evalh::gate::worse[[]exact[]] - exact fell 100.0 points: *",
        ]
    )
    seen.stdout.no_re_match_line(r".*1[01][1-9]%\]")


def test_junit_lists_gates_beside_the_tests(pytester):
    write_project(pytester.path, config=gate("worse", "bad"))
    pytester.makepyfile(marked("bad"))
    pytester.runpytest_inprocess("--junitxml=out.xml")

    suite = ET.parse(pytester.path / "out.xml").find("testsuite")
    case = suite.find("testcase[@classname='evalh.gate']")
    assert (suite.get("tests"), suite.get("failures")) == (str(N + 1), "1")
    assert case.get("name") == "worse[exact]"
    assert case.find("failure").get("message").startswith("exact fell 100.0 points")
    assert case.find("properties/property").get("name") == "evalh_run"


def test_a_html_report_shows_them(pytester):
    pytest.importorskip("pytest_html", reason="pytest-html is not installed")
    write_project(pytester.path, config=gate("worse", "bad"))
    pytester.makepyfile(marked("bad"))
    pytester.runpytest_inprocess("--html=out.html", "--self-contained-html")
    page = (pytester.path / "out.html").read_text()
    assert "evalh::gate::worse[exact]" in page
    assert f"{N + 1} tests took" in page


@pytest.mark.parametrize("words", [["-k", "c03"], ["--deselect", "test_part.py::test_it[c00]"]])
def test_a_part_of_the_cases_is_never_judged(pytester, words):
    write_project(pytester.path, config=gate("worse", "bad"))
    pytester.makepyfile(test_part=marked("bad"))
    seen = pytester.runpytest_inprocess("-rs", *words)
    left = 1 if words[0] == "-k" else N - 1
    seen.assert_outcomes(passed=left, skipped=1, deselected=N - left)
    seen.stdout.fnmatch_lines([f"*gate worse: not judged: {left} of {N} selected"])
    seen.stdout.fnmatch_lines([f"SKIPPED * not judged: {left} of {N} selected"])


def test_two_tests_that_cover_all_cases_together_are_judged(pytester):
    write_project(pytester.path, config=gate("worse", "bad"))
    pytester.makepyfile(test_one=marked("bad"), test_two=marked("bad"))
    seen = pytester.runpytest_inprocess(
        "--deselect", "test_one.py::test_it[c00]", "--deselect", "test_two.py::test_it[c01]"
    )
    seen.assert_outcomes(passed=2 * N - 2, failed=1, deselected=2)


def test_no_gate_judges_none_and_the_tests_stay(pytester):
    write_project(pytester.path, config=gate("worse", "bad"))
    pytester.makepyfile(marked("bad"))
    pytester.runpytest_inprocess("--evalh-no-gate").assert_outcomes(passed=N)


def test_tests_that_all_skip_leave_the_gate_unjudged_and_say_so(pytester):
    write_project(pytester.path, config=gate("worse", "bad"))
    pytester.makepyfile("import pytest\npytestmark = pytest.mark.skip\n" + marked("bad"))
    seen = pytester.runpytest_inprocess()
    seen.assert_outcomes(skipped=N + 1)
    seen.stdout.fnmatch_lines(["gate worse: not judged: no case was run"])


def test_stop_at_first_failure_judges_no_further_gate(pytester):
    write_project(pytester.path, config=gate("worse", "bad") + gate("again", "bad"))
    pytester.makepyfile(marked("bad"))
    seen = pytester.runpytest_inprocess("-x")
    seen.assert_outcomes(passed=N, failed=1)
    seen.stdout.fnmatch_lines(["gate again: not judged: stopping after 1 failures"])


def test_a_test_that_stops_the_session_leaves_the_verdict_to_be_seen(pytester):
    write_project(pytester.path, config=gate("worse", "bad"))
    pytester.makepyfile(marked("bad", "assert trial.case.id != 'c01'"))
    pytester.runpytest_inprocess("-x").assert_outcomes(passed=1, failed=2)


def test_last_failed_runs_the_tests_of_a_failed_gate_again(pytester):
    write_project(pytester.path, config=gate("worse", "bad"))
    pytester.makepyfile(marked("bad"))
    pytester.runpytest_inprocess().assert_outcomes(passed=N, failed=1)
    pytester.runpytest_inprocess("--lf").assert_outcomes(passed=N, failed=1)
    lines(pytester.path / "recorded/bad.jsonl", [{"id": f"c{n:02}", "output": f"C{n:02}"} for n in range(N)])
    pytester.runpytest_inprocess("--lf").assert_outcomes(passed=N + 1)


def test_gates_that_cannot_be_judged_without_asking_are_skipped_but_fail_in_ci(pytester, monkeypatch):
    write_project(pytester.path, config=gate("replayed", "live") + gate("fresh", "code"))
    pytester.makepyfile(test_live=marked("live"), test_code=marked("code"))
    seen = pytester.runpytest_inprocess()
    seen.assert_outcomes(skipped=2 * N + 2)
    seen.stdout.fnmatch_lines_random(
        ["gate replayed: not recorded: --evalh-live", "gate fresh: stale: code not declared"]
    )
    assert calls(pytester.path) == []

    monkeypatch.setenv("CI", "true")
    seen = pytester.runpytest_inprocess()
    seen.assert_outcomes(failed=2 * N + 2)
    seen.stdout.fnmatch_lines(["FAILED evalh::gate::fresh[[]exact[]] - stale: code not declared"])


def test_live_gates_judge_what_the_session_answered(pytester):
    write_project(pytester.path, config=gate("replayed", "live") + gate("fresh", "code"))
    pytester.makepyfile(test_live=marked("live"), test_code=marked("code"))
    pytester.runpytest_inprocess("--evalh-live").assert_outcomes(passed=2 * N + 2)
    assert len(calls(pytester.path)) == 2 * N
    pytester.runpytest_inprocess("--evalh-live", "--evalh-fresh").assert_outcomes(passed=2 * N + 2)
    assert len(calls(pytester.path)) == 4 * N

    app = (pytester.path / "app.py").read_text()
    (pytester.path / "app.py").write_text(app.replace("TRUE = True", "TRUE = False # changed"))
    seen = pytester.runpytest_inprocess("--evalh-live")
    seen.assert_outcomes(passed=2 * N + 1, failed=1)
    seen.stdout.fnmatch_lines(["FAILED evalh::gate::fresh[[]exact[]] - *"])


def test_a_gate_without_its_baseline_is_refused_with_the_way_out(pytester):
    config = (
        '[gates.stored]\ncandidate = "good"\nevalset = "qa"\nlimits = { exact = 0.3, latency = { role = "report" } }\n'
    )
    write_project(pytester.path, config=config)
    pytester.makepyfile(marked("good"))
    seen = pytester.runpytest_inprocess()
    seen.assert_outcomes(passed=N, failed=1)
    seen.stdout.fnmatch_lines(["*REFUSED*no stored baseline yet*", "*evalh promote --why*"])


def test_another_baseline_and_a_report_file(pytester):
    write_project(pytester.path, config=gate("fine", "bad"))
    pytester.makepyfile(marked("bad"))
    words = ["--evalh-baseline=recorded/bad.jsonl", "--evalh-report=out.json"]
    seen = pytester.runpytest_inprocess(*words)
    seen.assert_outcomes(passed=N + 1)
    verdict = json.loads((pytester.path / "out.json").read_text())
    assert (verdict["schema"], verdict["outcome"], verdict["gates"][0]["gate"]) == ("evalh.verdict/1", "pass", "fine")
    pytester.runpytest_inprocess("--evalh-report=out.nope").stdout.fnmatch_lines(["*out.nope was not written: *"])
    nothing = pytester.runpytest_inprocess("--evalh-no-gate", "--evalh-report=none.json")
    nothing.stdout.fnmatch_lines(["none.json was not written: this process judged nothing"])


# --- evalh.toml::GATE -----------------------------------------------------------------------------------------------


def test_the_config_file_is_collected_only_where_it_is_named(pytester):
    write_project(pytester.path, config=gate("fine", "good", "recorded/good.jsonl") + gate("worse", "bad"))
    assert pytester.runpytest_inprocess().ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert pytester.runpytest_inprocess(".").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    pytester.runpytest_inprocess("evalh.toml").assert_outcomes(passed=1, failed=1)
    pytester.runpytest_inprocess("evalh.toml::fine").assert_outcomes(passed=1)
    seen = pytester.runpytest_inprocess("evalh.toml::worse", "--junitxml=out.xml")
    seen.assert_outcomes(failed=1)
    seen.stdout.fnmatch_lines(["*REGRESSION*exact fell 100.0 points*", "FAILED evalh.toml::worse - *"])
    assert ET.parse(pytester.path / "out.xml").find(".//testcase[@name='worse']//property") is not None


def test_named_gates_ask_only_under_live(pytester, monkeypatch):
    write_project(pytester.path, config=gate("replayed", "live") + gate("fresh", "code") + gate("by", "good", "live"))
    seen = pytester.runpytest_inprocess("evalh.toml", "-rs")
    seen.assert_outcomes(skipped=3)
    assert calls(pytester.path) == []
    monkeypatch.setenv("CI", "true")
    pytester.runpytest_inprocess("evalh.toml").assert_outcomes(failed=3)
    pytester.runpytest_inprocess("evalh.toml", "--evalh-live").assert_outcomes(passed=3)
    pytester.runpytest_inprocess("evalh.toml", "--evalh-no-gate").assert_outcomes(skipped=3)


def test_a_broken_config_is_one_clean_error(pytester):
    write_project(pytester.path, config="[gates.worse]\nnope = 1\n")
    seen = pytester.runpytest_inprocess("evalh.toml")
    seen.assert_outcomes(errors=1)
    seen.stdout.fnmatch_lines(["*evalh.toml:*nope*"])
    seen.stdout.no_fnmatch_line("*Traceback*")


# --- what is reported of a verdict ----------------------------------------------------------------------------------

RULE = GateConfig(
    name="g",
    candidate="c",
    evalset="e",
    limits=(
        LimitConfig(scorer="a", margin=0.1),
        LimitConfig(scorer="b", every=True),
        LimitConfig(scorer="r", role="report"),
    ),
)


def outcomes(verdict: GateVerdict) -> list[tuple[str, str]]:
    parts = parts_of(RULE, Judgement(verdict=together([verdict]), comparisons=()))
    return [(part.nodeid.removeprefix("evalh::gate::"), part.outcome) for part in parts]


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (GateVerdict(gate="g", outcome="pass", reason=""), [("g[a]", "passed"), ("g[b]", "passed")]),
        (
            GateVerdict(gate="g", outcome="inconclusive", exit_outcome="pass", reason=""),
            [("g[a]", "passed"), ("g[b]", "passed")],
        ),
        (
            GateVerdict(
                gate="g",
                outcome="inconclusive",
                reason="",
                scorers=(ScorerVerdict(scorer="a", outcome="inconclusive"),),
            ),
            [("g[a]", "failed"), ("g[b]", "passed")],
        ),
        (
            GateVerdict(gate="g", outcome="regression", reason="", hard=(HardVerdict(scorer="b", flips=("x",)),)),
            [("g[a]", "passed"), ("g[b]", "failed")],
        ),
        (
            GateVerdict(
                gate="g",
                outcome="regression",
                reason="",
                slices=(
                    SliceVerdict(
                        field="lang", value="de", guard=True, scorers=(ScorerVerdict(scorer="a", outcome="regression"),)
                    ),
                    SliceVerdict(field="lang", value="fr", scorers=(ScorerVerdict(scorer="a", outcome="regression"),)),
                ),
            ),
            [("g[a]", "passed"), ("g[b]", "passed"), ("g[lang=de:a]", "failed")],
        ),
        (
            GateVerdict(gate="g", outcome="regression", reason="together they are worse"),
            [("g[a]", "passed"), ("g[b]", "passed"), ("g", "failed")],
        ),
        (GateVerdict(gate="g", outcome="refused", reason="no"), [("g[a]", "failed"), ("g[b]", "failed")]),
        (GateVerdict(gate="g", outcome="incomplete", reason="no"), [("g[a]", "failed"), ("g[b]", "failed")]),
    ],
    ids=["pass", "softened", "inconclusive", "hard", "slice", "family", "refused", "incomplete"],
)
def test_what_blocks_a_gate_is_what_fails(verdict, expected):
    assert outcomes(verdict) == expected
