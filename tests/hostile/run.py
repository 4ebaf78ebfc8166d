"""A gate over recorded answers of which a tenth is hostile, and the same with plain wrong ones there: through the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hostile.corpus import inputs

QUICK, WHOLE = 300, 2_000
"""Cases of the suite, and of each night."""
FORMS = ("html", "md", "xml", "csv", "jsonl", "json")
CONFIG = """
version = 1
[evalsets]
s = { path = "set.jsonl" }
[candidates]
old = { recorded = "old.jsonl" }
hostile-worse = { recorded = "hostile-worse.jsonl" }
hostile-same = { recorded = "hostile-same.jsonl" }
plain-worse = { recorded = "plain-worse.jsonl" }
plain-same = { recorded = "plain-same.jsonl" }
[scorers]
exact = { use = "equals" }
"""
GATE = """
[gates.{name}]
candidate = "{name}"
baseline = "old"
evalset = "s"
limits = {{ exact = {{ margin = 0.02 }} }}
"""
WAYS = {"worse": 1, "same": 0}
"""What the candidate is apart from the tenth, and the exit code that follows."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a command said."""

    code: int
    gate: dict[str, Any]
    """The gate in the JSON object, without what names the candidate and its digests."""
    reports: dict[str, str]


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def hostile_answers() -> list[str]:
    """The corpus, without lone surrogates (no answers file can hold them) and answers that make the run slow."""
    texts = [text for texts in inputs().values() for text in texts if text.isprintable() or len(text) < 5_000]
    return [text for text in texts if not any("\ud800" <= char <= "\udfff" for char in text)]


def project(root: Path, n: int) -> None:
    """Write the project: ``n`` cases, answers whose every tenth is wrong, and where the system got worse every twentieth besides."""
    lines(root / "set.jsonl", [{"id": f"c{i:04d}", "input": f"q {i}", "target": f"answer {i}"} for i in range(n)])
    lines(root / "old.jsonl", _answers(n, ["something else that is wrong"], worse=False))
    for name, wrong in (("hostile", hostile_answers()), ("plain", ["a plain wrong answer"])):
        for way in WAYS:
            lines(root / f"{name}-{way}.jsonl", _answers(n, wrong, worse=way == "worse"))
    gates = (GATE.format(name=f"{name}-{way}") for name in ("hostile", "plain") for way in WAYS)
    (root / "evalh.toml").write_text(CONFIG + "".join(gates), encoding="utf-8")


def _answers(n: int, wrong: list[str], *, worse: bool) -> list[dict[str, Any]]:
    def output(i: int) -> str:
        if i % 10 == 3:
            return wrong[i // 10 * 17 % len(wrong)]  # from all over the corpus
        return "no" if worse and i % 10 == 7 else f"answer {i}"

    return [{"id": f"c{i:04d}", "output": output(i)} for i in range(n)]


def evalh(root: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """The installed command with ``--json``: exit code and object."""
    program = Path(sys.executable).parent / "evalh"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "GITLAB_"))}
    done = subprocess.run(
        [program, *words, "--json"],
        cwd=root, capture_output=True, text=True, encoding="utf-8", env=env | {"LC_ALL": "C.UTF-8"}, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def told(root: Path, name: str) -> Told:
    """Judge one candidate and read all its reports."""
    paths = {form: root / f"{name}.report.{form}" for form in FORMS}
    code, verdict = evalh(root, "gate", name, *(word for path in paths.values() for word in ("-o", str(path))))
    (gate,) = verdict["gates"]
    dropped = ("gate", "candidate", "baseline", "run", "order_seed", "seconds")
    kept = {key: value for key, value in gate.items() if key not in dropped}
    return Told(code=code, gate=kept, reports={form: path.read_text("utf-8") for form, path in paths.items()})
