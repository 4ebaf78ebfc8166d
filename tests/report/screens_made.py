"""The screens that are kept as text. Made anew with: python -m tests.report.screens_made; look at the diff before you commit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from evalharness.core.verdicts import Comparison
from evalharness.report.terminal import Screen, verdict_text
from tests.report.comparisons import LONG, compared, refused, told

FOLDER: Final = Path(__file__).parent / "screens"
CJK: Final = "日本語の回答は長いです。" * 20
HOSTILE: Final = "ok\x1b[2J\u202eevil\n::error::forged\n[bold red]x[/] :smile: " + "word " * 60


def verdicts() -> dict[str, list[Comparison]]:
    return {
        "regression": [compared()],
        "inconclusive": [compared(n=40, lost=1)],
        "pass": [compared(lost=0)],
        "hard": [compared(lost=0, hard_flips=7)],
        "refused": [refused()],
        "incomplete": [
            refused(outcome="incomplete", reason="3 of 200 cases have no answer", error=None, exit_outcome="pass")
        ],
        "unchanged": [compared(lost=0, reason="unchanged", notes=("every answer is the recorded one",))],
        "several": [compared(lost=0), compared(lost=0, candidate="other"), compared(n=40, lost=1), compared(lost=0)],
        "long-names": [compared(name=LONG, region=("a very long region name " * 3, "us"))],
        "wide": [compared(name="日本語の評価基準の名前", after=CJK, region=("ヨーロッパ", "北米"))],
        "hostile": [compared(after=HOSTILE)],
    }


def screens() -> dict[str, Callable[[], str]]:
    """Name of the file -> how it is drawn."""
    found = {}
    for name, comparisons in verdicts().items():
        for width in (80, 120):
            for unicode in (True, False):
                screen = Screen(width=width, unicode=unicode)
                key = f"{name}-{width}{'' if unicode else '-ascii'}"
                found[key] = lambda c=comparisons, s=screen: verdict_text(*told(*c), s)
    found["regression-verbose"] = lambda: verdict_text(*told(compared()), Screen(verbose=True))
    found["pass-verbose"] = lambda: verdict_text(*told(compared(lost=0)), Screen(verbose=True))
    found["several-quiet"] = lambda: verdict_text(*told(*verdicts()["several"]), Screen(quiet=True))
    found["regression-40"] = lambda: verdict_text(*told(compared()), Screen(width=40))
    return found


if __name__ == "__main__":
    for old in FOLDER.glob("*.txt"):
        old.unlink()
    for key, draw in screens().items():
        (FOLDER / f"{key}.txt").write_text(draw() + "\n", encoding="utf-8")
