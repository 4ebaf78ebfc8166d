"""Logs as eval sets: distinct questions, answers by system, thumbs as labels, thumbs-down quarantined, nothing personal."""

from __future__ import annotations

import json
from pathlib import Path

from evalharness.judging.labels import read_labels
from evalharness.judging.rubric_file import load_rubric
from evalharness.moving.calls import Call, Feedback, Log
from evalharness.moving.from_logs import QUARANTINE, moved_of_log
from evalharness.moving.moved import Moved
from evalharness.moving.redaction import Redactor
from evalharness.project.moved_config import RUBRIC_TEXT


def call(number: int, asked: object = "q", output: object = "a", *thumbs: str, model: str = "m") -> Call:
    said = tuple(
        Feedback(thumb=thumb, source="langfuse user-feedback (API)", comment="by jo@x.example") for thumb in thumbs
    )  # type: ignore[arg-type]
    return Call(
        place=f"line {number}",
        fields={},
        input=asked,
        output=output,
        model=model,
        feedback=said,
        metadata={"user": "jo@x.example"},
    )


def moved(*calls: Call) -> Moved:
    log = Log(
        kind="langfuse",
        calls=calls,
        sha256="0" * 64,
        rows=len(calls) + 1,
        counted=len(calls) + 1,
        counted_by="lines",
        others=1,
    )
    return moved_of_log(log, Redactor(b"k"))


def test_questions_are_cases_and_answers_are_epochs() -> None:
    made = moved(call(1), call(2), call(3, "q2"), call(4, model="n"), call(5, None))
    assert [case.input for case in made.cases] == ["q", "q2"]
    assert {system: len(lines) for system, lines in made.answers.items()} == {"m": 3, "n": 1}
    assert made.answers["m"][1]["epoch"] == 1
    assert {(entry.state, entry.what) for entry in made.entries} >= {
        ("dropped", "record"),
        ("dropped", "call"),
        ("kept", "call"),
    }


def test_thumbs_are_labels_with_their_source(tmp_path: Path) -> None:
    made = moved(call(1, "q1", "good", "up"), call(2, "q2", "bad", "down"), call(3, "q3", "so so", "up", "down"))
    assert [(label["passed"], label["output"]) for label in made.labels] == [
        (True, "good"),
        (False, "bad"),
        (True, "so so"),
        (False, "so so"),
    ]
    assert {label["source"] for label in made.labels} == {"langfuse user-feedback (API)"}
    (tmp_path / "l.jsonl").write_text(
        "".join(json.dumps(dict(label)) + "\n" for label in made.labels), encoding="utf-8"
    )
    text = RUBRIC_TEXT.replace('"meets-the-reference"', '"r"').replace(', "reference"]', "]")
    (tmp_path / "r.toml").write_text(text, encoding="utf-8")
    labels = read_labels(tmp_path / "l.jsonl", load_rubric(tmp_path / "r.toml"))
    assert [label.passed for label in labels] == [True, False, True, False]


def test_a_thumbs_down_is_quarantined_and_not_part_of_the_set() -> None:
    made = moved(call(1, "q1", "good", "up"), call(2, "q2", "bad", "down"), call(3, "q1", "worse", "down"))
    assert [case.input for case in made.cases] == ["q1"]
    (proposed,) = made.proposed
    assert (proposed.input, proposed.tags, proposed.metadata["rejected_output"]) == ("q2", (QUARANTINE,), "bad")
    assert proposed.metadata["feedback"][0]["source"] == "langfuse user-feedback (API)"
    assert proposed.target is None


def test_nothing_personal_is_kept() -> None:
    made = moved(call(1, "I am jo@x.example", {"to": "jo@x.example"}, "down"), call(2, "Mail jo@x.example", "a", "up"))
    kept = json.dumps([case.to_json() for case in (*made.cases, *made.proposed)] + [dict(x) for x in made.labels])
    kept += json.dumps({system: [dict(line) for line in lines] for system, lines in made.answers.items()})
    assert "jo@x.example" not in kept
    assert kept.count("email-") > 3


def test_the_rubric_of_moved_projects_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "meets-the-reference.toml").write_text(RUBRIC_TEXT, encoding="utf-8")
    assert load_rubric(tmp_path / "meets-the-reference.toml").id == "meets-the-reference"
