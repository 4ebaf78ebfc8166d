"""Runs one candidate on some cases: header, store, money, resuming. The only caller of the runner."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias

from evalharness.core.cases import Case, EvalSet
from evalharness.core.errors import ConfigError, UsageError
from evalharness.core.protocols import Candidate, Recording, ScorerFacts, StopRule
from evalharness.core.results import CallCounts, Output, Run, RunHeader
from evalharness.core.specs import digest_text
from evalharness.core.text import visible
from evalharness.project.gitfacts import commit_of
from evalharness.project.scoring_pool import executor_of
from evalharness.project.workspace import Workspace
from evalharness.runner.job import Job, RunStore
from evalharness.runner.run import run_cases
from evalharness.store.past import Spent
from evalharness.store.rows import identity_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is to be run; ``execute`` adds what the workspace knows."""

    purpose: str
    """``run``, ``gate``, ``promote`` or ``compare``."""
    candidate: Candidate | Recording
    evalset: EvalSet
    cases: Sequence[Case]
    """In the planned order."""
    scorers: Sequence[ScorerFacts]
    gate: str = ""
    epochs: int = 1
    order_seed: str = ""
    stop: StopRule | None = None
    max_cost: float | None = None
    """The gate's own cap."""
    fresh: bool = False
    """Do not use the answers of other runs."""
    recorded: Mapping[str, Output] | None = None
    """Answers by content key that come before the store's: the baseline's own, so that an unchanged request costs
    nothing and differs by exactly 0."""
    resume: str = ""
    """Command line that goes on with the run."""


def execute(workspace: Workspace, task: Task) -> Run:
    """Answer and score the cases of a task.

    Args:
        workspace: The opened project.
        task: What to run.

    Returns:
        The run, resumed where it was cut off before.

    Raises:
        UsageError: If it could cost money and nobody said how much.
        EvalhError: As ``runner.run_cases``.
    """
    header = make_header(workspace, task)
    identity = identity_of(header)
    keep = workspace.store()
    unfinished = keep.resumable(identity) if keep is not None else None
    before = None
    if keep is not None and unfinished is not None:
        header = replace(header, run_id=unfinished)
        before = keep.spent(unfinished)
    paid = not isinstance(task.candidate, Recording) or any(scorer.costly for scorer in task.scorers)
    options = workspace.options
    if paid and not options.offline:
        check_money(workspace, task)
    store = _store(workspace, task)
    run = run_cases(
        Job(
            header=header,
            cases=task.cases,
            candidate=task.candidate,
            scorers=task.scorers,
            store=store,
            stop=task.stop,
            pacing=workspace.pacing() if paid else None,
            jobs=workspace.jobs,
            executor=executor_of(workspace),
            timeout_s=workspace.config.defaults.timeout,
            max_cost=left_to_spend(workspace, task, before),
            offline=options.offline,
            fresh=task.fresh or options.fresh,
            identity=digest_text(f"{identity}\x1f{header.run_id}"),
            resume=task.resume,
            title=task.gate or task.candidate.name,
            progress=options.progress,
        )
    )
    workspace.spent_usd += run.calls.cost_usd
    if run.calls.made:
        run = replace(run, notes=(*run.notes, *price_notes(workspace, task)))
    return run if before is None else replace(run, calls=over_all_legs(run.calls, before))


def left_to_spend(workspace: Workspace, task: Task, before: Spent | None) -> float | None:
    """What may still be spent; what the run cost before it was cut off counts."""
    left = workspace.money_left(task.max_cost)
    return left if left is None or before is None else max(0.0, left - before.cost_usd)


def over_all_legs(calls: CallCounts, before: Spent) -> CallCounts:
    """The counts of a resumed run as if it had never been cut off: what it had paid for itself is no replay."""
    return replace(
        calls,
        made=calls.made + before.calls,
        replayed=max(0, calls.replayed - before.answers),
        cost_usd=calls.cost_usd + before.cost_usd,
    )


def make_header(workspace: Workspace, task: Task) -> RunHeader:
    """Everything that is needed to rebuild the run, fixed before its first call."""
    candidate, evalset = task.candidate, task.evalset
    return RunHeader(
        run_id=secrets.token_hex(6),
        purpose=task.purpose,
        gate=task.gate,
        evalset={"name": evalset.name, "version": evalset.version, "digest": evalset.digest, "n": len(evalset)},
        candidate={
            "name": candidate.name,
            "digest": candidate.digest,
            "kind": candidate.kind,
            "params": candidate.description,
        },
        scorers={scorer.name: scorer.signature for scorer in task.scorers},
        epochs=task.epochs,
        seed=workspace.config.defaults.seed,
        order_seed=task.order_seed,
        created=now(),
        commit=commit_of(workspace.root) if workspace.use_store else "",
        versions=versions(),
        case_digests=_digests(task),
    )


