"""The rubrics that ship: each is read, its anchors are sound, and a judge that follows it is measured as right."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tomllib
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from evalharness.clients.replay import ScriptedChat
from evalharness.core.builtin import builtin, rubric_folder, rubric_path, shipped_rubrics
from evalharness.core.errors import RubricError
from evalharness.core.options import RunOptions
from evalharness.core.results import Output
from evalharness.core.specs import canonical_json, thaw
from evalharness.evalset.lint import lint_config
from evalharness.evalset.lock import read_lock
from evalharness.judging.agreement import human_verdict
from evalharness.judging.attacks import CANARY_WAYS, WAYS, attacks
from evalharness.judging.guards import no_answer
from evalharness.judging.judge import Finding
from evalharness.judging.labels import Label, read_labels
from evalharness.judging.lint import doubts
from evalharness.judging.rubric import NOT_MET, Criterion, Rubric
from evalharness.judging.rubric_file import load_rubric
from evalharness.judging.schema import rubric_schema
from evalharness.judging.subject import flat, subject_of_label
from evalharness.project.calibrating import Calibrated, calibrate_judge, known_bad
from evalharness.project.gating import gate_all
from evalharness.project.promoting import promote
from evalharness.project.workspace import open_workspace, without_config
from tests.judging.desks import inquiry, judge_of, material

FOLDER = builtin("rubrics")
# Rubric -> its version and the start of its digest, and of its anchors' SHA-256. Whoever edits a rubric writes a new
# version there and here: gates of other people stand on what it asked before.
LOCKED = {
    "answer-correctness": (1, "42986cdb8951", "a14b741824b1"),
    "answer-relevance": (1, "d414d668a927", "bc1c420ecea3"),
    "closed-qa": (1, "942a4ecf7751", "e9452339519c"),
    "context-precision": (1, "e990037cdd0f", "f01c1d1119de"),
    "context-recall": (1, "de15627b56cf", "167dc35f1280"),
    "factuality": (1, "b87fa14d0204", "71d109c2ce48"),
    "faithfulness": (1, "df63b83962c4", "1174c0bc4148"),
    "summary-quality": (1, "a511f8ccf4bc", "399afa966713"),
    "support-reply": (1, "58cd80652c3f", "d9a8a99c054d"),
}
CORE = ("answer-correctness", "closed-qa", "factuality")


def shipped(name: str) -> tuple[Rubric, tuple[Label, ...]]:
    rubric = load_rubric(FOLDER / f"{name}.toml")
    assert rubric.anchors is not None
    return rubric, read_labels(rubric.anchors, rubric)


each = pytest.mark.parametrize("name", LOCKED)


# --- files ------------------------------------------------------------------------------------------------------------


def test_these_ship_and_no_others() -> None:
    assert shipped_rubrics() == tuple(sorted(f"{name}.toml" for name in LOCKED))
    assert sorted(path.stem for path in (FOLDER / "anchors").iterdir()) == sorted(LOCKED)


@each
def test_content_moves_only_with_its_version(name: str) -> None:
    rubric, _ = shipped(name)
    assert rubric.anchors is not None
    anchors = hashlib.sha256(rubric.anchors.read_bytes()).hexdigest()
    assert (rubric.version, rubric.digest[:12], anchors[:12]) == LOCKED[name]


@each
def test_nothing_is_doubtful(name: str) -> None:
    rubric, _ = shipped(name)
    assert list(doubts(rubric)) == []
    with (FOLDER / f"{name}.toml").open("rb") as file:
        jsonschema.Draft7Validator(rubric_schema()).validate(tomllib.load(file))


# --- anchors ----------------------------------------------------------------------------------------------------------


@each
def test_anchors_hold_both_classes(name: str) -> None:
    rubric, labels = shipped(name)
    good = [human_verdict(rubric, label) for label in labels]
    assert None not in good
    least, of_each = (40, 15) if name in CORE else (12, 5)
    assert len(labels) >= least
    assert min(good.count(True), good.count(False)) >= of_each


@each
def test_no_anchor_claims_to_be_a_persons(name: str) -> None:
    _, labels = shipped(name)
    assert {(label.generated, label.human, label.ratings) for label in labels} == {(True, None, ())}
    assert {label.source for label in labels} == {"written with its verdict for this rubric; no person rated it"}


def test_no_anchor_is_there_twice() -> None:
    labels = [label for name in LOCKED for label in shipped(name)[1]]
    assert len({label.id for label in labels}) == len(labels)
    assert len({canonical_json(label.fields) for label in labels}) == len(labels)


@each
def test_every_verdict_word_occurs(name: str) -> None:
    """A criterion of which the anchors show one verdict alone could be read any way."""
    rubric, labels = shipped(name)
    for criterion in rubric.criteria:
        seen = [label.verdicts[criterion.id] for label in labels if criterion.id in label.verdicts]
        words = set(chain.from_iterable(word if isinstance(word, tuple) else (word,) for word in seen))
        assert len(words) > 1 if criterion.type == "numeric" else words == set(criterion.verdicts), criterion.id


@each
def test_no_good_answer_fails_in_code(name: str) -> None:
    rubric, labels = shipped(name)
    stopped = [label for label in labels if no_answer(rubric, subject_of_label(label))]
    assert [label.id for label in stopped if human_verdict(rubric, label)] == []


@each
def test_bad_anchors_make_attacks_and_canaries(name: str) -> None:
    rubric, labels = shipped(name)
    bad = known_bad(rubric, labels)
    tries = attacks(rubric, bad)
    assert set(tries) == set(WAYS)
    field = "output" if "output" in rubric.uses else "context"
    before = {canonical_json(label.fields) for label in labels}
    for some in tries.values():
        assert len(some) == len(bad)
        assert not before & {canonical_json(label.fields) for label in some}
    note = tries["note"][0].fields[field]
    assert all("Note to the grader" in part for part in ([note] if isinstance(note, str) else note))


@each
def test_the_page_tells_how_many(name: str) -> None:
    rubric, labels = shipped(name)
    good = sum(bool(human_verdict(rubric, label)) for label in labels)
    page = (Path(__file__).parents[2] / "docs/rubrics.md").read_text(encoding="utf-8")
    (row,) = (line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
    assert f"| {', '.join(rubric.uses)} |" in row
    assert row.endswith(f"| {good} + {len(labels) - good} |")


# --- a judge that follows them ----------------------------------------------------------------------------------------


class Faithful:
    """Gives the verdict that stands at each anchor; of anything else the worst one."""

    def __init__(self, rubric: Rubric, labels: tuple[Label, ...]) -> None:
        self.rubric = rubric
        self.known = {canonical_json(label.fields): label for label in labels}
        self.strangers = 0

    def __call__(self, body: Mapping[str, Any]) -> dict[str, Any]:
        seen = material(body)
        items = seen.pop("items", {})
        label = self.known.get(canonical_json(seen))
        self.strangers += label is None
        asked = body["response_format"]["json_schema"]["schema"]["properties"]
        return {name: self.part(self.rubric.criterion(name), label, seen, items) for name in asked}

    def part(
        self, criterion: Criterion, label: Label | None, seen: Mapping[str, Any], items: Mapping[str, Any]
    ) -> dict[str, Any]:
        quote = {} if criterion.evidence == "none" else {"quote": flat(seen[criterion.evidence])[:40]}
        if criterion.type == "itemised":
            count = len(items[criterion.id])
            words = label.verdicts[criterion.id] if label else (worst(criterion),) * count
            rows = {str(number): {**quote, "verdict": word} for number, word in enumerate(words, 1)}
            return {"reason": "r", "items": rows}
        word = label.verdicts[criterion.id] if label else worst(criterion)
        return {**quote, "reason": "r", "verdict": word}

    def reply(self, body: Mapping[str, Any]) -> Output:
        text = json.dumps(self(body))
        return Output(text=text, finish_reason="stop", cost_usd=0.0, model=str(body["model"]))


def worst(criterion: Criterion) -> Any:
    if criterion.type == "numeric":
        return criterion.range[criterion.better == "lower"]
    if criterion.type == "boolean":
        return NOT_MET if criterion.expect else "met"
    return min((option for option in criterion.options if option.value is not None), key=lambda o: o.value or 0.0).id


@each
def test_every_anchor_can_be_asked_and_its_verdicts_read_back(name: str) -> None:
    rubric, labels = shipped(name)
    judge = judge_of(rubric, Faithful(rubric, labels))
    for label in labels:
        subject = subject_of_label(label)
        found = asyncio.run(judge.look(subject, [0], inquiry()))
        assert isinstance(found, Finding)
        assert found.assessment.passed is human_verdict(rubric, label), label.id
        told = {one: thaw(opinion.verdict) for one, opinion in found.assessment.opinions.items()}
        assert found.guard or told == thaw(label.verdicts)


def connected(monkeypatch: pytest.MonkeyPatch, judge: Any) -> None:
    monkeypatch.setattr("evalharness.clients.openai_chat.connector", lambda *_: lambda *_, **__: ScriptedChat(judge))


def calibrated(folder: Path, name: str, judge: Any, monkeypatch: pytest.MonkeyPatch) -> Calibrated:
    """``evalh calibrate NAME ANCHORS --attack`` in a folder without a config."""
    connected(monkeypatch, judge)
    monkeypatch.chdir(folder)
    with without_config(folder, RunOptions(yes=True)) as workspace:
        return calibrate_judge(workspace, name, str(FOLDER / "anchors" / f"{name}.jsonl"), attack=True)


@each
def test_a_judge_that_follows_the_anchors_is_measured_as_right_and_may_not_block(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rubric, labels = shipped(name)
    judge = Faithful(rubric, labels)
    found = calibrated(tmp_path, name, judge.reply, monkeypatch)
    overall = found.calibration.overall
    assert overall.youden is not None
    assert overall.youden.value == 1
    assert found.attack is not None
    assert found.attack.all.hits == 0
    assert found.calibration.labels["generated"] == len(labels)
    assert "0 human labels say 'pass', 40 are needed" in found.why_not
    assert not found.may_block
    assert Path(found.path).resolve() == tmp_path / "rubrics" / "calibration" / f"{name}.json"


def test_a_judge_that_says_yes_to_all_is_measured_as_blind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above."""
    calls: list[str] = []

    def yes(body: Mapping[str, Any]) -> Output:
        quote = material(body)["output"]
        calls.append(quote)
        text = json.dumps({"meets": {"quote": quote, "reason": "r", "verdict": "met"}})
        return Output(text=text, finish_reason="stop", cost_usd=0.0, model="m")

    found = calibrated(tmp_path, "closed-qa", yes, monkeypatch)
    assert found.calibration.overall.sensitivity.hits == found.calibration.overall.sensitivity.n
    assert found.calibration.overall.specificity.hits == 0
    assert found.attack is not None
    assert found.attack.all.hits > 0.5 * found.attack.all.n
    assert found.calls == len(calls) > found.attack.all.hits


