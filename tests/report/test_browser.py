"""The page in a real browser: light and dark, keyboard, hostile answers, print, many cases, accessibility."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalharness.report.html import page as html_page
from tests.report.comparisons import compared, told
from tests.report.hostile import CORPUS

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is in the extra 'browser'")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


class Opened:
    """A page, and everything that it said, asked for or showed on its own."""

    def __init__(self, browser: Any, path: Path, text: str, *, hash_: str = "", **options: Any) -> None:
        path.write_text(text, encoding="utf-8")
        self.events: list[str] = []
        self.tab = browser.new_page(**options)
        self.tab.on("console", lambda message: self.events.append(message.text))
        self.tab.on("pageerror", lambda error: self.events.append(str(error)))
        self.tab.on("dialog", lambda dialog: (self.events.append("dialog"), dialog.dismiss()))
        self.tab.on("request", self._asked)
        self.tab.goto(path.as_uri() + hash_)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith("file:"):
            self.events.append(request.url)

    def rows(self) -> int:
        return int(self.tab.locator("table.list tbody tr[data-case]").count())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_to_complain_about_for_axe(browser: Any, tmp_path: Path, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is in the extra 'browser'")
    other = compared(lost=0)
    other = replace(other, gate=replace(other.gate, gate="other"))
    text = html_page.of_verdict(*told(compared(), other))
    opened = Opened(browser, tmp_path / "p.html", text, hash_="#case=refund-000", color_scheme=scheme)
    found = axe.Axe().run(opened.tab).response
    assert [violation["id"] for violation in found["violations"]] == []
    assert len(found["passes"]) > 30
    assert opened.events == []


def test_hostile_answers_are_text(browser: Any, tmp_path: Path) -> None:
    payload = "\n".join(CORPUS[kind] for kind in CORPUS if kind != "long")
    text = html_page.of_verdict(
        *told(compared(n=40, lost=30, after=payload, region=(CORPUS["script"], CORPUS["bidi"])))
    )
    opened = Opened(browser, tmp_path / "p.html", text, hash_="#case=refund-000")
    assert opened.events == []
    assert opened.tab.locator("img, iframe, main script:not([type='application/json'])").count() == 0
    shown = opened.tab.locator("tr.open").inner_text()
    assert "</script><script>alert(1)</script>" in shown
    assert "\\u{202e}" in shown
    assert "\u202e" not in opened.tab.content()


def test_negative_control_an_unescaped_page_is_caught(browser: Any, tmp_path: Path) -> None:
    opened = Opened(browser, tmp_path / "p.html", f"<html><body>{CORPUS['script']}</body></html>")
    assert "dialog" in opened.events


def test_filter_search_sort_and_open_by_keyboard(browser: Any, tmp_path: Path) -> None:
    opened = Opened(browser, tmp_path / "p.html", html_page.of_verdict(*told(compared(n=260, lost=40))))
    tab = opened.tab
    assert opened.rows() == 200
    tab.get_by_role("button", name="Show 60 more").click()
    assert opened.rows() == 260
    tab.get_by_label("Show", exact=True).select_option("worse")
    assert opened.rows() == 40
    tab.get_by_label("Slice", exact=True).select_option(label="region eu")
    assert opened.rows() == 20
    tab.get_by_label("Sort", exact=True).select_option("id")
    tab.get_by_label("Search", exact=True).fill("refund-004")
    playwright.expect(tab.locator("tr[data-case]")).to_have_count(1)
    button = tab.get_by_role("button", name="refund-004")
    button.focus()
    tab.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    assert tab.locator("tr.open del").count() > 0
    assert tab.locator("tr.open ins").count() > 0
    tab.keyboard.press("Space")
    assert tab.locator("tr.open").count() == 0
    tab.get_by_label("Search", exact=True).fill("no such thing")
    playwright.expect(tab.locator("tr[data-case]")).to_have_count(0)
    assert opened.events == []


def test_a_link_to_a_case_opens_it(browser: Any, tmp_path: Path) -> None:
    opened = Opened(
        browser, tmp_path / "p.html", html_page.of_verdict(*told(compared(n=260, lost=0))), hash_="#case=refund-259"
    )
    assert opened.tab.locator("tr.open").count() == 1
    assert opened.tab.evaluate("document.activeElement.textContent") == "refund-259"


def test_without_script_the_verdict_still_stands(browser: Any, tmp_path: Path) -> None:
    opened = Opened(browser, tmp_path / "p.html", html_page.of_verdict(*told(compared())), java_script_enabled=False)
    text = opened.tab.locator("main").inner_text()
    assert "REGRESSION exact fell 20.0 points" in text
    assert "needs JavaScript" in text
    assert opened.tab.locator("svg").count() >= 2


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_sideways(browser: Any, tmp_path: Path, width: int) -> None:
    text = html_page.of_verdict(*told(compared(name="x" * 90, after="W" * 400)))
    size = {"width": width, "height": 800}
    opened = Opened(browser, tmp_path / "p.html", text, hash_="#case=refund-000", viewport=size)
    assert opened.tab.evaluate("document.documentElement.scrollWidth") <= width


def test_it_prints(browser: Any, tmp_path: Path) -> None:
    opened = Opened(browser, tmp_path / "p.html", html_page.of_verdict(*told(compared())))
    assert opened.tab.pdf().startswith(b"%PDF")
    opened.tab.emulate_media(media="print")
    assert not opened.tab.locator(".controls").is_visible()


def test_five_thousand_cases_open(browser: Any, tmp_path: Path) -> None:
    text = html_page.of_verdict(*told(compared(n=5000, lost=700, after="It depends on the shop. " * 12)))
    assert len(text) < 6_000_000
    opened = Opened(browser, tmp_path / "p.html", text)
    assert opened.rows() == 200
    assert "5000 of 5000 cases" in opened.tab.locator("[role=status]").inner_text()
