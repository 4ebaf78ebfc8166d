"""Runs that were: listing them, and building their values again from rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from evalharness.core.errors import UsageError
from evalharness.core.results import CallCounts, CaseResult, Failure, Output, Run, RunHeader, Trial
from evalharness.core.rows import output_of_row, trial_from_row
from evalharness.store.diagnosis import damaged
from evalharness.store.read import CaseRow, Reader, RunRow
from evalharness.store.rows import key_bytes

KILLED = "interrupted"
"""``Run.stopped`` of a run that never said how it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One line of ``show --list``."""

    run_id: str
    purpose: str
    """``run``, ``gate`` or ``promote``."""
    gate: str
    evalset: str
    """Name of the eval set."""
    candidate: str
    """Name of the candidate."""
    created: str
    """UTC time of the first start, ISO 8601; shown only."""
    finished: bool
    """False while it goes on, and for a killed run that nobody went on with."""
    complete: bool
    stopped: str
    """Why it ended early; ``interrupted`` too for a run that is not finished."""
    calls: int
    """Calls made, over all its legs."""
    cost_usd: float
    """US dollars spent, over all its legs."""
    cases: int
    """Cases answered."""
    outcome: str
    """Outcome word of its verdict, or empty."""
    same_as: str
    """Id of the earlier run that this one replayed entirely, or empty."""
    candidate_digest: str = ""
    evalset_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One answer of a run, without scores."""

    case_id: str
    epoch: int
    attempt: int
    output: Output | Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a run has cost."""

    calls: int = 0
    """Calls made, failed ones included."""
    cost_usd: float = 0.0
    """US dollars."""
    answers: int = 0
    """Answers that these calls brought."""


def spent(reader: Reader, run_id: str) -> Spent:
    """What a run has cost over all its legs; nothing for a run that is not known."""
    found = reader.runs("run_id=?", (run_id,))
    if not found:
        return Spent()
    calls, cost = reader.spent(found[0].id)
    return Spent(calls=calls, cost_usd=cost, answers=reader.paid_answers(found[0].id))


def summarize(reader: Reader, limit: int) -> list[RunSummary]:
    """The newest runs first, at most ``limit`` of them."""
    return [_summary(reader, row) for row in reader.runs(limit=limit)]


def _summary(reader: Reader, row: RunRow) -> RunSummary:
    header = reader.value(row.header)
    calls, cost = reader.spent(row.id)
    twin = reader.run_number(row.same_as) if row.same_as is not None else None
    finished = row.state == "finished"
    return RunSummary(
        run_id=row.run_id,
        purpose=header["purpose"],
        gate=header["gate"],
        evalset=str(header["evalset"].get("name", "")),
        candidate=str(header["candidate"].get("name", "")),
        created=header["created"] or datetime.fromtimestamp(row.created, UTC).isoformat(timespec="seconds"),
        finished=finished,
        complete=bool(row.complete),
        stopped=row.stopped if finished else KILLED,
        calls=calls,
        cost_usd=cost,
        cases=row.cases if finished else reader.case_count(row.id),
        outcome=row.outcome,
        same_as=twin.run_id if twin is not None else "",
        candidate_digest=str(header["candidate"].get("digest", "")),
        evalset_digest=str(header["evalset"].get("digest", "")),
    )


def find_run(reader: Reader, name: str) -> RunRow:
    """The run with an id, or the only one whose id starts so.

    Raises:
        UsageError: If there is none, or more than one.
    """
    exact = reader.runs("run_id=?", (name,))
    found = exact or reader.runs("substr(run_id,1,?)=?", (len(name), name), limit=6)
    if len(found) == 1 and name:
        return found[0]
    if not found or not name:
        raise UsageError(f"there is no run {name!r} in the store", tip="evalh show --list names the runs")
    raise UsageError(f"{name!r} is the start of several runs: {', '.join(row.run_id for row in found)}")


def header_of(reader: Reader, row: RunRow) -> RunHeader:
    """The header of a run, with its case digests."""
    return RunHeader.from_json({**reader.value(row.header), "case_digests": reader.case_digests(row.case_set)})


def load(reader: Reader, row: RunRow) -> Run:
    """A run as it was, from rows alone."""
    header = header_of(reader, row)
    finished = row.state == "finished"
    calls, cost = reader.spent(row.id)
    return Run(
        header=header,
        results={result.case_id: result for result in results(reader, row, header)},
        calls=CallCounts(**reader.value(row.calls)) if finished else CallCounts(made=calls, cost_usd=cost),
        complete=bool(row.complete),
        stopped=row.stopped if finished else KILLED,
    )


def results(reader: Reader, row: RunRow, header: RunHeader) -> Iterator[CaseResult]:
    """The cases of a run in their planned order, one at a time."""
    for case in _case_rows(reader, row):
        flags = "" if row.same_as is not None else case.replayed
        trials = json.loads(case.data)
        digest = case.case_digest if case.case_digest is not None else header.case_digests.get(case.case_id, "")
        yield CaseResult(
            case_id=case.case_id,
            case_digest=digest,
            trials=tuple(
                _trial(
                    reader,
                    trial,
                    case.case_id,
                    signatures=header.scorers,
                    replayed=flags[index : index + 1] != "0",
                )
                for index, trial in enumerate(trials)
            ),
        )


def answers(reader: Reader, row: RunRow) -> Iterator[Answered]:
    """The answers of a run in planned order, one at a time."""
    for case in _case_rows(reader, row):
        for trial in json.loads(case.data):
            epoch, attempt = trial.get("at", (0, 0))
            yield Answered(case_id=case.case_id, epoch=epoch, attempt=attempt, output=_output(reader, trial))


def _case_rows(reader: Reader, row: RunRow) -> Iterator[CaseRow]:
    count = row.cases if row.state == "finished" else reader.case_count(row.id)
    return reader.cases(row.id if row.same_as is None else row.same_as, count)


def _trial(
    reader: Reader, row: Mapping[str, Any], case_id: str, *, signatures: Mapping[str, str], replayed: bool
) -> Trial:
    output = _output(reader, row)
    return trial_from_row(row, case_id=case_id, output=output, signatures=signatures, replayed=replayed)


def _output(reader: Reader, row: Mapping[str, Any]) -> Output | Failure:
    found = output_of_row(row) or reader.answer(key_bytes(row["key"]))
    if found is None:
        raise damaged("an answer that a run refers to is gone", reader.path)
    return found
