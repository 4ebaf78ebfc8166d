"""Labelled answers, one JSON object a line: anchors of a rubric, and what ``evalh calibrate`` measures a judge on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from evalharness.core.errors import EvalSetError, RubricError
from evalharness.core.specs import EMPTY, freeze
from evalharness.evalset.fields import check_id, check_messages, check_strings
from evalharness.evalset.lines import FieldError, scan_objects, seen
from evalharness.judging.rubric import FIELDS, Human, Rubric
from evalharness.judging.verdict_words import check_verdicts, example_fields

ORDERS: Final = ("AB", "BA")
"""In which order a pairwise judge saw the two answers."""
_OWN: Final = ("id", "tags", "verdicts", "passed", "ratings", "human", "source", "generated", "arm", "judged", "why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict that a judge gave at some time, recorded beside the label."""

    verdicts: Mapping[str, Any] | None
    """Criterion -> verdict, in terms of output_a and output_b; None when the reply could not be read."""
    order: Literal["AB", "BA"] = "AB"
    repeat: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One answer and what people say about it."""

    id: str
    fields: Mapping[str, Any]
    """What the judge sees, by field."""
    verdicts: Mapping[str, Any]
    """Criterion -> agreed verdict; empty where only ``passed`` is known."""
    source: str
    """Where the label is from: people, a data set, a program."""
    passed: bool | None = None
    """Whether the whole answer is good; None: worked out from the verdicts."""
    tags: tuple[str, ...] = ()
    ratings: tuple[Mapping[str, Any], ...] = ()
    """Each rater's own verdicts, for the agreement of people."""
    human: Human | None = None
    generated: bool = False
    """True: made by a model or a program; no human label."""
    arm: Literal["", "baseline", "candidate"] = ""
    """Whose answer it is, where that is known: errors must be alike on both sides."""
    judged: tuple[Judged, ...] = ()
    line: int = 0


def read_labels(path: Path, rubric: Rubric, *, shown: str = "", unlabelled: bool = False) -> tuple[Label, ...]:
    """Read a file of labelled answers.

    Args:
        path: JSONL file.
        rubric: Says which fields and verdicts there are.
        shown: What messages call the file.
        unlabelled: Allow lines without a label: answers that a judge's pass rate is estimated on.

    Raises:
        RubricError: At the first fault, with file, line and field.
    """
    name = shown or str(path)
    labels: dict[str, Label] = {}
    try:
        for line, data in scan_objects(str(path)):
            label = _checked(data, rubric, name, line)
            if not unlabelled and label.passed is None and not label.verdicts:
                problem = "seen neither verdicts nor passed, expected what people say"
                raise RubricError(problem, where=f"{name}:{line}: verdicts")
            if labels.setdefault(label.id.lower(), label) is not label:
                raise RubricError(f"seen the id {label.id!r} twice", where=f"{name}:{line}: id", tip="ids are unique")
    except EvalSetError as error:
        raise RubricError(error.message, where=error.where, tip=error.tip) from None
    if not labels:
        raise RubricError("the file is empty, expected labelled answers", where=name)
    return tuple(labels.values())


def _checked(data: Mapping[str, Any] | FieldError, rubric: Rubric, name: str, line: int) -> Label:
    if isinstance(data, FieldError):
        raise data.at(name, line)
    try:
        return _label(data, rubric, line)
    except FieldError as error:
        raise error.at(name, line) from None