def _digests(task: Task) -> Mapping[str, str]:
    """Digest of every case that may be asked: those of the eval set as they are, where it is asked as a whole."""
    if len(task.cases) == len(task.evalset.living):
        return task.evalset.digests
    return {case.id: case.digest for case in task.cases}


def now() -> str:
    """UTC time to the second, ISO 8601 with ``Z``; only ever shown."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def versions() -> dict[str, str]:
    """What computed a run: this package and Python."""
    import platform

    from evalharness import __version__

    return {"evalharness": __version__, "python": platform.python_version()}


def check_money(workspace: Workspace, task: Task) -> None:
    """Refuse or ask before anything is spent that nobody agreed to, on answers or on judgements.

    Raises:
        UsageError: If calls could cost money and there is no cap, or the price is unknown, and nobody said ``-y``.
    """
    if workspace.options.yes:
        return
    payers = _payers(task)
    for name, price in payers:
        if price is None:
            raise ConfigError(
                f"the price of {name!r} is unknown, so max_cost could not be kept",
                tip=f'add it under [prices]: "{name}" = {{ input = 0.25, output = 2.0 }}, or run with -y to count it as 0 '
                "(a table of prices comes with: pip install 'evalharness[prices]')",
                code="price_unknown",
            )
    if payers and workspace.money_left(task.max_cost) is None:
        question = f"{_calls(task)} and no max_cost"
        if workspace.options.interactive and _agreed(question):
            return
        raise UsageError(question, tip="set --max-cost USD (or max_cost in the config), or -y to go without a cap")


def _calls(task: Task) -> str:
    """Who will be called about how many answers; a judge more than once about each, where that is needed."""
    answers = len(task.cases) * task.epochs
    candidate = _candidate_payer(task.candidate)
    judges = dict.fromkeys(payer[0] for payer in map(_judge_payer, task.scorers) if payer)
    said = [f"{answers} calls to {candidate[0]!r}"] if candidate else []
    said += [f"{answers} answers for {name!r} to judge" for name in judges]
    return ", ".join(said)


_Payer: TypeAlias = tuple[str, tuple[float, float] | None]
"""Model name, and its price where that is known."""


def _payers(task: Task) -> list[_Payer]:
    return [payer for payer in (_candidate_payer(task.candidate), *map(_judge_payer, task.scorers)) if payer]


def price_notes(workspace: Workspace, task: Task) -> tuple[str, ...]:
    """Where the prices are from that the config does not name."""
    told = workspace.price_table.told
    return tuple(dict.fromkeys(told[name] for name, _ in _payers(task) if name in told))


def _candidate_payer(candidate: Candidate | Recording) -> _Payer | None:
    if isinstance(candidate, Recording) or candidate.price == (0.0, 0.0):
        return None
    if candidate.price is None and candidate.kind != "model":
        return None  # own code and own services: what they cost is not ours to know
    return str(candidate.description.get("model", candidate.name)), candidate.price


def _judge_payer(scorer: ScorerFacts) -> _Payer | None:
    judge = getattr(scorer, "judge", None)
    seats = judge.all_seats if judge is not None else ()
    paid = [seat for seat in seats if seat.price != (0.0, 0.0)]
    unknown = [seat for seat in paid if seat.price is None]
    return next(((seat.model, seat.price) for seat in (*unknown, *paid)), None)


def _agreed(question: str) -> bool:
    import sys

    sys.stderr.write(f"{visible(question)}. Go on? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _store(workspace: Workspace, task: Task) -> RunStore | None:
    store = workspace.store()
    if store is None:
        return None
    return store if not task.recorded else BaselineFirst(store, task.recorded)


class BaselineFirst:
    """A store that looks among the baseline's own answers before its rows; everything else goes straight through."""

    def __init__(self, store: RunStore, answers: Mapping[str, Output]) -> None:
        self._store = store
        self._answers = answers
        self.put_answer = store.put_answer
        self.find_score = store.find_score
        self.put_score = store.put_score
        self.start_run = store.start_run
        self.put_case = store.put_case
        self.note_attempt = store.note_attempt
        self.finish_run = store.finish_run
        self.flush = store.flush

    def find_answer(self, key: str) -> Output | None:
        """The baseline's answer to the same request, else the stored one."""
        found = self._answers.get(key)
        return found if found is not None else self._store.find_answer(key)


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall seconds so far."""
        return time.monotonic() - self._start


def no_calls(run: Run) -> Run:
    """A run as it looks when it is only read: nothing was called in this command."""
    return replace(run, calls=CallCounts(planned=run.calls.planned, replayed=run.calls.planned))
