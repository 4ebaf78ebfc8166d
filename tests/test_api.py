"""The functions of the package on a project of recorded answers: what the commands do, from Python."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

import evalharness as eh

N = 120
CONFIG = """version = 1
[evalsets]
s = { path = "s.jsonl" }
[candidates]
new = { recorded = "new.jsonl" }
bad = { recorded = "bad.jsonl" }
[scorers]
exact = { use = "equals" }
[gates.g]
candidate = "new"
evalset = "s"
baseline = "old.jsonl"
limits = { exact = { margin = 0.1 } }
"""


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "evalh.toml").write_text(CONFIG)
    ids = [f"c{i:03d}" for i in range(N)]
    write(tmp_path / "s.jsonl", ({"id": one, "input": one, "target": "yes"} for one in ids))
    for name, right in (("old", 10), ("new", 10), ("bad", 2)):
        write(
            tmp_path / f"{name}.jsonl", ({"id": c, "output": "yes" if i % right else "no"} for i, c in enumerate(ids))
        )
    return tmp_path


def test_an_eval_set_is_read_and_a_wrong_one_named(project: Path) -> None:
    assert len(eh.load_evalset(project / "s.jsonl", name="mine").cases) == N
    (project / "s.jsonl").write_text('{"id": "a", "input": NaN}\n')
    with pytest.raises(eh.EvalhError, match=r"s\.jsonl:1"):
        eh.load_evalset(project / "s.jsonl")


def test_what_cannot_be_scored_is_raised_and_what_does_not_apply_is_told() -> None:
    with pytest.raises(RuntimeError, match="2 entries"):
        eh.score({"use": "turns", "of": {"use": "equals"}}, output="a", case={"target": {"turns": ["a", "b"]}})
    found = eh.score({"use": "number"}, output="3", case={"target": "none"})
    assert isinstance(found, eh.Unscored)


def test_a_candidate_is_run(project: Path) -> None:
    run = eh.evaluate("new", directory=project)
    found = [run.results[case].trials[0].scores["exact"] for case in ("c000", "c001")]
    assert [isinstance(one, eh.Score) and one.value for one in found] == [0.0, 1.0]


def test_a_gate_of_the_config_and_a_candidate_under_limits(project: Path) -> None:
    verdict = eh.gate("g", directory=project)
    assert (verdict.outcome, bool(verdict)) == ("pass", True)
    worse = eh.gate("bad", evalset="s", baseline="old.jsonl", limits={"exact": 0.1}, directory=project)
    assert (worse.outcome, worse.exit_code, bool(worse)) == ("regression", 1, False)


def always_yes(case: eh.Case) -> str:
    return "yes" if case.id else ""


def test_a_function_is_a_candidate(project: Path) -> None:
    verdict = eh.gate(
        always_yes, evalset="s", baseline="old.jsonl", limits={"exact": {"margin": 0.1}}, directory=project
    )
    assert verdict.outcome == "pass"


@pytest.mark.parametrize("more", [{"evalset": "s"}, {"limits": {"exact": 0.1}}])
def test_limits_and_an_eval_set_go_together(project: Path, more: dict[str, Any]) -> None:
    with pytest.raises(eh.EvalhError, match=r"limits|eval set"):
        eh.gate("new", directory=project, **more)


def test_two_files_are_compared_with_and_without_a_project(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    inside = eh.compare("old.jsonl", "bad.jsonl", evalset="s", scorers=["exact"], margin=0.1, directory=project)
    elsewhere = tmp_path_factory.mktemp("no-project")
    files = {name: str(project / f"{name}.jsonl") for name in ("old", "bad", "s")}
    outside = eh.compare(
        files["old"], files["bad"], evalset=files["s"], scorers=["equals"], margin=0.1, directory=elsewhere
    )
    assert inside.gate.outcome == outside.gate.outcome == "regression"
    with pytest.raises(eh.EvalhError):
        eh.compare("old.jsonl", "bad.jsonl", evalset="s", directory=elsewhere, config="none.toml")


def test_the_twin_gives_the_same(project: Path) -> None:
    assert asyncio.run(eh.aio.gate("g", directory=project)).outcome == eh.gate("g", directory=project).outcome
