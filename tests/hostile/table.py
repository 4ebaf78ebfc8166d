"""Writes docs/benchmarks/hostile.md: category, inputs, what is live in our sinks, what is live in a naive writer's.

python -m tests.hostile.table
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.hostile.corpus import inputs
from tests.hostile.run import QUICK, WAYS, WHOLE, project, told
from tests.hostile.sinks import OURS, measured

PAGE = Path(__file__).parent.parent.parent / "docs/benchmarks/hostile.md"
HEAD = """# Hostile text through every sink

`tests/hostile/` makes {total} inputs in {categories} categories by rule and brings each through {sinks} sinks ({names}). What is live is
found by parsers that know nothing of evalharness: an HTML5 tree (html5lib), expat, a CSV reader, a terminal emulator (pyte), a
Markdown parser, an emulation of the workflow runner's log reader; `tests/hostile/test_hostile_browser.py` has a real browser open a page
with all of them. A sink counts as live when its output differs in kind from the same
output around the letter x (an element, a block, a terminal event, a row too many), or holds a character that acts on a reader.

"live" counts inputs that are live in at least one sink; "naive" is the control: the same sinks written by somebody who did not think of
this (`tests/hostile/sinks.py`), its file names left out, for there nearly everything is live.

| category | inputs | live | naive |
| --- | --- | --- | --- |
"""


RUN_HEAD = """
## A tenth of the answers is hostile

`evalh gate --json` with every form of report over {n:,} cases; every tenth answer is one of the corpus, against the same run with a plain
wrong answer there (`tests/hostile/run.py`). All numbers of the gate are compared, and the rows of each machine-read report. The suite
has {quick} cases, `.ci/nightly` {n:,}.

| the candidate is otherwise | exit, hostile | exit, plain | pairs used of {n:,} | unscored | failed | the gate says | numbers |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


def run_lines() -> str:
    """The runs with hostile and with plain wrong answers, side by side."""
    lines = RUN_HEAD.format(n=WHOLE, quick=QUICK)
    with tempfile.TemporaryDirectory() as folder:
        project(Path(folder), WHOLE)
        for way in WAYS:
            hostile, plain = (told(Path(folder), f"{name}-{way}") for name in ("hostile", "plain"))
            pairs, (scorer,) = hostile.gate["pairs"], hostile.gate["scorers"]
            alike = "the same" if hostile.gate == plain.gate else "DIFFERENT"
            cells = (
                way,
                hostile.code,
                plain.code,
                pairs["used"],
                pairs["unscored"],
                pairs["failed"],
                scorer["reason"],
                alike,
            )
            lines += f"| {' | '.join(map(str, cells))} |\n"
    return lines


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
    PAGE.write_text(f"{head}{lines}| **all** | {total} | {ours} | {naive} |\n{run_lines()}", encoding="utf-8")


if __name__ == "__main__":
    main()
