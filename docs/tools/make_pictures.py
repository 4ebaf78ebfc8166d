"""Makes docs/images from the demo: page, comment, terminal: ``python docs/tools/make_pictures.py``. Needs chromium."""  # noqa: INP001 - a script

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

IMAGES = Path(__file__).parents[1] / "images"
ALERTS = {"CAUTION": "#cf222e", "WARNING": "#9a6700", "NOTE": "#0969da"}
STYLE = """body{font:14px/1.5 -apple-system,"Segoe UI",sans-serif;color:#1f2328;width:760px;margin:24px}
blockquote{margin:0 0 16px;padding:0 16px;border-left:4px solid var(--tone)}.alert{color:var(--tone);font-weight:500}
table{border-collapse:collapse;margin-bottom:16px}th,td{border:1px solid #d1d9e0;padding:6px 13px}tr:nth-child(2n){background:#f6f8fa}
code{background:#818b981f;border-radius:6px;padding:.2em .4em;font-size:85%}pre{background:#f6f8fa;border-radius:6px;padding:16px;overflow:auto}
pre code{background:none;padding:0}summary{cursor:pointer}sub{color:#59636e}details{margin-bottom:12px}"""


def demo(folder: Path) -> None:
    """The demo's project with the reports of its first gate."""
    evalh = [sys.executable, "-m", "evalharness"]
    subprocess.run([*evalh, "demo"], cwd=folder, capture_output=True, check=True)  # noqa: S603 - our own words
    words = ["gate", "prompt", "-o", "page.html", "-o", "comment.md"]
    subprocess.run([*evalh, *words], cwd=folder / "evalh-demo", capture_output=True, check=False)  # noqa: S603 - ours


def comment_page(text: str) -> str:
    """The comment as GitHub shows it, near enough: its alerts, tables, folded parts and code."""
    from markdown_it import MarkdownIt  # comes with rich

    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    found = re.search(r"\[!(\w+)\]", html)
    kind = found.group(1) if found else "NOTE"
    html = html.replace(f"[!{kind}]", f'<span class="alert">{kind.capitalize()}</span><br>', 1)
    return f'<!doctype html><meta charset="utf-8"><style>:root{{--tone:{ALERTS[kind]}}}{STYLE}</style>{html}'


def terminal(folder: Path) -> None:
    """The verdict on a terminal of 80 columns."""
    from rich.console import Console
    from rich.text import Text

    words = [sys.executable, "-m", "evalharness", "gate", "prompt", "--color", "always"]
    done = subprocess.run(  # noqa: S603 - ours
        words, cwd=folder / "evalh-demo", capture_output=True, text=True, check=False
    )
    with (folder / "void").open("w") as void:
        console = Console(record=True, width=80, file=void, force_terminal=True)
        console.print(Text.from_ansi("$ evalh gate prompt\n" + done.stdout.rstrip()))
    # Neither a font nor anything else is fetched by who looks at it.
    drawn = re.sub(r"\s*@font-face \{.*?\}", "", console.export_svg(title="evalh gate prompt"), flags=re.DOTALL)
    (IMAGES / "terminal.svg").write_text(drawn + "\n", encoding="utf-8")


def main() -> None:
    """Write every picture."""
    from playwright.sync_api import sync_playwright

    IMAGES.mkdir(exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        folder = Path(name)
        demo(folder)
        terminal(folder)
        project = folder / "evalh-demo"
        (folder / "comment.html").write_text(comment_page((project / "comment.md").read_text()), encoding="utf-8")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for width, height, end in ((1280, 1180, ""), (390, 1300, "-390")):
                tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                tab.goto((project / "page.html").as_uri())
                tab.wait_for_selector("table.list tbody tr[data-case]")
                tab.locator("table.list button").first.click()
                tab.evaluate("() => scrollTo(0, 0)")
                tab.screenshot(path=IMAGES / f"page-{scheme}{end}.png")
                tab.close()
        tab = browser.new_page(viewport={"width": 810, "height": 400})
        tab.goto((folder / "comment.html").as_uri())
        tab.evaluate("() => document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        tab.screenshot(path=IMAGES / "comment.png", full_page=True, clip={"x": 0, "y": 0, "width": 810, "height": 700})
        browser.close()


if __name__ == "__main__":
    main()
