"""What a pull request may not say about cases that are judged: how much they weigh, what they belong to, which slice they are in.

It may edit what a case asks and wants, for then the case is not paired and is counted. Its description keeps the pair, so
in CI that is the base ref's: else the cases that fall could weigh nothing, or be one case together.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalharness.core.cases import Case, EvalSet
from evalharness.evalset.jsonl import load_evalset

if TYPE_CHECKING:
    from evalharness.config.model import Config
    from evalharness.project.workspace import Trusted


def held_by_base(evalset: EvalSet, trusted: Trusted | None) -> EvalSet:
    """The cases of a pull request, those that the base ref knows described as there.

    Args:
        evalset: As the pull request has it.
        trusted: The base ref; None outside of CI.

    Returns:
        The same set when there is no base ref, or it has none of that name, or describes every case alike.

    Raises:
        EvalSetError: If the base ref's set cannot be read.
    """
    config = None if trusted is None else trusted.config
    known = None if config is None else config.evalsets.get(evalset.name)
    if trusted is None or config is None or known is None or not (trusted.files / known.path).is_file():
        return evalset
    fields = slice_fields(config, evalset.name)
    base = load_evalset(trusted.files / known.path, name=evalset.name).by_id
    cases = tuple(described_as(case, base[case.id], fields) if case.id in base else case for case in evalset.cases)
    return evalset if cases == evalset.cases else replace(evalset, cases=cases)


def slice_fields(config: Config, name: str) -> tuple[str, ...]:
    """Metadata fields that reports and gates slice an eval set by."""
    gates = (gate for gate in config.gates.values() if gate.evalset == name)
    return tuple(dict.fromkeys((*config.evalsets[name].slices, *(field for gate in gates for field in gate.slices))))


def described_as(case: Case, base: Case, fields: tuple[str, ...]) -> Case:
    """A case with the weight, the cluster and the slices of another."""
    own = {name: value for name, value in case.metadata.items() if name not in fields}
    sliced = {name: base.metadata[name] for name in fields if name in base.metadata}
    return replace(case, weight=base.weight, cluster=base.cluster, metadata={**own, **sliced})
