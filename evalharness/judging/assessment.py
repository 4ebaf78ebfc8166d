"""From opinions to a score: the value of a verdict, the vote of several, the rubric's aggregate. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalharness.core.results import Score
from evalharness.judging.reply import Opinion
from evalharness.judging.rubric import CANNOT_TELL, MET, Criterion, Rubric

PAIR_VALUES: Mapping[str, float] = {"A": 0.0, "tie": 0.5, "B": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What a rubric's criteria come to for one answer."""

    value: float | None
    """0..1; None when too little was assessed."""
    passed: bool | None
    """None when too little was assessed."""
    parts: Mapping[str, Score]
    """Criterion -> its own score, for those that were assessed."""
    opinions: Mapping[str, Opinion]
    unassessed: tuple[str, ...] = ()
    """Criteria that apply and have no value."""
    reason: str = ""


def value_of(criterion: Criterion, opinion: Opinion, rubric: Rubric) -> float | None:
    """The value of an opinion, 0..1, + is better.

    Args:
        criterion: What was asked.
        opinion: What was said.
        rubric: Says what becomes of ``cannot_tell``.

    Returns:
        None where nothing can be said.
    """
    failing = rubric.cannot_tell == "fail"
    if criterion.type == "itemised":
        return _value_of_items(criterion, opinion.verdict, failing=failing, least=rubric.aggregate.min_assessed)
    if opinion.verdict == CANNOT_TELL:
        return 0.0 if failing else None
    if opinion.distribution:
        values = {word: _plain_value(criterion, word) for word in opinion.distribution if word != CANNOT_TELL}
        total = sum(opinion.distribution[word] for word in values)
        return sum(opinion.distribution[word] * value for word, value in values.items()) / total
    return _plain_value(criterion, opinion.verdict)


def _plain_value(criterion: Criterion, verdict: Any) -> float:
    if criterion.type == "boolean":
        return float((verdict == MET) == criterion.expect)
    if criterion.type == "pairwise":
        return PAIR_VALUES[str(verdict)]
    if criterion.type == "numeric":
        low, high = criterion.range
        scaled = min(1.0, max(0.0, (float(verdict) - low) / (high - low)))
        return scaled if criterion.better == "higher" else 1.0 - scaled
    return next(option.value for option in criterion.options if option.id == verdict) or 0.0


def _value_of_items(criterion: Criterion, verdicts: Sequence[str], *, failing: bool, least: float) -> float | None:
    known: Mapping[str, float | None] = {option.id: option.value for option in criterion.options}
    if any(verdict in criterion.fatal for verdict in verdicts):
        return 0.0
    told = [verdict for verdict in verdicts if verdict != CANNOT_TELL]
    if not verdicts or (not failing and len(told) < least * len(verdicts) - 1e-9):
        return None
    read = [0.0 if verdict == CANNOT_TELL else known[verdict] for verdict in (verdicts if failing else told)]
    values = [value for value in read if value is not None]
    if not values:
        return None
    return sum(values) / len(values) if criterion.combine == "mean" else average_precision(values)


def average_precision(values: Sequence[float]) -> float:
    """Sum over ranks of precision at the rank times relevance, over the sum of relevance; 0 when nothing is relevant.

    Args:
        values: Relevance 0..1 in rank order.
    """
    total = found = 0.0
    for rank, value in enumerate(values, 1):
        found += value
        total += value * found / rank
    return total / found if found else 0.0


