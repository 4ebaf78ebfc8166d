"""From values to rows and back: JSON, compressed where it pays, guarded by a checksum.

Nothing here is pickled, and nothing that comes out of a row is used before its checksum was compared.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from evalharness.core.results import (
    CallCounts,
    CaseResult,
    Failure,
    Output,
    RunHeader,
    Score,
    ScoreResult,
    Trial,
    score_result_from_json,
    score_result_to_json,
)
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


# --- scores ---------------------------------------------------------------------------------------------------------


def score_to_row(result: ScoreResult, signature: str) -> dict[str, Any]:
    """JSON object of a score; signatures are written only where they differ from ``signature``."""
    data = score_result_to_json(result)
    if isinstance(result, Score):
        _sign(data, result, signature)
    return data


def _sign(data: dict[str, Any], score: Score, signature: str) -> None:
    if score.signature != signature:
        data["signature"] = score.signature
    for name, part in score.parts.items():
        _sign(data["parts"][name], part, score.signature)


def score_from_row(data: Mapping[str, Any], signature: str) -> ScoreResult:
    """The opposite of :func:`score_to_row`."""
    return _signed(data, signature) if "value" in data else score_result_from_json(data)


def _signed(data: Mapping[str, Any], signature: str) -> Score:
    own = data.get("signature", signature)
    parts = {name: _signed(part, own) for name, part in data.get("parts", {}).items()}
    plain = {key: value for key, value in data.items() if key not in ("signature", "parts")}
    return Score(**plain, parts=parts, signature=own)


# --- cases of a run -------------------------------------------------------------------------------------------------


def trials_to_bytes(result: CaseResult, signatures: Mapping[str, str]) -> bytes:
    """The trials of one case as JSON. A stored answer is named by its key, anything else stands inline."""
    return to_bytes([_trial_to_row(trial, result.case_id, signatures) for trial in result.trials])


def _trial_to_row(trial: Trial, case_id: str, signatures: Mapping[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    if trial.epoch or trial.attempt:
        row["at"] = [trial.epoch, trial.attempt]
    if trial.case_id != case_id:
        row["case"] = trial.case_id
    if trial.key:
        row["key"] = trial.key
    if isinstance(trial.output, Failure):
        row["failure"] = trial.output.to_json()
    elif not is_stored(trial):
        row["output"] = trial.output.to_json()
    if trial.scores:
        row["scores"] = {name: score_to_row(score, signatures.get(name, "")) for name, score in trial.scores.items()}
    return row


def is_stored(trial: Trial) -> bool:
    """True when the trial's answer lies in the table of answers under its key."""
    return bool(trial.key) and isinstance(trial.output, Output) and trial.output.error is None


def replayed_flags(trials: Sequence[Trial]) -> str:
    """One character a trial, ``1`` for replayed; empty when all are."""
    flags = "".join("1" if trial.replayed else "0" for trial in trials)
    return flags if "0" in flags else ""


def trial_from_row(
    row: Mapping[str, Any], *, case_id: str, output: Output | Failure, signatures: Mapping[str, str], replayed: bool
) -> Trial:
    """A trial whose answer was already looked up."""
    epoch, attempt = row.get("at", (0, 0))
    scores = {name: score_from_row(score, signatures.get(name, "")) for name, score in row.get("scores", {}).items()}
    return Trial(
        case_id=row.get("case", case_id),
        epoch=epoch,
        attempt=attempt,
        output=output,
        scores=scores,
        key=row.get("key", ""),
        replayed=replayed,
    )


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
