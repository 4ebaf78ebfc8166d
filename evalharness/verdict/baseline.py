"""The stored baseline of a gate: one JSONL file, a header line and one line a case, reviewed like code.

The header carries what every case shares (signatures, candidate, commit, seeds) and a digest of the case lines: a file
that was edited or cut is refused, not half believed. The digest stops mistakes; who may write the file is a matter of
branch protection.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from evalharness.core.cases import Case
from evalharness.core.errors import BaselineError
from evalharness.core.files import write_atomic
from evalharness.core.masking import without_secrets
from evalharness.core.results import (
    CaseResult,
    Failure,
    Output,
    ScoreResult,
    Trial,
    score_result_from_json,
    score_result_to_json,
)
from evalharness.core.specs import EMPTY, canonical_json, digest_text, thaw
from evalharness.core.strictjson import StrictJSONError, loads
from evalharness.core.text import inert_json
from evalharness.verdict.measure import lost

LARGEST: Final = 2**30
"""Bytes of a baseline file, unpacked."""
MOST_EPOCHS: Final = 10_000
FORMAT: Final = "baseline/1"
GZIP_OVER: Final = 5_000_000
"""Bytes above which the file is written as ``.jsonl.gz``."""
_TEXT_KEYS: Final = ("documents", "messages", "usage", "latency_s", "cost_usd", "finish_reason", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """One arm of a comparison that already exists: a promoted run, a recording, or another candidate's run."""

    name: str
    """Candidate name, as shown."""
    digest: str
    """Candidate digest."""
    run: str
    """Id of the run it came from; enters the order seed."""
    evalset: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """``{name, version, digest, n}``."""
    signatures: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    """Scorer name -> signature of its stored scores."""
    results: Mapping[str, CaseResult] = field(default_factory=lambda: EMPTY)
    """Case id -> answers and scores."""
    epochs: int = 1
    seed: int = 0
    created: str = ""
    commit: str = ""
    why: str = ""
    gate: str = ""
    kind: str = ""
    """Candidate kind."""
    params: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """Candidate description: defaults written out."""
    versions: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    answers: bool = True
    """False when only digests of the answers are kept: then nothing can be scored anew."""
    path: str = ""
    """File it was read from, or empty."""
    judges: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """Judge scorer -> how it stood when it judged these answers (``judging.standing``)."""
    chosen_among: int = 1
    """Stored runs of the same candidate on the same eval set that this one was picked from; 1 for a run of its own."""

    def complete_for(self, case_ids: Iterable[str]) -> bool:
        """Whether every one of these cases has an answer in every epoch (or failed by the candidate's own doing)."""
        return all(
            len(self.results[case_id].epoch_trials()) == self.epochs
            and not any(lost(trial) for trial in self.results[case_id].epoch_trials())
            for case_id in case_ids
        )

    def header(self) -> dict[str, Any]:
        """The header object, without the digest of the case lines."""
        return {
            "evalh": FORMAT,
            "gate": self.gate,
            "evalset": thaw(self.evalset),
            "candidate": {
                "name": self.name,
                "digest": self.digest,
                "kind": self.kind,
                "params": thaw(self.params),
            },
            "run": self.run,
            "commit": self.commit,
            "signatures": dict(sorted(self.signatures.items())),
            "epochs": self.epochs,
            "seed": self.seed,
            "created": self.created,
            "why": self.why,
            "versions": thaw(self.versions),
            "answers": self.answers,
            "chosen_among": self.chosen_among,
            **({"judges": thaw(self.judges)} if self.judges else {}),
        }


def baseline_text(baseline: Baseline, cases: Mapping[str, Case], slices: Iterable[str]) -> str:
    r"""The whole file as text: the header with the digest of the case lines, then a line per case in id order.

    People read it in a review, so characters that act on a reader are spelled ``\u....``; the values are the same.
    """
    fields = tuple(slices)
    lines = [
        inert_json(
            canonical_json(_case_line(baseline.results[case_id], cases[case_id], fields, answers=baseline.answers))
        )
        for case_id in sorted(baseline.results)
    ]
    body = without_secrets("".join(line + "\n" for line in lines))
    return inert_json(canonical_json({**baseline.header(), "sha256": digest_text(body)})) + "\n" + body


