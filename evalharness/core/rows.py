"""Scores and trials as compact JSON rows, without loss: what every row of a run shares is left out of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalharness.core.results import (
    Failure,
    Output,
    Score,
    ScoreResult,
    Trial,
    score_result_from_json,
    score_result_to_json,
)


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


def trial_to_row(trial: Trial, case_id: str, signatures: Mapping[str, str], *, by_key: bool = False) -> dict[str, Any]:
    """JSON object of a trial, but for ``replayed``.

    Args:
        trial: The trial.
        case_id: The case it stands under.
        signatures: Scorer name -> signature, of the run.
        by_key: The answer is kept elsewhere under the trial's key, and left out.
    """
    row: dict[str, Any] = {}
    if trial.epoch or trial.attempt:
        row["at"] = [trial.epoch, trial.attempt]
    if trial.case_id != case_id:
        row["case"] = trial.case_id
    if trial.key:
        row["key"] = trial.key
    if isinstance(trial.output, Failure):
        row["failure"] = trial.output.to_json()
    elif not by_key:
        row["output"] = trial.output.to_json()
    if trial.scores:
        row["scores"] = {name: score_to_row(score, signatures.get(name, "")) for name, score in trial.scores.items()}
    return row


def output_of_row(row: Mapping[str, Any]) -> Output | Failure | None:
    """The answer in a row of a trial; None where it is kept elsewhere."""
    if "failure" in row:
        return Failure.from_json(row["failure"])
    return Output.from_json(row["output"]) if "output" in row else None


def trial_from_row(
    row: Mapping[str, Any], *, case_id: str, output: Output | Failure, signatures: Mapping[str, str], replayed: bool
) -> Trial:
    """The opposite of :func:`trial_to_row`, with the answer."""
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
