"""``run_cases``: the one door of the runner."""

from __future__ import annotations

from evalharness.core.errors import Interrupted
from evalharness.core.results import Run
from evalharness.runner.collector import rarer_collections
from evalharness.runner.interrupts import Interrupts
from evalharness.runner.job import Job
from evalharness.runner.ledger import Ledger
from evalharness.runner.replayed import walk


def run_cases(job: Job) -> Run:
    """Answer and score the cases of a job, in the planned order.

    Answers that exist are taken first, without an event loop; only what is missing is asked for.

    Args:
        job: The run.

    Returns:
        The run as it ended; ``Run.stopped`` says why when it ended early. Under a stop rule that had seen enough,
        ``results`` is exactly the prefix it saw, however the answers arrived.

    Raises:
        Interrupted: After Ctrl-C or SIGTERM; what was paid for is saved.
        Refused: If a case cannot be rendered; nothing was spent then.
        DiskFailed: If the store cannot be written any more.
    """
    ledger = Ledger(job)
    if job.store is not None:
        job.store.start_run(job.header)
    with Interrupts() as interrupts:
        try:
            start = walk(ledger, interrupts.seen)
            if start is not None:
                from evalharness.runner.live import go_on

                with rarer_collections():
                    go_on(ledger, start, interrupts)
        except KeyboardInterrupt:
            ledger.stopped = "interrupted"
        finally:
            if job.progress is not None:
                job.progress.close()
        run = ledger.close()
        if job.store is not None:
            job.store.flush()
    if run.stopped == "interrupted":
        raise _interrupted(run, job)
    return run


def _interrupted(run: Run, job: Job) -> Interrupted:
    done = f"{len(run.results)} of {len(job.cases)} cases are answered and saved"
    return Interrupted(
        f"interrupted: {done}", tip=f"go on with: {job.resume}" if job.resume else "run it again to go on"
    )
