"""How far a judge can be believed: its verdicts counted against people's, and the right to block that follows.

Sensitivity and specificity with exact intervals, Youden's J, kappa, Krippendorff's alpha, trivial baselines, flips by
order and by repetition, the corrections of Rogan and Gladen and of prediction-powered inference (scorers.md 1.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from evalharness.core.specs import EMPTY, thaw
from evalharness.judging.agreement import Agreement, Case, agreement, human_verdict, judged, of_criterion
from evalharness.judging.labels import Label
from evalharness.judging.measures import (
    alpha_of_people,
    order_effects,
    retest_flips,
    trivial_baselines,
    true_rates,
)
from evalharness.judging.observe import Observation
from evalharness.judging.rates import Rate
from evalharness.judging.rubric import Rubric
from evalharness.stats.agreement import Estimate

LEAST_LABELS: Final = 40
"""Human labels of each class that the right to block takes: +-10 points on a rate of 0.9 take 35 (scorers.md 1.3)."""
LEAST_J: Final = 0.4
"""What the lower 95 % bound of J must reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Everything that was measured."""

    labels: Mapping[str, int]
    """``n``, ``human_good``, ``human_bad``, ``generated``, ``unlabelled``."""
    overall: Agreement
    criteria: tuple[Agreement, ...]
    baselines: Mapping[str, Rate]
    """Accuracy of judges that need no model: ``always_pass``, ``longest``."""
    orders: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """Of pairs: ``correct_ab``, ``correct_ba``, ``correct_both``, ``same``, ``first_shown`` (rates) and kappas."""
    retest: Rate | None = None
    """Verdicts that another repeat turns; None where nothing was judged twice."""
    observations: Mapping[str, int] = field(default_factory=lambda: EMPTY)
    """``n`` judgements, ``invalid`` of them no valid verdict."""
    people: float | None = None
    """Krippendorff's alpha of the raters; None without their own verdicts."""
    true_rates: Mapping[str, Estimate] = field(default_factory=lambda: EMPTY)
    """Estimates of the share of unlabelled answers that are good: ``rogan_gladen``, ``ppi``, with ``judged`` beside them."""
    why_not: tuple[str, ...] = ()
    """Why the judge may not block; empty when it may."""

    @property
    def may_block(self) -> bool:
        """Whether a gate may fail on this judge's word."""
        return not self.why_not

    def to_json(self) -> dict[str, Any]:
        """JSON object; numbers are never NaN."""
        return {
            "labels": dict(self.labels),
            "overall": self.overall.to_json(),
            "criteria": [criterion.to_json() for criterion in self.criteria],
            "baselines": {name: rate.to_json() for name, rate in self.baselines.items()},
            "orders": {n: v.to_json() if isinstance(v, Rate) else thaw(v) for n, v in self.orders.items()},
            "retest_flips": None if self.retest is None else self.retest.to_json(),
            "observations": dict(self.observations),
            "people_alpha": self.people,
            "true_rates": {
                name: {"value": estimate.value, "interval": [estimate.low, estimate.high]}
                for name, estimate in self.true_rates.items()
            },
            "may_block": self.may_block,
            "why_not": list(self.why_not),
        }


def calibrate(rubric: Rubric, seen: Sequence[tuple[Label, Sequence[Observation]]]) -> Calibration:
    """Count a judge's verdicts against people's.

    Args:
        rubric: The rubric.
        seen: Each label with what the judge said of it, at least one observation each.

    Raises:
        ValueError: If there is no labelled answer.
    """
    cases = [Case(label=label, seen=said, human=human_verdict(rubric, label)) for label, said in seen]
    known = [case for case in cases if case.human is not None]
    if not known:
        raise ValueError("no answer has a label that says pass or fail")
    overall = agreement("overall", [(bool(case.human), judged(rubric, case)) for case in known])
    several = rubric.criteria if len(rubric.criteria) > 1 else ()  # a single one is the whole
    criteria = tuple(found for criterion in several if (found := of_criterion(rubric, criterion, cases)) is not None)
    human = [case for case in known if not case.label.generated]
    labels = {
        "n": len(known),
        "human_good": sum(bool(case.human) for case in human),
        "human_bad": sum(not case.human for case in human),
        "generated": len(known) - len(human),
        "unlabelled": len(cases) - len(known),
    }
    measured = _on_human_labels(rubric, human, criteria)
    return Calibration(
        labels=labels,
        overall=overall,
        criteria=criteria,
        baselines=trivial_baselines(rubric, known),
        orders=order_effects(known) if rubric.pairwise else EMPTY,
        retest=retest_flips(rubric, cases),
        observations={
            "n": sum(len(case.seen) for case in cases),
            "invalid": sum(one.verdicts is None for case in cases for one in case.seen),
        },
        people=alpha_of_people(rubric, cases),
        true_rates=true_rates(rubric, cases, overall),
        why_not=tuple(_why_not(rubric, labels, *measured)),
    )


# --- the right to block -------------------------------------------------------------------------------------------------


def _on_human_labels(
    rubric: Rubric, human: Sequence[Case], criteria: Sequence[Agreement]
) -> tuple[Agreement | None, list[Agreement]]:
    """Agreement overall and on each must-pass criterion, on labels of people alone."""
    if not human:
        return None, []
    overall = agreement("overall", [(bool(case.human), judged(rubric, case)) for case in human])
    musts = [rubric.criterion(one.name) for one in criteria if rubric.criterion(one.name).must_pass]
    found = [of_criterion(rubric, criterion, human) for criterion in musts]
    return overall, [one for one in found if one is not None]


def _why_not(
    rubric: Rubric, labels: Mapping[str, int], overall: Agreement | None, musts: Sequence[Agreement]
) -> list[str]:
    reasons = []
    classes = (("human_good", "A is worse"), ("human_bad", "B is worse")) if rubric.pairwise else ()
    names = dict(classes) or {"human_good": "pass", "human_bad": "fail"}
    for key, word in names.items():
        if labels[key] < LEAST_LABELS:
            reasons.append(f"{labels[key]} human labels say {word!r}, {LEAST_LABELS} are needed")
    for one in (*((overall,) if overall is not None else ()), *musts):
        if one.youden is None:
            reasons.append(f"{one.name}: all human labels are of one class")
        elif one.youden.low < LEAST_J:
            reasons.append(f"{one.name}: the lower bound of J is {one.youden.low:.2f}, {LEAST_J} is needed")
    return reasons