def assess(rubric: Rubric, opinions: Mapping[str, Opinion], applicable: Sequence[Criterion]) -> Assessment:
    """The rubric's aggregate over one set of opinions.

    Args:
        rubric: The rubric.
        opinions: Criterion -> opinion; criteria without items to judge have none.
        applicable: The criteria that apply to this case.
    """
    parts: dict[str, Score] = {}
    unassessed = []
    for criterion in applicable:
        opinion = opinions.get(criterion.id)
        value = None if opinion is None else value_of(criterion, opinion, rubric)
        if opinion is None or value is None:
            unassessed.append(criterion.id)
        else:
            passed = criterion.holds(value) if criterion.must_pass else None
            parts[criterion.id] = Score(value=value, passed=passed, reason=_said(opinion))
    weight = sum(criterion.weight for criterion in applicable)
    assessed = sum(criterion.weight for criterion in applicable if criterion.id in parts)
    musts = [criterion.id for criterion in applicable if criterion.must_pass]
    blocked = [name for name in musts if name in unassessed]
    if not parts or blocked or assessed < rubric.aggregate.min_assessed * weight - 1e-9:
        return Assessment(
            value=None,
            passed=None,
            parts=parts,
            opinions=opinions,
            unassessed=tuple(unassessed),
            reason=f"not assessed: {', '.join(unassessed) or 'no criterion applies'}",
        )
    value = sum(criterion.weight * parts[criterion.id].value for criterion in applicable if criterion.id in parts)
    value /= assessed
    failed = [name for name in musts if not parts[name].passed]
    return Assessment(
        value=value,
        passed=not failed and value >= rubric.aggregate.pass_score - 1e-9,
        parts=parts,
        opinions=opinions,
        unassessed=tuple(unassessed),
        reason=_reason(parts, failed),
    )


def _said(opinion: Opinion) -> str:
    verdict = ", ".join(opinion.verdict) if isinstance(opinion.verdict, tuple) else str(opinion.verdict)
    return f"{verdict}: {opinion.reason}" if opinion.reason else verdict


def _reason(parts: Mapping[str, Score], failed: Sequence[str]) -> str:
    """The opinion that decides: a failed must, else the lowest part."""
    name = failed[0] if failed else min(parts, key=lambda part: parts[part].value)
    return f"{name}: {parts[name].reason}"


# --- several judgements of one answer -----------------------------------------------------------------------------------


def vote(criterion: Criterion, opinions: Sequence[Opinion | None]) -> Opinion:
    """One opinion out of several: the majority of all seats; silence is no vote.

    Args:
        criterion: What was asked.
        opinions: One a seat or repeat; None where a seat said nothing.

    Returns:
        The first opinion with the winning verdict. Without a majority: the middle of ordered levels or numbers, if most
        seats gave one; else ``cannot_tell``. Items are voted on one by one.
    """
    given = [opinion for opinion in opinions if opinion is not None]
    if len(opinions) == 1 and given:
        return given[0]
    if criterion.type == "itemised":
        return _vote_on_items(given, len(opinions))
    won = _most([opinion.verdict for opinion in given], len(opinions))
    if won is not None:
        return next(opinion for opinion in given if opinion.verdict == won)
    told = [opinion for opinion in given if opinion.verdict != CANNOT_TELL]
    if criterion.type in ("ordinal", "numeric") and 2 * len(told) > len(opinions):
        order = {word: place for place, word in enumerate(criterion.verdicts)}
        told.sort(key=lambda opinion: order.get(opinion.verdict, opinion.verdict))
        return told[(len(told) - 1) // 2]
    return Opinion(verdict=CANNOT_TELL, problem=f"no majority of {len(opinions)}")


def _most(verdicts: Sequence[Any], seats: int) -> Any:
    """The verdict that more than half of all seats gave, or None."""
    for verdict, votes in Counter(verdicts).most_common(1):
        if 2 * votes > seats:
            return verdict
    return None


def _vote_on_items(given: Sequence[Opinion], seats: int) -> Opinion:
    if not given:
        return Opinion(verdict=(), problem=f"no majority of {seats}")
    columns = zip(*(opinion.verdict for opinion in given), strict=True)
    verdicts = tuple(_most(column, seats) or CANNOT_TELL for column in columns)
    first = next((opinion for opinion in given if opinion.verdict == verdicts), given[0])
    return Opinion(verdict=verdicts, quote=first.quote, reason=first.reason)


def vote_all(rubric: Rubric, judgements: Sequence[Mapping[str, Opinion]], names: Sequence[str]) -> dict[str, Opinion]:
    """The vote on each criterion over whole judgements.

    Args:
        rubric: The rubric.
        judgements: Criterion -> opinion, one mapping a judgement.
        names: Criteria that were asked.
    """
    return {name: vote(rubric.criterion(name), [judgement.get(name) for judgement in judgements]) for name in names}
