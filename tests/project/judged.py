"""A project whose answers a scripted judge looks at, for the tests of judging."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from evalharness.clients.replay import ScriptedChat
from evalharness.core.options import RunOptions
from evalharness.core.results import Output
from evalharness.core.verdicts import Comparison, Verdict
from evalharness.project.calibrating import Calibrated, calibrate_judge
from evalharness.project.gating import gate_all
from evalharness.project.promoting import promote
from evalharness.project.workspace import Workspace, open_workspace
from tests.judging.desks import material

RUBRIC = """evalh_rubric = 1
id = "right"
version = 1
title = "Right"
uses = ["input", "output", "reference"]
task = "A system answers."
aggregate = { pass_score = 0.75 }
judge = { model = "judge-2026-08-01", seed = 0 }
ANCHORS
[[criteria]]
id = "fact"
type = "boolean"
must_pass = true
ask = "Does the output state the reference?"
"""
GOOD, BAD = "The answer is right indeed.", "The answer is wrong, sadly."


def jsonl(rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def label(name: str, *, good: bool, **more: Any) -> dict[str, Any]:
    output = f"{GOOD if good else BAD} ({name})"
    return {"id": name, "input": "q", "output": output, "passed": good, "source": "two people", **more}


class Court:
    """The endpoint of the judge: counts calls, and says what ``say`` makes of (material, repeat)."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.model = "judge-2026-08-01"
        self.say: Callable[[Mapping[str, Any], int], Any] = lambda seen, _: (
            "met" if GOOD in seen["output"] else "not_met"
        )

    def reply(self, body: Mapping[str, Any]) -> Output:
        seen = material(body)
        self.calls.append(seen)
        verdict = self.say(seen, body["seed"])
        text = verdict if verdict.startswith("!") else json.dumps({"fact": {"reason": "r", "verdict": verdict}})
        return Output(text=text, finish_reason="stop", cost_usd=0.0, model=self.model)


class House:
    """A folder with a config, an eval set, two recorded candidates, a rubric and its labels."""

    def __init__(self, root: Path, court: Court) -> None:
        self.root = root
        self.court = court

    def make(
        self,
        *,
        n: int = 100,
        changed: Mapping[int, str] | None = None,
        anchors: int = 0,
        more: str = "",
        limits: str = "",
    ) -> House:
        changed = changed or {}
        cases = [{"id": f"c{i:03d}", "input": f"q{i}", "target": "right indeed"} for i in range(n)]
        old = [{"id": f"c{i:03d}", "output": BAD if i % 10 == 9 else f"{GOOD} {i}"} for i in range(n)]
        new = [row | ({"output": changed[i]} if i in changed else {}) for i, row in enumerate(old)]
        folder = self.root / "rubrics"
        folder.mkdir(exist_ok=True)
        for name, rows in (("qa", cases), ("old", old), ("new", new)):
            (self.root / f"{name}.jsonl").write_text(jsonl(rows), encoding="utf-8")
        line = 'anchors = { file = "anchors.jsonl", minimum = 10 }' if anchors else ""
        (folder / "right.toml").write_text(RUBRIC.replace("ANCHORS", line), encoding="utf-8")
        rows = [label(f"a-{i}", good=i % 2 == 0) for i in range(anchors)]
        (folder / "anchors.jsonl").write_text(jsonl(rows), encoding="utf-8")
        self.labels([label(f"l-{i}", good=i % 2 == 0) for i in range(100)])
        (self.root / "evalh.toml").write_text(
            f"""version = 1
[evalsets]
qa = {{ path = "qa.jsonl" }}
[candidates]
old = {{ recorded = "old.jsonl" }}
new = {{ recorded = "new.jsonl" }}
[scorers]
right = {{ use = "judge", rubric = "rubrics/right.toml", base_url = "http://127.0.0.1:9/v1" }}
long = {{ use = "word_count", min = 1 }}
[gates.g]
candidate = "new"
evalset = "qa"
limits = {{ {limits or "right = 0.05"} }}
{more}
""",
            encoding="utf-8",
        )
        return self

    def labels(self, rows: Any) -> None:
        (self.root / "labels.jsonl").write_text(jsonl(rows), encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def open(self, **options: Any) -> Workspace:
        return open_workspace(self.root, options=RunOptions(**options))

    def calibrate(self, word: str = "right", *, attack: bool = False, **options: Any) -> Calibrated:
        with self.open(**options) as workspace:
            return calibrate_judge(workspace, word, str(self.root / "labels.jsonl"), attack=attack)

    def promote(self, candidate: str = "old") -> None:
        self.edit("evalh.toml", 'candidate = "new"', f'candidate = "{candidate}"')
        with self.open() as workspace:
            promote(workspace, "g", why="test")
        self.edit("evalh.toml", f'candidate = "{candidate}"', 'candidate = "new"')

    def gate(self, **options: Any) -> tuple[Verdict, Comparison]:
        with self.open(**options) as workspace:
            verdict, (comparison,) = gate_all(workspace, ["g"])
            return verdict, comparison

    def calls(self, action: Callable[[], Any]) -> tuple[Any, int]:
        """What an action returns, and the judge calls it made."""
        before = len(self.court.calls)
        return action(), len(self.court.calls) - before


def house_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house whose judge's endpoint is scripted: the network is the one seam that is replaced."""
    court = Court()
    monkeypatch.setattr(
        "evalharness.clients.openai_chat.connector", lambda *_: lambda *_, **__: ScriptedChat(court.reply)
    )
    monkeypatch.chdir(folder)
    return House(folder, court)