def write_baseline(path: Path, baseline: Baseline, cases: Mapping[str, Case], slices: Iterable[str]) -> Path:
    """Write a baseline file atomically (temporary file, fsync, rename, fsync of the folder).

    Args:
        path: ``reports/baselines/GATE.jsonl``; its folder is made if needed.
        baseline: What to write; every result's case must be in ``cases``.
        cases: Case id -> case, for cluster and slices.
        slices: Metadata fields to store beside each case.

    Returns:
        The path written: ``path``, or ``path`` + ``.gz`` when the file is larger than ``GZIP_OVER``.
    """
    data = baseline_text(baseline, cases, slices).encode("utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = path.with_name(path.name + ".gz")
    if len(data) > GZIP_OVER:
        # mtime 0 keeps the bytes the same for the same baseline, so that git sees no change where there is none.
        write_atomic(packed, gzip.compress(data, mtime=0))
        path.unlink(missing_ok=True)
        return packed
    write_atomic(path, data)
    packed.unlink(missing_ok=True)
    return path


def read_baseline(path: Path, *, shown: str = "", data: bytes | None = None) -> Baseline:
    """Read and check a baseline file.

    Args:
        path: The ``.jsonl`` path; ``.jsonl.gz`` beside it is read when the plain file is not there.
        shown: Path as it is shown in messages; ``path`` when left out.
        data: The file's bytes when they come from elsewhere (``git show``); else the file is read.

    Raises:
        BaselineError: If it is missing, not a baseline, of another format, cut, or edited by hand.
    """
    shown = shown or str(path)
    raw = _bytes(path, shown) if data is None else data
    if raw[:2] == b"\x1f\x8b":
        raw = _unpacked(raw, shown)
    head, _, body = raw.partition(b"\n")
    header = _parse(head, f"{shown}:1")
    if header.get("evalh") != FORMAT:
        raise BaselineError(
            f"not a baseline of format {FORMAT}: seen {str(header.get('evalh'))[:40]!r}",
            where=f"{shown}:1",
            tip="write it again with: evalh promote --why TEXT",
        )
    if header.get("sha256") != hashlib.sha256(body).hexdigest():
        raise BaselineError(
            "the case lines are not the ones that were promoted (cut, merged or edited by hand)",
            where=shown,
            tip="take the file of one side of the merge whole, or run: evalh promote --why TEXT",
        )
    with _as_promoted(f"{shown}:1"):
        _check_header(header)
        return _from_header(header, dict(_results(body, shown, header["signatures"])), shown)


@contextmanager
def _as_promoted(where: str) -> Iterator[None]:
    """What ``promote`` wrote has these keys and types; a file that was made by hand may not, whatever its digest says."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        tip = "write it again with: evalh promote --why TEXT"
        problem = f"not as promote writes it: {type(error).__name__} {str(error)[:80]}"
        raise BaselineError(problem, where=where, tip=tip) from None


_HEADER: Final[Mapping[str, type]] = {
    **dict.fromkeys(("run", "created", "commit", "why", "gate"), str),
    **dict.fromkeys(("candidate", "evalset", "signatures", "versions"), dict),
    "epochs": int,
    "seed": int,
    "answers": bool,
}


def _check_header(header: Mapping[str, Any]) -> None:
    wrong = [key for key, kind in _HEADER.items() if type(header[key]) is not kind]
    words = [key for key in ("name", "digest", "kind") if type(header["candidate"][key]) is not str]
    signed = all(isinstance(value, str) for value in header["signatures"].values())
    if wrong or words or not signed or not 1 <= header["epochs"] <= MOST_EPOCHS:
        raise ValueError(f"wrong values under {', '.join((*wrong, *words)) or 'signatures or epochs'}")


def _unpacked(raw: bytes, shown: str) -> bytes:
    import zlib

    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(raw, LARGEST)
    except zlib.error as error:
        raise BaselineError(f"cannot be unpacked: {error}", where=shown) from None
    if not unpacker.eof:
        raise BaselineError(f"cut off, or larger than {LARGEST // 2**20} MiB when unpacked", where=shown)
    return data


def _bytes(path: Path, shown: str) -> bytes:
    packed = path.with_name(path.name + ".gz")
    for candidate in (path, packed):
        try:
            return candidate.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise BaselineError(f"cannot be read: {error.strerror}", where=shown) from None
    raise BaselineError(
        "no stored baseline yet",
        where=shown,
        tip="make one from the code you trust, then commit it: evalh promote --why TEXT",
        code="baseline_missing",
    )


def _parse(line: bytes, where: str) -> dict[str, Any]:
    try:
        value = loads(line.decode("utf-8"))
    except (UnicodeDecodeError, StrictJSONError) as error:
        raise BaselineError(f"not readable: {error}", where=where) from None
    if not isinstance(value, dict):
        raise BaselineError("expected a JSON object", where=where)
    return value


def _from_header(header: Mapping[str, Any], results: Mapping[str, CaseResult], shown: str) -> Baseline:
    candidate = header["candidate"]
    return Baseline(
        name=candidate["name"],
        digest=candidate["digest"],
        kind=candidate["kind"],
        params=candidate["params"],
        path=shown,
        results=results,
        **{
            key: header[key]
            for key in ("run", "evalset", "signatures", "epochs", "seed", "created", "commit", "why", "gate")
        },
        versions=header["versions"],
        answers=header["answers"],
        chosen_among=header.get("chosen_among", 1),
        judges=header.get("judges", EMPTY),
    )


def _case_line(result: CaseResult, case: Case, fields: tuple[str, ...], *, answers: bool) -> dict[str, Any]:
    line: dict[str, Any] = {"id": case.id, "digest": result.case_digest}
    if case.cluster is not None:
        line["cluster"] = case.cluster
    slices = {name: thaw(case.metadata[name]) for name in fields if name in case.metadata}
    if slices:
        line["slices"] = slices
    line["epochs"] = [_trial_json(trial, answers=answers) for trial in result.epoch_trials()]
    return line


def _trial_json(trial: Trial, *, answers: bool) -> dict[str, Any]:
    data: dict[str, Any] = {}
    output = trial.output
    if isinstance(output, Failure):
        data["failure"] = output.to_json()
    else:
        stored = output.to_json()
        if answers:
            data["output"] = stored.get("text")
            data.update({key: stored[key] for key in _TEXT_KEYS if key in stored})
        else:
            data["output_sha256"] = digest_text(canonical_json(stored))
            data.update({key: stored[key] for key in ("latency_s", "cost_usd", "usage") if key in stored})
    if trial.key:
        data["key"] = trial.key
    data["scores"] = {name: score_result_to_json(result) for name, result in sorted(trial.scores.items())}
    return data


def _results(body: bytes, shown: str, signatures: Mapping[str, str]) -> Iterator[tuple[str, CaseResult]]:
    for number, raw in enumerate(body.split(b"\n")[:-1], start=2):
        line = _parse(raw, f"{shown}:{number}")
        with _as_promoted(f"{shown}:{number}"):
            if not (
                isinstance(line["id"], str) and isinstance(line["digest"], str) and isinstance(line["epochs"], list)
            ):
                raise TypeError("id, digest and epochs")
            trials = tuple(_trial(line["id"], epoch, data, signatures) for epoch, data in enumerate(line["epochs"]))
            result = CaseResult(case_id=line["id"], case_digest=line["digest"], trials=trials)
        yield line["id"], result


def _trial(case_id: str, epoch: int, data: Mapping[str, Any], signatures: Mapping[str, str]) -> Trial:
    output: Output | Failure
    if "failure" in data:
        output = Failure.from_json(data["failure"])
    else:
        output = Output(text=data.get("output"), **{key: data[key] for key in _TEXT_KEYS if key in data})
    scores: dict[str, ScoreResult] = {
        name: score_result_from_json(score, signatures.get(name, "")) for name, score in data["scores"].items()
    }
    return Trial(case_id=case_id, epoch=epoch, output=output, scores=scores, key=data.get("key", ""), replayed=True)
