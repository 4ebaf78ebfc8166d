"""Which verdicts a criterion allows: the closed values, checked alike in examples, labels and replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalharness.core.nearest import name_tip
from evalharness.judging.items import split_items
from evalharness.judging.rubric import CANNOT_TELL, Criterion


def example_fields(uses: Sequence[str], *, pairwise: bool) -> tuple[str, ...]:
    """The fields that an example or a label of a rubric may show.

    Args:
        uses: The rubric's ``uses``.
        pairwise: Whether it compares two answers: then ``output`` becomes ``output_a`` and ``output_b``.
    """
    if not pairwise:
        return tuple(uses)
    return tuple(name for field in uses for name in (("output_a", "output_b") if field == "output" else (field,)))


def check_verdicts(verdicts: Mapping[str, Any], criteria: Sequence[Criterion], fields: Mapping[str, Any]) -> str:
    """What is wrong with the verdicts of an example or a label; empty when nothing is.

    Args:
        verdicts: Criterion -> verdict. A criterion may be missing: it was not looked at, or does not apply.
        criteria: The rubric's.
        fields: What was shown, for the number of items.
    """
    known = {criterion.id: criterion for criterion in criteria}
    for name, verdict in verdicts.items():
        if name not in known:
            return f"no criterion {name!r}; {name_tip(name, known, title='criteria')}"
        problem = check_verdict(verdict, known[name], fields)
        if problem:
            return f"{name}: {problem}"
    return "" if verdicts else "expected a verdict on at least one criterion"


def check_verdict(verdict: Any, criterion: Criterion, fields: Mapping[str, Any]) -> str:
    """What is wrong with one verdict; empty when nothing is."""
    if verdict == CANNOT_TELL:
        return ""
    if criterion.type == "numeric":
        low, high = criterion.range
        good = isinstance(verdict, (int, float)) and not isinstance(verdict, bool) and low <= verdict <= high
        return "" if good else f"seen {verdict!r}, expected a number from {low:g} to {high:g}"
    if criterion.type != "itemised":
        return _word(verdict, criterion)
    if isinstance(verdict, str) or not isinstance(verdict, Sequence):
        return "expected a list, a verdict for each item"
    wanted = len(split_items(criterion.items, fields))
    if len(verdict) != wanted:
        return f"seen {len(verdict)} verdicts, expected {wanted}: one for each of {criterion.items}"
    return next((problem for word in verdict if (problem := _word(word, criterion))), "")


def _word(verdict: Any, criterion: Criterion) -> str:
    allowed = (*criterion.verdicts, CANNOT_TELL)
    if isinstance(verdict, str) and verdict in allowed:
        return ""
    return f"seen {verdict!r}, expected one of {', '.join(allowed)}"
