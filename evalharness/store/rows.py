"""From values to rows and back: JSON, compressed where it pays, guarded by a checksum.

Nothing here is pickled, and nothing that comes out of a row is used before its checksum was compared.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from evalharness.core.results import CallCounts, CaseResult, Output, RunHeader, Trial
from evalharness.core.rows import trial_to_row
from evalharness.core.specs import digest

Column: TypeAlias = bytes | str | float | int | None

PLAIN_BYTES: Final = 512
"""Bodies up to this length are kept as they are; longer ones are compressed."""
_PLAIN, _PACKED = b"\0", b"\1"
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class DamagedRow(ValueError):
    """A row whose checksum or form is wrong."""


def checksum(columns: Sequence[Column]) -> int:
    """CRC-32 over the columns of a row, in order: bytes as they are, everything else as Python writes it."""
    crc = 0
    for column in columns:
        crc = zlib.crc32(column if type(column) is bytes else repr(column).encode("utf-8", "surrogatepass"), crc)
    return crc


def key_bytes(key: str) -> bytes:
    """The 32 bytes of a content key.

    Raises:
        ValueError: If it is not 64 hex digits.
    """
    blob = bytes.fromhex(key)
    if len(key) != 64 or len(blob) != 32:  # fromhex skips blanks
        raise ValueError(f"a key is a SHA-256 of 64 hex digits, got {key[:80]!r}")
    return blob


def to_bytes(value: Any) -> bytes:
    """Compact JSON in UTF-8. A lone surrogate, which UTF-8 cannot hold, is kept as a JSON escape.

    Raises:
        ValueError: On NaN or an infinite number.
    """
    try:
        return _ENCODER.encode(value).encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")


def pack(data: bytes) -> bytes:
    """A body as it is stored: one byte that says how, then the data, compressed when over ``PLAIN_BYTES``."""
    return _PLAIN + data if len(data) <= PLAIN_BYTES else _PACKED + zlib.compress(data, 1)


def unpack(body: bytes) -> bytes:
    """The opposite of :func:`pack`.

    Raises:
        DamagedRow: If it is not such a body.
    """
    if body[:1] == _PLAIN:
        return body[1:]
    if body[:1] != _PACKED:
        raise DamagedRow("unknown form of a body")
    try:
        return zlib.decompress(body[1:])
    except zlib.error as error:
        raise DamagedRow(f"a body cannot be unpacked: {error}") from error


def plain_text(text: str) -> str:
    """The text, with lone surrogates (file names, environment) made visible: SQLite stores UTF-8 only."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


# --- cases of a run -------------------------------------------------------------------------------------------------


def trials_to_bytes(result: CaseResult, signatures: Mapping[str, str]) -> bytes:
    """The trials of one case as JSON. A stored answer is named by its key, anything else stands inline."""
    return to_bytes(
        [trial_to_row(trial, result.case_id, signatures, by_key=is_stored(trial)) for trial in result.trials]
    )


def is_stored(trial: Trial) -> bool:
    """True when the trial's answer lies in the table of answers under its key."""
    return bool(trial.key) and isinstance(trial.output, Output) and trial.output.error is None


def replayed_flags(trials: Sequence[Trial]) -> str:
    """One character a trial, ``1`` for replayed; empty when all are."""
    flags = "".join("1" if trial.replayed else "0" for trial in trials)
    return flags if "0" in flags else ""


# --- runs -----------------------------------------------------------------------------------------------------------


def header_to_bytes(header: RunHeader) -> bytes:
    """The header without its case digests, which are kept once for all runs that share them."""
    return to_bytes({name: value for name, value in header.to_json().items() if name != "case_digests"})


def calls_to_bytes(calls: CallCounts) -> bytes:
    """The call counts as JSON."""
    return to_bytes({name: getattr(calls, name) for name in CallCounts.__slots__})


def identity_of(header: RunHeader) -> str:
    """What makes two runs the same run: a stopped one is gone on with by a run of equal identity.

    Eval set, candidate, scorers, seeds, epochs, order, purpose, gate, and the cases that are asked. Not the commit, the
    versions or the time.

    Returns:
        SHA-256, 64 hex digits.
    """
    return digest(
        {
            "purpose": header.purpose,
            "gate": header.gate,
            "evalset": header.evalset.get("digest", header.evalset),
            "candidate": header.candidate.get("digest", header.candidate),
            "scorers": header.scorers,
            "epochs": header.epochs,
            "seed": header.seed,
            "order_seed": header.order_seed,
            "cases": header.case_digests,
        }
    )
