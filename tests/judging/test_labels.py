"""Labelled answers: what a line may hold, and what is refused with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.errors import RubricError
from evalharness.judging.labels import Judged, read_labels
from evalharness.judging.rubric import Human, Rubric
from tests.judging.rubrics import BETTER, MAIN, SUPPORT, read

GOOD = {
    "id": "a-1",
    "input": "When?",
    "output": "In 1923.",
    "reference": "1923",
    "verdicts": {"main-fact": "met"},
    "source": "two people",
}


@pytest.fixture
def rubric(tmp_path: Path) -> Rubric:
    return read(tmp_path, MAIN, uses=("input", "output", "reference", "context", "conversation"))


def labels_of(folder: Path, rubric: Rubric, *lines: Any) -> Any:
    path = folder / "labels.jsonl"
    path.write_text(
        "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), encoding="utf-8"
    )
    return read_labels(path, rubric, shown="labels.jsonl")


def test_a_whole_line_is_read(tmp_path: Path, rubric: Rubric) -> None:
    more = {
        "human": {"raters": 3, "agree": 2},
        "ratings": [{"main-fact": "met"}, {}, {"main-fact": "not_met"}],
        "tags": ["hard"],
        "generated": True,
        "passed": True,
        "arm": "baseline",
        "context": ["one", {"id": "d", "text": "two"}],
        "judged": [{"verdicts": {"main-fact": "met"}}, {"verdicts": None, "order": "BA", "repeat": 1}],
        "why": "clear",
    }
    (label,) = labels_of(tmp_path, rubric, GOOD | more)
    assert label.fields["context"] == ("one", {"id": "d", "text": "two"})
    assert label.human == Human(raters=3, agree=2)
    assert (label.generated, label.passed, label.arm, label.tags, label.line) == (True, True, "baseline", ("hard",), 1)
    assert label.ratings == ({"main-fact": "met"}, {}, {"main-fact": "not_met"})
    assert label.judged == (Judged(verdicts={"main-fact": "met"}), Judged(verdicts=None, order="BA", repeat=1))


def test_a_label_may_say_only_whether_it_passes(tmp_path: Path, rubric: Rubric) -> None:
    line = {key: value for key, value in GOOD.items() if key != "verdicts"} | {"passed": False}
    (label,) = labels_of(tmp_path, rubric, line)
    assert (label.passed, dict(label.verdicts)) == (False, {})


def test_pairwise_labels_have_two_outputs(tmp_path: Path) -> None:
    rubric = read(tmp_path, BETTER, uses=("input", "output"))
    line = {"id": "p", "input": "q", "output_a": "x", "output_b": "y", "verdicts": {"better": "B"}, "source": "s"}
    assert labels_of(tmp_path, rubric, line)[0].verdicts == {"better": "B"}
    with pytest.raises(RubricError, match="output_b"):
        labels_of(tmp_path, rubric, {key: value for key, value in line.items() if key != "output_b"})


def test_itemised_labels_have_a_verdict_an_item(tmp_path: Path) -> None:
    rubric = read(tmp_path, SUPPORT)
    line = GOOD | {"output": "One. Two.", "verdicts": {"support": ["supported", "cannot_tell"]}}
    assert labels_of(tmp_path, rubric, line)[0].verdicts["support"] == ("supported", "cannot_tell")
    with pytest.raises(RubricError, match="expected 2"):
        labels_of(
            tmp_path,
            rubric,
            line | {"output": "One and two."} | {"verdicts": {"support": ["supported"] * 3}, "output": "A b. C d."},
        )


BAD: dict[str, tuple[Any, str, str]] = {
    "not json": ("{", "", "not JSON"),
    "unknown field": (GOOD | {"verdict": 1}, "verdict", "unknown field"),
    "no source": ({k: v for k, v in GOOD.items() if k != "source"}, "source", "no such field"),
    "blank source": (GOOD | {"source": " "}, "source", "where the label is from"),
    "no output": ({k: v for k, v in GOOD.items() if k != "output"}, "output", "no such field"),
    "output no text": (GOOD | {"output": 3}, "output", "the answer as text"),
    "no verdicts": ({k: v for k, v in GOOD.items() if k != "verdicts"}, "verdicts", "neither"),
    "verdicts a list": (GOOD | {"verdicts": ["met"]}, "verdicts", "an object"),
    "strange verdict": (GOOD | {"verdicts": {"main-fact": "yes"}}, "verdicts", "expected one of met"),
    "bad id": (GOOD | {"id": "../x"}, "id", "expected 1 to 64"),
    "generated": (GOOD | {"generated": "no"}, "generated", "true or false"),
    "passed": (GOOD | {"passed": 1}, "passed", "true or false"),
    "arm": (GOOD | {"arm": "left"}, "arm", "baseline or candidate"),
    "human": (GOOD | {"human": {"raters": 2, "agree": 3}}, "human", "agree from 1 to raters"),
    "human words": (GOOD | {"human": {"raters": "2", "agree": 1}}, "human", "agree from 1 to raters"),
    "ratings": (GOOD | {"ratings": {"main-fact": "met"}}, "ratings", "a list"),
    "rating": (GOOD | {"ratings": [{"main-fact": "x"}]}, "ratings[0]", "expected one of met"),
    "judged": (GOOD | {"judged": {}}, "judged", "a list"),
    "judged row": (GOOD | {"judged": [{"order": "AB"}]}, "judged[0]", "verdicts, order, repeat"),
    "judged order": (GOOD | {"judged": [{"verdicts": None, "order": "XY"}]}, "judged[0]", "AB or BA"),
    "judged verdict": (
        GOOD | {"judged": [{"verdicts": {"main-fact": 1}}]},
        "judged[0].verdicts",
        "expected one of met",
    ),
    "context": (GOOD | {"context": "text"}, "context", "a list of texts"),
    "conversation": (
        GOOD | {"conversation": [{"role": "robot", "content": "x"}]},
        "conversation[0].role",
        "expected one of",
    ),
    "tags": (GOOD | {"tags": "hard"}, "tags", "expected"),
}


@pytest.mark.parametrize(("line", "field", "expected"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_refused_with_its_place(
    line: Any, field: str, expected: str, tmp_path: Path, rubric: Rubric
) -> None:
    with pytest.raises(RubricError) as caught:
        labels_of(tmp_path, rubric, GOOD | {"id": "first"}, line)
    assert expected in caught.value.message
    assert caught.value.where.startswith("labels.jsonl:2" + (f": {field}" if field else ""))


def test_two_labels_of_one_name_and_none_at_all_are_refused(tmp_path: Path, rubric: Rubric) -> None:
    with pytest.raises(RubricError, match="twice"):
        labels_of(tmp_path, rubric, GOOD, GOOD | {"id": "A-1"})
    with pytest.raises(RubricError, match="empty"):
        labels_of(tmp_path, rubric)
    with pytest.raises(RubricError, match="no such file"):
        read_labels(tmp_path / "none.jsonl", rubric)
