"""The results of a run: the first ones as they are, the others packed, so that a hundred thousand fit in little memory.

A result takes one to two kilobytes as values and a tenth of that as compressed JSON. Packing costs time, so the results of
an ordinary run stay as they are. Each is packed by itself, for they are asked for in any order.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from evalharness.core.results import CaseResult, Trial
from evalharness.core.rows import output_of_row, trial_from_row, trial_to_row

AS_THEY_ARE: Final = 10_000
"""Results that are not packed."""
_WINDOW: Final = -12
"""Raw deflate over 4 kB: little to set up, and enough beside the sample that all are packed against."""
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))


class Kept(Mapping[str, CaseResult]):
    """Case id -> result, in the order they were put.

    Args:
        signatures: Scorer name -> signature, of the run.
        digests: Case id -> digest, of the run.
        plain: Results that are not packed.
    """

    def __init__(self, signatures: Mapping[str, str], digests: Mapping[str, str], *, plain: int = AS_THEY_ARE) -> None:
        self._signatures, self._digests, self._plain = signatures, digests, plain
        self._results: dict[str, CaseResult | bytes] = {}
        self._sample = b""
        """A result before it is compressed; the others are like it."""

    def put(self, result: CaseResult) -> None:
        """Keep a result."""
        small = len(self._results) < self._plain
        self._results[result.case_id] = result if small else self._packed(result)

    def __getitem__(self, case_id: str) -> CaseResult:
        found = self._results[case_id]
        return self._unpacked(case_id, found) if isinstance(found, bytes) else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)

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
