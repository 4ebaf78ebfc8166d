"""The engine for answers that already exist: no event loop, no call.

It walks the planned order until the end, until the stop rule has seen enough, or until an answer has to be asked for;
from there the live engine goes on.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from evalharness.core.cases import Case
from evalharness.core.protocols import Candidate, Request
from evalharness.core.results import Failure, Output, Trial
from evalharness.core.specs import digest_text
from evalharness.runner.job import Job
from evalharness.runner.ledger import Ledger

AHEAD: Final = 256
"""Cases whose answers are handed to slow scorers together."""
NOT_RECORDED = Failure(stage="candidate", kind="not_recorded", message="the answer was never recorded")


class Look(NamedTuple):
    """What was found when one planned answer was looked up."""

    output: Output | Failure | None
    """The answer that exists; offline a Failure ``not_recorded``; None when it has to be asked for."""
    key: str = ""
    """Its name in the store; empty for a recording."""
    request: Request | None = None
    """The rendered request; None for a recording."""


def walk(ledger: Ledger, interrupted: list[int]) -> int | None:
    """Finish cases in order as long as their answers exist.

    Args:
        ledger: Books of the run.
        interrupted: Not empty once somebody pressed Ctrl-C.

    Returns:
        The position of the first case that needs a call; None when there is nothing left to do.
    """
    prepared = 0
    for position, case in enumerate(ledger.job.cases):
        if interrupted:
            ledger.stopped = "interrupted"
            return None
        if ledger.scoring.reads_ahead and position >= prepared:
            prepared = _prepare(ledger, position)
        if not _replay(ledger, position, case):
            return position
        if ledger.stopped:
            return None
    return None


def _prepare(ledger: Ledger, start: int) -> int:
    """Let the scorers that gain by it see many of the next answers at once.

    Under a stop rule only recordings are read ahead: a look for a stored answer that is not there takes the store's
    lock, and cases beyond the end of a gate are none of its business.

    Returns:
        The first position that was not looked at.
    """
    end = min(start + AHEAD, len(ledger.job.cases))
    if ledger.recording is None and ledger.job.stop is not None:
        return end
    answers = []
    for case in ledger.job.cases[start:end]:
        for epoch in range(ledger.epochs):
            output = look_up(ledger, case, epoch=epoch, attempt=0).output
            if isinstance(output, Output):
                answers.append((output, case, epoch))
    ledger.scoring.prepare(answers)
    return end


def _replay(ledger: Ledger, position: int, case: Case) -> bool:
    trials: list[Trial] = []
    for epoch in range(ledger.epochs):
        trial = _trial(ledger, case, epoch, 0)
        if trial is None:
            return False
        trials.append(trial)
    result = ledger.result(case, trials)
    while (attempt := ledger.next_attempt(result)) is not None:
        trial = _trial(ledger, case, 0, attempt)
        if trial is None and ledger.recording is not None:
            break  # recorded answers have the attempts they have: the flip stands as recorded
        if trial is None:
            return False
        trials.append(trial)
        result = ledger.result(case, trials)
    ledger.asked += ledger.epochs
    for trial in trials:
        if isinstance(trial.output, Output):
            ledger.replayed += 1
    ledger.finish(position, result)
    return True


def _trial(ledger: Ledger, case: Case, epoch: int, attempt: int) -> Trial | None:
    look = look_up(ledger, case, epoch=epoch, attempt=attempt)
    scores = None if look.output is None else ledger.scoring.recorded(look.output, case, repeat=epoch)
    if look.output is None or scores is None:
        return None
    return Trial(
        case_id=case.id,
        epoch=epoch,
        attempt=attempt,
        output=look.output,
        scores=scores,
        key=look.key,
        replayed=True,
    )


def look_up(ledger: Ledger, case: Case, *, epoch: int, attempt: int) -> Look:
    """Look for one planned answer in the recording or the store.

    A recording always has an answer to a first attempt: where it has none, that is a Failure ``not_recorded``.
    """
    if ledger.recording is not None:
        output = ledger.recording.lookup(case, epoch=epoch, attempt=attempt)
        return Look(output=NOT_RECORDED if output is None and attempt == 0 else output)
    assert ledger.candidate is not None
    job = ledger.job
    request = ledger.candidate.request(case, epoch=epoch, attempt=attempt, run_seed=job.header.seed)
    key = stored_key(job, ledger.candidate, request.key)
    answer: Output | Failure | None = job.store.find_answer(key) if job.store is not None else None
    if answer is None and job.offline:
        answer = NOT_RECORDED
    return Look(output=answer, key=key, request=request)


def stored_key(job: Job, candidate: Candidate, key: str) -> str:
    """The name of an answer in the store: the content key, bound to this run where the answer serves no other."""
    if candidate.reuse == "always" and not job.fresh:
        return key
    return digest_text(f"{job.identity or job.header.run_id}\x1f{key}")
