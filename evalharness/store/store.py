"""The face of the store: what was paid for, what was scored, and what runs there were.

Who writes holds the lock of the folder. Reading needs no lock, and a store takes it as late as it safely can:

- at the start of a run that is new or goes on with a stopped one;
- in a replay at the first answer or score that is not there, *before* it is called for; then it is looked up once more,
  so that two processes never pay for one answer;
- in a replay that found everything, at its end, for the one row of the run. Once taken it is held until ``close``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from evalharness.core.errors import ConfigError, DiskFailed, StoreError
from evalharness.core.protocols import Request
from evalharness.core.results import CallCounts, CaseResult, Failure, Output, Run, RunHeader, ScoreResult
from evalharness.core.rows import score_to_row
from evalharness.store import past
from evalharness.store.hold import DATABASE, Hold, prepare
from evalharness.store.lock import wait_seconds
from evalharness.store.past import RunSummary
from evalharness.store.rows import Column, checksum, key_bytes, pack, plain_text, to_bytes
from evalharness.store.runlog import RunLog
from evalharness.store.schema import CHECKED, check_file


def open_store(
    folder: Path,
    *,
    wait_s: float | None = None,
    on_wait: Callable[[str], None] | None = None,
    read_only: bool = False,
) -> Store:
    """Open the store of a project; makes the folder, with its own ``.gitignore``, when it is not there.

    Neither locks nor creates the database: that happens when something has to be written.

    Args:
        folder: ``.evalh`` or EVALH_DIR.
        wait_s: Seconds to wait for another process; EVALH_WAIT or 600 when left out.
        on_wait: Called with a sentence that names the process that is waited for.
        read_only: Make nothing and write nothing; a missing store is an empty one.

    Returns:
        The store; use it in a ``with`` statement.

    Raises:
        ConfigError: If the folder cannot be made or written, known before anything is paid for.
        StoreError: If there is a file that is not a store of this version; it is left untouched.
    """
    wait = wait_seconds() if wait_s is None else wait_s
    if not read_only:
        prepare(folder)
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
        if (folder / name).is_symlink():
            raise ConfigError("the store must not be a link", where=str(folder / name), tip="remove the link")
    check_file(folder / DATABASE)
    return Store(Hold(folder, wait_s=wait, on_wait=on_wait, read_only=read_only))


class Store:
    """Answers, scores and runs of one project. Made by :func:`open_store`."""

    def __init__(self, hold: Hold) -> None:
        self.folder = hold.path.parent
        self.reader = hold.reader
        """Looks things up without the lock."""
        self._hold = hold
        self._logs: dict[str, RunLog] = {}
        self._open_runs: set[str] = set()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except (DiskFailed, StoreError):
            if error is None:
                raise  # else the first error is the one to tell

    @property
    def claimed(self) -> bool:
        """True while this store holds the lock and may write."""
        return self._hold.writer is not None

    def claim(self) -> None:
        """Take the lock now, waiting for another process. Does nothing when it is held.

        Raises:
            StoreError: If another process holds it for too long, or the store is damaged.
            DiskFailed: If the database cannot be made.
        """
        self._hold.claim()

    def flush(self) -> None:
        """Return when everything handed over so far is durable.

        Raises:
            DiskFailed: If it could not be written; what was acknowledged before stays.
        """
        if self._hold.writer is not None:
            self._hold.writer.flush()

    def close(self) -> None:
        """Write what was handed over, merge the log into ``store.db``, give the lock back.

        Raises:
            DiskFailed: If the last records could not be written.
        """
        self._hold.close()

    # --- answers and scores (core.protocols.Recorder) ---------------------------------------------------------------

    def find_answer(self, key: str) -> Output | None:
        """The answer under a content key, or None.

        While a run goes on, None means that the lock is held and nobody else has paid for it.

        Raises:
            StoreError: If its row is damaged.
        """
        found: Output | None = self._find("answers", key, self._answer)
        return found

    def put_answer(self, key: str, output: Output, request: Request) -> None:
        """Hand over an answer; durable after the next group commit. The first answer under a key stays.

        Raises:
            ValueError: If the output stands for an error: errors are never stored as answers.
            DiskFailed: If the store cannot be written any more.
        """
        if output.error is not None:
            raise ValueError("an error is never stored as an answer")
        number = log.number if (log := self._newest_log()) is not None else 0
        blob = key_bytes(key)
        row = (blob, number, plain_text(request.case_id), time.time(), pack(to_bytes(output.to_json())))
        self._put("answers", blob, (*row, checksum(row)), output)

    def find_score(self, key: str) -> ScoreResult | None:
        """A stored costly score, or None; as :meth:`find_answer`."""
        found: ScoreResult | None = self._find("scores", key, self.reader.score)
        return found

    def put_score(self, key: str, result: ScoreResult, *, case_id: str = "") -> None:
        """Hand over a costly score.

        Args:
            key: 64 hex digits.
            result: A score, or Unscored.
            case_id: The case it belongs to, so that ``forget`` finds it; scores without one go with any case.

        Raises:
            ValueError: If it is a Failure.
            DiskFailed: If the store cannot be written any more.
        """
        if isinstance(result, Failure):
            raise ValueError("a failure is never stored as a score")  # noqa: TRY004 - a wrong value of a union
        blob = key_bytes(key)
        row = (blob, plain_text(case_id), time.time(), pack(to_bytes(score_to_row(result, ""))))
        self._put("scores", blob, (*row, checksum(row)), result)

    def _put(self, table: str, blob: bytes, row: tuple[Column, ...], value: Output | ScoreResult) -> None:
        self._hold.absent.put(table, blob)
        self._hold.claim().put(table, row, name=(table, blob), value=value)

    def _answer(self, blob: bytes) -> Output | None:
        log = self._newest_log()
        return (None if log is None else log.soon(blob)) or self.reader.answer(blob)

    def _find(self, table: str, key: str, look: Callable[[bytes], Any]) -> Any:
        blob, writer = key_bytes(key), self._hold.writer
        if writer is not None:
            return None if self._hold.absent.lacks(table, blob) else writer.unsaved.get((table, blob)) or look(blob)
        found = look(blob)
        if found is None and self._open_runs and not self._hold.read_only:
            self._hold.claim()
            found = look(blob)
        return found

    # --- runs -------------------------------------------------------------------------------------------------------

    def start_run(self, header: RunHeader) -> None:
        """Begin a run, or go on with the stopped run of the same id (which keeps its first header).

        Raises:
            ValueError: If the run of that id is finished and complete.
        """
        self.flush()  # it may replay or go on with a run that this store has just written
        self._logs[header.run_id] = RunLog(self._hold, header)
        self._open_runs.add(header.run_id)

    def note_attempt(self, run_id: str, key: str, kind: str, cost_usd: float, latency_s: float | None) -> None:
        """Book one call that was paid, or may have been.

        Args:
            run_id: A started run.
            key: Content key of what was asked.
            kind: ``ok``, a failure kind, or ``cancelled``.
            cost_usd: US dollars, >= 0.
            latency_s: Seconds, or None.
        """
        self._logs[run_id].note_attempt(key, kind, cost_usd, latency_s)

    def put_case(self, run_id: str, position: int, result: CaseResult) -> None:
        """Hand over a finished case at its place (from 0) in the planned order; a second time replaces it.

        An answer whose trial has a key must have been put, or found, before.
        """
        self._logs[run_id].put_case(position, result)

    def finish_run(
        self, run_id: str, *, calls: CallCounts, complete: bool, stopped: str, verdict_json: str | None = None
    ) -> None:
        """Write how a run ended; everything about it is durable when this returns."""
        log = self._logs[run_id]
        log.finish(calls=calls, complete=complete, stopped=stopped)
        self._open_runs.discard(run_id)
        if verdict_json is not None:
            self.put_verdict(run_id, verdict_json)
        self.flush()

    def put_verdict(self, run_id: str, verdict_json: str) -> None:
        """Add the verdict to the row of a run that this store finished."""
        outcome = str(json.loads(verdict_json).get("outcome", ""))
        self._logs[run_id].put_verdict(to_bytes(json.loads(verdict_json)), outcome)

    def resumable(self, header_identity: str) -> str | None:
        """Id of the stopped or killed run to go on with, if the newest run of this identity is one.

        Args:
            header_identity: ``rows.identity_of(header)``.

        Returns:
            The id; the lock is then held, so no other process goes on with it too.
        """
        if not self._stopped_run(header_identity):
            return None
        self._hold.claim()
        return self._stopped_run(header_identity)  # the process that was waited for may have finished it

    def _stopped_run(self, header_identity: str) -> str | None:
        found = self.reader.runs("identity=?", (header_identity,), limit=1)
        if not found or found[0].run_id in self._open_runs:
            return None
        row = found[0]
        stopped = row.state == "running" or (not row.complete and row.stopped not in ("", "verdict"))
        return row.run_id if stopped else None

    def load_run(self, name: str) -> Run:
        """The run with an id or an unambiguous start of one.

        Raises:
            UsageError: If there is no such run.
            StoreError: If a row is damaged.
        """
        self.flush()
        return past.load(self.reader, past.find_run(self.reader, name))

    def runs(self, limit: int = 20) -> list[RunSummary]:
        """The newest runs first."""
        self.flush()
        return past.summarize(self.reader, limit)

    def verdict_of(self, name: str) -> str | None:
        """The verdict JSON that was kept with a run, or None."""
        self.flush()
        row = past.find_run(self.reader, name)
        return self.reader.unpacked(row.verdict).decode("utf-8") if row.verdict else None

    def answers_of_run(self, name: str) -> Iterator[past.Answered]:
        """The answers of a run in planned order, read one at a time."""
        self.flush()
        return past.answers(self.reader, past.find_run(self.reader, name))

    def spent(self, run_id: str) -> past.Spent:
        """What a run has cost over all its legs; nothing for a run that is not known."""
        log = self._logs.get(run_id)
        if log is not None:
            return past.Spent(calls=log.calls, cost_usd=log.cost_usd, answers=self.reader.paid_answers(log.number))
        return past.spent(self.reader, run_id)

    def _newest_log(self) -> RunLog | None:
        return next((self._logs[run_id] for run_id in reversed(self._logs) if run_id in self._open_runs), None)

    # --- looks and tries --------------------------------------------------------------------------------------------

    def record_look(self, gate: str, baseline_digest: str, run_id: str) -> None:
        """Count one look at the holdout of a gate. A run that replays an earlier one is the same look."""
        log = self._logs.get(run_id)
        self._once("looks", gate, baseline_digest, log.root_id if log is not None else run_id)

    def count_looks(self, gate: str, baseline_digest: str) -> int:
        """How often this gate was decided against this baseline."""
        return self._count("looks", "gate=? AND baseline=?", gate, baseline_digest)

    def record_try(self, pull_request: str, gate: str, candidate_digest: str) -> None:
        """Count a candidate on a pull request and gate, once its first case is scored. Never taken back."""
        self._once("tries", pull_request, gate, candidate_digest)

    def count_tries(self, pull_request: str, gate: str) -> int:
        """Distinct candidates that were tried on this pull request and gate."""
        return self._count("tries", "pull_request=? AND gate=?", pull_request, gate)

    def try_number(self, pull_request: str, gate: str, candidate_digest: str) -> int:
        """Which try on this pull request and gate a candidate is, or would be: 1 for the first one recorded."""
        self.flush()
        names = (plain_text(pull_request), plain_text(gate))
        sql = "SELECT candidate FROM tries WHERE pull_request=? AND gate=? ORDER BY created, candidate"
        known = [row[0] for row in self.reader.rows(sql, names)]
        wanted = plain_text(candidate_digest)
        return known.index(wanted) + 1 if wanted in known else len(known) + 1

    def _once(self, table: str, *names: str) -> None:
        values = tuple(plain_text(name) for name in names)
        where = " AND ".join(f"{column}=?" for column in CHECKED[table][:3])
        if self.reader.rows(f"SELECT 1 FROM {table} WHERE {where}", values):  # noqa: S608 - names of ours
            return
        row: tuple[Column, ...] = (*values, time.time())
        self._hold.claim().put(table, (*row, checksum(row)))

    def _count(self, table: str, where: str, *names: str) -> int:
        self.flush()
        values = tuple(plain_text(name) for name in names)
        columns = ",".join(CHECKED[table])
        found = self.reader.rows(f"SELECT {columns},crc FROM {table} WHERE {where}", values)  # noqa: S608 - constants of ours
        for row in found:
            self.reader.verify(row[:-1], row[-1], table)
        return len(found)

    # --- computed plans ---------------------------------------------------------------------------------------------

    def cache_get(self, name: str) -> bytes | None:
        """Bytes kept under a name, or None. A cache: they can be computed again."""
        return self.reader.plan(name)

    def cache_put(self, name: str, data: bytes) -> None:
        """Keep bytes under a name, if that needs no waiting: another process at work means that nothing is kept."""
        if self._hold.claim_at_once():
            row = (plain_text(name), pack(data))
            self._hold.claim().put("plans", (*row, checksum(row)))
