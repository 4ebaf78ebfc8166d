"""The fixture ``evalh``: a verdict inside a test, async or not."""

from __future__ import annotations

import pytest

from tests.pytest_plugin.project import N, calls, gate, lines, quiet_environment, write_project

pytest_plugins = "pytester"
pytestmark = pytest.mark.usefixtures("quiet_environment")
__all__ = ["quiet_environment"]

TESTS = """
import pytest
from app import answer

LIMITS = {"exact": 0.3}

def test_named(evalh):
    assert evalh.run_gate("fine")

def test_required(evalh):
    evalh.run_gate("bad", evalset="qa", baseline="good", limits=LIMITS).require()

def test_asserted(evalh):
    verdict = evalh.run_gate("worse")
    assert verdict.outcome == "regression" and not verdict
    assert verdict

def test_mistaken(evalh):
    evalh.run_gate("bad", evalset="qa").require()
"""


def test_a_verdict_is_asserted_or_required_with_its_table(pytester):
    write_project(pytester.path, config=gate("fine", "good", "recorded/good.jsonl") + gate("worse", "bad"))
    pytester.makepyfile(TESTS)
    seen = pytester.runpytest_inprocess("--evalh-report=out.json", "--junitxml=out.xml")
    seen.assert_outcomes(passed=1, failed=3)
    seen.stdout.fnmatch_lines(
        [
            "*_ test_required _*",
            "*REGRESSION*exact fell 100.0 points*",
            "*scorer*base*new*change*",
            "*assert <worse: regression: exact fell 100.0 points*",
            "*a candidate needs limits*",
            "report: out.json",
        ]
    )
    assert 'name="evalh_run"' in (pytester.path / "out.xml").read_text()


FUNCTION = """
import pytest

def answer(case):
    with open("calls.txt", "a") as file:
        file.write(case.id + "\\n")
    return case.target

def search(query, k=10):
    return [query[1:], "other"][:k]

def test_answer(evalh):
    evalh.run_gate(answer, evalset="qa", baseline="bad", limits={"exact": {"margin": 0.3}}).require()

def test_search(evalh):
    evalh.run_gate(search, evalset="docs", baseline="ranked", limits={"recall@10": 0.3}).require()
"""


def test_functions_and_retrievers_of_the_test_are_candidates(pytester, monkeypatch):
    write_project(pytester.path)
    toml = pytester.path / "evalh.toml"
    text = toml.read_text().replace(
        "[candidates]",
        'docs = { path = "evalsets/docs.jsonl" }\n[candidates]\nranked = { recorded = "recorded/ranked.jsonl" }',
    )
    toml.write_text(text + '"recall@10" = { use = "recall", k = 10 }\n')
    names = [f"d{n}" for n in range(N)]
    lines(pytester.path / "evalsets/docs.jsonl", [{"id": n, "input": f"q{n}", "relevant": {n: 1}} for n in names])
    lines(pytester.path / "recorded/ranked.jsonl", [{"id": n, "documents": [n]} for n in names])
    pytester.makepyfile(FUNCTION)

    plain = pytester.runpytest_inprocess("-rs")
    plain.assert_outcomes(skipped=2)
    plain.stdout.fnmatch_lines(["SKIPPED * stale: code not declared"])
    assert calls(pytester.path) == []
    pytester.runpytest_inprocess("--evalh-live").assert_outcomes(passed=2)
    assert calls(pytester.path)
    monkeypatch.setenv("CI", "true")
    pytester.runpytest_inprocess().assert_outcomes(failed=2)


ASYNC = """
import asyncio
import pytest

@pytest.mark.{plugin}
async def test_it(evalh):
    ticks = 0
    async def tick():
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)
    task = asyncio.create_task(tick())
    first, second = await asyncio.gather(evalh.gate("fine"), evalh.gate("worse"))
    task.cancel()
    assert ticks > 1, "the loop stood still"
    assert first
    second.require()
"""


@pytest.mark.parametrize("plugin", ["anyio", "asyncio"])
def test_async_tests_await_it_while_the_loop_goes_on(pytester, plugin):
    words = ["-p", "no:cacheprovider"]
    if plugin == "asyncio":
        pytest.importorskip("pytest_asyncio", reason="pytest-asyncio is not installed")
        words += ["-o", "asyncio_default_fixture_loop_scope=function"]
    else:
        pytest.importorskip("anyio", reason="anyio is not installed")
        pytester.makeconftest('import pytest\n@pytest.fixture\ndef anyio_backend(): return "asyncio"\n')
    write_project(pytester.path, config=gate("fine", "good", "recorded/good.jsonl") + gate("worse", "bad"))
    pytester.makepyfile(ASYNC.replace("{plugin}", plugin))
    seen = pytester.runpytest_subprocess(*words)
    seen.assert_outcomes(failed=1)
    seen.stdout.fnmatch_lines(["*REGRESSION*exact fell 100.0 points*"])
