"""How the members of a behaviour group are read, so that two answers can be compared.

Three ways, chosen by the table of the scorer: ``of`` (another scorer's verdict or value of each answer), ``labels`` (the label
that an answer gives), or the text itself: NFC, case folded, white space folded, punctuation at the ends dropped.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from evalharness.core.cases import Case
from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Failure, Output, Score, Unscored
from evalharness.scorers.base import shown
from evalharness.scorers.classification import Label
from evalharness.scorers.parameters import Params

_ENDS: Final = " \t\r\n.,;:!?…。、！？\"'“”‘’«»()[]*_`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was read of one member."""

    key: Any
    """What is compared; None when nothing could be read."""
    saw: str
    """For people."""
    value: float | None = None
    """Value of the ``of`` scorer, where there is one."""
    passed: bool | None = None
    """Its verdict."""


class Reader:
    """Reads answers as the scorer's table says.

    Args:
        params: The table; ``of``, ``labels`` and ``tol`` are read.
        of_required: True where only a value can be compared.
    """

    def __init__(self, params: Params, *, of_required: bool = False) -> None:
        self.part = params.part("of") if params.has("of") or of_required else None
        if self.part is None:
            params.note("of", None)
        labels = params.texts("labels", default=())
        self._tolerance = params.number("tol", default=1e-9, low=0.0)
        if labels and self.part is not None:
            params.refuse("labels", "'of' or 'labels', not both", labels)
        self._labels = labels
        self._label = _label(params, labels) if labels else None

    @property
    def needs(self) -> frozenset[str]:
        """Case fields that cannot be missing."""
        return frozenset({"group"}) | (self.part.needs if self.part is not None else frozenset())

    def read(self, output: Output | Failure, case: Case) -> Answer | Unscored | Failure:
        """What one member answered; a ``Failure`` is only what the infrastructure lost."""
        if isinstance(output, Failure):
            return output if output.blame == "infrastructure" else Answer(key=None, saw=f"no answer: {output.message}")
        if self.part is not None:
            return self._scored(self.part, output, case)
        text = output.text or ""
        if self._label is not None:
            place = self._label.place_in(text)
            label = None if place is None else self._labels[place]
            return Answer(key=label, saw=f"{label!r}" if label is not None else f"no label in {shown(text, 80)}")
        return Answer(key=plain(text) or None, saw=shown(text, 120))

    def same(self, one: Answer, other: Answer) -> bool:
        """Whether two answers are the same; one that could not be read is like none."""
        if one.key is None or other.key is None:
            return False
        if one.passed is None and one.value is not None and other.value is not None:
            return abs(one.value - other.value) <= self._tolerance
        return bool(one.key == other.key)

    @staticmethod
    def _scored(part: CaseScorer, output: Output, case: Case) -> Answer | Unscored | Failure:
        result = part.score(output, case)
        if isinstance(result, Unscored):
            return Unscored(reason=f"{part.use} of {case.id}: {result.reason}")
        if isinstance(result, Failure):
            return result if result.blame == "infrastructure" else Answer(key=None, saw=result.message[:200])
        key = result.value if result.passed is None else result.passed
        return Answer(key=key, saw=_said(result), value=result.value, passed=result.passed)


def _said(score: Score) -> str:
    word = "" if score.passed is None else "passed: " if score.passed else "failed: "
    return f"{word}{score.value:.4g}" if not score.reason else f"{word}{score.reason[:200]}"


def plain(text: str) -> str:
    """A text without what does not change an answer: case, white space, punctuation at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split()).strip(_ENDS)


def _label(params: Params, labels: Sequence[str]) -> Label:
    assert params.build_part is not None
    scorer = params.build_part({"use": "label", "labels": list(labels)})
    assert isinstance(scorer, Label)
    return scorer


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A behaviour group: its base and the variants that a scorer looks at."""

    base: Case
    variants: tuple[Case, ...]


def group_of(cases: Sequence[Case], patterns: Sequence[str]) -> Group | Unscored:
    """Base and variants of a group.

    Args:
        cases: Its members.
        patterns: Names of variants that count; ``*`` stands for any characters.
    """
    bases = [case for case in cases if case.variant is None]
    if len(bases) != 1:
        return Unscored(reason=f"the group has {len(bases)} members without a variant name, expected one: its base")
    found = tuple(
        case
        for case in cases
        if case.variant is not None and any(fnmatchcase(case.variant, pattern) for pattern in patterns)
    )
    if not found:
        return Unscored(reason=f"the group has no variant named {' or '.join(patterns)}")
    return Group(base=bases[0], variants=found)
