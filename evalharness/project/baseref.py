"""In CI the rules come from the base branch: a pull request cannot loosen the gate that judges it (attack B16).

Gates, limits and scorers are read at the base ref; candidates, prompts and eval sets are the pull request's own. A
gate that the pull request removed is refused, one that it adds is advisory. The baseline is the base ref's file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from evalharness.config.find import Found, find_config
from evalharness.config.load import read_config
from evalharness.config.model import Config, GateConfig
from evalharness.core.errors import BaselineError, ConfigError
from evalharness.core.verdicts import GateVerdict, Warned
from evalharness.project.gitfacts import base_ref, file_at
from evalharness.project.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """What the base ref says."""

    ref: str
    config: Config | None
    """None when the base ref has no config: then every gate is new."""

    def is_new(self, gate: GateConfig) -> bool:
        """True for a gate that the base ref does not have."""
        return self.config is None or gate.name not in self.config.gates


def trusted_side(workspace: Workspace, *, config: str | None = None) -> Trusted | None:
    """The base ref's rules, or None outside of CI.

    Args:
        workspace: The opened project.
        config: The file named with ``--config``.

    Raises:
        BaselineError: If the base ref cannot be read (a shallow clone), with the fix.
        ConfigError: If the base ref's config is wrong.
    """
    ref = base_ref(workspace.env)
    if ref is None:
        return None
    found = find_config(workspace.root, config=config)
    path = found.path if found is not None else workspace.root / "evalh.toml"
    try:
        data = file_at(workspace.root, ref, path)
    except BaselineError as error:
        if error.code != "baseline_missing":
            raise
        return Trusted(ref=ref, config=None)
    text = data.decode("utf-8", "replace")
    base = read_config(Found(path=path, why=ref), text=text, name=f"{path.name} at {ref}")
    return Trusted(ref=ref, config=base)


def under_base_rules(config: Config, trusted: Trusted) -> tuple[Config, tuple[Warned, ...], list[GateVerdict]]:
    """The config to judge by: the pull request's candidates under the base ref's gates and scorers.

    Args:
        config: The pull request's config.
        trusted: The base ref's.

    Returns:
        The config (with the pull request's new gates beside the base ref's), what the pull request tried to change,
        and a refusal for each gate that it removed.
    """
    base = trusted.config
    if base is None:
        return config, (), []
    removed = [name for name in base.gates if name not in config.gates]
    refused = [_removed(name, trusted.ref) for name in removed]
    gates = {
        name: replace(base.gates[name], where=gate.where) if name in base.gates else gate
        for name, gate in config.gates.items()
    }
    scorers = {**config.scorers, **base.scorers}
    warnings = tuple(
        Warned(
            code="gate_changed",
            message=f"this pull request changes {what}: judged by the rules of {trusted.ref}, the change counts after merging",
        )
        for what in _changes(config, base)
    )
    return replace(config, gates=gates, scorers=scorers), warnings, refused


def _changes(config: Config, base: Config) -> list[str]:
    def plain(gate: GateConfig) -> GateConfig:
        limits = tuple(replace(limit, where="") for limit in gate.limits)
        slices = {field: tuple(replace(limit, where="") for limit in some) for field, some in gate.slices.items()}
        return replace(gate, where="", limits=limits, slices=slices)

    gates = [
        f"gate {name!r}"
        for name, gate in config.gates.items()
        if name in base.gates and plain(gate) != plain(base.gates[name])
    ]
    scorers = [
        f"scorer {name!r}"
        for name, spec in base.scorers.items()
        if name not in config.scorers
        or config.scorers[name].component.to_json() != spec.component.to_json()
        or config.scorers[name].threshold != spec.threshold
        or config.scorers[name].negate != spec.negate
    ]
    return [*gates, *scorers]


def _removed(name: str, ref: str) -> GateVerdict:
    error = ConfigError(
        f"gate {name!r} of {ref} is missing in this pull request",
        tip="gates are removed by a change of their own, merged by people who may",
        code="gate_missing",
    )
    return GateVerdict(gate=name, outcome="refused", reason=error.message, error=error.to_json())


def advisory(gate: GateConfig) -> GateVerdict:
    """The verdict of a gate that the base ref does not have yet."""
    return GateVerdict(gate=gate.name, outcome="pass", reason="new gate, nothing to compare")


def moved_baseline(workspace: Workspace, gate: str, path: Path, ref: str) -> tuple[Warned, ...]:
    """A warning when the working tree's baseline file is not the base ref's."""
    try:
        before = file_at(workspace.root, ref, path)
    except BaselineError:
        return ()
    now = path.read_bytes() if path.is_file() else b""
    if now == before:
        return ()
    message = f"this pull request moves the baseline of {gate}: compared with the one of {ref}"
    return (Warned(code="baseline_moved", message=message),)
