"""Links, commands, options, file names and examples of every page are right."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from evalharness.cli.tree import GLOBAL_FLAGS, VERBS
from evalharness.config.load import load_config
from evalharness.evalset.jsonl import read_cases
from evalharness.stats import exact_plan, min_cases
from evalharness.stats.design import smallest_margin
from evalharness.stats.hard import hard_check_block_rate
from tests.docs.pages import PAGES, ROOT, WRITTEN, anchors, blocks, commands, links, spans

KNOWN = {verb.name: verb for verb in VERBS}
GLOBAL = {name for flag in GLOBAL_FLAGS for name in flag.names}


def name_of(page: Path) -> str:
    return page.name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"https?://", link):
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


def unfinished(text: str) -> list[str]:
    """Words that somebody left for something to come."""
    return re.findall(r"\b(?:FILL|TODO|TBD|FIXME|XXX+|LOREM)\b|\?\?\?+|<(?:to do|number|figure)>", text)


def test_no_page_holds_a_place_for_something_to_come() -> None:
    pages = [*PAGES, *(ROOT / "docs/benchmarks").rglob("*.md")]
    assert {page.name: found for page in pages if (found := unfinished(page.read_text(encoding="utf-8")))} == {}


def test_the_fuzzing_page_lists_every_target() -> None:
    from tests.fuzz.targets import TARGETS

    text = (ROOT / "docs/benchmarks/fuzzing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    assert {row[0] for row in rows} == set(TARGETS)
    assert all(row[2] == row[3] for row in rows), "every crash is mended"


def test_negative_control_such_places_are_seen() -> None:
    assert unfinished("| n |\nFILL\nTBD, TODO: XX and ???") == ["FILL", "TBD", "TODO", "???"]
    assert unfinished("a todo list; fill it; what?") == []


def test_every_page_is_in_the_index() -> None:
    index = {link.partition("#")[0] for link in links(ROOT / "docs/index.md")}
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"} <= index
    assert {f"benchmarks/{page.name}" for page in (ROOT / "docs/benchmarks").glob("*.md")} <= index


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_commands_and_options_exist(page: Path) -> None:
    for command in commands(page):
        words = shlex.split(re.sub(r"[.…]{3}", "", command).split("#")[0].replace("|", " "))[1:]
        verb = KNOWN.get(" ".join(words[:2])) or KNOWN.get(words[0])
        assert verb is not None, f"{page.name}: {command}"
        flags = GLOBAL | {name for flag in verb.flags for name in flag.names}
        used = {word.partition("=")[0] for word in words if word.startswith("-") and len(word) > 1}
        assert used <= flags, f"{page.name}: {command}: {used - flags}"


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_files_that_are_named_exist(page: Path) -> None:
    """Names in backticks that begin with a folder of the repository, or in architecture.md with a room of the package."""
    folders = {"tests", "docs", "benchmarks", ".ci", ".github", "evalharness"}
    rooms = {path.name for path in (ROOT / "evalharness").iterdir() if path.is_dir()}
    for span in spans(page):
        first = span.split("/")[0]
        if not re.fullmatch(r"[\w./-]+/[\w.-]+\.(py|md|txt|toml|yml)", span):
            continue
        if first in folders and not span.startswith(".github/workflows/evalh.yml"):
            assert (ROOT / span).exists(), f"{page.name}: {span}"
        elif page.name == "architecture.md" and first in rooms:
            assert (ROOT / "evalharness" / span).exists(), f"{page.name}: {span}"


def test_the_candidates_that_are_shown_are_right(tmp_path: Path) -> None:
    (example,) = blocks(ROOT / "docs/candidates.md", "toml")
    for name in ("prompts/support.md", "recorded/old.jsonl"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text('{"id":"a","output":"b"}\n', encoding="utf-8")
    (tmp_path / "evalh.toml").write_text(example, encoding="utf-8")
    assert set(load_config(tmp_path, config="evalh.toml").candidates) == set(tomllib.loads(example)["candidates"])


def test_the_cases_that_are_shown_are_right() -> None:
    (example,) = blocks(ROOT / "docs/evalsets.md", "json")
    assert len(list(read_cases("evalsets.md", content=example.encode()))) == 3


def test_every_field_of_a_case_is_told() -> None:
    from evalharness.evalset.fields import FIELDS

    page = (ROOT / "docs/evalsets.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in FIELDS)


def test_every_candidate_kind_is_told() -> None:
    from evalharness.config.candidates import KINDS

    page = (ROOT / "docs/candidates.md").read_text(encoding="utf-8")
    assert all(f"| `{kind}` |" in page for kind in KINDS)


def rows(title: str) -> list[list[float]]:
    """The rows of the first table of gate.md whose head begins so, as numbers (what is in brackets left out)."""
    page = (ROOT / "docs/gate.md").read_text(encoding="utf-8")
    table = next(part for part in page.split("\n\n") if part.startswith(title)).splitlines()[2:]
    return [[float(re.sub(r"\(.*?\)|%", "", cell)) for cell in row.strip("|").split("|")] for row in table]


def test_the_least_numbers_of_cases() -> None:
    for margin, exact, general, strict in rows("| margin | exact path"):
        split = 0.5 if min_cases(margin, split=0.25) > 300 else 0.25
        assert (exact, general, strict) == (
            min_cases(margin),
            min_cases(margin, split=split),
            min_cases(margin, split=1),
        )
    assert [round(smallest_margin(n), 3) for n in (20, 50, 100)] == [0.139, 0.058, 0.030]


def test_the_worst_chances_of_hard_checks() -> None:
    for attempts, stored, percent in rows("| attempts A"):
        assert percent == pytest.approx(100 * hard_check_block_rate(int(attempts), int(stored)), rel=0.04)


@pytest.mark.slow
def test_the_table_of_the_exact_path() -> None:
    table = rows("| cases | differ between the arms")
    assert len(table) == 21
    for planned, share, passed, failed, open_, paid, ceiling, missed, caught, caught_ten in table:
        plan = exact_plan(int(planned), 0.05)
        same, five, ten = (plan.outcome(share / 100, change) for change in (0.0, -0.05, -0.10))
        seen = [
            same.p_pass,
            same.p_fail,
            same.p_inconclusive,
            plan.ceiling(share / 100),
            five.p_pass,
            five.p_fail,
            ten.p_fail,
        ]
        shown = [passed, failed, open_, ceiling, missed, caught, caught_ten]
        assert shown == pytest.approx([100 * value for value in seen], abs=0.051)
        assert paid == pytest.approx(100 * same.mean_cases / planned, abs=0.51)
