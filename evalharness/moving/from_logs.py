"""A log of production as an eval set: questions as cases, answers as recorded, thumbs as labels and proposals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from evalharness.core.cases import Case
from evalharness.core.specs import digest
from evalharness.moving.answers import Answers
from evalharness.moving.calls import Call, Log
from evalharness.moving.fields import without_none, written
from evalharness.moving.moved import CaseBook, Ledger, Moved
from evalharness.moving.redaction import Redactor

QUARANTINE: Final = "quarantined"
"""Tag of proposed cases that came from a thumbs-down."""


def redacted(call: Call, redactor: Redactor) -> Call:
    """A call with placeholders in everything that may be written down."""
    from dataclasses import replace

    said = tuple(
        replace(
            one, comment=None if one.comment is None else redactor.text(one.comment), source=redactor.text(one.source)
        )
        for one in call.feedback
    )
    return replace(
        call,
        input=redactor.value(call.input),
        output=redactor.value(call.output),
        messages=tuple(redactor.value(turn) for turn in call.messages),
        metadata=redactor.value(call.metadata),
        error=None if call.error is None else redactor.text(call.error),
        model=None if call.model is None else redactor.text(call.model),
        feedback=said,
    )


def moved_of_log(log: Log, redactor: Redactor) -> Moved:
    """An eval set of the distinct questions of a log.

    Questions answered badly (a thumbs-down and no thumbs-up) are not part of the set: they are proposed, for a person
    to give them a target or to throw them away.

    Args:
        log: The calls.
        redactor: Applied to everything that is kept.
    """
    ledger = Ledger()
    book, quarantine, answers = CaseBook(ledger), CaseBook(Ledger()), Answers()
    labels: list[Mapping[str, Any]] = []
    if log.others:
        ledger.drop("record", "no call of a model: tools, chains and the like", f"{log.others} of {log.rows}")
    for call in _readable(log.calls, redactor, ledger):
        thumbs = {said.thumb for said in call.feedback}
        bad = thumbs == {"down"}
        case_id = (quarantine if bad else book).add(_data(call, log.kind, bad=bad), place=call.place)
        line = call.answer(case_id)
        labels += [_label(call, said.thumb == "up", said.source, said.comment, case_id) for said in call.feedback]
        if bad:
            ledger.change("thumbs-down", "its question is proposed, quarantined, and not part of the set", call.place)
            continue
        line.pop("id")
        answers.add(call.model or log.kind, case_id, **line)
        ledger.keep("call", call.place)
    return Moved(
        kind=log.kind,
        sha256=log.sha256,
        cases=tuple(book.cases.values()),
        answers=answers.done(),
        entries=ledger.entries(),
        rows=log.rows,
        counted=log.counted,
        counted_by=log.counted_by,
        labels=tuple(labels),
        proposed=tuple(_apart(quarantine.cases.values(), book)),
    )


def _readable(calls: Sequence[Call], redactor: Redactor, ledger: Ledger) -> Iterator[Call]:
    for call in calls:
        clean = redacted(call, redactor)
        if clean.input is None:
            ledger.drop("call", "the log does not hold what was asked: was the capture of content on?", call.place)
        else:
            yield clean


def _data(call: Call, kind: str, *, bad: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {"source": kind}
    if bad:
        facts["rejected_output"] = None if call.output is None else written(call.output)
        facts["feedback"] = [without_none({"source": said.source, "comment": said.comment}) for said in call.feedback]
    return {"input": call.input, "metadata": without_none(facts), "tags": [QUARANTINE] if bad else None}


def _label(call: Call, passed: bool, source: str, comment: str | None, case_id: str) -> dict[str, Any]:  # noqa: FBT001
    """A line as ``evalh calibrate`` reads it: one person's word on one answer."""
    asking = call.input if isinstance(call.input, str) else written(call.input)
    output = "" if call.output is None else written(call.output)
    return without_none(
        {
            "id": f"l-{digest([case_id, output, source, passed, comment, call.place])[:16]}",
            "input": asking,
            "output": output,
            "passed": passed,
            "source": source,
            "human": {"raters": 1, "agree": 1},
            "why": comment,
        }
    )


def _apart(proposed: Any, book: CaseBook) -> Iterator[Case]:
    """Proposals whose question is not in the set already."""
    from dataclasses import replace

    known = {digest(case.input) for case in book.cases.values()}
    for case in proposed:
        if digest(case.input) not in known:
            yield replace(case, id=f"q-{digest(case.input)[:12]}")
