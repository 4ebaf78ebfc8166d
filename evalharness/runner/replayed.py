"""The engine for answers that already exist: no event loop, no call.

It walks the planned order until the end, until the stop rule has seen enough, or until an answer has to be asked for;
from there the live engine goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

from evalharness.core.cases import Case
from evalharness.core.protocols import Candidate, Recording
from evalharness.core.results import Failure, Output, Trial
from evalharness.core.specs import digest_text
from evalharness.runner.job import Job
from evalharness.runner.ledger import Ledger

NOT_RECORDED = Failure(stage="candidate", kind="not_recorded", message="the answer was never recorded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An answer that exists, under its key in the store (empty for a recording)."""

    output: Output | Failure
    key: str


def walk(ledger: Ledger, interrupted: list[int]) -> int | None:
    """Finish cases in order as long as their answers exist.

    Args:
        ledger: Books of the run.
        interrupted: Not empty once somebody pressed Ctrl-C.

    Returns:
        The position of the first case that needs a call; None when there is nothing left to do.
    """
    for position, case in enumerate(ledger.job.cases):
        if interrupted:
            ledger.stopped = "interrupted"
            return None
        if not _replay(ledger, position, case):
            return position
        if ledger.stopped:
            return None
    return None


def _replay(ledger: Ledger, position: int, case: Case) -> bool:
    trials: list[Trial] = []
    for epoch in range(ledger.epochs):
        trial = _trial(ledger, case, epoch=epoch, attempt=0)
        if trial is None:
            return False
        trials.append(trial)
    result = ledger.result(case, trials)
    while (attempt := ledger.next_attempt(result)) is not None:
        trial = _trial(ledger, case, epoch=0, attempt=attempt)
        if trial is None and isinstance(ledger.job.candidate, Recording):
            break  # recorded answers have the attempts they have: the flip stands as recorded
        if trial is None:
            return False
        trials.append(trial)
        result = ledger.result(case, trials)
    ledger.asked += ledger.epochs
    ledger.replayed += sum(trial.replayed and not isinstance(trial.output, Failure) for trial in trials)
    ledger.finish(position, result)
    return True


def _trial(ledger: Ledger, case: Case, *, epoch: int, attempt: int) -> Trial | None:
    found = find(ledger.job, case, epoch=epoch, attempt=attempt)
    if found is None:
        return None
    scores = ledger.scoring.recorded(found.output, case, repeat=epoch)
    if scores is None:
        return None
    return Trial(
        case_id=case.id,
        epoch=epoch,
        attempt=attempt,
        output=found.output,
        scores=scores,
        key=found.key,
        replayed=True,
    )


def find(job: Job, case: Case, *, epoch: int, attempt: int) -> Found | None:
    """The answer that already exists for one planned answer.

    Returns:
        None when it has to be asked for; offline, and for a recording's first attempts, a Failure ``not_recorded``.
    """
    candidate = job.candidate
    if isinstance(candidate, Recording):
        output = candidate.lookup(case, epoch=epoch, attempt=attempt)
        if output is None:
            return Found(output=NOT_RECORDED, key="") if attempt == 0 else None
        return Found(output=output, key="")
    request = candidate.request(case, epoch=epoch, attempt=attempt, run_seed=job.header.seed)
    key = stored_key(job, candidate, request.key)
    answer = job.store.find_answer(key) if job.store is not None else None
    if answer is not None:
        return Found(output=answer, key=key)
    return Found(output=NOT_RECORDED, key=key) if job.offline else None


def stored_key(job: Job, candidate: Candidate, key: str) -> str:
    """The name of an answer in the store: the content key, bound to this run where the answer serves no other."""
    if candidate.reuse == "always" and not job.fresh:
        return key
    return digest_text(f"{job.identity or job.header.run_id}\x1f{key}")