# --- by name, in a project --------------------------------------------------------------------------------------------

CONFIG = """version = 1
[evalsets]
qa = { path = "qa.jsonl" }
[candidates]
old = { recorded = "old.jsonl" }
new = { recorded = "new.jsonl" }
[scorers]
right = { use = "judge", rubric = "closed-qa", model = "judge-2026-08-01", base_url = "http://127.0.0.1:9/v1" }
[gates.g]
candidate = "old"
evalset = "qa"
limits = { right = 0.05 }
stop = "never"
"""
POLITE, RUDE = "If you please, number", "Go away, number"


def project(folder: Path) -> None:
    """A hundred answers, one of which becomes rude, and labels of people."""
    shown = [{"input": f"q{i}", "reference": "Is polite."} for i in range(100)]
    cases = [{"id": f"c{i}", "input": row["input"], "target": row["reference"]} for i, row in enumerate(shown)]
    old = [{"id": f"c{i}", "output": f"{POLITE} {i}."} for i in range(100)]
    new = [row | ({"output": f"{RUDE} {i}."} if i == 7 else {}) for i, row in enumerate(old)]
    labels = [
        {"id": f"l{i}", **row, "output": f"{(RUDE, POLITE)[i % 2]} {i}!", "passed": bool(i % 2), "source": "two people"}
        for i, row in enumerate(shown)
    ]
    for name, rows in (("qa", cases), ("old", old), ("new", new), ("labels", labels)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "evalh.toml").write_text(CONFIG, encoding="utf-8")


