"""One test a case: ids, one batch, replay, and what a test sees."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.pytest_plugin.project import APP, IDS, N, calls, gate, lines, marked, quiet_environment, write_project

pytest_plugins = "pytester"
pytestmark = pytest.mark.usefixtures("quiet_environment")
__all__ = ["quiet_environment"]


def test_a_marked_test_runs_once_a_case_under_the_case_ids_and_sees_answer_and_scores(pytester):
    write_project(pytester.path)
    pytester.makepyfile(marked("half", "assert trial.output.text == trial.case.target == trial.case.id.upper()"))
    seen = pytester.runpytest_inprocess("-rA", "-k", "not c01")

    seen.assert_outcomes(passed=6, skipped=5, deselected=1)
    seen.stdout.fnmatch_lines_random([f"PASSED *::test_it[[]{name}[]]" for name in IDS[::2]])
    seen.stdout.fnmatch_lines(["*not recorded: the answers file has no such case"])


def test_all_selected_cases_are_answered_side_by_side_at_first_need(pytester):
    """The function returns only once all twelve calls are in flight together."""
    write_project(pytester.path, app=APP.replace("    return", "    together.wait(timeout=20)\n    return"))
    pytester.makepyfile(marked("live", 'assert trial.scores["exact"].value == 1.0'))

    pytester.runpytest_inprocess("--evalh-live", "--evalh-jobs=12").assert_outcomes(passed=N)

    assert sorted(calls(pytester.path)) == IDS


def test_only_what_is_selected_is_asked(pytester):
    write_project(pytester.path)
    pytester.makepyfile(marked("live"))

    pytester.runpytest_inprocess("--evalh-live", "-k", "c03 or c05").assert_outcomes(passed=2, deselected=N - 2)

    assert sorted(calls(pytester.path)) == ["c03", "c05"]


def test_plain_pytest_never_asks_and_replays_what_live_recorded(pytester):
    write_project(pytester.path)
    pytester.makepyfile(marked("live", "assert trial.output.text == trial.case.target"))

    before = pytester.runpytest_inprocess("-rs")
    before.assert_outcomes(skipped=N)
    before.stdout.fnmatch_lines(["SKIPPED * not recorded: --evalh-live"])
    assert calls(pytester.path) == []

    pytester.runpytest_inprocess("--evalh-live").assert_outcomes(passed=N)
    pytester.runpytest_inprocess().assert_outcomes(passed=N)
    pytester.runpytest_inprocess("--evalh-live").assert_outcomes(passed=N)
    assert len(calls(pytester.path)) == N

    pytester.runpytest_inprocess("--evalh-live", "--evalh-fresh").assert_outcomes(passed=N)
    assert len(calls(pytester.path)) == 2 * N


def test_offline_in_the_environment_wins_over_live(pytester, monkeypatch):
    monkeypatch.setenv("EVALH_OFFLINE", "1")
    write_project(pytester.path)
    pytester.makepyfile(marked("live"))
    pytester.runpytest_inprocess("--evalh-live").assert_outcomes(skipped=N)
    assert calls(pytester.path) == []


def test_in_ci_nothing_recorded_fails(pytester, monkeypatch):
    write_project(pytester.path)
    pytester.makepyfile(marked("live"))
    monkeypatch.setenv("CI", "true")

    seen = pytester.runpytest_inprocess()
    seen.assert_outcomes(failed=N)
    seen.stdout.fnmatch_lines(["*nothing is recorded, and CI must not pass on nothing*"])

    monkeypatch.delenv("CI")
    pytester.runpytest_inprocess("--evalh-live").assert_outcomes(passed=N)
    monkeypatch.setenv("CI", "true")
    pytester.runpytest_inprocess().assert_outcomes(passed=N)


def test_answers_of_undeclared_code_are_stale_and_fail_in_ci(pytester, monkeypatch):
    write_project(pytester.path)
    pytester.makepyfile(marked("code"))
    pytester.runpytest_inprocess("--evalh-live").assert_outcomes(passed=N)

    seen = pytester.runpytest_inprocess("-rs")
    seen.assert_outcomes(skipped=N)
    seen.stdout.fnmatch_lines(["SKIPPED * stale: code not declared"])
    assert len(calls(pytester.path)) == N

    monkeypatch.setenv("CI", "true")
    pytester.runpytest_inprocess().assert_outcomes(failed=N)


def test_a_hard_assert_fails_its_test_and_a_low_score_fails_none(pytester):
    write_project(pytester.path)
    pytester.makepyfile(marked("bad", 'assert trial.scores["exact"].value == 0 and trial.case.id != "c04"'))
    pytester.runpytest_inprocess().assert_outcomes(passed=N - 1, failed=1)


def test_what_the_candidate_breaks_fails_and_what_the_infrastructure_loses_is_an_error(pytester):
    write_project(pytester.path, app="def answer(case):\n    raise ValueError('no such thing')\n")
    lines(pytester.path / "recorded/half.jsonl", [{"id": "c02", "error": "the line was cut"}])
    pytester.makepyfile(test_broken=marked("live", "trial.output"), test_lost=marked("half", "trial.output"))
    seen = pytester.runpytest_inprocess("--evalh-live", "-k", "c02")

    seen.assert_outcomes(failed=1, errors=1, deselected=2 * N - 2)
    seen.stdout.fnmatch_lines_random(
        ["*the candidate failed: exception: *no such thing*", "*no answer: recorded_error: the line was cut"]
    )


def test_junit_carries_case_run_and_scores(pytester):
    write_project(pytester.path)
    pytester.makepyfile(marked("good"))
    pytester.runpytest_inprocess("--junitxml=out.xml", "-k", "c07")

    properties = {
        node.get("name"): node.get("value")
        for node in ET.parse(pytester.path / "out.xml").iterfind(".//testcase/properties/property")
    }
    assert properties.pop("evalh_run")
    assert properties == {"evalh_id": "c07", "evalh_score.exact": "1.0"}


def test_a_rerun_gets_the_same_answer(pytester):
    pytest.importorskip("pytest_rerunfailures", reason="pytest-rerunfailures is not installed")
    app = "import itertools\nnumber = itertools.count()\ndef answer(case):\n    return str(next(number))\n"
    write_project(pytester.path, app=app)
    body = "seen.append(trial.output.text); assert len(seen) == 3"
    tests = "seen = []\n" + marked("code", body) + "\ndef test_same():\n    assert len(set(seen)) == 1\n"
    pytester.makepyfile(test_again=tests)
    seen = pytester.runpytest_inprocess("--evalh-live", "--reruns=2", "-k", "c00 or same")

    seen.stdout.fnmatch_lines(["*2 passed*2 rerun*"])


@pytest.mark.parametrize(
    ("mark", "complaint"),
    [
        ('"nope", candidate="good"', "*no eval set and no file 'nope'*"),
        ('"qa", candidate="god"', "*no candidate named 'god'*"),
        ('"qa"', "*which candidate answers 'qa'?*"),
        ("", "*the marker cannot be read*"),
        ("7", "*the marker wants the name of an eval set*"),
        ('"qa", candidate=len if not print() else 1', None),
    ],
)
def test_a_wrong_marker_is_one_clean_collection_error(pytester, mark, complaint):
    write_project(pytester.path)
    pytester.makepyfile(f"import pytest\n@pytest.mark.evalh({mark})\ndef test_it(trial):\n    pass\n")
    seen = pytester.runpytest_inprocess()
    if complaint is None:
        seen.assert_outcomes(skipped=N)
        return
    seen.assert_outcomes(errors=1)
    seen.stdout.fnmatch_lines([complaint])
    seen.stdout.no_fnmatch_line("*Traceback*")


def test_a_broken_eval_set_is_told_with_file_and_line(pytester):
    write_project(pytester.path)
    (pytester.path / "evalsets/qa.jsonl").write_text('{"id": "a", "input": "x"}\n{"id": "a", "input": "y"}\n')
    pytester.makepyfile(marked("good"))
    seen = pytester.runpytest_inprocess()
    seen.assert_outcomes(errors=1)
    seen.stdout.fnmatch_lines(["*qa.jsonl:2: id: *"])


def test_trial_without_the_marker_says_what_is_missing(pytester):
    write_project(pytester.path)
    pytester.makepyfile("def test_it(trial):\n    pass\n")
    seen = pytester.runpytest_inprocess()
    seen.assert_outcomes(errors=1)
    seen.stdout.fnmatch_lines(["*the fixture trial needs the marker*"])


def test_the_candidate_of_the_only_gate_is_meant_when_none_is_named(pytester):
    write_project(pytester.path, config=gate("only", "half"))
    pytester.makepyfile('import pytest\n@pytest.mark.evalh("qa")\ndef test_it(trial):\n    pass\n')
    pytester.runpytest_inprocess("--evalh-no-gate").assert_outcomes(passed=6, skipped=6)


def test_files_serve_without_any_config(pytester):
    lines(pytester.path / "set.jsonl", [{"id": "a", "input": "x", "target": "y"}])
    lines(pytester.path / "answers.jsonl", [{"id": "a", "output": "y"}])
    pytester.makepyfile(
        'import pytest\n@pytest.mark.evalh("set.jsonl", candidate="answers.jsonl")\n'
        'def test_it(trial):\n    assert trial.output.text == "y"\n'
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_a_function_is_a_candidate_and_two_of_one_name_are_told_apart(pytester):
    write_project(pytester.path)
    pytester.makepyfile(
        """
        import pytest

        def make():
            def answer(case):
                return case.target
            return answer

        @pytest.mark.evalh("qa", candidate=make())
        def test_it(trial):
            assert trial.output.text == trial.case.target
        """
    )
    pytester.runpytest_inprocess("--evalh-live").assert_outcomes(passed=N)
    source = pytester.path / "test_a_function_is_a_candidate_and_two_of_one_name_are_told_apart.py"
    source.write_text(
        source.read_text() + '\n\n@pytest.mark.evalh("qa", candidate=make())\ndef test_two(trial): pass\n'
    )
    seen = pytester.runpytest_inprocess("--evalh-live")
    seen.assert_outcomes(errors=1)
    seen.stdout.fnmatch_lines(["*two functions are called *"])


@pytest.mark.parametrize("words", [["--evalh-fresh"], ["--evalh-jobs=0"], ["--evalh-max-cost=-1"]])
def test_options_that_mean_nothing_are_refused(pytester, words):
    pytester.makepyfile("def test_it(): pass")
    assert pytester.runpytest_inprocess(*words).ret == pytest.ExitCode.USAGE_ERROR


def test_money_is_capped_over_the_session(pytester, monkeypatch):
    from tests.e2e import mock_server

    with mock_server.running() as url:
        config = f'gpt = {{ model = "gpt-5-mini", prompt = "{{{{ input }}}}", base_url = "{url}", max_tokens = 100 }}'
        prices = '[prices]\n"gpt-5-mini" = { input = 1000, output = 1000 }\n'
        write_project(pytester.path)
        path = pytester.path / "evalh.toml"
        path.write_text(path.read_text().replace("[scorers]", f"{config}\n[scorers]") + prices)
        pytester.makepyfile(marked("gpt"))
        seen = pytester.runpytest_inprocess("--evalh-live", "--evalh-max-cost=0.5")
        monkeypatch.setenv("EVALH_MAX_COST", "0.0")
        none = pytester.runpytest_inprocess("--evalh-live", "--evalh-fresh")

    outcomes = seen.parseoutcomes()
    assert 0 < outcomes["passed"] < N
    assert outcomes["passed"] + outcomes["errors"] == N
    seen.stdout.fnmatch_lines(["*no answer: the run ended early (budget)"])
    none.assert_outcomes(errors=N)


@pytest.mark.parametrize("money", ["much", "-1", "inf"])
def test_a_variable_that_is_no_money_is_one_clean_error(pytester, monkeypatch, money):
    monkeypatch.setenv("EVALH_MAX_COST", money)
    write_project(pytester.path)
    pytester.makepyfile(marked("good"))
    for words in ([], ["evalh.toml"]):
        seen = pytester.runpytest_inprocess(*words, "--evalh-report=out.json")
        seen.assert_outcomes(errors=1)
        seen.stdout.fnmatch_lines([f"EVALH_MAX_COST: expected US dollars, got '{money}'", "*no test used evalh"])


def test_ctrl_c_ends_the_session_and_keeps_what_was_paid_for(pytester):
    """The third call presses it; undeclared code, whose answers serve the resumed run only."""
    app = APP.replace("    return", "    if case.id == 'c02' and not INTERRUPTED:\n        interrupt()\n    return")
    app += "import os, signal, pathlib\nINTERRUPTED = pathlib.Path('marker').exists()\n"
    app += "def interrupt():\n    pathlib.Path('marker').touch()\n    os.kill(os.getpid(), signal.SIGINT)\n"
    write_project(pytester.path, app=app, config=gate("fresh", "code"))
    pytester.makepyfile(marked("code"))

    seen = pytester.runpytest_inprocess("--evalh-live", "--evalh-jobs=1")
    assert seen.ret == pytest.ExitCode.INTERRUPTED
    seen.stdout.fnmatch_lines(["*interrupted: 3 of 12 cases are answered and saved*"])
    seen.stdout.no_fnmatch_line("*evalh::gate*")

    pytester.runpytest_inprocess("--evalh-live").assert_outcomes(passed=N + 1)
    assert sorted(calls(pytester.path)) == IDS
