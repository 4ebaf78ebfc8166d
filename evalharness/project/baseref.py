"""In CI the rules come from the base branch: a pull request cannot loosen the gate that judges it (attack B16).

Gates, limits, scorers, prices and the cap are read at the base ref, and so is the baseline, whatever form it has.
Candidates, prompts and eval sets are the pull request's own. A gate that the pull request removed is refused, one that
it adds is advisory. Where data only is trusted (``untrusted.py``) the whole config and its rubrics are the base ref's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from evalharness.config.find import FILE_NAME, PYPROJECT, Found, parse
from evalharness.config.load import read_config
from evalharness.config.model import Config, GateConfig
from evalharness.core.errors import BaselineError, ConfigError
from evalharness.core.verdicts import GateVerdict
from evalharness.project.basefiles import named_files, write_files
from evalharness.project.gitfacts import base_ref, commit_at, file_at, files_at, refuse_strange_repository
from evalharness.project.proposed import proposals
from evalharness.project.workspace import Trusted, Workspace


def enter_base(workspace: Workspace) -> Trusted | None:
    """In CI: let the base ref's rules hold from now on. Doing it twice changes nothing.

    Args:
        workspace: The opened project; its config becomes the one to judge by.

    Returns:
        What the base ref says, with what the pull request changes; None outside of CI.

    Raises:
        BaselineError: If the base ref cannot be read (a shallow clone), with the fix.
        ConfigError: If the base ref's config is wrong, or the pull request moves it.
    """
    ref = base_ref(workspace.env)
    if workspace.trusted is not None or ref is None:
        return workspace.trusted
    trusted = _read(workspace, ref)
    base, own = trusted.config, workspace.config
    workspace.base_ref = ref
    if base is not None:
        said = proposals(workspace, trusted, base)
        removed = tuple(name for name in base.gates if name not in own.gates)
        trusted = replace(trusted, warnings=said, removed=removed)
        workspace.config = under_base_rules(own, base, data_only=workspace.options.untrusted)
    workspace.trusted = trusted
    return trusted


def _read(workspace: Workspace, ref: str) -> Trusted:
    root = workspace.root
    refuse_strange_repository(root, workspace.env)
    commit = commit_at(root, ref)
    files = Path(workspace.closing.enter_context(TemporaryDirectory(prefix="evalh-", ignore_cleanup_errors=True)))
    path = _config_at(root, commit, own=Path(workspace.config.path).name)
    if path is None:
        return Trusted(ref=ref, config=None, files=files)
    if path.parent != root:
        raise ConfigError(
            f"at {ref} the config that holds here is {path.name} in {path.parent.name}/, this pull request puts another before it",
            where=workspace.config.path,
            tip="a config is moved by a change of its own, merged by people who may",
            code="config_moved",
        )
    text = file_at(root, commit, path).decode("utf-8", "replace")
    config = read_config(Found(path=path, why=ref), text=text, name=f"{path.name} at {ref}")
    known = files_at(root, commit)
    rubrics = {name for name in known if name.startswith("rubrics/")}
    write_files(root, commit, named_files(config.raw, known) | rubrics, files)
    return Trusted(ref=ref, config=config, files=files)


def _config_at(root: Path, commit: str, *, own: str) -> Path | None:
    """The config that holds in a folder at a commit: under the name it has now, else where a search would find it."""
    places = (folder / name for folder in _upwards(root) for name in (FILE_NAME, PYPROJECT))
    for path in (root / own, *places):
        try:
            text = file_at(root, commit, path)
        except BaselineError:
            continue
        if path.name != PYPROJECT or _has_our_table(text):
            return path
    return None


def _upwards(root: Path) -> Iterator[Path]:
    for folder in (root, *root.parents):
        yield folder
        if (folder / ".git").exists():
            return


def _has_our_table(data: bytes) -> bool:
    try:
        tool = parse(data.decode("utf-8", "replace"), name=PYPROJECT).get("tool")
    except ConfigError:
        return False
    return isinstance(tool, dict) and "evalh" in tool


def under_base_rules(config: Config, base: Config, *, data_only: bool = False) -> Config:
    """The config to judge by.

    Args:
        config: The pull request's config.
        base: The base ref's.
        data_only: Take nothing of the pull request's config.

    Returns:
        The pull request's candidates and eval sets under the base ref's gates, scorers, cap and prices. New gates stand
        in it in either case: they are named, never run.
    """
    gates = {
        name: replace(base.gates[name], where=gate.where) if name in base.gates else gate
        for name, gate in config.gates.items()
    }
    if data_only:
        return replace(base, path=config.path, gates=gates)
    return replace(
        config,
        gates=gates,
        scorers={**config.scorers, **base.scorers},
        defaults=replace(config.defaults, max_cost=base.defaults.max_cost),
        prices={**config.prices, **base.prices},
    )


def removed_gate(name: str, ref: str) -> GateVerdict:
    """The refusal of a gate that the pull request takes away."""
    error = ConfigError(
        f"gate {name!r} of {ref} is missing in this pull request",
        tip="gates are removed by a change of their own, merged by people who may",
        code="gate_missing",
    )
    return GateVerdict(gate=name, outcome="refused", reason=error.message, error=error.to_json())


def advisory(gate: GateConfig) -> GateVerdict:
    """The verdict of a gate that the base ref does not have yet."""
    return GateVerdict(gate=gate.name, outcome="pass", reason="new gate, nothing to compare")
