"""Writes docs/benchmarks/hostile.md: category, inputs, what is live in our sinks, what is live in a naive writer's.

python -m tests.hostile.table
"""

from __future__ import annotations

from pathlib import Path

from tests.hostile.corpus import inputs
from tests.hostile.sinks import OURS, measured

PAGE = Path(__file__).parent.parent.parent / "docs/benchmarks/hostile.md"
HEAD = """# Hostile text through every sink

`tests/hostile/` makes {total} inputs in {categories} categories by rule and brings each through {sinks} sinks ({names}). What is live is
found by parsers that know nothing of evalharness: an HTML5 tree (html5lib), expat, a CSV reader, a terminal emulator (pyte), a
Markdown parser, an emulation of the workflow runner's log reader. A sink counts as live when its output differs in kind from the same
output around the letter x (an element, a block, a terminal event, a row too many), or holds a character that acts on a reader.

"live" counts inputs that are live in at least one sink; "naive" is the control: the same sinks written by somebody who did not think of
this (`tests/hostile/sinks.py`), its file names left out, for there nearly everything is live.

| category | inputs | live | naive |
| --- | --- | --- | --- |
"""


def counts() -> list[tuple[str, int, int, int]]:
    """(category, inputs, live in ours, live in a naive writer's)."""
    ours, naive = measured(), measured(False)
    return [(name, len(texts), len(ours[name]), len(naive[name])) for name, texts in inputs().items()]


def main() -> None:
    """Measure and write."""
    rows = counts()
    total, ours, naive = (sum(row[at] for row in rows) for at in (1, 2, 3))
    head = HEAD.format(total=total, categories=len(rows), sinks=len(OURS), names=", ".join(OURS))
    lines = "".join(f"| {' | '.join(map(str, row))} |\n" for row in rows)
    PAGE.write_text(f"{head}{lines}| **all** | {total} | {ours} | {naive} |\n", encoding="utf-8")


if __name__ == "__main__":
    main()
