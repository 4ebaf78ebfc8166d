"""One run while it goes on, and whether it needs rows of its own.

A run that replays an earlier, equal run case by case writes nothing: every row it would write is compared with that
run's row, and at the end one row says "same as that run". The first difference, or the first call, ends this: the run
gets its own row and the rows so far, and writes from then on.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final, Protocol

from evalharness.core.results import CallCounts, CaseResult, Output, RunHeader
from evalharness.core.specs import digest
from evalharness.store.ahead import ReadAhead
from evalharness.store.diagnosis import damaged
from evalharness.store.read import CaseRow, Reader, RunRow
from evalharness.store.rows import (
    calls_to_bytes,
    checksum,
    header_to_bytes,
    identity_of,
    key_bytes,
    pack,
    plain_text,
    replayed_flags,
    to_bytes,
    trials_to_bytes,
)
from evalharness.store.writer import Writer

_COPY: Final = (
    "INSERT OR REPLACE INTO run_cases(run,replayed,position,case_id,case_digest,body,crc) "
    "SELECT ?,'',position,case_id,case_digest,body,crc FROM run_cases WHERE run=? AND position=?"
)


class Claims(Protocol):
    """What a run needs of the store: reading, and the writer once the lock is held."""

    reader: Reader

    def claim(self) -> Writer:
        """Take the lock if it is not held yet."""
        ...

    def take_number(self) -> int:
        """A fresh number of a run; the lock is held."""
        ...


class RunLog:
    """The rows of one run. Thread-safe only as far as the writer is: use it from one thread."""

    def __init__(self, store: Claims, header: RunHeader) -> None:
        self.header = header
        self.calls, self.cost_usd = 0, 0.0
        """What the run has spent, over all its legs."""
        self._store = store
        self._signatures = header.scorers
        self._digests = header.case_digests
        self._seen = bytearray()
        """One byte a place: 1 where the earlier run's row is this run's row too."""
        self._places = self._places_before = 0
        """One more than the last place of this leg, and of the legs before it."""
        self._row, resumed = self._own_row()
        self._started = resumed
        """True once the run has a row of its own in the store."""
        self._earlier = self._row.id if resumed else self._twin()
        """Number of the run whose rows are compared; after a resume the run's own."""
        self._ahead = None if self._earlier is None else ReadAhead(store.reader, self._earlier)
        """Its rows and answers; None once this run goes its own way."""
        if resumed:
            self._resume()
        elif self._earlier is None:
            self._begin()

    # --- the beginning ----------------------------------------------------------------------------------------------

    def _own_row(self) -> tuple[RunRow, bool]:
        found = self._store.reader.runs("run_id=?", (self.header.run_id,))
        if found:
            if found[0].state == "finished" and found[0].complete:
                raise ValueError(f"there is already a finished run {self.header.run_id}")
            return replace(found[0], state="running", finished=None, outcome="", verdict=b"", stopped=""), True
        header, cases = self.header, dict(self.header.case_digests)
        row = RunRow(
            id=0,
            run_id=plain_text(header.run_id),
            identity=identity_of(header),
            state="running",
            same_as=None,
            cases=0,
            created=time.time(),
            finished=None,
            complete=0,
            stopped="",
            outcome="",
            case_set=bytes.fromhex(digest(cases)),
            header=pack(header_to_bytes(header)),
            calls=b"",
            verdict=b"",
        )
        return row, False

    def _twin(self) -> int | None:
        """The newest finished run of the same identity; of a run that had no rows of its own, the one it points to."""
        found = self._store.reader.runs("identity=? AND state='finished'", (self._row.identity,), limit=1)
        if not found:
            return None
        return found[0].id if found[0].same_as is None else found[0].same_as

    def _resume(self) -> None:
        self._store.claim().put("runs", self._row.values)
        self.calls, self.cost_usd = self._store.reader.spent(self._row.id)
        self._places_before = self._store.reader.case_count(self._row.id)

    def _begin(self) -> None:
        """Give the run its own row, and the rows that it shares with the earlier run so far."""
        writer = self._store.claim()
        self._row = replace(self._row, id=self._store.take_number())
        self._put_case_set(writer)
        writer.put("runs", self._row.values)
        for position, seen in enumerate(self._seen):
            if seen:
                writer.run_sql(_COPY, (self._row.id, self._earlier, position))
        self._started, self._earlier, self._seen, self._ahead = True, None, bytearray(), None

    def _put_case_set(self, writer: Writer) -> None:
        row = (self._row.case_set, pack(to_bytes(dict(self._digests))))
        if not self._store.reader.rows("SELECT 1 FROM case_sets WHERE digest=?", row[:1]):
            writer.put("case_sets", (*row, checksum(row)))

    # --- while it goes on -------------------------------------------------------------------------------------------

    @property
    def number(self) -> int:
        """Number of the run in the store; the run gets a row of its own if it has none."""
        if not self._started:
            self._begin()
        return self._row.id

    @property
    def root_id(self) -> str:
        """Run id of the run whose rows these are so far: the earlier one, or this."""
        replays = self._row.same_as if self._started else self._earlier
        earlier = self._store.reader.run_number(replays) if replays is not None else None
        return self._row.run_id if earlier is None else earlier.run_id

    def note_attempt(self, key: str, kind: str, cost_usd: float, latency_s: float | None) -> None:
        """Book one call."""
        number = self.number
        writer = self._store.claim()
        latency = None if latency_s is None else float(latency_s)
        row = (number, key_bytes(key), plain_text(kind), float(cost_usd), latency, time.time())
        writer.put("attempts", (*row, checksum(row)))
        self.calls += 1
        self.cost_usd += float(cost_usd)
        total = (number, self.calls, self.cost_usd)
        writer.put_newest("spend", (*total, checksum(total)), name=("spend", number))

    def soon(self, key: bytes) -> Output | None:
        """The answer under a key, if the earlier run has it in one of the next places."""
        return None if self._ahead is None else self._ahead.answer(key)

    def put_case(self, position: int, result: CaseResult) -> None:
        """Write a case at its place, unless the row that is compared says the same."""
        data = trials_to_bytes(result, self._signatures)
        known = result.case_digest == self._digests.get(result.case_id)
        case_digest = None if known else result.case_digest
        self._places = max(self._places, position + 1)
        if self._ahead is not None:
            old = self._ahead.case(position)
            flags = replayed_flags(result.trials)
            if old is not None and self._same(old, CaseRow(position, result.case_id, case_digest, flags, data)):
                self._mark(position)
                return
            if not self._started:
                self._begin()
        row = (position, result.case_id, case_digest, pack(data))
        self._store.claim().put("run_cases", (self._row.id, replayed_flags(result.trials), *row, checksum(row)))

    def _same(self, old: CaseRow, new: CaseRow) -> bool:
        same = (old.case_id, old.case_digest, old.data) == (new.case_id, new.case_digest, new.data)
        return same and (self._started or not new.replayed)

    def _mark(self, position: int) -> None:
        if not self._started:
            self._seen.extend(bytes(max(0, position + 1 - len(self._seen))))
            self._seen[position] = 1

    # --- the end ----------------------------------------------------------------------------------------------------

    def finish(self, *, calls: CallCounts, complete: bool, stopped: str) -> None:
        """Write how the run ended."""
        if not self._started:
            self._finish_replay()
        # A leg that reached its end says which cases the run has; one that was stopped takes none away.
        whole = stopped in ("", "verdict")
        places = self._places if whole else max(self._places, self._places_before)
        self._row = replace(
            self._row,
            state="finished",
            cases=places,
            finished=time.time(),
            complete=int(complete),
            stopped=plain_text(stopped),
            calls=pack(calls_to_bytes(calls)),
        )
        self._store.claim().put("runs", self._row.values)

    def _finish_replay(self) -> None:
        if not all(self._seen) or not self._seen:
            self._begin()
            return
        writer = self._store.claim()
        if self._store.reader.run_number(self._earlier or 0) is None:
            raise damaged("the run that was replayed was pruned meanwhile; run it again", self._store.reader.path)
        self._row = replace(self._row, id=self._store.take_number(), same_as=self._earlier)
        self._put_case_set(writer)
        self._started = True

    def put_verdict(self, verdict: bytes, outcome: str) -> None:
        """Add the verdict to the row of a finished run."""
        self._row = replace(self._row, verdict=pack(verdict), outcome=plain_text(outcome))
        self._store.claim().put("runs", self._row.values)
