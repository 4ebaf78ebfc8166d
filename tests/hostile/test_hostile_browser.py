"""The whole hostile corpus as the answers, inputs and reasons of one page, in a real browser: nothing runs, loads, opens or stays hidden."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.results import Score
from evalharness.report.html import page as html_page
from tests.hostile.corpus import inputs
from tests.report.comparisons import compared, told

pytest.importorskip("playwright.sync_api", reason="playwright is in the extra 'browser'")
from tests.report.test_browser import CHROMIUM, Opened, browser  # noqa: F401 - the fixture

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
TEXTS = [text for texts in inputs().values() for text in texts if len(text) < 5_000]


def poisoned() -> str:
    """A page with a case for each input: its input, target, metadata, answers and reasons."""
    base = compared(n=len(TEXTS), lost=len(TEXTS) - 5)
    by_case = dict(zip(base.cases, TEXTS, strict=True))

    def bad(result: Any, text: str) -> Any:
        trial = result.trials[0]
        scores = {
            name: replace(score, reason=text) if isinstance(score, Score) else score
            for name, score in trial.scores.items()
        }
        return replace(result, trials=(replace(trial, output=replace(trial.output, text=text), scores=scores),))

    cases = {name: replace(case, input=by_case[name], target=[by_case[name]]) for name, case in base.cases.items()}
    candidate = {name: bad(result, by_case[name]) for name, result in base.candidate.items()}
    baseline = {name: bad(result, by_case[name][::-1]) for name, result in base.baseline.items()}
    return html_page.of_verdict(*told(replace(base, cases=cases, candidate=candidate, baseline=baseline)))


def test_nothing_of_the_corpus_acts_on_the_page(browser: Any, tmp_path: Path) -> None:  # noqa: F811
    opened = Opened(browser, tmp_path / "p.html", poisoned())
    tab = opened.tab
    plain = tab.evaluate(COUNT)
    while tab.get_by_role("button", name="Show").count() and tab.get_by_role("button", name="more").count():
        tab.get_by_role("button", name="more").first.click()
    assert opened.rows() == len(TEXTS)
    for button in tab.locator("tr[data-case] button").all()[:: max(1, len(TEXTS) // 60)]:
        button.click()
    assert tab.locator("tr.open").count() >= 1
    for kind in (
        "img",
        "iframe",
        "object",
        "embed",
        "link",
        "base",
        "form",
        "audio",
        "video",
        "meta[http-equiv=refresh]",
    ):
        assert tab.locator(f"main {kind}").count() == 0, kind
    assert tab.evaluate(COUNT)["scripts"] == plain["scripts"]
    assert tab.title().startswith("evalh")
    assert opened.events == []


COUNT = "({scripts: document.scripts.length})"
