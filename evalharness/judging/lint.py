"""What is doubtful about a rubric that can be read: anchors, examples, floating models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from evalharness.core.errors import RubricError
from evalharness.core.specs import canonical_json
from evalharness.judging.families import floats
from evalharness.judging.labels import Label, read_labels
from evalharness.judging.rubric import MET, NOT_MET, Criterion, Rubric


def doubts(rubric: Rubric, *, shown: str = "") -> Iterator[RubricError]:
    """What ``lint`` says about a rubric, each as an error that is reported and not raised.

    Args:
        rubric: The rubric.
        shown: What messages call its file.
    """
    where = shown or rubric.path
    labels: Sequence[Label] = ()
    if rubric.anchors is not None:
        try:
            labels = read_labels(rubric.anchors, rubric, shown=str(rubric.anchors))
        except RubricError as error:
            yield error
        else:
            yield from _about_anchors(rubric, labels, where)
    for criterion in rubric.criteria:
        if criterion.must_pass and (missing := _missing(criterion, rubric, labels)):
            yield RubricError(
                f"{criterion.id}: no example or anchor has a verdict that {missing}",
                where=f"{where}: criteria",
                tip="a judge and its readers need to see both",
            )
    for model in dict.fromkeys((*rubric.judge.seats, *filter(None, (rubric.judge.escalate_to,)))):
        if floats(model):
            yield RubricError(
                f"{model!r} looks like an alias that its provider moves",
                where=f"{where}: judge.model",
                tip="name a dated version, so that a new model is a change that somebody made",
                code="floating_model",
            )


def _about_anchors(rubric: Rubric, labels: Sequence[Label], where: str) -> Iterator[RubricError]:
    if len(labels) < rubric.anchors_minimum:
        yield RubricError(
            f"{len(labels)} anchors, and the rubric asks for {rubric.anchors_minimum}",
            where=f"{where}: anchors.minimum",
            tip="fewer anchors see less drift: 40 catch a change of 15 % with a chance of .74, 20 with .35",
        )
    shown = {canonical_json(example.fields) for example in rubric.examples}
    for label in labels:
        if canonical_json(label.fields) in shown:
            yield RubricError(
                f"anchor {label.id!r} is also an example in the prompt",
                where=f"{Path(str(rubric.anchors)).name}:{label.line}",
                tip="an anchor that the judge has seen measures nothing",
            )


def _missing(criterion: Criterion, rubric: Rubric, labels: Sequence[Label]) -> str:
    """Which side of a ``must_pass`` nobody shows; empty when both are there."""
    verdicts = [
        verdict
        for shown in (*(example.verdicts for example in rubric.examples), *(label.verdicts for label in labels))
        if (verdict := shown.get(criterion.id)) is not None
    ]
    good, bad = _sides(criterion)
    words = {word for verdict in verdicts for word in (verdict if isinstance(verdict, tuple) else (verdict,))}
    if criterion.type == "numeric":
        return "" if len(words) > 1 else "differs from the others"
    if not words & good:
        return "holds"
    return "" if words & bad else "fails"


def _sides(criterion: Criterion) -> tuple[set[str], set[str]]:
    if criterion.type == "boolean":
        return ({MET}, {NOT_MET}) if criterion.expect else ({NOT_MET}, {MET})
    if criterion.type == "pairwise":
        return {"A", "B"}, {"A", "B", "tie"}
    values = {option.id: option.value for option in criterion.options if option.value is not None}
    good = {word for word, value in values.items() if criterion.holds(value) and word not in criterion.fatal}
    return good, set(values) - good
