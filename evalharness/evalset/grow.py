"""``evalset grow``: propose cases where a run was weak, in a file of their own for a person to read.

Nothing is invented by a model. From a case that failed (or on which two sides disagreed) come the same question in
other clothes (``variants.py``): in lower case, without its last punctuation, with stray spaces, politely, with typos, with its
passages in another order. Each is a variant in the behaviour group of its case, so it adds no statistical unit of its own. A slice that is too thin needs new units:
those are taken from a pool of cases (imported logs, another set), and when the pool has none, that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from evalharness.core.cases import MEANING, Case
from evalharness.core.errors import UsageError
from evalharness.core.files import shown
from evalharness.core.specs import digest
from evalharness.evalset.jsonl import read_cases, write_cases
from evalharness.evalset.variants import variants_of

PROPOSED: Final = ".proposed.jsonl"
"""Ending of the files that proposals are written to."""

_CONTENT: Final = tuple(name for name in MEANING if name not in {"id", "group", "variant"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """What could be added to a set."""

    cases: tuple[Case, ...]
    """With ``metadata.grown_from`` (case id) and ``metadata.grown_why``; none is in the set already."""
    notes: tuple[str, ...] = ()
    """What could not be proposed, one sentence each."""


def propose(
    cases: Sequence[Case],
    reasons: Iterable[tuple[str, str]],
    *,
    slices: Sequence[str] = (),
    minimum: int = 30,
    pool: Iterable[Case] = (),
) -> Proposals:
    """Propose cases; writes nothing.

    Args:
        cases: The set, deprecated cases included.
        reasons: (case id, why) of failures and disagreements; of a case named twice the reasons are joined.
        slices: Metadata fields whose values should each have ``minimum`` living cases.
        minimum: Cases under which a slice is thin.
        pool: Cases that may fill thin slices; the set itself is left out by content.
    """
    known = {_content(case) for case in cases}
    ids = {case.id.lower() for case in cases}
    by_id = {case.id: case for case in cases if case.deprecated is None}
    why: dict[str, list[str]] = {}
    notes: list[str] = []
    for case_id, reason in reasons:
        if case_id in by_id:
            why.setdefault(case_id, []).append(reason)
        else:
            notes.append(f"{case_id}: no living case has this id")
    drafts = [draft for case_id, reason in why.items() for draft in _variants(by_id[case_id], "; ".join(reason))]
    others = [case for case in pool if _content(case) not in known]
    drafts += _fill(by_id.values(), slices, minimum, pool=others, notes=notes)
    return Proposals(cases=tuple(_new(drafts, known, ids)), notes=tuple(notes))


def write_proposals(evalset: Path, proposals: Proposals) -> tuple[Path, int]:
    """Write proposals beside a set, behind those that are waiting there already; the set is not touched.

    Args:
        evalset: Path of the set: ``support.jsonl`` -> ``support.proposed.jsonl``.
        proposals: What to write.

    Returns:
        The file, and how many proposals in it are new.

    Raises:
        UsageError: If ``evalset`` is a file of proposals itself.
        EvalSetError: If the waiting proposals cannot be read.
        DiskFailed: If the file cannot be written.
    """
    if evalset.name.endswith(PROPOSED):
        raise UsageError(f"{shown(evalset)} holds proposals, expected an eval set")
    path = evalset.with_name(evalset.stem + PROPOSED)
    waiting = list(read_cases(path)) if path.exists() else []
    known = {_content(case) for case in waiting}
    ids = {case.id.lower() for case in waiting}
    new = list(_new(proposals.cases, known, ids))
    if new:
        write_cases(path, sorted([*waiting, *new], key=lambda case: case.id))
    return path, len(new)


def _variants(case: Case, why: str) -> Iterator[Case]:
    """The question in other clothes, in the behaviour group of its case."""
    for name, changed in variants_of(case):
        variant = f"{case.variant}+{name}" if case.variant else name
        yield _marked(replace(changed, group=case.group or case.id, variant=variant), case.id, why)


def _fill(
    living: Iterable[Case], slices: Sequence[str], minimum: int, *, pool: Sequence[Case], notes: list[str]
) -> list[Case]:
    """Cases of the pool that thin slices lack."""
    cases = list(living)
    found: list[Case] = []
    for name in slices:
        counts: dict[str, int] = {}
        for case in cases:
            if name in case.metadata:
                value = str(case.metadata[name])
                counts[value] = counts.get(value, 0) + 1
        for value, count in sorted(counts.items()):
            if count >= minimum:
                continue
            why = f"slice {name}={value} has {count} of {minimum} cases"
            fitting = [case for case in pool if str(case.metadata.get(name)) == value][: minimum - count]
            found += [_marked(case, case.id, why) for case in fitting]
            if count + len(fitting) < minimum:
                notes.append(f"{why}: {minimum - count - len(fitting)} are to be written or imported")
    return found


def _marked(case: Case, origin: str, why: str) -> Case:
    facts: Mapping[str, Any] = {**case.metadata, "grown_from": origin, "grown_why": why}
    return replace(case, metadata=facts, id=f"g-{_content(case)[:12]}", deprecated=None)


def _new(drafts: Iterable[Case], known: set[str], ids: set[str]) -> Iterator[Case]:
    """Drafts whose content and id nobody has yet; remembers what it gives."""
    for draft in drafts:
        content = _content(draft)
        if content not in known and draft.id.lower() not in ids:
            known.add(content)
            ids.add(draft.id.lower())
            yield draft


def _content(case: Case) -> str:
    """Digest of what is asked and expected, whatever the id and the group."""
    return digest({name: getattr(case, name) for name in _CONTENT})
