"""A small project in a temporary folder, judged in this process: what attacks on the workflow are tried on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evalharness.core.options import RunOptions
from evalharness.core.verdicts import GateVerdict
from evalharness.project.gating import gate_all
from evalharness.project.workspace import Workspace, open_workspace

CONFIG = """
version = 1
[evalsets]
s = {{ path = "s.jsonl" }}
[candidates]
bot = {{ {bot} }}
[scorers]
exact = {{ use = "equals" }}
[gates.g]
candidate = "bot"
evalset = "s"
{baseline}
limits = {{ {limits} }}
{gate}
"""


@dataclass(frozen=True)
class Shop:
    """Cases whose right answer is ``yes``, a candidate ``bot``, a gate ``g``."""

    root: Path

    def cases(self, n: int, start: int = 0) -> None:
        """Write the eval set."""
        lines = (
            {"id": f"c{i:04d}", "input": f"question {i} {i * i}", "target": "yes"} for i in range(start, start + n)
        )
        self.jsonl("s.jsonl", lines)

    def jsonl(self, name: str, rows: Iterable[Mapping[str, object]]) -> None:
        (self.root / name).write_text("".join(json.dumps(row) + "\n" for row in rows))

    def answers(self, name: str, right: Iterable[bool], start: int = 0, wrong: str = "no") -> None:
        """Write recorded answers."""
        self.jsonl(
            name,
            ({"id": f"c{i:04d}", "output": "yes" if good else wrong} for i, good in enumerate(right, start)),
        )

    def config(
        self,
        *,
        bot: str = 'recorded = "new.jsonl"',
        baseline: str = 'baseline = "old.jsonl"',
        limits: str = "exact = 0.05",
        gate: str = "",
    ) -> None:
        """Write evalh.toml."""
        (self.root / "evalh.toml").write_text(CONFIG.format(bot=bot, baseline=baseline, limits=limits, gate=gate))

    def open(self, options: RunOptions | None = None, **env: str) -> Workspace:
        """The opened project under an environment of its own."""
        workspace = open_workspace(self.root, options=options or RunOptions())
        workspace.env = env
        return workspace

    def gate(self, options: RunOptions | None = None, **env: str) -> GateVerdict:
        """The verdict of the gate."""
        with self.open(options, **env) as workspace:
            return gate_all(workspace, ["g"])[0].gates[0]
