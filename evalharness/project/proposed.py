"""What a pull request changes about its own judging: said first in every report, whatever came of it.

Gates, scorers, cap and prices that it edits do not count before they are merged; eval sets and recorded answers do, for
they are what it proposes. Baselines are the base ref's. Rubrics are the base ref's where data only is trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from evalharness.config.model import Config, GateConfig, LimitConfig
from evalharness.core.errors import BaselineError, Refused
from evalharness.core.specs import ComponentSpec
from evalharness.core.verdicts import Warned
from evalharness.project.arms import FOLDER
from evalharness.project.basecases import described_as, slice_fields
from evalharness.project.gitfacts import file_at
from evalharness.project.workspace import Trusted, Workspace


def proposals(workspace: Workspace, trusted: Trusted, base: Config) -> tuple[Warned, ...]:
    """Everything that the pull request changes about how it is judged.

    Args:
        workspace: The opened project, still with the pull request's own config.
        trusted: The base ref.
        base: Its config.
    """
    ref = trusted.ref
    return (
        *(
            Warned(
                code="gate_changed",
                message=f"this pull request changes {what}: judged by the rules of {ref}, the change counts after merging",
            )
            for what in (
                *_gates(workspace.config, base),
                *_scorers(workspace.config, base),
                *_money(workspace.config, base),
            )
        ),
        *_baselines(workspace, ref, base),
        *_evalsets(workspace, trusted, base),
        *_scorer_files(workspace, trusted, base),
        *_answers(workspace, trusted, base),
        *(_ignored(workspace.config, ref, base) if workspace.options.untrusted else ()),
    )


def _gates(config: Config, base: Config) -> Iterator[str]:
    for name, gate in config.gates.items():
        if name in base.gates:
            changes = _differences(_plain(base.gates[name]), _plain(gate))
            if changes:
                yield f"gate {name!r} ({', '.join(changes)})"


def _plain(gate: GateConfig) -> dict[str, Any]:
    """A gate without the places of its lines; limits apart, by scorer."""

    def by_scorer(limits: tuple[LimitConfig, ...], lead: str) -> dict[str, Any]:
        return {
            f"{field.name} of {lead}{limit.scorer}": getattr(limit, field.name)
            for limit in limits
            for field in fields(limit)
            if field.name not in ("where", "scorer")
        }

    own = {
        field.name: getattr(gate, field.name)
        for field in fields(gate)
        if field.name not in ("where", "limits", "slices")
    }
    parts = by_scorer(gate.limits, "")
    for slice_field, limits in gate.slices.items():
        parts |= by_scorer(limits, f"{slice_field}: ")
    return own | parts


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """``margin of exact 0.05 -> 0.5``, one for each key that is not the same."""
    names = dict.fromkeys((*before, *after))
    return [f"{n} {before.get(n)} -> {after.get(n)}" for n in names if before.get(n) != after.get(n)]


def _scorers(config: Config, base: Config) -> Iterator[str]:
    for name, spec in base.scorers.items():
        own = config.scorers.get(name)
        if (
            own is None
            or own.component.to_json() != spec.component.to_json()
            or (own.threshold, own.negate) != (spec.threshold, spec.negate)
        ):
            yield f"scorer {name!r}"


def _money(config: Config, base: Config) -> Iterator[str]:
    if config.defaults.max_cost != base.defaults.max_cost:
        yield f"max_cost {base.defaults.max_cost} -> {config.defaults.max_cost}"
    for model, price in base.prices.items():
        if config.prices.get(model, price) != price:
            yield f"the price of {model!r}"


def _ignored(config: Config, ref: str, base: Config) -> Iterator[Warned]:
    """Candidates and new gates of a config that is not trusted."""
    for name in sorted({*config.candidates, *base.candidates}):
        if _as_said(config.candidates.get(name)) != _as_said(base.candidates.get(name)):
            held = f"that of {ref} counts" if name in base.candidates else f"{ref} has none of that name"
            yield Warned(code="ignored", message=f"this pull request changes candidate {name!r}: not looked at, {held}")
    for name in config.gates:
        if name not in base.gates:
            yield Warned(
                code="ignored", message=f"this pull request adds gate {name!r}: not judged, {ref} does not have it"
            )


def _baselines(workspace: Workspace, ref: str, base: Config) -> Iterator[Warned]:
    for gate in base.gates.values():
        spec = base.candidates.get(gate.baseline or "")
        file = str(FOLDER / f"{gate.name}.jsonl") if gate.baseline is None else gate.baseline
        for name in dict.fromkeys((file if spec is None else spec.params.get("recorded"), gate.pinned)):
            if isinstance(name, str) and _moved(workspace, ref, name):
                message = (
                    f"this pull request moves the baseline of {gate.name} ({name}): compared with the one of {ref}"
                )
                yield Warned(code="baseline_moved", message=message)
        if spec is not None and _as_said(workspace.config.candidates.get(spec.name)) != _as_said(spec):
            message = (
                f"this pull request changes candidate {spec.name!r}, the baseline of {gate.name}: that of {ref} counts"
            )
            yield Warned(code="baseline_moved", message=message)


def _as_said(spec: ComponentSpec | None) -> ComponentSpec | None:
    """A candidate without its place in the file."""
    return None if spec is None else replace(spec, where="")


def _moved(workspace: Workspace, ref: str, name: str) -> bool:
    path = workspace.root / name
    try:
        before = file_at(workspace.root, ref, path)
    except BaselineError:
        return False
    return _bytes(path) != before


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _changed(workspace: Workspace, trusted: Trusted, name: str) -> bool:
    """Whether a file that the base ref has is another one here."""
    before = trusted.files / name
    return before.is_file() and _bytes(workspace.root / name) != before.read_bytes()


def _evalsets(workspace: Workspace, trusted: Trusted, base: Config) -> Iterator[Warned]:
    for name, known in base.evalsets.items():
        for path in (known.path, known.corpus):
            if path is not None and _changed(workspace, trusted, path):
                files = (trusted.files / path, workspace.root / path)
                what = _cases(*files, slice_fields(base, name)) if path == known.path else "its documents"
                yield Warned(code="evalset_changed", message=f"this pull request changes eval set {name!r}: {what}")
        own = workspace.config.evalsets.get(name)
        if own is None or (own.path, own.corpus, own.slices) != (known.path, known.corpus, known.slices):
            yield Warned(code="evalset_changed", message=f"this pull request changes the table of eval set {name!r}")


def _cases(before: Path, after: Path, fields: tuple[str, ...]) -> str:
    """How many cases are edited, added, removed, and described otherwise."""
    from evalharness.evalset.jsonl import load_evalset

    try:
        old, new = ({case.id: case for case in load_evalset(path, name="changed").living} for path in (before, after))
    except Refused:
        return "its cases cannot be counted"
    both = [(old[case_id], new[case_id]) for case_id in old.keys() & new.keys()]
    edited = sum(1 for was, now in both if was.digest != now.digest)
    moved = sum(1 for was, now in both if described_as(now, was, fields) != now)
    said = f"{edited} edited, {len(new.keys() - old.keys())} added, {len(old.keys() - new.keys())} removed"
    return f"{said}; weight, cluster or slice of {moved} (those of the base ref count)" if moved else said


def _scorer_files(workspace: Workspace, trusted: Trusted, base: Config) -> Iterator[Warned]:
    """Rubrics and schemas: the judge's instructions."""
    held = {path.relative_to(trusted.files).as_posix() for path in trusted.files.rglob("*") if path.is_file()}
    named = {str(value) for spec in base.scorers.values() for value in spec.component.params.values()}
    rubrics = {name for name in held if name.startswith("rubrics/")}
    own = f"that of {trusted.ref} judges" if workspace.options.untrusted else "the digest of the judge is another"
    for name in sorted(held & named | rubrics):
        if _changed(workspace, trusted, name):
            yield Warned(code="rubric_changed", message=f"this pull request changes {name}: {own}")


def _answers(workspace: Workspace, trusted: Trusted, base: Config) -> Iterator[Warned]:
    """Recorded answers that are judged: nobody saw a candidate give them."""
    for name in dict.fromkeys(gate.candidate for gate in base.gates.values()):
        spec = base.candidates.get(name)
        file = spec.params.get("recorded") if spec is not None else None
        if isinstance(file, str) and _changed(workspace, trusted, file):
            message = f"this pull request brings the answers of {name!r} itself ({file}): nobody saw them being given"
            yield Warned(code="answers_changed", message=message)
