"""Whether stated probabilities mean what they say.

| word | parameters | value (lower is better) |
| --- | --- | --- |
| ``brier`` | ``positive``, ``value`` | squared distance of the stated probabilities from what is true, 0..1 |
| ``ece`` | ``positive``, ``bins = 10``, ``value`` | expected calibration error over a corpus, 0..1; for reports only: it is biased for small sets and no mean of cases |

The output is JSON in one of three forms:

- a number p: the probability that the target is true. The target is then ``true``, ``false``, 1 or 0, or any label with
  ``positive`` naming the one that p is about. Brier = (p - y)^2.
- an object with one entry, ``{"spam": 0.8}``: the probability that the target is that label; the same formula.
- an object with several, ``{"spam": 0.7, "ham": 0.3}``: a distribution; Brier = half the sum over labels of (p - y)^2, so
  that two labels give the same number as one probability and the worst is 1 (scikit-learn: ``scale_by_half=True``). The
  sum may be off 1 by 0.05 at most and is divided out.

Labels are compared after ``strip`` and ``casefold``. A case with several references is ``Unscored``. Anything else is the candidate's failure, which counts as the worst.

``ece``: bins of equal width, [0, 0.1) to [0.9, 1]; each case falls into the bin of its confidence, which is p, or for a
distribution the greatest p (the first of equals), right when that label is the target. Value = sum over bins of |right -
sum of confidences| / cases. ``evidence["stats"]`` holds for each bin [cases, sum of confidences, right]; a case's own value
is |right - confidence|. Source: Brier 1950; Guo et al. 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeGuard

from evalharness.core import strictjson
from evalharness.core.protocols import CaseScorer, Direction
from evalharness.core.results import Failure, Score, ScoreResult, Unscored
from evalharness.scorers.base import shown
from evalharness.scorers.parameters import Params
from evalharness.scorers.references import AgainstReferences

OFF: Final = 0.05
"""How far the sum of a distribution may be from 1: three times 0.33 is meant as a third each."""

Pairs = list[tuple[float, bool]]
"""(probability, whether it is about what is true), for each label or for the one event."""


class Calibration(AgainstReferences):
    """A scorer of stated probabilities; subclasses rate them."""

    direction: Direction = "lower"
    numbers_too = True

    def __init__(self, params: Params) -> None:
        positive = params.optional_text("positive")
        self._positive = None if positive is None else _plain(positive)
        super().__init__(params)

    def compare(self, text: str, references: Sequence[str]) -> ScoreResult:
        """Read the probabilities and rate them."""
        if len(references) > 1:
            return _SEVERAL
        try:
            stated = strictjson.loads(text)
        except strictjson.StrictJSONError as error:
            return _unreadable(f"{shown(text)} is no JSON: {error}")
        target = _plain(references[0])
        pairs = _of_labels(stated, target) if isinstance(stated, dict) else self._of_event(stated, target)
        return self.rate(pairs) if isinstance(pairs, list) else pairs

    def rate(self, pairs: Pairs) -> Score:
        """The score of one event, or of a distribution that sums to 1 and may have left out the true label."""
        raise NotImplementedError

    def _of_event(self, stated: object, target: str) -> Pairs | Failure | Unscored:
        if not _probable(stated):
            return _unreadable("expected a probability from 0 to 1, or an object of labels with probabilities")
        truth = _TRUTHS.get(target) if self._positive is None else target == self._positive
        return _NO_TRUTH if truth is None else [(float(stated), truth)]


class Brier(Calibration):
    """``brier``."""

    def rate(self, pairs: Pairs) -> Score:
        """Squared distance, of an event or half that of a distribution."""
        distances = [(p - true) ** 2 for p, true in pairs]
        if len(pairs) == 1:
            value = distances[0]
        else:
            forgotten = 0.0 if any(true for _, true in pairs) else 1.0  # a true label left out was given p = 0
            value = (sum(distances) + forgotten) / 2
        stated = _of_truth(pairs)
        return Score(value=value, reason=f"probability {stated:.3f} of what is true", evidence={"stated": stated})


class CalibrationError(Calibration):
    """``ece``."""

    def __init__(self, params: Params) -> None:
        self._bins = params.integer("bins", default=10, low=1)
        super().__init__(params)

    def rate(self, pairs: Pairs) -> Score:
        """The bin of the confidence, and whether it was right."""
        confidence, right = max(pairs, key=lambda pair: pair[0])
        stats = [0.0] * (3 * self._bins)
        start = 3 * min(int(confidence * self._bins), self._bins - 1)
        stats[start : start + 3] = [1.0, confidence, float(right)]
        reason = f"confidence {confidence:.3f}, {'right' if right else 'wrong'}"
        return Score(value=abs(right - confidence), reason=reason, evidence={"stats": stats})

    def aggregate(self, totals: Sequence[float]) -> float:
        """The calibration error of the corpus from the summed bins."""
        cases = sum(totals[0::3])
        gaps = sum(abs(right - stated) for stated, right in zip(totals[1::3], totals[2::3], strict=True))
        return gaps / cases if cases else 0.0


_TRUTHS: Final = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}

_SEVERAL: Final = Unscored(reason="the case has several references, and a probability is about one truth")


_NO_TRUTH: Final = Unscored(
    reason="the target is neither true nor false (or 1 or 0); name the label that the probability is about with 'positive'"
)


def _of_labels(stated: Mapping[str, object], target: str) -> Pairs | Failure:
    values = [p for p in stated.values() if _probable(p)]
    if not values or len(values) < len(stated):
        return _unreadable("expected an object of labels with probabilities from 0 to 1")
    if len({_plain(label) for label in stated}) < len(stated):
        return _unreadable("two labels of the output differ by case only")
    total = sum(values) if len(values) > 1 else 1.0
    if abs(total - 1) > OFF:
        return _unreadable(f"the probabilities sum to {total:g}, not to 1")
    return [(p / total, _plain(label) == target) for label, p in zip(stated, values, strict=True)]


def _plain(label: str) -> str:
    return label.strip().casefold()


def _probable(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _of_truth(pairs: Pairs) -> float:
    if len(pairs) == 1:
        return pairs[0][0] if pairs[0][1] else 1 - pairs[0][0]
    return sum(p for p, true in pairs if true)


def _unreadable(message: str) -> Failure:
    return Failure(stage="scorer", kind="bad_output", message=message, blame="candidate")


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {"brier": Brier, "ece": CalibrationError}
