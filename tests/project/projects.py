"""A project of recorded candidates in a temporary folder, for the tests of planning."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalharness.core.options import RunOptions
from evalharness.project.gating import gate_all
from evalharness.project.running import run_candidates
from evalharness.project.workspace import Workspace, open_workspace

USAGE = {"prompt_tokens": 100, "completion_tokens": 20}


def jsonl(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@dataclass(frozen=True)
class Project:
    """``old`` and ``new`` answer ``qa``; every tenth of ``old`` is wrong, and ``wrong`` says which of ``new`` are."""

    root: Path

    def make(self, n: int = 100, *, wrong: Iterable[int] = (), gate: str = "", more: str = "", **case: Any) -> Project:
        bad = set(wrong)
        cases = [{"id": f"c{i:03d}", "input": f"question {i}", "target": f"a{i}", **case} for i in range(n)]
        old = [{"id": f"c{i:03d}", "output": "no" if i % 10 == 9 else f"a{i}"} for i in range(n)]
        new = [{"id": f"c{i:03d}", "output": "no" if i in bad else f"a{i}"} for i in range(n)]
        for name, rows in (("qa", cases), ("old", old), ("new", new)):
            (self.root / f"{name}.jsonl").write_text(jsonl(rows), encoding="utf-8")
        (self.root / "evalh.toml").write_text(
            f"""version = 1
[evalsets]
qa = {{ path = "qa.jsonl", slices = ["kind"] }}
[candidates]
old = {{ recorded = "old.jsonl" }}
new = {{ recorded = "new.jsonl" }}
bot = {{ model = "m", system = "Be brief.", base_url = "http://127.0.0.1:9/v1", max_tokens = 40 }}
[scorers]
exact = {{ use = "equals" }}
close = {{ use = "levenshtein" }}
[gates.g]
candidate = "new"
baseline = "old"
evalset = "qa"
limits = {{ exact = {{ margin = 0.05 }} }}
{gate}
{more}
""",
            encoding="utf-8",
        )
        return self

    def edit(self, old: str, new: str) -> None:
        path = self.root / "evalh.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def open(self, **options: Any) -> Workspace:
        return open_workspace(self.root, options=RunOptions(**options))

    def gate(self) -> None:
        with self.open() as workspace:
            gate_all(workspace, ["g"])

    def run(self, *names: str, **options: Any) -> None:
        with self.open(**options) as workspace:
            run_candidates(workspace, list(names), None)
