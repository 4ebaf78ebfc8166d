"""Drift of outputs and scores between two periods: what is looked at in each answer, and what the statistics say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from evalharness.core.results import CaseResult, Failure, Output, Score, ScoreResult
from evalharness.core.specs import EMPTY
from evalharness.stats.drift import Shift, TooFew, category_shift, holm, number_shift

ALPHA: Final = 0.05
"""Chance of naming any field of a stream that did not move, at most."""
ROUNDS: Final = 1999
_OPENING: Final = 200
_LANGUAGE_OF: Final = 600
"""Characters from which the language is told."""
_LABEL: Final = 40
"""An answer is a label when it is one line of at most so many characters."""
_MOSTLY: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One answer and its scores."""

    output: Output | Failure
    scores: Mapping[str, ScoreResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDrift:
    """One field over the two periods."""

    field: str
    shift: Shift | TooFew
    adjusted: float | None
    """Holm's p-value over the fields; None when there are too few values."""
    old: str
    """The first period in a word: its mean, or its commonest categories."""
    new: str

    @property
    def moved(self) -> bool:
        """Whether the field is named."""
        return self.adjusted is not None and self.adjusted <= ALPHA

    def to_json(self) -> dict[str, Any]:
        """JSON object; ``status`` is ``moved``, ``quiet`` or ``too few to read``."""
        counts = {"field": self.field, "n_old": self.shift.n_old, "n_new": self.shift.n_new}
        if isinstance(self.shift, TooFew):
            return {**counts, "status": "too few to read"}
        return {
            **counts,
            "status": "moved" if self.moved else "quiet",
            "old": self.old,
            "new": self.new,
            **{
                name: getattr(self.shift, name)
                for name in ("kind", "psi", "js", "ks", "p_psi", "p_js", "p_ks", "p_value")
            },
            "p_holm": self.adjusted,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """All fields over the two periods."""

    n_old: int
    n_new: int
    fields: tuple[FieldDrift, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON object with its schema word."""
        facts = {"schema": "evalh.drift/1", "alpha": ALPHA, "n_old": self.n_old, "n_new": self.n_new}
        return {**facts, "fields": [one.to_json() for one in self.fields]}


def drift_between(
    old: Sequence[Seen],
    new: Sequence[Seen],
    *,
    scored: tuple[Sequence[Seen], Sequence[Seen]] | None = None,
    seed: int = 0,
) -> Drift:
    """Compare two periods field by field.

    Args:
        old: Answers of the first period.
        new: Answers of the second.
        scored: Answers of both periods that have scores, where those are others; by default the same.
        seed: Seed of the random splits.
    """
    first, second = scored or (old, new)
    before, after = {**_fields(old), **_scores(first)}, {**_fields(new), **_scores(second)}
    rows: list[tuple[str, Shift | TooFew, str, str]] = []
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name, []), after.get(name, [])
        if all(isinstance(value, float) for value in (*one, *other)):
            shift = number_shift(one, other, rounds=ROUNDS, seed=seed)
            rows.append((name, shift, _mean(one), _mean(other)))
        else:
            shift = category_shift(one, other, rounds=ROUNDS, seed=seed)
            rows.append((name, shift, *_shares(one, other)))
    readable = [shift.p_value for _, shift, _, _ in rows if isinstance(shift, Shift)]
    adjusted = iter(holm(readable))
    fields = tuple(
        FieldDrift(
            field=name, shift=shift, adjusted=next(adjusted) if isinstance(shift, Shift) else None, old=one, new=other
        )
        for name, shift, one, other in rows
    )
    return Drift(n_old=len(old), n_new=len(new), fields=fields)


def seen_of(results: Mapping[str, CaseResult]) -> list[Seen]:
    """Every answer of a run, epochs one by one."""
    return [
        Seen(output=trial.output, scores=trial.scores) for result in results.values() for trial in result.epoch_trials()
    ]


def seen_outputs(outputs: Iterable[Output | Failure]) -> list[Seen]:
    """Answers without scores."""
    return [Seen(output=output, scores=EMPTY) for output in outputs]


def _fields(period: Sequence[Seen]) -> dict[str, list[Any]]:
    """Field -> its values in a period; what is not known of an answer is left out of that field alone."""
    from evalharness.scorers.behaviour_languages import tell_language
    from evalharness.scorers.refusals import refusals

    pattern = refusals("any")
    names = ("length", "refusal", "language", "label", "failed", "latency", "cost")
    values: dict[str, list[Any]] = {name: [] for name in names}
    for seen in period:
        output = seen.output
        values["failed"].append("yes" if isinstance(output, Failure) else "no")
        if isinstance(output, Failure):
            continue
        text = output.text
        if text is not None:
            values["length"].append(float(len(text)))
            values["refusal"].append("yes" if pattern.search(text[:_OPENING]) else "no")
            values["language"].append(tell_language(text[:_LANGUAGE_OF]).language or "unknown")
            if len(text) <= _LABEL and "\n" not in text.strip():
                values["label"].append(" ".join(text.split()).casefold())
        for name, amount in (("latency", output.latency_s), ("cost", output.cost_usd)):
            if amount is not None:
                values[name].append(float(amount))
    if len(values["label"]) < _MOSTLY * len(values["length"]):
        del values["label"]  # free text, with a short answer now and then
    return values


def _scores(period: Sequence[Seen]) -> dict[str, list[Any]]:
    """``score NAME`` -> the values of a scorer; what it could not score is left out."""
    values: dict[str, list[Any]] = {}
    for seen in period:
        for name, score in seen.scores.items():
            if isinstance(score, Score):
                values.setdefault(f"score {name}", []).append(float(score.value))
    return values


def _mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.4g}" if values else "-"


def _shares(old: Sequence[str], new: Sequence[str]) -> tuple[str, str]:
    """The category whose share moved most, with its share on each side."""
    if not old or not new:
        return "-", "-"
    before, after = Counter(old), Counter(new)
    name = max(
        sorted({*before, *after}), key=lambda value: abs(before[value] / len(old) - after[value] / len(new)), default=""
    )
    return f"{name} {before[name] / len(old):.1%}", f"{name} {after[name] / len(new):.1%}"
