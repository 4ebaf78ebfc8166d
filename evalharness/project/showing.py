"""``evalh show``: a run, a case of it, the list of runs, or its inputs written back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalharness.core.cases import Case
from evalharness.core.errors import BaselineError, UsageError
from evalharness.core.results import CaseResult, Run
from evalharness.core.strictjson import loads
from evalharness.core.text import inert_json
from evalharness.project.arms import stored_baseline
from evalharness.project.recorded_words import is_baseline, run_of_word, typed_path
from evalharness.project.workspace import Workspace
from evalharness.verdict.baseline import Baseline, read_baseline

_MOST_LOOKED_AT = 200
"""Runs among which the other side of a gate is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A recorded run, with what else is known about it."""

    run: Run
    verdict: Mapping[str, Any] | None
    """The gate object of its verdict (contract, section 5), when it was a gate's."""
    cases: Mapping[str, Case]
    """Cases of the eval set as it is now, by id; a case whose digest differs from the run's is left out."""
    baseline: Mapping[str, CaseResult]
    """The stored baseline's results, when there is one that pairs; else empty."""


def shown_run(workspace: Workspace, word: str) -> Shown:
    """Everything about one run.

    Args:
        workspace: The opened project.
        word: ``latest``, ``latest~N``, an id prefix, ``baseline`` or ``baseline@REF`` (of the only gate), or the file of
            a baseline or of a run (``evalh run -o``).

    Raises:
        UsageError: If there is no such run.
    """
    if word == "baseline" or word.startswith("baseline@"):
        return _shown_baseline(workspace, word.partition("@")[2] or None)
    if word.endswith((".jsonl", ".jsonl.gz")):
        return _shown_file(workspace, word)
    run = run_of_word(workspace, word)
    stored = workspace.reader().verdict_of(run.header.run_id)
    verdict = loads(stored) if stored is not None else None
    return Shown(
        run=run,
        verdict=verdict,
        cases=_cases(workspace, run),
        baseline=_baseline(workspace, run, verdict),
    )


def _shown_baseline(workspace: Workspace, ref: str | None) -> Shown:
    gates = [gate for gate in workspace.config.gates.values() if gate.baseline is None]
    if len(gates) != 1:
        raise UsageError(
            f"{len(gates)} gates have a stored baseline",
            tip="show the file: evalh compare reports/baselines/GATE.jsonl B",
        )
    arm = stored_baseline(workspace, gates[0].name, ref)
    run = run_of_arm(arm)
    return Shown(run=run, verdict=None, cases=_cases(workspace, run), baseline={})


def _shown_file(workspace: Workspace, word: str) -> Shown:
    path = typed_path(workspace, word)
    if not path.is_file():
        raise UsageError(f"no file {word!r}", tip="evalh show --list lists the runs")
    if not is_baseline(path):
        raise UsageError(f"{word!r} holds answers without scores", tip=f"evalh run --answers {word} scores them")
    run = run_of_arm(read_baseline(path))
    return Shown(run=run, verdict=None, cases=_cases(workspace, run), baseline={})


def run_of_arm(arm: Baseline) -> Run:
    """A stored baseline as a run, for showing."""
    from evalharness.core.results import RunHeader

    header = RunHeader(
        run_id=arm.run or "baseline",
        purpose="promote",
        gate=arm.gate,
        evalset=arm.evalset,
        candidate={"name": arm.name, "digest": arm.digest, "kind": arm.kind, "params": arm.params},
        scorers=arm.signatures,
        epochs=arm.epochs,
        seed=arm.seed,
        created=arm.created,
        commit=arm.commit,
        versions=arm.versions,
        case_digests={case_id: result.case_digest for case_id, result in arm.results.items()},
    )
    return Run(header=header, results=arm.results, complete=True)


def _cases(workspace: Workspace, run: Run) -> dict[str, Case]:
    name = str(run.header.evalset.get("name"))
    if name not in workspace.config.evalsets:
        return {}
    by_id = workspace.evalset(name).by_id
    return {
        case_id: by_id[case_id]
        for case_id, result in run.results.items()
        if case_id in by_id and by_id[case_id].digest == result.case_digest
    }


def _baseline(workspace: Workspace, run: Run, verdict: Mapping[str, Any] | None) -> Mapping[str, CaseResult]:
    """The other side of a gate's run: its stored baseline, or the run of the candidate or file that it names."""
    gate = workspace.config.gates.get(run.header.gate)
    if gate is None:
        return {}
    if gate.baseline is not None:
        return _answered_by(workspace, run, str((verdict or {}).get("baseline", {}).get("digest", "")))
    try:
        return stored_baseline(workspace, gate.name).results
    except BaselineError:
        return {}  # showing a run must work beside a missing or broken baseline


def _answered_by(workspace: Workspace, run: Run, digest: str) -> Mapping[str, CaseResult]:
    """Results of the newest whole run of a candidate on the same eval set; nothing when the store has none."""
    reader = workspace.reader()
    evalset = run.header.evalset.get("digest")
    for other in reader.runs(limit=_MOST_LOOKED_AT) if digest else ():
        if other.complete and other.candidate_digest == digest and other.evalset_digest == evalset:
            return reader.load_run(other.run_id).results
    return {}


def restore(shown: Shown, folder: Path) -> list[Path]:
    """Write a run's inputs back: header, cases, and answers in the recorded form.

    Args:
        shown: The run.
        folder: Made when it is not there; existing files are never overwritten.

    Returns:
        The files written.

    Raises:
        UsageError: If a file is there already.
    """
    from evalharness.core.files import write_atomic
    from evalharness.core.results import Failure
    from evalharness.core.specs import canonical_json
    from evalharness.evalset.jsonl import case_line

    header = shown.run.header
    answers = []
    for result in shown.run.results.values():
        for trial in result.trials:
            place = {"id": trial.case_id, "epoch": trial.epoch, "attempt": trial.attempt}
            if isinstance(trial.output, Failure):
                answers.append({**place, "error": trial.output.message})
            else:
                stored = trial.output.to_json()
                answers.append({**place, "output": stored.pop("text", ""), **stored})
    contents = {
        "header.json": inert_json(canonical_json(header.to_json())) + "\n",
        "cases.jsonl": "".join(case_line(case) + "\n" for case in shown.cases.values()),
        "answers.jsonl": "".join(inert_json(canonical_json(answer)) + "\n" for answer in answers),
    }
    present = [name for name in contents if (folder / name).exists()]
    if present:
        raise UsageError(f"{present[0]!r} is there already", where=str(folder), tip="name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        write_atomic(folder / name, text.encode("utf-8"))
    return [folder / name for name in contents]
