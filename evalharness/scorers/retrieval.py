"""Rankings against graded judgements, by the conventions of trec_eval.

All words read ``output.documents`` (best first) and the case's ``relevant`` (document id -> grade).

| word | parameters | value (r = documents in the first ``k`` whose grade is at least ``relevant_from``, R = all such) |
| --- | --- | --- |
| ``recall`` | ``k``, ``relevant_from = 1`` | r / R |
| ``precision`` | the same | r / k, however few documents came back; without ``k``, r / documents retrieved |
| ``hit`` | the same | 1 when r > 0, else 0 |
| ``mrr`` | the same | 1 / rank of the first relevant document, 0 when there is none; the mean over cases is MRR |
| ``map`` | the same | sum of precision at the rank of each relevant document in the first ``k``, / R; the mean is MAP |
| ``ndcg`` | the same | DCG / ideal DCG; gain = grade, discount = log2(rank + 1), ideal over all judged documents, both cut at ``k`` |

Without ``k`` the whole ranking counts. ``ndcg`` takes every grade as its gain, ``relevant_from`` or not, as trec_eval
does. A case without a relevant document is 0 and so is an empty ranking: neither is left out.

The order: when every document has a score, by score (as a 32-bit float) descending, ties by document id descending in
bytes; that is trec_eval's order, whatever order the retriever listed them in. Documents without scores keep the order
they came in. A ranking with scores on some documents only, or one that is no number, is the candidate's failure. Of a
document that comes twice only the first counts; ``evidence["duplicates"]`` says how many others there were.

Source: trec_eval (github.com/usnistgov/trec_eval), measures recall, P, success, recip_rank, map_cut, ndcg_cut;
Järvelin and Kekäläinen 2002 for nDCG.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from math import isnan, log2
from typing import Any, ClassVar, Final

from evalharness.core.cases import Case
from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Document, Failure, Output, Score, ScoreResult
from evalharness.scorers.base import Scorer
from evalharness.scorers.parameters import Params


class Ranking(Scorer):
    """A measure of a ranking; subclasses write ``value``."""

    reads_text = False
    needs = frozenset({"relevant"})
    graded: ClassVar[bool] = False
    """True when the gains are the grades; False when a document is relevant or not."""

    def __init__(self, params: Params) -> None:
        self._k = params.optional_integer("k", low=1)
        self._from = params.number("relevant_from", default=1.0, low=0.0)
        if self._from == 0:
            params.refuse("relevant_from", "a grade above 0", 0.0, tip="grade 0 means judged and not relevant")
        super().__init__(params)

    def measure(self, output: Output, case: Case, /) -> ScoreResult:
        """Measure the first ``k`` documents."""
        ids = ranked_ids(output.documents)
        if isinstance(ids, Failure):
            return ids
        unique = list(dict.fromkeys(ids))
        grades = case.relevant
        gains = [grades.get(name, 0.0) for name in unique[: self._k]]
        relevant = sum(grade >= self._from for grade in grades.values())
        hits = [rank for rank, gain in enumerate(gains, 1) if gain >= self._from]
        evidence: dict[str, Any] = {"ranks": hits[:SHOWN], "found": len(hits), "relevant": relevant}
        if len(unique) < len(ids):
            evidence["duplicates"] = len(ids) - len(unique)
        value = self.graded_value(gains, grades) if self.graded else self.value(hits, relevant, len(gains))
        return Score(value=value, reason=self._reason(hits, relevant, len(unique)), evidence=evidence)

    def value(self, hits: Sequence[int], relevant: int, retrieved: int) -> float:
        """The value from the ranks (1 ..) of relevant documents, the number of relevant ones, and the depth seen."""
        raise NotImplementedError

    def graded_value(self, gains: Sequence[float], grades: Mapping[str, float]) -> float:
        """The value from the grade at each rank and all judgements."""
        raise NotImplementedError

    def _reason(self, hits: Sequence[int], relevant: int, retrieved: int) -> str:
        if not relevant:
            return "the case has no relevant document"
        depth = retrieved if self._k is None else self._k
        return f"{len(hits)} of {relevant} relevant documents in the first {depth} ({retrieved} retrieved)"


class Recall(Ranking):
    """``recall``: the share of relevant documents that were found."""

    def value(self, hits: Sequence[int], relevant: int, retrieved: int) -> float:  # noqa: ARG002 - one form for all
        """Found / relevant."""
        return len(hits) / relevant if relevant else 0.0


class Precision(Ranking):
    """``precision``: the share of the first k that is relevant; k stays k when fewer came back."""

    def value(self, hits: Sequence[int], relevant: int, retrieved: int) -> float:  # noqa: ARG002 - one form for all
        """Found / k."""
        depth = retrieved if self._k is None else self._k
        return len(hits) / depth if depth else 0.0


class Hit(Ranking):
    """``hit``: any relevant document among the first k (trec_eval: success)."""

    binary = True

    def value(self, hits: Sequence[int], relevant: int, retrieved: int) -> float:  # noqa: ARG002 - one form for all
        """1 or 0."""
        return 1.0 if hits else 0.0


class ReciprocalRank(Ranking):
    """``mrr``: 1 / rank of the first relevant document."""

    def value(self, hits: Sequence[int], relevant: int, retrieved: int) -> float:  # noqa: ARG002 - one form for all
        """1 / first rank."""
        return 1.0 / hits[0] if hits else 0.0


class AveragePrecision(Ranking):
    """``map``: average precision over all relevant documents, found or not."""

    def value(self, hits: Sequence[int], relevant: int, retrieved: int) -> float:  # noqa: ARG002 - one form for all
        """Sum of precisions at the hits / relevant."""
        return sum(count / rank for count, rank in enumerate(hits, 1)) / relevant if relevant else 0.0


class NormalisedGain(Ranking):
    """``ndcg``: discounted gain over the best that the judgements allow."""

    graded = True

    def graded_value(self, gains: Sequence[float], grades: Mapping[str, float]) -> float:
        """DCG / ideal DCG."""
        ideal = discounted(sorted(grades.values(), reverse=True)[: self._k])
        return discounted(gains) / ideal if ideal else 0.0


def discounted(gains: Sequence[float]) -> float:
    """Sum of gain / log2(rank + 1), ranks from 1."""
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains, 1) if gain > 0)


def ranked_ids(documents: Sequence[Document]) -> list[str] | Failure:
    """Document ids in trec_eval's order, duplicates included.

    Args:
        documents: As the candidate listed them, with scores on all of them or on none.

    Returns:
        The ids, best first; a ``Failure`` of the candidate when scores are missing on some or are NaN.
    """
    scores = [document.score for document in documents if document.score is not None]
    if not scores:
        return [document.id for document in documents]
    if len(scores) < len(documents):
        return _unordered(f"{len(documents) - len(scores)} of {len(documents)} documents have no score")
    try:
        singles = array("f", scores)
    except (TypeError, OverflowError) as error:
        return _unordered(f"a document's score is no number: {error}")
    if any(map(isnan, singles)):
        return _unordered("a document's score is NaN")
    # Code points sort as their UTF-8 bytes do, so comparing the ids as text is comparing bytes.
    order = sorted(zip(singles, (document.id for document in documents), strict=True), reverse=True)
    return [name for _, name in order]


def _unordered(message: str) -> Failure:
    return Failure(stage="scorer", kind="bad_ranking", message=message, blame="candidate")


SHOWN: Final = 20
"""Ranks kept in the evidence."""

FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {
    "recall": Recall,
    "precision": Precision,
    "hit": Hit,
    "mrr": ReciprocalRank,
    "map": AveragePrecision,
    "ndcg": NormalisedGain,
}
