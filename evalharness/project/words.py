"""RUN words for a side of a comparison: what is recorded, ``baseline``, ``baseline@REF``, a candidate's name, or a path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from evalharness.core.cases import EvalSet
from evalharness.core.errors import UsageError
from evalharness.core.protocols import ScorerFacts
from evalharness.project.arms import arm_of_run, run_whole, scored, stored_baseline
from evalharness.project.recorded_words import KINDS, is_baseline, run_of_word, typed_path
from evalharness.project.workspace import Workspace
from evalharness.verdict.baseline import Baseline, read_baseline


def evalset_of_word(workspace: Workspace, word: str) -> EvalSet:
    """An eval set by its name in the config, or by its path.

    Raises:
        UsageError: If it is neither.
        EvalSetError: If the file is wrong.
    """
    known = workspace.config.evalsets
    if word in known:
        return workspace.evalset(word)
    path = typed_path(workspace, word)
    if not path.is_file():
        raise UsageError(f"no eval set and no file {word!r}", tip=f"defined: {', '.join(known) or 'none'}")
    from evalharness.evalset.jsonl import load_evalset

    return load_evalset(path)


def arm_of_word(
    workspace: Workspace,
    word: str,
    *,
    evalset: EvalSet,
    scorers: Mapping[str, ScorerFacts],
    gate: str = "",
) -> Baseline:
    """One side of a comparison, whatever a person calls it.

    Args:
        workspace: The opened project.
        word: The RUN word.
        evalset: What is compared on.
        scorers: The scorers that must be there.
        gate: Gate whose stored baseline ``baseline`` means.

    Raises:
        UsageError: If the word means nothing here.
        BaselineError: If it names a baseline that is missing or damaged.
    """
    if word == "baseline" or word.startswith("baseline@"):
        if not gate:
            raise UsageError("'baseline' needs a gate", tip="the project has several or none: name a run or a file")
        ref = word.partition("@")[2]
        return scored(stored_baseline(workspace, gate, _base(ref) if "@" in word else None), scorers, evalset)
    if word in workspace.config.candidates:
        candidate = workspace.candidate(word, evalset.name)
        return run_whole(workspace, candidate, evalset, scorers)
    path = typed_path(workspace, word)
    if path.suffix == ".jsonl" or path.is_file():
        return _file(workspace, path, evalset, scorers)
    return scored(arm_of_run(run_of_word(workspace, word)), scorers, evalset)


def _file(workspace: Workspace, path: Path, evalset: EvalSet, scorers: Mapping[str, ScorerFacts]) -> Baseline:
    """A baseline file, or any answers file."""
    if not path.is_file():
        raise UsageError(f"no file {str(path)!r}", tip=f"give {KINDS}")
    if is_baseline(path):
        return scored(read_baseline(path), scorers, evalset)
    return run_whole(workspace, workspace.recording(path, path.stem), evalset, scorers)


def _base(ref: str) -> str:
    if not ref:
        raise UsageError("baseline@ needs a git ref", tip="for example baseline@main")
    return ref