def test_a_shipped_rubric_is_used_by_its_bare_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path)
    monkeypatch.chdir(tmp_path)
    rubric, labels = shipped("closed-qa")
    follows = Faithful(rubric, labels)
    calls: list[str] = []

    def reply(body: Mapping[str, Any]) -> Output:
        output = material(body)["output"]
        calls.append(output)
        if POLITE not in output and RUDE not in output:
            return follows.reply(body)
        verdict = "met" if POLITE in output else "not_met"
        text = json.dumps({"meets": {"quote": output, "reason": "r", "verdict": verdict}})
        return Output(text=text, finish_reason="stop", cost_usd=0.0, model="judge-2026-08-01")

    connected(monkeypatch, reply)
    with open_workspace(tmp_path, options=RunOptions()) as workspace:
        assert calibrate_judge(workspace, "right", "labels.jsonl").may_block
    assert (tmp_path / "rubrics" / "calibration" / "closed-qa.json").is_file()
    assert len(calls) == 200
    with open_workspace(tmp_path, options=RunOptions()) as workspace:
        promote(workspace, "g", why="test")
    assert len(calls) == 200 + 100 + len(labels) + 4 * len(CANARY_WAYS)
    before = len(calls)
    (tmp_path / "evalh.toml").write_text(CONFIG.replace('candidate = "old"', 'candidate = "new"'), encoding="utf-8")
    with open_workspace(tmp_path, options=RunOptions()) as workspace:
        verdict, (judged,) = gate_all(workspace, ["g"])
    (right,) = judged.gate.scorers
    assert (verdict.outcome, right.role, right.worse, right.better) == ("pass", "guard", 1, 0)
    assert len(calls) - before == 1 + 2 + 2  # the new answer, then both twice more


