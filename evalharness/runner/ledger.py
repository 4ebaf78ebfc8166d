"""What a run knows while it goes on: finished cases in order, calls and money, and whether it may go on."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from evalharness.core.cases import Case
from evalharness.core.protocols import AtDesk, Progress, Recording
from evalharness.core.results import CallCounts, CaseResult, Failure, Run, Trial
from evalharness.runner.desk import RunDesk
from evalharness.runner.job import Job
from evalharness.runner.kept import Kept
from evalharness.runner.money import WorstCases
from evalharness.runner.prefix import Prefix
from evalharness.runner.scoring import Scoring

MAX_ATTEMPTS: Final = 10
"""Tries of one case at most, whatever the stop rule wants."""
GRACE_S: Final = 5.0
"""Seconds that calls in flight get to finish after Ctrl-C, or when the endpoint is down."""
TELL_EVERY_S: Final = 0.05
"""Between two words to the progress display: more often nobody could read it, and a replay does a thousand cases in that."""
STOPPING: Final = f"stopping: saving calls in flight ({GRACE_S:g} s at most; Ctrl-C again: at once)"
"""Told after the first Ctrl-C or SIGTERM."""


class Ledger:
    """Books of one run. Both engines write here and nowhere else."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.recording = job.candidate if isinstance(job.candidate, Recording) else None
        """The candidate when its answers exist already."""
        self.candidate = job.candidate if not isinstance(job.candidate, Recording) else None
        """The candidate when it can be asked."""
        self.scoring = Scoring(job.scorers, job.executor)
        self.desk = RunDesk(job)
        for scorer in self.scoring.awaited:
            if isinstance(scorer, AtDesk):
                scorer.sit(self.desk)
        self.results = Kept(job.header.scorers, job.header.case_digests)
        self.stopped = ""
        """Why no more is asked, or empty."""
        self.made = 0
        self.replayed = 0
        self.asked = 0
        """Planned answers (first attempts) that were asked for or replayed."""
        self.cost_usd = 0.0
        self.worst_cases = WorstCases()
        self.finished = 0
        """Cases finished, in the prefix or not."""
        groups = [case.group for case in job.cases] if self.scoring.groups else []
        self.prefix = Prefix(groups)
        self._lost = 0
        """Cases that lack an answer or a score."""
        self._digests = job.header.case_digests
        self._started = job.clock.monotonic()
        self._told = -math.inf

    @property
    def epochs(self) -> int:
        """Answers planned for each case."""
        return self.job.header.epochs

    def result(self, case: Case, trials: list[Trial]) -> CaseResult:
        """The trials of one case with the scores over its epochs."""
        if len(trials) > 1:
            trials.sort(key=lambda trial: (trial.epoch, trial.attempt))
        return CaseResult(
            case_id=case.id,
            case_digest=self._digests.get(case.id) or case.digest,
            trials=tuple(self.scoring.over_epochs(trials, case) if self.scoring.over_trials else trials),
        )

    def next_attempt(self, result: CaseResult) -> int | None:
        """The number of the further try that the stop rule wants for this case, or None.

        A further try answers the first epoch anew; a recording has only what was recorded.
        """
        if self.job.stop is None or not self.job.stop.wants_attempt(result):
            return None
        number = 1 + max(trial.attempt for trial in result.trials)
        return number if number < MAX_ATTEMPTS else None

    def finish(self, position: int, result: CaseResult) -> None:
        """Take a finished case; hand on the prefix; stop when the stop rule has seen enough."""
        self.finished += 1
        ready = self.prefix.add(position, result)
        if self.scoring.groups:
            self._score_group(position)
        for place, item in ready:
            self._take(place, item)
            if self.job.stop is not None and self.job.stop.observe(item):
                self.stopped = "verdict" if self.stopped != "interrupted" else self.stopped
                break
        self.show()

    def _score_group(self, position: int) -> None:
        places = self.prefix.whole_group(position)
        members = [self.prefix.at(place) for place in places]
        cases = [self.job.cases[place] for place in places]
        if members:
            for place, scored in zip(places, self.scoring.over_group(members, cases), strict=True):
                self.prefix.replace(place, scored)

    def _take(self, position: int, result: CaseResult) -> None:
        self.results.put(result)
        self._lost += _is_lost(result)
        if self.job.store is not None:
            self.job.store.put_case(self.job.header.run_id, position, result)

    def show(self) -> None:
        """Tell the progress display where things are, now and then, at the end and when the run is being stopped."""
        job = self.job
        if job.progress is None:
            return
        total, now = len(job.cases), job.clock.monotonic()
        if now < self._told + TELL_EVERY_S and self.finished < total and self.stopped != "interrupted":
            return
        self._told = now
        elapsed = now - self._started
        job.progress.update(
            Progress(
                title=job.title or job.candidate.name,
                done=self.finished,
                total=total,
                cost_usd=self.cost_usd,
                max_cost=job.max_cost,
                retries=job.pacing.retries if job.pacing is not None else 0,
                eta_s=elapsed / self.finished * (total - self.finished) if self.finished else None,
                note=STOPPING if self.stopped == "interrupted" else "",
            )
        )

    def close(self) -> Run:
        """The run as it ended, written to the store."""
        if self.stopped == "verdict" and self.prefix.done == len(self.job.cases):
            self.stopped = ""  # certain only with the last case: nothing was stopped
        if self.stopped != "verdict":
            # No verdict was reached, so nothing depends on the order: what came behind a gap counts as answered.
            for position, result in self.prefix.waiting():
                self._take(position, result)
        calls = self._calls()
        complete = not self.stopped and self._whole()
        if self.job.store is not None:
            self.job.store.finish_run(self.job.header.run_id, calls=calls, complete=complete, stopped=self.stopped)
        return Run(
            header=self.job.header,
            results=self.results,
            calls=calls,
            complete=complete,
            stopped=self.stopped,
            notes=self.worst_cases.sentences(self.made),
        )

    def _calls(self) -> CallCounts:
        planned = self.epochs * len(self.job.cases)
        calls = CallCounts(planned=planned, made=self.made, replayed=self.replayed, cost_usd=self.cost_usd)
        if self.stopped == "verdict":
            calls = replace(calls, saved_by_early_stop=max(0, planned - self.asked))
        return calls

    def _whole(self) -> bool:
        return len(self.results) == len(self.job.cases) and not self._lost


def _is_lost(result: CaseResult) -> bool:
    return any(
        isinstance(part, Failure) and part.blame == "infrastructure"
        for trial in result.trials
        for part in (trial.output, *trial.scores.values())
    )
