"""Who is paired with whom, in which order, and what counts as one unit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from evalharness.core.cases import Case, EvalSet
from evalharness.core.errors import BaselineError
from evalharness.core.protocols import GroupScorer, ScorerFacts
from evalharness.core.results import CaseResult
from evalharness.stats import permutation


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """The cases both arms share, and those they do not."""

    paired: tuple[Case, ...]
    """Living cases whose digest is the same in the baseline, in file order."""
    edited: tuple[str, ...] = ()
    """Ids with another digest: another question now, so not paired."""
    added: tuple[str, ...] = ()
    """Ids the baseline does not know."""
    removed: tuple[str, ...] = ()
    """Ids of the baseline that are no longer asked."""

    @property
    def changed_share(self) -> float:
        """Edited and removed cases as a share of the baseline's cases, 0..1."""
        before = len(self.paired) + len(self.edited) + len(self.removed)
        return (len(self.edited) + len(self.removed)) / before if before else 0.0


def pair(evalset: EvalSet, baseline: Mapping[str, CaseResult], *, whole_groups: bool = False) -> Pairing:
    """Match the living cases of an eval set with a baseline's results by id, guarded by the case digest.

    Args:
        evalset: The set as it is now.
        baseline: Results by case id.
        whole_groups: True where a scorer gives a behaviour group one value: a group in which any member was edited,
            added or removed is another test now, and all of it counts as edited.
    """
    paired, edited, added = [], [], []
    for case in evalset.living:
        stored = baseline.get(case.id)
        if stored is None:
            added.append(case.id)
        elif stored.case_digest != case.digest:
            edited.append(case.id)
        else:
            paired.append(case)
    if whole_groups:
        paired, edited = _without_changed_groups(evalset, baseline, paired, edited)
    living = {case.id for case in evalset.living}
    removed = tuple(case_id for case_id in baseline if case_id not in living)
    return Pairing(paired=tuple(paired), edited=tuple(edited), added=tuple(added), removed=removed)


def _without_changed_groups(
    evalset: EvalSet, baseline: Mapping[str, CaseResult], paired: list[Case], edited: list[str]
) -> tuple[list[Case], list[str]]:
    """Paired cases and edited ids once every group that has changed is taken out as a whole."""
    kept = {case.id for case in paired}
    changed = {
        case.group
        for case in evalset.cases
        if case.group is not None and case.id not in kept and (case.deprecated is None or case.id in baseline)
    }
    fallen = {case.id for case in paired if case.group in changed}
    return [case for case in paired if case.id not in fallen], [
        case.id for case in evalset.living if case.id in fallen or case.id in edited
    ]


def grouped(scorers: Iterable[ScorerFacts]) -> bool:
    """Whether some scorer gives a whole behaviour group one value."""
    return any(isinstance(scorer, GroupScorer) for scorer in scorers)


def check_pairing(pairing: Pairing, *, max_changed: float, where: str) -> None:
    """Refuse a comparison that is mostly about other questions.

    Raises:
        BaselineError: If nothing is paired, or edited + removed exceed ``max_changed`` (share of the baseline).
    """
    repair = "score the old candidate on the new set and promote that: evalh promote --why TEXT"
    if not pairing.paired:
        raise BaselineError("no case of the eval set is in the baseline unchanged", where=where, tip=repair)
    if pairing.changed_share > max_changed + 1e-9:
        names = ", ".join((*pairing.edited, *pairing.removed)[:5])
        raise BaselineError(
            f"{len(pairing.edited)} cases edited and {len(pairing.removed)} removed since the baseline "
            f"({pairing.changed_share:.1%} of it, allowed {max_changed:.1%}): {names}",
            where=where,
            tip=repair,
        )


def order_seed(evalset_digest: str, baseline_run: str, pull_request: str) -> str:
    """The seed of the case order: fixed by what is compared, so that nobody can re-roll it.

    The candidate is left out on purpose: white-space commits must not draw a new order (gate-exact, attack B3).

    Args:
        evalset_digest: Digest of the eval set.
        baseline_run: Run id of the baseline.
        pull_request: Pull-request id, or empty.

    Returns:
        64 lower-case hex digits.
    """
    parts = ("evalh-order-v1", evalset_digest, baseline_run, pull_request)
    return hashlib.sha256("\x1f".join(parts).encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What the statistics count as one: a case, or all cases of a cluster or behaviour group."""

    name: str
    cases: tuple[Case, ...]
    weight: float
    """Sum of its cases' weights."""


def units_in_order(cases: tuple[Case, ...], seed: str) -> tuple[Unit, ...]:
    """The units of some cases in the seeded order; inside a unit the cases keep their file order."""
    members: dict[str, list[Case] | Case] = {}
    for case in cases:
        unit = case.unit
        before = members.setdefault(unit, case)
        if isinstance(before, list):
            before.append(case)
        elif before is not case:
            members[unit] = [before, case]
    return tuple(_unit(name, members[name]) for name in permutation(members, seed))


def _unit(name: str, members: list[Case] | Case) -> Unit:
    if isinstance(members, Case):
        return Unit(name=name, cases=(members,), weight=members.weight)
    return Unit(name=name, cases=tuple(members), weight=sum(case.weight for case in members))
