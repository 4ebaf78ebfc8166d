"""A judge's verdicts beside people's, question by question: the cases that calibration counts, and their agreement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from evalharness.judging.assessment import value_of
from evalharness.judging.labels import Label
from evalharness.judging.observe import Observation, read
from evalharness.judging.rates import Rate, Youden
from evalharness.judging.reply import Opinion
from evalharness.judging.rubric import CANNOT_TELL, Criterion, Rubric
from evalharness.stats.agreement import cohen_kappa, krippendorff_alpha


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A judge against people on one question with two answers."""

    name: str
    """``overall`` or a criterion."""
    sensitivity: Rate
    """Of what people pass (of a pair: prefer as B), the share that the judge does."""
    specificity: Rate
    """Of what people fail (prefer as A), the share that the judge does."""
    silent: int
    """Labels without a verdict: errors and cannot_tell. They count as misses in both rates."""
    youden: Youden | None
    accuracy: Rate
    kappa: float | None
    """Cohen's kappa, silence as a verdict of its own; None where it has no value (one class only)."""
    alpha: float | None
    """Krippendorff's alpha of judge and people as two raters, silence as a gap."""

    def to_json(self) -> dict[str, Any]:
        """JSON object."""
        return {
            "name": self.name,
            "sensitivity": self.sensitivity.to_json(),
            "specificity": self.specificity.to_json(),
            "silent": self.silent,
            "youden": None if self.youden is None else self.youden.to_json(),
            "accuracy": self.accuracy.to_json(),
            "kappa": self.kappa,
            "alpha": self.alpha,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One labelled answer and what was seen of it."""

    label: Label
    seen: Sequence[Observation]
    """At least one."""
    human: bool | None
    """People's verdict: pass (of a pair: B is better); None where there is no label."""

    def first(self, order: str = "AB") -> Observation | None:
        """The first judgement in an order."""
        found = [one for one in self.seen if one.order == order]
        return min(found, key=lambda one: one.repeat) if found else None


def human_verdict(rubric: Rubric, label: Label) -> bool | None:
    """What people say of the whole answer; of a pair: whether B is better (a tie is neither)."""
    if rubric.pairwise:
        _, value = read(rubric, label, label.verdicts) if label.verdicts else (None, None)
        return None if value is None or abs(value - 0.5) < 1e-9 else value > 0.5
    if label.passed is not None or not label.verdicts:
        return label.passed
    return read(rubric, label, label.verdicts)[0]


def judged(rubric: Rubric, case: Case) -> bool | None:
    """The judge's verdict on a case: pass; of a pair, seen in both orders, whether B is better (None: no side)."""
    first = case.first()
    if not rubric.pairwise:
        return None if first is None else first.passed
    sides = {one.side for one in (first, case.first("BA")) if one is not None}
    return {"A": False, "B": True}.get(str(sides.pop())) if len(sides) == 1 else None


def agreement(name: str, pairs: Sequence[tuple[bool, bool | None]]) -> Agreement:
    """Rates of one question.

    Args:
        name: What is asked.
        pairs: (people's verdict, the judge's; None where it gave none).
    """
    good = [said for human, said in pairs if human]
    bad = [said for human, said in pairs if not human]
    sensitivity, specificity = Rate.of(said is True for said in good), Rate.of(said is False for said in bad)
    return Agreement(
        name=name,
        sensitivity=sensitivity,
        specificity=specificity,
        silent=sum(said is None for _, said in pairs),
        youden=Youden.of(sensitivity, specificity),
        accuracy=Rate.of(said is human for human, said in pairs),
        kappa=or_none(lambda: cohen_kappa([human for human, _ in pairs], [said for _, said in pairs])),
        alpha=or_none(lambda: krippendorff_alpha([[human for human, _ in pairs], [said for _, said in pairs]])),
    )


def or_none(number: Callable[[], float]) -> float | None:
    """A number, or None where it has no value (one class only, nothing in common)."""
    try:
        return float(number())
    except ValueError:
        return None


def of_criterion(rubric: Rubric, criterion: Criterion, cases: Sequence[Case]) -> Agreement | None:
    """Agreement on one criterion, over the labels that speak of it; None when none does."""
    pairs = []
    for case in cases:
        human = holds(rubric, criterion, case.label.verdicts.get(criterion.id))
        first = case.first()
        said = (first.verdicts or {}).get(criterion.id) if first is not None else None
        if human is not None:
            pairs.append((human, holds(rubric, criterion, said)))
    return agreement(criterion.id, pairs) if pairs else None


def holds(rubric: Rubric, criterion: Criterion, verdict: Any) -> bool | None:
    """Whether a verdict is a good one; of a pair whether it is B; None where there is none, or it cannot tell."""
    if verdict is None or verdict in (CANNOT_TELL, "tie"):
        return None
    if criterion.type == "pairwise":
        return bool(verdict == "B")
    value = value_of(criterion, Opinion(verdict=verdict), rubric)
    return None if value is None else criterion.holds(value)
