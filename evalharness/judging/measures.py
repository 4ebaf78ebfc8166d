"""What else calibration measures: judges that need no model, flips by order and repetition, people, true rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from statistics import median
from typing import Any, Final

from evalharness.judging.agreement import Agreement, Case, judged, or_none
from evalharness.judging.observe import Observation
from evalharness.judging.rates import Rate
from evalharness.judging.rubric import Rubric
from evalharness.stats.agreement import Estimate, cohen_kappa, krippendorff_alpha, ppi_mean, rogan_gladen_interval

LEAST_FOR_PPI: Final = 30
"""Labels that prediction-powered inference takes."""


def trivial_baselines(rubric: Rubric, known: Sequence[Case]) -> dict[str, Rate]:
    """Accuracy of always passing (of pairs: always the second), and of taking the longer one."""
    if rubric.pairwise:
        lengths = [(len(c.label.fields["output_b"]) > len(c.label.fields["output_a"]), bool(c.human)) for c in known]
        return {
            "always_second": Rate.of(bool(case.human) for case in known),
            "longest": Rate.of(longer == human for longer, human in lengths),
        }
    middle = median(len(str(case.label.fields.get("output", ""))) for case in known)
    return {
        "always_pass": Rate.of(bool(case.human) for case in known),
        "longest": Rate.of((len(str(c.label.fields.get("output", ""))) > middle) == c.human for c in known),
    }


def order_effects(known: Sequence[Case]) -> dict[str, Any]:
    """Of pairs: how right each order is, and how often the order decides."""
    rows = [(bool(c.human), _side(c.first("AB")), _side(c.first("BA"))) for c in known]
    shown = [side == first for _, *sides in rows for side, first in zip(sides, (False, True), strict=True)]
    return {
        "correct_ab": Rate.of(human is ab for human, ab, _ in rows),
        "correct_ba": Rate.of(human is ba for human, _, ba in rows),
        "correct_both": Rate.of(human is ab is ba for human, ab, ba in rows),
        "same": Rate.of(ab is ba for _, ab, ba in rows),
        "first_shown": Rate.of(shown),
        "kappa_ab": or_none(lambda: cohen_kappa([h for h, _, _ in rows], [ab for _, ab, _ in rows])),
        "kappa_ba": or_none(lambda: cohen_kappa([h for h, _, _ in rows], [ba for _, _, ba in rows])),
        "kappa_orders": or_none(lambda: cohen_kappa([ab for _, ab, _ in rows], [ba for _, _, ba in rows])),
    }


def _side(one: Observation | None) -> bool | None:
    return None if one is None else {"A": False, "B": True}.get(str(one.side))


def retest_flips(rubric: Rubric, cases: Sequence[Case]) -> Rate | None:
    """How often a second judgement in the same order turns the verdict."""
    turned = []
    for case in cases:
        for order in ("AB", "BA"):
            same = sorted((one for one in case.seen if one.order == order), key=lambda one: one.repeat)
            said = [one.side if rubric.pairwise else one.passed for one in same]
            turned += [first != second for first, second in pairwise(said[:2])]
    return Rate.of(turned) if turned else None


def alpha_of_people(rubric: Rubric, cases: Sequence[Case]) -> float | None:
    """Alpha of the raters over every criterion that is one word or number."""
    asked = [criterion.id for criterion in rubric.criteria if criterion.type != "itemised"]
    rated = [case.label.ratings for case in cases if len(case.label.ratings) > 1]
    if not rated:
        return None
    most = max(len(ratings) for ratings in rated)
    rows: list[list[Any]] = [
        [_named(name, ratings[rater]) if rater < len(ratings) else None for ratings in rated for name in asked]
        for rater in range(most)
    ]
    return or_none(lambda: krippendorff_alpha(rows))


def _named(name: str, rating: Mapping[str, Any]) -> tuple[str, Any] | None:
    return (name, rating[name]) if name in rating else None


# --- what the judge's pass rate means -----------------------------------------------------------------------------------


def true_rates(rubric: Rubric, cases: Sequence[Case], overall: Agreement) -> dict[str, Estimate]:
    """The share of unlabelled answers that people would pass, estimated from the judge's verdicts."""
    others = [said for case in cases if case.human is None and (said := judged(rubric, case)) is not None]
    if len(others) < 2 or rubric.pairwise:
        return {}
    passed = Rate.of(others)
    low, high = passed.interval
    found = {"judged": Estimate(value=passed.hits / passed.n, low=low, high=high)}
    good, bad = overall.sensitivity, overall.specificity
    with suppress(ValueError):  # J is too low for a correction: then none is shown
        found["rogan_gladen"] = rogan_gladen_interval((passed.hits, passed.n), (good.hits, good.n), (bad.hits, bad.n))
    pairs = [
        (case.human, said) for case in cases if case.human is not None and (said := judged(rubric, case)) is not None
    ]
    if len(pairs) >= LEAST_FOR_PPI:
        found["ppi"] = ppi_mean([float(h) for h, _ in pairs], [float(s) for _, s in pairs], [float(s) for s in others])
    return found
