"""README's commands run and print what it shows; its numbers are those of the shipped statistics."""

from __future__ import annotations

import http.client
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalharness.core.errors import EXIT_CODES
from evalharness.stats import exact_plan
from tests.docs.pages import ROOT, blocks, environment, run_block, same

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """An endpoint that knows the answers to the sample cases."""
    answers = Path(__file__).with_name("answers.json")
    server = subprocess.Popen(
        [sys.executable, ROOT / "tests/e2e/mock_server.py", "--answers", answers], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        host = url.removeprefix("http://").partition("/")[0]
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
        connection.close()
        yield url
    finally:
        server.terminate()
        server.wait(timeout=10)
        if server.stdout is not None:
            server.stdout.close()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which `evalh demo` was run, and what that printed."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        ["evalh", "demo"], cwd=folder, env=environment(), capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "evalh-demo", done.stdout


def test_the_screen_is_the_one_that_the_demo_prints(demo: tuple[Path, str]) -> None:
    (screen,) = blocks(README, "text demo")
    assert all(len(line) <= 80 for line in screen.splitlines())
    assert same(screen).strip("\n") in same(demo[1])


def test_the_demo_ends_as_the_text_says(demo: tuple[Path, str]) -> None:
    ends = re.findall(r"`evalh gate \w+` exits with (\d) \((\w+)\)", demo[1])
    assert ends == [("1", "regression"), ("0", "pass"), ("3", "inconclusive")]


def test_the_two_commands_are_the_ones_that_work_on_a_bare_debian() -> None:
    """.ci/run and the acceptance run them; here only that nobody bends them."""
    first, second = blocks(README, "sh")[0].splitlines()
    start = "python3 -m venv --without-pip .venv && python3 -m pip --python .venv install "
    assert re.sub(r" +", " ", first) == start + ". && .venv/bin/evalh demo"
    assert re.sub(r" +", " ", second) == start + "-e '.[test]' && .venv/bin/python -m pytest"


def test_sixty_seconds(tmp_path: Path, endpoint: str) -> None:
    run_block(blocks(README, "console")[0], tmp_path, environment(OPENAI_BASE_URL=endpoint))


def test_two_files_are_compared_without_a_project(tmp_path: Path) -> None:
    evalsets = ROOT / "evalsets"
    shutil.copy(evalsets / "demo-qa.jsonl", tmp_path / "cases.jsonl")
    shutil.copy(evalsets / "recorded/demo-few-shot.jsonl", tmp_path / "old.jsonl")
    shutil.copy(evalsets / "recorded/demo-zero-shot.jsonl", tmp_path / "new.jsonl")
    run_block(blocks(README, "console")[1], tmp_path, environment())


def test_output_that_differs_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="printed"):
        run_block("$ echo right\nwrong\n", tmp_path, environment())
    with pytest.raises(AssertionError, match="exit 1"):
        run_block("$ false\n", tmp_path, environment())
    run_block("$ echo a; echo b; false   # exit 1\na\n...\n", tmp_path, environment())


def test_the_tests_of_the_pytest_example_pass(demo: tuple[Path, str]) -> None:
    (example,) = blocks(README, "python")
    file = demo[0] / "test_readme_example.py"
    file.write_text(example, encoding="utf-8")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--evalh-no-gate", file.name],
            cwd=demo[0],
            env=environment(),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
    finally:
        file.unlink()
    assert done.returncode == 0, done.stdout
    assert "201 passed" in done.stdout


def test_the_rules_of_others_are_shown_as_they_were_measured() -> None:
    """The table is the benchmark's own short form, and our row is what the shipped plan does."""
    table = (ROOT / "docs/benchmarks/gate-short.md").read_text(encoding="utf-8").split("\n\n")[0]
    assert f"\n\n{table}\n\n" in TEXT
    ours = next(line for line in table.splitlines() if "**evalh**" in line)
    shown = [float(cell.strip().removesuffix(" %")) for cell in ours.strip("| ").split("|")[1:]]
    plan = exact_plan(200, 0.05)
    same, five, ten = (plan.outcome(0.10, change) for change in (0.0, -0.05, -0.10))
    seen = [100 * share for share in (same.p_pass, same.p_fail, five.p_pass, ten.p_fail, same.mean_cases / 200)]
    assert shown == pytest.approx(seen, abs=0.51)
    assert shown[1:3] == pytest.approx(seen[1:3], abs=0.051)


def test_exit_codes_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", TEXT[TEXT.index("### Exit codes") :], re.MULTILINE)
    assert {word: int(code) for code, word in rows} == EXIT_CODES


def rows_after(text: str, title: str) -> dict[int, list[float]]:
    """The first table after a text, as N -> numbers."""
    table = text[text.index(title) :].split("\n\n")
    rows = next(part for part in table if part.startswith("| cases"))
    found = {}
    for row in rows.splitlines()[2:]:
        cells = [float(cell.strip().removesuffix(" %")) for cell in row.strip("|").split("|")]
        found[int(cells[0])] = cells[1:]
    return found


SIZES = (50, 100, 200, 300, 400, 500, pytest.param(1000, marks=pytest.mark.slow))


@pytest.mark.parametrize("planned", SIZES)
def test_chances_of_an_unchanged_candidate(planned: int) -> None:
    shown = rows_after(TEXT, "### A green check on an unchanged candidate")[planned]
    plan = exact_plan(planned, 0.05)
    outcomes = [plan.outcome(discordance, 0.0) for discordance in (0.02, 0.05, 0.10, 0.20)]
    seen = [100 * o.p_pass for o in outcomes] + [100 * max(o.p_fail for o in outcomes), outcomes[2].mean_cases]
    assert shown[:5] == pytest.approx(seen[:5], abs=0.051)
    assert shown[5] == pytest.approx(seen[5], abs=0.51)


@pytest.mark.parametrize("planned", SIZES)
def test_chances_to_catch_a_drop(planned: int) -> None:
    shown = rows_after(TEXT, "And what it catches")[planned]
    plan = exact_plan(planned, 0.05)
    five, ten = plan.outcome(0.10, -0.05), plan.outcome(0.10, -0.10)
    seen = [five.p_fail, five.p_inconclusive, five.p_pass, ten.p_fail]
    assert shown == pytest.approx([100 * value for value in seen], abs=0.051)
