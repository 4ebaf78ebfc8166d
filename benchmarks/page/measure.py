"""Opens the report page at growing sizes in a real browser: load times, axe, pictures. Writes docs/benchmarks/page.md.

    python benchmarks/page/measure.py [--pictures FOLDER] [--quick]

Needs chromium, playwright and axe-playwright-python (the extra ``browser``). Pages are made by ``evalh compare`` of two
answers files, as a person makes them; times are of this machine, medians of several openings.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SIZES = (200, 5_000, 100_000)
WORDS = [
    "the",
    "refund",
    "is",
    "paid",
    "within",
    "thirty",
    "days",
    "of",
    "delivery",
    "once",
    "it",
    "was",
    "seen",
    "by",
    "our",
    "people",
]
PICTURES = """## Pictures

Of the demo, made by `python docs/tools/make_pictures.py`: the page at 1280 pixels ([light](../images/page-light.png),
[dark](../images/page-dark.png)) and at 390 ([light](../images/page-light-390.png), [dark](../images/page-dark-390.png)), the
[comment](../images/comment.png) on a pull request as rendered Markdown, and a [terminal](../images/terminal.svg) of 80
columns. `tests/report/screens/` keeps every terminal screen at 80 and 120 columns, in UTF-8 and ASCII.
"""
READY = "() => document.querySelectorAll('table.list tbody tr[data-case]').length > 0"


def make(folder: Path, n: int) -> Path:
    """Two systems' answers of 60 words to ``n`` cases, one case in ten got worse; the page of their comparison."""
    rng = random.Random(n)
    cases, old, new = [], [], []
    for i in range(n):
        name = f"refund-{i:06d}"
        text = " ".join(rng.choice(WORDS) for _ in range(60))
        worse = " ".join(word if rng.random() > 0.1 else word.upper() for word in text.split())
        region = {"region": rng.choice(["eu", "us", "asia"])}
        cases.append({"id": name, "input": f"How long does refund {i} take?", "target": text, "metadata": region})
        old.append({"id": name, "output": text})
        new.append({"id": name, "output": worse if rng.random() < 0.1 else text})
    for file, rows in (("cases", cases), ("old", old), ("new", new)):
        (folder / f"{file}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    page = folder / "page.html"
    command = ["compare", "old.jsonl", "new.jsonl", "--set", "cases.jsonl", "--scorer", "equals", "-o", page.name]
    done = subprocess.run(
        [sys.executable, "-m", "evalharness", *command], cwd=folder, capture_output=True, text=True, check=False
    )
    if not page.exists():
        raise SystemExit(done.stderr)
    return page


def opened(browser, page: Path) -> float:
    """Seconds from asking for the page until its first cases stand there."""
    tab = browser.new_page()
    started = time.perf_counter()
    tab.goto(page.as_uri())
    tab.wait_for_function(READY)
    seconds = time.perf_counter() - started
    tab.close()
    return seconds


def violations(browser, page: Path, scheme: str) -> tuple[int, int]:
    """What axe complains about, and how many of its rules passed."""
    from axe_playwright_python.sync_playwright import Axe

    tab = browser.new_page(color_scheme=scheme)
    tab.goto(page.as_uri())
    tab.wait_for_function(READY)
    found = Axe().run(tab).response
    tab.close()
    return len(found["violations"]), len(found["passes"])


def picture(browser, page: Path, *, width: int, scheme: str, path: Path) -> None:
    """The first screens of the page, with the first case open."""
    tab = browser.new_page(viewport={"width": width, "height": 1500}, color_scheme=scheme)
    tab.goto(page.as_uri())
    tab.wait_for_function(READY)
    tab.locator("table.list button").first.click()
    tab.screenshot(path=path)
    tab.close()


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="write PNGs of the smallest page into this folder")
    parser.add_argument("--quick", action="store_true", help="without the largest page")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    rows = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for n in SIZES[:-1] if options.quick else SIZES:
            with tempfile.TemporaryDirectory() as folder:
                page = make(Path(folder), n)
                times = sorted(opened(browser, page) for _ in range(7))
                axe = [violations(browser, page, scheme) for scheme in ("light", "dark")]
                rows.append(
                    f"| {n:,} | {page.stat().st_size / 1e6:.2f} MB | {statistics.median(times):.2f} s | "
                    f"{times[0]:.2f} - {times[-1]:.2f} s | {', '.join(f'{bad} ({good} rules passed)' for bad, good in axe)} |"
                )
                if n == SIZES[0] and options.pictures is not None:
                    options.pictures.mkdir(parents=True, exist_ok=True)
                    for width in (1280, 390):
                        for scheme in ("light", "dark"):
                            path = options.pictures / f"page-{scheme}-{width}.png"
                            picture(browser, page, width=width, scheme=scheme, path=path)
        version = browser.version
        browser.close()
    text = f"""# The report page in a browser

Made by `python benchmarks/page/measure.py`: two answers files of 60 words a case, one case in ten changed, through
`evalh compare -o page.html`; seven openings each, until the first cases stand there; axe in light and in dark.
Chromium {version}, headless; {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}.

| cases | file | opens in (median) | range | axe violations, light and dark |
|---:|---:|---:|---:|---|
{chr(10).join(rows)}

Over 20,000 cases the page carries the changed ones only, at most 20,000 of them, and says so.

{PICTURES}"""
    (ROOT / "docs" / "benchmarks" / "page.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
