"""Makes the pictures of the README: the terminal (SVG) and the page in light and dark (PNG), from the demo as it runs.

    python docs/tools/make_pictures.py

The pages need chromium and playwright (the extra ``browser``); the terminal's picture is drawn by rich.
"""  # noqa: INP001 - a script

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

IMAGES = Path(__file__).parents[1] / "images"
WIDTH = 80


def evalh(*words: str, cwd: Path) -> str:
    """What a command prints on a colour terminal of 80 columns."""
    env = {**os.environ, "COLUMNS": str(WIDTH), "FORCE_COLOR": "1"}
    command = [sys.executable, "-m", "evalharness", *words]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False).stdout  # noqa: S603 - our own command


def terminal(text: str, path: Path) -> None:
    """A printed verdict as a picture."""
    from rich.console import Console
    from rich.text import Text

    console = Console(width=WIDTH, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(text.rstrip()))
    # Neither a font nor anything else is fetched by who looks at it.
    drawn = console.export_svg(title="evalh gate prompt")
    path.write_text(re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL) + "\n", encoding="utf-8")


def pages(page: Path) -> None:
    """The top of the report page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            tab = browser.new_page(viewport={"width": 1280, "height": 1180}, color_scheme=scheme)
            tab.goto(page.as_uri())
            tab.wait_for_function("() => document.querySelectorAll('table.list tbody tr[data-case]').length > 0")
            tab.locator("table.list button").first.click()
            tab.screenshot(path=IMAGES / f"page-{scheme}.png")
        browser.close()


def main() -> None:
    """Make all of them."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        evalh("demo", cwd=Path(folder))
        project = Path(folder, "evalh-demo")
        terminal(evalh("gate", "prompt", "-o", "page.html", cwd=project), IMAGES / "terminal.svg")
        pages(project / "page.html")


if __name__ == "__main__":
    main()