def _label(data: Mapping[str, Any], rubric: Rubric, line: int) -> Label:
    shown = example_fields(rubric.uses, pairwise=rubric.pairwise)
    for name in data:
        if name not in shown and name not in _OWN:
            raise FieldError(name, f"seen an unknown field, expected one of {', '.join((*shown, *_OWN))}")
    for name in ("id", "source", *(field for field in shown if field.startswith("output"))):
        if name not in data:
            raise FieldError(name, "seen no such field, expected every label to have it")
    check_id("id", data["id"])
    fields = {name: data[name] for name in shown if name in data}
    _check_fields(fields)
    if not isinstance(data["source"], str) or not data["source"].strip():
        raise FieldError("source", f"seen {seen(data['source'])}, expected where the label is from")
    for name in ("generated", "passed"):
        if name in data and not isinstance(data[name], bool):
            raise FieldError(name, f"seen {seen(data[name])}, expected true or false")
    verdicts = _verdicts("verdicts", data["verdicts"], rubric, fields) if "verdicts" in data else EMPTY
    if data.get("arm", "baseline") not in ("baseline", "candidate"):
        raise FieldError("arm", f"seen {seen(data['arm'])}, expected baseline or candidate")
    if "tags" in data:
        check_strings("tags", data["tags"])
    return Label(
        id=data["id"],
        fields=freeze(fields),
        verdicts=verdicts,
        source=data["source"],
        passed=data.get("passed"),
        tags=tuple(data.get("tags", ())),
        ratings=_ratings(data.get("ratings", []), rubric, fields),
        human=_human(data["human"]) if "human" in data else None,
        generated=data.get("generated", False),
        arm=data.get("arm", ""),
        judged=_judged(data.get("judged", []), rubric, fields),
        line=line,
    )


def _check_fields(fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if name.startswith("output") and not isinstance(value, str):
            raise FieldError(name, f"seen {seen(value)}, expected the answer as text")
        if name == "conversation":
            check_messages(name, value)
        if name == "context" and not (isinstance(value, list) and all(_is_passage(part) for part in value)):
            raise FieldError(name, f"seen {seen(value)}, expected a list of texts or {{id, text}}")
        assert name in FIELDS or name.startswith("output_")


def _is_passage(part: Any) -> bool:
    return isinstance(part, str) or (isinstance(part, dict) and isinstance(part.get("text"), str))


def _verdicts(name: str, value: Any, rubric: Rubric, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise FieldError(name, f"seen {seen(value)}, expected an object: criterion -> verdict")
    problem = check_verdicts(value, rubric.criteria, fields)
    if problem:
        raise FieldError(name, problem)
    frozen: Mapping[str, Any] = freeze(value)
    return frozen


def _ratings(value: Any, rubric: Rubric, fields: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(value, list):
        raise FieldError("ratings", f"seen {seen(value)}, expected a list: one object of verdicts a rater")
    return tuple(_verdicts(f"ratings[{i}]", row, rubric, fields) if row else EMPTY for i, row in enumerate(value))


def _human(value: Any) -> Human:
    good = isinstance(value, dict) and set(value) == {"raters", "agree"}
    if (
        not good
        or any(type(count) is not int for count in value.values())
        or not 1 <= value["agree"] <= value["raters"]
    ):
        raise FieldError("human", f"seen {seen(value)}, expected {{raters, agree}}, agree from 1 to raters")
    return Human(**value)


def _judged(value: Any, rubric: Rubric, fields: Mapping[str, Any]) -> tuple[Judged, ...]:
    if not isinstance(value, list):
        raise FieldError("judged", f"seen {seen(value)}, expected a list of {{verdicts, order, repeat}}")
    rows = []
    for number, row in enumerate(value):
        place = f"judged[{number}]"
        if not isinstance(row, dict) or set(row) - {"verdicts", "order", "repeat"} or "verdicts" not in row:
            raise FieldError(place, f"seen {seen(row)}, expected {{verdicts, order, repeat}}")
        order, repeat = row.get("order", "AB"), row.get("repeat", 0)
        if order not in ORDERS or type(repeat) is not int or repeat < 0:
            raise FieldError(place, "expected order AB or BA, and repeat a whole number from 0")
        said = row["verdicts"]
        verdicts = None if said is None else _verdicts(f"{place}.verdicts", said, rubric, fields)
        rows.append(Judged(verdicts=verdicts, order=order, repeat=repeat))
    return tuple(rows)
