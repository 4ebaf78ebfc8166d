"""The results of a run, kept so that a million fit in little memory: packed, or as references to what repeats.

A result takes one to two kilobytes as values and a tenth of that as compressed JSON. Packing costs time, so the results of
an ordinary run stay as they are. Each is packed by itself, for they are asked for in any order. A recorded answer is in
memory anyhow, and labels and 0/1 scores repeat, so that a million results are a million references to a few rows.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from evalharness.core.results import CaseResult, Failure, Output, ScoreResult, Trial
from evalharness.core.rows import output_of_row, trial_from_row, trial_to_row

AS_THEY_ARE: Final = 10_000
"""Results that are not packed."""
_WINDOW: Final = -12
"""Raw deflate over 4 kB: little to set up, and enough beside the sample that all are packed against."""
_MOST_SHARED: Final = 4096
"""Different rows that are shared between cases."""
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))


class _Recorded(NamedTuple):
    """What is to be kept of a case with one recorded answer."""

    output: Output | Failure
    scores: Mapping[str, ScoreResult]
    replayed: bool


class Kept(Mapping[str, CaseResult]):
    """Case id -> result, in the order they were put.

    Args:
        signatures: Scorer name -> signature, of the run.
        digests: Case id -> digest, of the run.
        plain: Results that are not packed.
    """

    def __init__(self, signatures: Mapping[str, str], digests: Mapping[str, str], *, plain: int = AS_THEY_ARE) -> None:
        self._signatures, self._digests, self._plain = signatures, digests, plain
        self._results: dict[str, CaseResult | bytes | _Recorded] = {}
        self._shared: dict[tuple[int, int, bool], _Recorded] = {}
        """Rows by the objects that they are made of and keep alive."""
        self._sample = b""
        """A result before it is compressed; the others are like it."""

    def put(self, result: CaseResult) -> None:
        """Keep a result."""
        if self._is_recorded(result):
            self._results[result.case_id] = self._row(result.trials[0])
        else:
            small = len(self._results) < self._plain
            self._results[result.case_id] = result if small else self._packed(result)

    def __getitem__(self, case_id: str) -> CaseResult:
        found = self._results[case_id]
        if isinstance(found, _Recorded):
            trial = Trial(case_id=case_id, output=found.output, scores=found.scores, replayed=found.replayed)
            return CaseResult(case_id=case_id, case_digest=self._digests[case_id], trials=(trial,))
        return self._unpacked(case_id, found) if isinstance(found, bytes) else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)

    def _is_recorded(self, result: CaseResult) -> bool:
        """Whether it is the one answer of a recording, which no store has under a key."""
        trial = result.trials[0] if len(result.trials) == 1 else None
        if trial is None or trial.key or trial.epoch or trial.attempt or trial.case_id != result.case_id:
            return False
        return result.case_digest == self._digests.get(result.case_id)

    def _row(self, trial: Trial) -> _Recorded:
        place = (id(trial.output), id(trial.scores), trial.replayed)
        row = self._shared.get(place)
        if row is None:
            row = _Recorded(trial.output, trial.scores, trial.replayed)
            if len(self._shared) < _MOST_SHARED:
                self._shared[place] = row
        return row

    def _packed(self, result: CaseResult) -> bytes:
        trials = [
            (trial_to_row(trial, result.case_id, self._signatures), int(trial.replayed)) for trial in result.trials
        ]
        known = result.case_digest == self._digests.get(result.case_id)
        data = _ENCODER.encode([None if known else result.case_digest, trials]).encode("ascii")
        self._sample = self._sample or data
        press = zlib.compressobj(1, wbits=_WINDOW, zdict=self._sample)
        return press.compress(data) + press.flush()

    def _unpacked(self, case_id: str, packed: bytes) -> CaseResult:
        data = zlib.decompressobj(wbits=_WINDOW, zdict=self._sample).decompress(packed)
        digest, trials = json.loads(data)
        return CaseResult(
            case_id=case_id,
            case_digest=self._digests[case_id] if digest is None else digest,
            trials=tuple(self._trial(case_id, row, bool(replayed)) for row, replayed in trials),
        )

    def _trial(self, case_id: str, row: Mapping[str, Any], replayed: bool) -> Trial:  # noqa: FBT001
        output = output_of_row(row)
        assert output is not None
        return trial_from_row(row, case_id=case_id, output=output, signatures=self._signatures, replayed=replayed)
