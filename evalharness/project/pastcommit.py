"""A candidate as it was at an earlier commit: its config and prompts read with ``git show``, nothing checked out.

Only data comes back from history. Code would have to be run in its old surroundings, so ``python`` and ``command``
candidates, own retrievers and plug-ins are refused.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

from evalharness.config.find import FILE_NAME, PYPROJECT, Found, parse
from evalharness.config.load import read_config
from evalharness.core.errors import BaselineError
from evalharness.core.protocols import Candidate, Recording
from evalharness.core.specs import ComponentSpec
from evalharness.project.basefiles import named_files, write_files
from evalharness.project.gitfacts import file_at, files_at
from evalharness.project.workspace import Workspace
from evalharness.verdict.baseline import Baseline

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SECOND: Final = "keep the old one as a second candidate in the config and name it as the gate's baseline"


def candidate_at_baseline(workspace: Workspace, arm: Baseline, evalset: str) -> Candidate:
    """The candidate that a stored baseline was made with, built from the commit that its header names.

    Args:
        workspace: The opened project.
        arm: The stored baseline.
        evalset: Name of the eval set, whose documents of today it searches.

    Raises:
        BaselineError: If the commit is not known, not clean or not here, or the candidate is code or a recording.
    """
    _check_kind(arm.kind, arm)
    commit = _clean_commit(arm)
    with tempfile.TemporaryDirectory(prefix="evalh-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        name = _restore(workspace, commit, root)
        try:
            config = read_config(Found(path=root / name, why="--rerun-baseline"), name=f"{name} at {commit[:12]}")
            spec = config.candidates.get(arm.name)
            if spec is None:
                raise BaselineError(f"there was no candidate {arm.name!r} at {commit[:12]}", where=name, tip=_SECOND)
            _check_spec(spec, arm)
            built = workspace.built(spec, evalset, config=config)
        finally:
            _set_modes(root, folders=0o700, files=0o600)
    assert not isinstance(built, Recording)
    return built


def _check_kind(kind: str, arm: Baseline) -> None:
    if kind in ("python", "command"):
        raise BaselineError(
            f"the baseline's candidate {arm.name!r} is code ({kind}): it would have to be run as it was",
            where=arm.path,
            tip=_SECOND,
        )
    if kind == "recorded":
        raise BaselineError(
            f"the answers of {arm.name!r} are recorded: there is nothing to answer again",
            where=arm.path,
            tip="leave --rerun-baseline out",
        )


def _check_spec(spec: ComponentSpec, arm: Baseline) -> None:
    """What the config at that commit says counts, not what the baseline file claims."""
    _check_kind(spec.use, arm)
    own_code = spec.use == "retriever" and isinstance(spec.params[spec.use], str) and spec.params[spec.use] != "bm25"
    if own_code or spec.use not in ("model", "http", "retriever"):
        _check_kind("python", arm)


def _clean_commit(arm: Baseline) -> str:
    tip = "promote from a clean commit first: evalh promote --why TEXT"
    if not arm.commit:
        raise BaselineError("the baseline names no commit, so its candidate cannot be read", where=arm.path, tip=tip)
    if not _COMMIT.fullmatch(arm.commit):
        raise BaselineError(
            f"the baseline was made with changes that no commit has ({arm.commit[:12]}, dirty)", where=arm.path, tip=tip
        )
    return arm.commit


def _restore(workspace: Workspace, commit: str, root: Path) -> str:
    """Write the config of a commit and the files that it names into a folder, read-only; the config's name."""
    known = files_at(workspace.root, commit)
    own = Path(workspace.config.path).name
    name = next((one for one in (own, FILE_NAME, PYPROJECT) if one in known), own)
    text = file_at(workspace.root, commit, workspace.root / name)
    tables = parse(text.decode("utf-8", "replace"), name=name)
    write_files(workspace.root, commit, {*named_files(tables, known), name}, root)
    _set_modes(root, folders=0o500, files=0o400)
    return name


def _set_modes(root: Path, *, folders: int, files: int) -> None:
    for path in (root, *root.rglob("*")):
        path.chmod(folders if path.is_dir() else files)
