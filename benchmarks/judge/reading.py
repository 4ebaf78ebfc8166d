"""How long a judge's reply takes once it is there: read, held against the schema, quotes looked for, and assessed.

    python benchmarks/judge/reading.py [--rounds 20] [--out FILE]

For each shipped rubric: the right reply to every anchor, read by the code that a gate uses. CPU time of one process,
microseconds a case. Making the prompt is measured beside it. Asked for: under 200 for reading.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from evalharness.judging.assessment import assess  # noqa: E402 - the repository is not a package
from evalharness.judging.labels import Label, read_labels  # noqa: E402
from evalharness.judging.prompt import Prompt, prompt_for  # noqa: E402
from evalharness.judging.reply import read_reply  # noqa: E402
from evalharness.judging.rubric import Criterion, Rubric  # noqa: E402
from evalharness.judging.rubric_file import load_rubric  # noqa: E402
from evalharness.judging.subject import Subject, subject_of_label  # noqa: E402


def right_reply(label: Label, subject: Subject, criteria: list[Criterion]) -> str:
    """The reply that gives a label's own verdicts, each with a quote of 60 characters and a reason."""

    def part(criterion: Criterion) -> dict[str, Any]:
        verdict = label.verdicts[criterion.id]
        quote = {} if criterion.evidence == "none" else {"quote": subject.text(criterion.evidence)[:60]}
        reason = "The words that are quoted say so, and nothing else in the material stands against it."
        if criterion.type != "itemised":
            return {**quote, "reason": reason, "verdict": verdict}
        items = {str(number): {**quote, "verdict": word} for number, word in enumerate(verdict, 1)}
        return {"reason": reason, "items": items}

    return json.dumps({criterion.id: part(criterion) for criterion in criteria})


def cases(rubric: Rubric) -> Iterator[tuple[Subject, list[Criterion], Prompt, str]]:
    """Each anchor with its prompt and the right reply."""
    assert rubric.anchors is not None
    for label in read_labels(rubric.anchors, rubric):
        subject = subject_of_label(label)
        criteria = [criterion for criterion in rubric.criteria if subject.applies(criterion)]
        yield subject, criteria, prompt_for(rubric, subject, criteria), right_reply(label, subject, criteria)


def microseconds(call: Callable[[], Any], repeats: int = 20) -> float:
    """CPU time of one call."""
    started = time.process_time_ns()
    for _ in range(repeats):
        call()
    return (time.process_time_ns() - started) / repeats / 1000


def row(path: Path, rounds: int) -> str:
    """One line of the table."""
    rubric = load_rubric(path)
    known = list(cases(rubric))
    reading, asking = [], []
    for _ in range(rounds):
        for subject, criteria, prompt, reply in known:
            reading.append(
                microseconds(lambda: assess(rubric, read_reply(reply, prompt, subject), criteria))  # noqa: B023
            )
            asking.append(microseconds(lambda: prompt_for(rubric, subject, criteria)))  # noqa: B023
    slow = quantiles(reading, n=20)[-1]
    return f"| `{rubric.id}` | {len(known)} | {median(reading):.0f} | {slow:.0f} | {median(asking):.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="rounds over all anchors (default 20)")
    parser.add_argument("--out", type=Path, help="also write the table here")
    arguments = parser.parse_args()
    head = [
        "| rubric | anchors | reading a reply | slowest twentieth | making the prompt |",
        "| --- | --: | --: | --: | --: |",
    ]
    paths = sorted((ROOT / "rubrics").glob("*.toml"))
    text = "\n".join([*head, *(row(path, arguments.rounds) for path in paths)]) + "\n"
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
