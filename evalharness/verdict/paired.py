"""Both arms of a case under one measure: its two numbers, their difference, and bounds where something is missing."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from evalharness.core.results import CaseResult
from evalharness.verdict.measure import ArmValue, Measure, arm_value
from evalharness.verdict.pairing import Unit


class Differences:
    """(mean, worst, best, size) of each unit in order, 0..1 scale, kept as columns: a gate may have a million units."""

    __slots__ = ("best", "means", "sizes", "worst")

    def __init__(self) -> None:
        self.means = array("d")
        """Difference of the means; with something missing, the middle of what it can be."""
        self.worst = array("d")
        """The least it can be."""
        self.best = array("d")
        """The most it can be."""
        self.sizes = array("d")
        """Weight of the unit."""

    def add(self, mean: float, worst: float, best: float, size: float) -> None:
        """Take the next unit."""
        self.means.append(mean)
        self.worst.append(worst)
        self.best.append(best)
        self.sizes.append(size)

    def __len__(self) -> int:
        return len(self.means)

    def __iter__(self) -> Iterator[tuple[float, float, float, float]]:
        return zip(self.means, self.worst, self.best, self.sizes, strict=True)


class PairedCase(NamedTuple):
    """Both arms' oriented values (0..1, more is better) of one case under one measure."""

    case_id: str
    weight: float
    baseline: float
    candidate: ArmValue
    baseline_epochs: tuple[float, ...] = ()
    baseline_bounds: tuple[float, float] | None = None
    """(least, most) the baseline can be, where its own answer is missing: only when both arms are answered in one run."""

    @property
    def missing(self) -> bool:
        """Whether either arm lacks an epoch here."""
        return self.candidate.missing > 0 or self.baseline_bounds is not None

    @property
    def difference(self) -> float | None:
        """Candidate - baseline; None when an epoch of either is missing."""
        if self.missing or self.candidate.mean is None:
            return None
        return self.candidate.mean - self.baseline

    @property
    def worst(self) -> float:
        """The least the difference can be."""
        return self.candidate.low - (self.baseline if self.baseline_bounds is None else self.baseline_bounds[1])

    @property
    def best(self) -> float:
        """The most the difference can be."""
        return self.candidate.high - (self.baseline if self.baseline_bounds is None else self.baseline_bounds[0])


def pairs_of(
    measure: Measure,
    unit: Unit,
    baseline: Mapping[str, CaseResult],
    candidate: Mapping[str, CaseResult],
    epochs: tuple[int, int],
) -> list[PairedCase]:
    """The paired cases of one unit under one measure, in file order.

    A case without a baseline number is not in the paired set (it is counted elsewhere); one without a candidate number
    keeps its place with bounds, so that a lost answer can neither help a PASS nor cause a FAIL.

    Args:
        measure: Scorer and scale.
        unit: The unit.
        baseline: Baseline results by case id.
        candidate: Candidate results by case id; every case of the unit has one.
        epochs: Epochs of (baseline, candidate).
    """
    found = []
    for case in unit.cases:
        before = arm_value(measure, baseline[case.id], epochs[0])
        if before.mean is None:
            continue
        found.append(
            PairedCase(
                case_id=case.id,
                weight=case.weight,
                baseline=before.mean,
                baseline_epochs=before.epochs,
                candidate=arm_value(measure, candidate[case.id], epochs[1]),
            )
        )
    return found


def live_pairs(
    measure: Measure,
    unit: Unit,
    baseline: Mapping[str, CaseResult],
    candidate: Mapping[str, CaseResult],
    *,
    epochs: int,
    planned: frozenset[str],
) -> list[PairedCase]:
    """The paired cases of one unit when the baseline is answered in the same run.

    Which cases count was fixed before the first call, so a baseline that is missing keeps its place too, with bounds.

    Args:
        measure: Scorer and scale.
        unit: The unit.
        baseline: Baseline results so far by case id; every case of the unit has one.
        candidate: Candidate results by case id; every case of the unit has one.
        epochs: Epochs of either arm.
        planned: Ids of the cases that count under this measure.
    """
    found = []
    for case in unit.cases:
        if case.id not in planned:
            continue
        before = arm_value(measure, baseline[case.id], epochs)
        found.append(
            PairedCase(
                case_id=case.id,
                weight=case.weight,
                baseline=(before.low + before.high) / 2 if before.missing or before.mean is None else before.mean,
                baseline_epochs=before.epochs,
                baseline_bounds=(before.low, before.high) if before.missing else None,
                candidate=arm_value(measure, candidate[case.id], epochs),
            )
        )
    return found


def planned_sizes(
    measure: Measure, units: Iterable[Unit], baseline: Mapping[str, CaseResult], epochs: int
) -> list[float]:
    """Weight of each unit that will count under a measure: of its cases that have a baseline number.

    Known before the first call, as the statistics require: N and the largest unit are facts of eval set and baseline.
    """
    sizes = []
    for unit in units:
        weights = [case.weight for case in unit.cases if arm_value(measure, baseline[case.id], epochs).mean is not None]
        size = weights[0] if len(weights) == 1 else math.fsum(weights)
        if size > 0:
            sizes.append(size)
    return sizes


def sizes_of(units: Iterable[Unit], planned: frozenset[str]) -> list[float]:
    """Weight of each unit that will count, where the cases that count are known by name."""
    sizes = (math.fsum(case.weight for case in unit.cases if case.id in planned) for unit in units)
    return [size for size in sizes if size > 0]
