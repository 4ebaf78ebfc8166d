"""Words for what is recorded: ``latest``, ``latest~2``, the start of a run's id, an answers file, a baseline file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evalharness.core.errors import UsageError
from evalharness.core.protocols import Recording
from evalharness.core.results import CaseResult, Failure, Output, Run
from evalharness.core.strictjson import StrictJSONError, loads
from evalharness.verdict.baseline import read_baseline

if TYPE_CHECKING:  # a workspace reads --answers by these words
    from evalharness.project.workspace import Workspace

_LATEST: Final = re.compile(r"latest(?:~(\d{1,6}))?")
_ASIDE: Final = frozenset({"rerun", "anchors", "calibrate", "attack"})
"""Purposes of runs that nobody means by "latest": the baseline's side of a gate that answered both, which comes with the
gate's own run, and judgements of labelled answers."""
_GZIP: Final = b"\x1f\x8b"
_LONGEST_HEADER: Final = 4_000_000
_ID: Final = re.compile(r"[0-9a-f]{2,32}")
KINDS: Final = "latest, latest~2, baseline, baseline@REF, a run id, a candidate's name, or a .jsonl file"


def typed_path(workspace: Workspace, word: str) -> Path:
    """The file that a person means by a word: from the folder they are in, else from the project's."""
    here = Path.cwd() / word  # an absolute path stays one
    return here if here.is_file() else workspace.root / word


def is_run(word: str) -> bool:
    """Whether a word is written like a run of the store: ``latest``, ``latest~2``, the start of an id."""
    return bool(_LATEST.fullmatch(word) or _ID.fullmatch(word))


def run_of_word(workspace: Workspace, word: str) -> Run:
    """A run from the store: ``latest``, ``latest~N`` or the start of its id.

    Raises:
        UsageError: If there is no such run, or the prefix fits several.
    """
    store = workspace.reader()
    latest = _LATEST.fullmatch(word)
    if latest:
        back = int(latest.group(1) or 0)
        runs = [run for run in store.runs(limit=3 * (back + 1)) if run.purpose not in _ASIDE]
        if len(runs) <= back:
            if not runs:
                raise UsageError(
                    f"there is no run {word!r}: none is recorded yet", tip="evalh run or evalh gate makes one"
                )
            raise UsageError(f"there is no run {word!r}: {len(runs)} recorded", tip="evalh show --list")
        return store.load_run(runs[back].run_id)
    if not _ID.fullmatch(word):
        raise UsageError(f"{word!r} is not a run", tip=f"give {KINDS}")
    return store.load_run(word)


def recording_of_word(workspace: Workspace, word: str, name: str) -> Recording:
    """Answers that exist already, as a candidate: ``--answers RUN|FILE``.

    Args:
        workspace: The opened project.
        word: A run (id prefix, ``latest``) or an answers file.
        name: Name the candidate goes by.
    """
    from evalharness.candidates.recorded import Recorded

    path = typed_path(workspace, word)
    if path.suffix == ".jsonl" or path.is_file():
        if not path.is_file():
            raise UsageError(f"no file {word!r}", tip="--answers takes a run or a .jsonl file of answers")
        if is_baseline(path):
            arm = read_baseline(path)
            if not arm.answers:
                raise UsageError(f"{word!r} keeps no answers, only their digests", where="--answers")
            return Recorded(name, _answers(arm.results), source=path.name)
        return workspace.recording(path, name)
    run = run_of_word(workspace, word)
    return Recorded(name, _answers(run.results), source=f"run {run.header.run_id}")


def _answers(results: Mapping[str, CaseResult]) -> dict[tuple[str, int, int], Output | Failure]:
    return {
        (trial.case_id, trial.epoch, trial.attempt): trial.output
        for result in results.values()
        for trial in result.trials
    }


def is_baseline(path: Path) -> bool:
    """Whether a file is a baseline (of any format version) rather than bare answers: its first line says so."""
    with path.open("rb") as file:
        head = file.readline(_LONGEST_HEADER)
    if head[:2] == _GZIP:
        return True
    try:
        value = loads(head.decode("utf-8"))
    except (UnicodeDecodeError, StrictJSONError):
        return False  # the reader of answers says what is wrong with it
    return isinstance(value, dict) and "evalh" in value
