"""``--rerun-baseline`` with a judge: both sides answered and judged in one run, under the whole protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evalharness.clients.replay import ScriptedChat
from evalharness.core.results import Output
from evalharness.core.verdicts import Comparison, Verdict
from evalharness.project.gating import gate_all
from tests.project.judged import BAD, GOOD, Court, House

CONFIG = """version = 1
[evalsets]
qa = { path = "qa.jsonl" }
[candidates]
old = { model = "old-2026", prompt = "{{ input }}", base_url = "http://127.0.0.1:9/v1" }
new = { model = "new-2026", prompt = "{{ input }}", base_url = "http://127.0.0.1:9/v1" }
[scorers]
right = { use = "judge", rubric = "rubrics/right.toml", base_url = "http://127.0.0.1:9/v1" }
[gates.g]
candidate = "new"
baseline = "old"
evalset = "qa"
limits = { right = 0.05 }
stop = "never"
"""


class Models(Court):
    """The judge's endpoint, and those of two models whose answer to ``q7`` differs where ``worse`` says so."""

    worse = True

    def reply(self, body: Mapping[str, Any]) -> Output:
        if "BEGIN MATERIAL" in body["messages"][-1]["content"]:
            return super().reply(body)
        asked = re.findall(r"q\d+", body["messages"][-1]["content"])[-1]
        bad = self.worse and asked == "q7" and body["model"] == "new-2026"
        text = f"{BAD if bad else GOOD} {asked} {body['model']}"
        return Output(text=text, finish_reason="stop", cost_usd=0.0, model=body["model"])


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    court = Models()
    monkeypatch.setattr(
        "evalharness.clients.openai_chat.connector", lambda *_: lambda *_, **__: ScriptedChat(court.reply)
    )
    monkeypatch.chdir(tmp_path)
    house = House(tmp_path, court).make(anchors=40)
    assert house.calibrate().may_block
    (tmp_path / "evalh.toml").write_text(CONFIG, encoding="utf-8")
    court.calls.clear()
    return house


def rerun(house: House) -> tuple[Verdict, Comparison]:
    with house.open() as workspace:
        verdict, (comparison,) = gate_all(workspace, ["g"], rerun_baseline=True)
        return verdict, comparison


def of_answers(calls: list[Any]) -> list[str]:
    return [seen["output"] for seen in calls if "2026" in seen["output"]]


def test_anchors_and_canaries_come_first_and_the_verdict_says_what_was_done(house: House) -> None:
    verdict, _ = rerun(house)
    assert len(house.court.calls) - len(of_answers(house.court.calls)) == 40 + 4 * 6
    note = next(note for note in verdict.gates[0].notes if note.startswith("right: judge"))
    assert "0 of 24 canaries passed" in note
    assert re.search(r"0 verdicts taken over, \d+ judged, 1 again in both arms", note)
    assert verdict.gates[0].scorers[0].details["judge"]["may_block"] is True


def test_where_the_sides_differ_both_are_judged_three_times(house: House) -> None:
    _, comparison = rerun(house)
    asked = of_answers(house.court.calls)
    times = {text: asked.count(text) for text in asked}
    assert {text: n for text, n in times.items() if n != 1} == {
        f"{BAD} q7 new-2026": 3,
        f"{GOOD} q7 old-2026": 3,
    }
    for side, value in ((comparison.baseline, 1.0), (comparison.candidate, 0.0)):
        score = side["c007"].trials[0].scores["right"]
        assert score.value == value  # type: ignore[union-attr]
        assert len(score.evidence["opinions"]) == 3  # type: ignore[union-attr]


@pytest.mark.parametrize("model", ["old-2026", "new-2026"])
def test_a_slip_of_the_judge_is_voted_down_on_either_side(house: House, model: str) -> None:
    house.court.worse = False  # type: ignore[attr-defined]

    def slips_once(seen: Mapping[str, Any], repeat: int) -> str:
        slip = repeat == 0 and f"q7 {model}" in seen["output"]
        return "met" if (GOOD in seen["output"]) is not slip else "not_met"

    house.court.say = slips_once
    verdict, comparison = rerun(house)
    part = verdict.gates[0].scorers[0]
    assert (part.worse, part.better) == (0, 0)
    for side in (comparison.baseline, comparison.candidate):
        assert side["c007"].trials[0].scores["right"].value == 1.0  # type: ignore[union-attr]


def test_what_was_settled_is_what_is_kept(house: House) -> None:
    """``show`` and a later comparison read the settled scores, not the first ones."""
    rerun(house)
    with house.open() as workspace:
        runs = workspace.reader().runs()
        kept = [workspace.reader().load_run(run.run_id) for run in runs]
    values = {
        (run.header.candidate["name"], len(run.results["c007"].trials[0].scores["right"].evidence["opinions"]))
        for run in kept
        if run is not None and "c007" in run.results and run.header.candidate["name"] in ("old", "new")
    }
    assert values == {("old", 3), ("new", 3)}


def test_canaries_that_pass_leave_nothing_to_rest_on(house: House) -> None:
    house.court.say = lambda seen, _: "met" if GOOD in seen["output"] or "grader" in seen["output"] else "not_met"
    verdict, _ = rerun(house)
    assert verdict.outcome == "inconclusive"
    assert "is not trustworthy: 4 of 24 canaries passed" in verdict.gates[0].reason