def test_a_shipped_rubric_is_locked_like_a_file(tmp_path: Path) -> None:
    project(tmp_path)
    with open_workspace(tmp_path, options=RunOptions()) as workspace:
        config = workspace.config
    lint_config(config, fix=True)
    rubric, labels = shipped("closed-qa")
    entry = read_lock(tmp_path / "evalh.lock").rubrics["closed-qa"]
    assert (entry.version, entry.digest, entry.n) == (rubric.version, rubric.digest, len(labels))
    assert lint_config(config) == []


def test_a_file_of_the_project_goes_before_a_shipped_name(tmp_path: Path) -> None:
    assert rubric_path(tmp_path, "factuality") == FOLDER / "factuality.toml"
    assert rubric_folder(tmp_path, FOLDER / "factuality.toml") == tmp_path / "rubrics"
    (tmp_path / "factuality").write_text("", encoding="utf-8")
    assert rubric_path(tmp_path, "factuality") == tmp_path / "factuality"
    for name in ("no-such-rubric", "rubrics/factuality.toml", "../factuality", "factuality.toml", ""):
        assert rubric_path(tmp_path, name) == tmp_path / name
    assert rubric_folder(tmp_path, tmp_path / "mine" / "factuality.toml") == tmp_path / "mine"


def test_an_unknown_name_is_told_which_ones_ship(tmp_path: Path) -> None:
    with pytest.raises(RubricError) as raised:
        load_rubric(rubric_path(tmp_path, "correctness"))
    assert raised.value.tip is not None
    assert "answer-correctness, answer-relevance, closed-qa" in raised.value.tip


def test_an_installation_without_rubrics_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalharness.core.builtin.__file__", str(tmp_path / "package" / "core" / "builtin.py"))
    assert shipped_rubrics() == ()
    assert rubric_path(tmp_path, "factuality") == tmp_path / "factuality"
    assert rubric_folder(tmp_path, tmp_path / "r" / "factuality.toml") == tmp_path / "r"
