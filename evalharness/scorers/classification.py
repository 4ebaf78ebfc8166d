"""Labels taken from outputs, and the numbers about a whole set of them.

| word | parameters | value |
| --- | --- | --- |
| ``label`` | ``labels``, ``exact = false``, ``case = false``, ``value`` | 1 when the label of the output is the target, else 0 |
| ``macro_f1`` | the same, ``labels`` required | mean over ``labels`` of F1 = 2 right / (targets + outputs with that label) |
| ``balanced_accuracy`` | the same | mean of right / targets over the labels that occur as targets |
| ``mcc`` | the same | Matthews correlation (Gorodkin 2004 for more than two labels), what is below 0 as 0 |

**The label of an output** is the allowed label that equals it after white space at both ends is dropped and case is
folded (``case = true`` keeps case). Failing that, unless ``exact``, it is the allowed label that occurs first in it as a
word of its own, the longest of those that start there: no letter, digit or underscore touches it, and no hyphen joins it
to another word ("non-toxic" holds no "toxic"). Without ``labels`` only equality with the target counts.

An output with no allowed label is wrong and is a label of its own: it counts against the target's label, and in ``mcc`` as
one more class. A target outside ``labels`` is ``Unscored``. Of several references any is right; where a single one is
needed it is the one that the output gave, else the first.

The last three are corpus metrics (``level = "corpus"``, the only one they have): a case's own value is that of ``label``,
and ``evidence["stats"]`` holds what adds up, for each label [right, in targets, in outputs], then outputs without a label.
0/0 is 0. Values equal scikit-learn's ``f1_score(labels=labels, average="macro", zero_division=0)``,
``balanced_accuracy_score`` and ``max(0, matthews_corrcoef)``: scores are on 0..1, and to be worse than chance is no less a
reason to block than to be as good as it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from typing import Any, ClassVar, Final

from evalharness.core.protocols import CaseScorer
from evalharness.core.results import ScoreResult, Unscored
from evalharness.scorers.base import shown
from evalharness.scorers.parameters import Params
from evalharness.scorers.references import AgainstReferences, alternatives


class Label(AgainstReferences):
    """``label``: the output's label is the target."""

    binary = asserts = True
    numbers_too = True
    labels_required: ClassVar[bool] = False

    def __init__(self, params: Params) -> None:
        self._labels = params.texts("labels", default=None if self.labels_required else ())
        self._exact = params.flag("exact")
        self._keeps_case = params.flag("case")
        self._place = {self._plain(label): place for place, label in enumerate(self._labels)}
        if len(self._place) < len(self._labels) or "" in self._place:
            params.refuse("labels", "labels that differ by more than case, none empty", self._labels)
        # The longest first: of the labels that start at one place, an alternation takes the first that fits.
        longest = "|".join(re.escape(label) for label in sorted(self._place, key=len, reverse=True))
        self._word = re.compile(rf"(?<!\w)(?<!\w-)(?:{longest})(?!\w)(?!-\w)")
        super().__init__(params)

    def compare(self, text: str, references: Sequence[str]) -> ScoreResult:
        """Whether the output's label is one of the references."""
        if not self._labels:
            plain = self._plain(text)
            holds = any(plain == self._plain(reference) for reference in references)
            return self.verdict(holds, f"expected {alternatives(references)}, got {shown(text)}")
        targets = [self._place.get(self._plain(reference)) for reference in references]
        if None in targets:
            return Unscored(reason=f"the target {shown(references[targets.index(None)], 80)} is not among the labels")
        predicted = self.place_in(text)
        target = predicted if predicted in targets else targets[0]
        assert target is not None, "a target outside the labels was turned away above"
        found = "no label" if predicted is None else repr(self._labels[predicted])
        reason = f"expected {alternatives([self._labels[t] for t in targets if t is not None])}, got {found}"
        return self.verdict(predicted == target, reason, self.evidence(target, predicted))

    def place_in(self, text: str) -> int | None:
        """Which of the labels a text gives; None when it gives none."""
        plain = self._plain(text)
        whole = self._place.get(plain)
        if whole is not None or self._exact:
            return whole
        found = self._word.search(plain)
        return self._place[found[0]] if found else None

    def evidence(self, target: int, predicted: int | None) -> Mapping[str, Any]:
        """The label that was read; None when there was none."""
        return {"target": self._labels[target], "predicted": None if predicted is None else self._labels[predicted]}

    def _plain(self, text: str) -> str:
        return text.strip() if self._keeps_case else text.strip().casefold()


class CorpusOfLabels(Label):
    """A number about all cases; subclasses compute it from the counts of each label."""

    binary = asserts = False
    reads_text = False
    labels_required = True

    def __init__(self, params: Params) -> None:
        params.choice("level", ("corpus",))
        super().__init__(params)

    def evidence(self, target: int, predicted: int | None) -> Mapping[str, Any]:
        """The label that was read, and the counts of this one case."""
        stats = [0] * (3 * len(self._labels) + 1)
        stats[3 * target + 1] = 1
        if predicted is None:
            stats[-1] = 1
        else:
            stats[3 * predicted + 2] = 1
            stats[3 * target] = int(predicted == target)
        return {**super().evidence(target, predicted), "stats": stats}

    def aggregate(self, totals: Sequence[float]) -> float:
        """The corpus value from the summed counts."""
        return self.of_counts(totals[0:-1:3], totals[1:-1:3], totals[2:-1:3], totals[-1])

    def of_counts(
        self, right: Sequence[float], targets: Sequence[float], outputs: Sequence[float], unlabelled: float
    ) -> float:
        """The value from the counts of each label, in the order of ``labels``, and of outputs without one."""
        raise NotImplementedError


class MacroF1(CorpusOfLabels):
    """``macro_f1``."""

    def of_counts(
        self,
        right: Sequence[float],
        targets: Sequence[float],
        outputs: Sequence[float],
        unlabelled: float,  # noqa: ARG002 - they are in the targets
    ) -> float:
        """Mean F1 of the labels."""
        return sum(_ratio(2 * r, t + o) for r, t, o in zip(right, targets, outputs, strict=True)) / len(right)


class BalancedAccuracy(CorpusOfLabels):
    """``balanced_accuracy``."""

    def of_counts(
        self,
        right: Sequence[float],
        targets: Sequence[float],
        outputs: Sequence[float],  # noqa: ARG002 - recall does not ask
        unlabelled: float,  # noqa: ARG002 - they are in the targets
    ) -> float:
        """Mean recall of the labels that occur as targets."""
        return _ratio(sum(r / t for r, t in zip(right, targets, strict=True) if t), sum(t > 0 for t in targets))


class Matthews(CorpusOfLabels):
    """``mcc``."""

    def of_counts(
        self, right: Sequence[float], targets: Sequence[float], outputs: Sequence[float], unlabelled: float
    ) -> float:
        """Covariance of targets and outputs over the root of their variances, at least 0; 0 when either is constant."""
        count = sum(targets)
        together = sum(t * o for t, o in zip(targets, outputs, strict=True))
        in_targets = count * count - sum(t * t for t in targets)
        in_outputs = count * count - sum(o * o for o in outputs) - unlabelled * unlabelled
        return max(0.0, _ratio(sum(right) * count - together, sqrt(in_targets * in_outputs)))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {
    "label": Label,
    "macro_f1": MacroF1,
    "balanced_accuracy": BalancedAccuracy,
    "mcc": Matthews,
}
