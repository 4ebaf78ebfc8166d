"""Nothing of the hostile corpus is live in any sink; the same corpus through a naive writer is. docs/benchmarks/hostile.md has the table."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from evalharness.core.cases import ID_PATTERN
from evalharness.core.text import visible
from evalharness.report import sinks
from tests.hostile import checkers
from tests.hostile.corpus import PLAIN, inputs
from tests.hostile.sinks import NAIVE, OURS, live, measured
from tests.hostile.table import PAGE, counts
from tests.report.hostile import acting
from tests.report.test_hostile import check, reports


def test_it_is_large_enough() -> None:
    assert len(inputs()) >= 20
    assert sum(map(len, inputs().values())) >= 300
    assert min(map(len, inputs().values())) >= 9


@pytest.mark.parametrize("category", inputs())
def test_nothing_is_live_in_any_sink(category: str) -> None:
    assert dict(measured()[category]) == {}


def test_negative_control_a_naive_writer_is_flagged() -> None:
    """Most inputs are live somewhere when nobody thought of them, in every sink and in every category."""
    found = measured(False)
    flagged = sum(map(len, found.values()))
    assert flagged >= 0.8 * sum(map(len, inputs().values()))
    assert {sink for some in found.values() for one in some.values() for sink in one} == set(NAIVE) - {"file name"}
    assert [category for category, some in found.items() if not some] == []


def test_what_people_write_stays_as_it_is() -> None:
    for text in PLAIN:
        assert live(OURS, text) == {}
        assert visible(text) == text
        assert text in sinks.md_fence(text)
        assert sinks.md_code(text) == f"`{text}`"


def test_hidden_text_is_shown() -> None:
    """Inert is not enough: a reader must see that something is there."""
    for category in ("bidi", "invisible", "hidden text", "terminal command", "control"):
        for text in inputs()[category]:
            shown = visible(text)
            assert acting(shown, allow="") == []
            assert len(shown) >= len(text)
            assert "\\u{" in shown or "⏎" in shown or shown == text.replace("\t", "    "), text


@pytest.mark.parametrize("category", inputs())
def test_whole_reports_carry_a_category(category: str) -> None:
    """Two inputs of each kind in every text of a verdict that comes from outside; .ci/nightly takes them all."""
    texts = [text for text in inputs()[category] if len(text) < 2000]
    for text in texts[:1] + texts[-1:]:
        _report(text)


@pytest.mark.slow
@pytest.mark.parametrize("category", inputs())
def test_whole_reports_carry_everything(category: str) -> None:
    for text in inputs()[category]:
        _report(text)


def _report(text: str) -> None:
    for form, made in reports(text):
        assert check(form, made) == [], form
        if form == "screen":
            assert checkers.terminal(made, "") == []
        if form == "html":
            assert set(checkers.skeleton(made)) <= set(checkers.skeleton(_page("w")))


def _page(text: str, made: dict[str, str] = {}) -> str:  # noqa: B006 - one page for the whole module
    return made.setdefault(text, dict(reports(text))["html"])


def test_no_hostile_name_becomes_an_id_or_a_file() -> None:
    for texts in inputs().values():
        for text in texts:
            if ID_PATTERN.fullmatch(text):
                assert (
                    checkers.file_name(f"{text}.jsonl", "") == []
                    or len(text) > 64
                    or text.lower() in ("con", "nul.txt")
                )


def test_the_checkers_know_nothing_of_us() -> None:
    for path in (Path(checkers.__file__), Path(checkers.__file__).parent.parent / "report/hostile.py"):
        names = {
            name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names] if isinstance(node, ast.Import) else [])
        }  # fmt: skip
        assert not [name for name in names if name.startswith("evalharness")]


def test_the_table_is_the_one_that_is_measured() -> None:
    text = PAGE.read_text(encoding="utf-8")
    listed = re.findall(r"^\| ([a-z-][\w -]*?) \| (\d+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    assert [(row[0], *map(int, row[1:])) for row in listed] == counts()
