r"""ROUGE: shared words, word pairs and subsequences, with rouge-score's values computed from scratch and faster.

| word | value: F1 of |
| --- | --- |
| ``rouge1`` ``rouge2`` | words, pairs of neighbouring words, as bags |
| ``rougeL`` | the longest common subsequence of words |
| ``rougeLsum`` | the union, over each line of the reference, of its longest common subsequences with every line of the output; lines end at \\n only, and without one it is ``rougeL`` |

Parameters: ``stemmer = false``, ``tokenizer = "default" | "unicode"`` (see ``rouge_words``), ``part = "fmeasure" |
"precision" | "recall"``. Precision divides by the output's count, recall by the reference's, F1 = 2PR / (P + R) and 0 when
both are 0; two empty texts give 0. Of several references the one with the best F1 counts, for each word by itself, and
``part`` is read there. References as in ``text.py``.

The default tokenizer reads English. When it would lose more than a fifth of the letters of a reference the case is
``Unscored``; an *output* that loses that much is scored, for whoever answers in another script shares no words with a
reference that can be read, and ``evidence["lost_letters"]`` says so.

Source: Lin 2004, "ROUGE: a package for automatic evaluation of summaries"; values equal rouge-score 0.1.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import ClassVar, Final

from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Failure, Score, ScoreResult, Unscored
from evalharness.scorers.base import OWN, shown
from evalharness.scorers.closeness import common_length
from evalharness.scorers.ngrams import paired, runs
from evalharness.scorers.parameters import Params
from evalharness.scorers.references import AgainstReferences
from evalharness.scorers.rouge_words import Reading, lost_share, reader, stemmer_version
from evalharness.scorers.subsequence import Lines

MOST_LOST: Final = 0.2
"""Share of a reference's letters that the default tokenizer may drop."""

MOST_CELLS: Final = 2_000_000_000
"""Reference words x output words above which no subsequence is computed (half a second, 250 MB)."""

MOST_STEPS: Final = 20_000_000
"""Reference lines x output words above which no subsequence is computed (five seconds)."""

Counts = tuple[int, int, int]
"""What is shared, and how many there are in the reference and in the output."""


class Rouge(AgainstReferences):
    """A ROUGE measure; subclasses count what two texts share."""

    def __init__(self, params: Params) -> None:
        stemmer = params.flag("stemmer")
        self._unicode = params.choice("tokenizer", ("default", "unicode")) == "unicode"
        self._reader = reader(unicode=self._unicode, stemmer=stemmer)
        self._part = params.choice("part", ("fmeasure", "precision", "recall"))
        super().__init__(params, version=f"{OWN}, {stemmer_version()}" if stemmer else OWN)

    def compare(self, text: str, references: Sequence[str]) -> ScoreResult:
        """The chosen part of the reference with the best F1."""
        if not self._unicode and max(map(lost_share, references)) > MOST_LOST:
            return _UNREADABLE
        best: tuple[dict[str, float], str] | None = None
        ours = self._reader.read(text)
        for reference in references:
            counts = self.counts(self._reader.read(reference), ours)
            if counts is None:
                return _too_long(text)
            parts = _parts(*counts)
            if best is None or parts["fmeasure"] > best[0]["fmeasure"]:  # the first of equals, as rouge-score
                best = parts, reference
        assert best is not None, "there is at least one reference"
        evidence, nearest = best
        reason = f"precision {evidence['precision']:.3f}, recall {evidence['recall']:.3f} against {shown(nearest, 80)}"
        lost = 0.0 if self._unicode else lost_share(text)
        if lost > MOST_LOST:
            evidence["lost_letters"] = lost
        return Score(value=evidence[self._part], reason=reason, evidence=evidence, signature=self.signature)

    def counts(self, theirs: Reading, ours: Reading) -> Counts | None:
        """What reference and output share, and what each has; None when they are too long for it."""
        raise NotImplementedError


class RougeN(Rouge):
    """``rouge1``, ``rouge2``: n-grams as bags."""

    order: ClassVar[int] = 1

    def counts(self, theirs: Reading, ours: Reading) -> Counts:
        """Shared n-grams, each as often as in the text that has fewer of it."""
        theirs_has, ours_has = (max(0, len(text.words) - self.order + 1) for text in (theirs, ours))
        return paired(runs(ours.words, self.order), theirs.bag(self.order)), theirs_has, ours_has


class Rouge2(RougeN):
    """``rouge2``."""

    order = 2


class RougeL(Rouge):
    """``rougeL``: longest common subsequence."""

    def counts(self, theirs: Reading, ours: Reading) -> Counts | None:
        """Its length."""
        sizes = len(theirs.words), len(ours.words)
        return None if sizes[0] * sizes[1] > MOST_CELLS else (common_length(theirs.words, ours.words), *sizes)


class RougeLsum(Rouge):
    """``rougeLsum``: union of subsequences, line by line."""

    def counts(self, theirs: Reading, ours: Reading) -> Counts | None:
        """Words of the reference lines that are in the union, each no more often than the output has it."""
        sizes = len(theirs.words), len(ours.words)
        if sizes[0] * sizes[1] > MOST_CELLS or len(theirs.lines) * sizes[1] > MOST_STEPS:
            return None
        if len(theirs.lines) == len(ours.lines) == 1:
            return common_length(theirs.words, ours.words), *sizes
        kept = set(ours.lines)  # a line shares all of itself with its like
        rest = [line for line in theirs.lines if line not in kept]
        others = Lines(ours.lines, set(chain.from_iterable(rest)))
        union = [line for line in theirs.lines if line in kept] + [others.common_words(line) for line in rest]
        return paired(chain.from_iterable(union), ours.bag()), *sizes


def _parts(shared: int, in_reference: int, in_output: int) -> dict[str, float]:
    precision, recall = shared / max(in_output, 1), shared / max(in_reference, 1)
    both = precision + recall
    fmeasure = 2 * precision * recall / both if both > 0 else 0.0
    return {"precision": precision, "recall": recall, "fmeasure": fmeasure}


_UNREADABLE: Final = Unscored(
    reason='the default tokenizer would lose more than 20 % of the reference\'s letters; set tokenizer = "unicode"'
)


def _too_long(text: str) -> Failure:
    message = f"an output of {len(text)} characters is too long for a common subsequence"
    return Failure(stage="scorer", kind="too_long", message=message, blame="candidate")


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {
    "rouge1": RougeN,
    "rouge2": Rouge2,
    "rougeL": RougeL,
    "rougeLsum": RougeLsum,
}
