"""How near an output comes to a reference: edit distance, and SQuAD's exact match and F1.

| word | parameters | value |
| --- | --- | --- |
| ``levenshtein`` | ``value`` | similarity 1 - distance / longer length, best reference; two empty texts give 1 |
| ``max_edits`` | ``value``, ``max`` (required) | 1 when at most ``max`` single-character edits (insert, delete, replace) separate output and nearest reference |
| ``squad_em`` ``squad_f1`` | ``value`` | SQuAD: lower case, ASCII punctuation and the words a, an, the dropped, white space folded; equality, or F1 of the bags of words; best reference; both empty = 1 |

References as in ``text.py``. ``squad_*`` follows Rajpurkar et al. 2016 and the official script: "3.5" equals "35", "-5"
equals "5", and a Chinese sentence is one word.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Failure, Score, ScoreResult
from evalharness.scorers.base import shown
from evalharness.scorers.parameters import Params
from evalharness.scorers.references import AgainstReferences, alternatives

LARGEST: Final = 10_000_000_000
"""Product of two texts' lengths above which no edit distance is computed (0.2 s at 64 cells a step)."""


class TooLongError(ValueError):
    """Two texts are too long for an edit distance."""


def edit_distance(one: str, other: str) -> int:
    """Levenshtein distance: least number of single characters to insert, delete or replace (Levenshtein 1966).

    Raises:
        TooLongError: If the product of the lengths is above ``LARGEST``.
    """
    from rapidfuzz.distance import Levenshtein as Distance

    if len(one) * len(other) > LARGEST:
        raise TooLongError(f"texts of {len(one)} and {len(other)} characters are too long for an edit distance")
    return int(Distance.distance(one, other))


def common_length(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence of two sequences of words, told apart by their 64-bit hashes."""
    from rapidfuzz.distance import LCSseq

    return int(LCSseq.similarity(one, other))


def text_similarity(one: str, other: str) -> float:
    """``1 - distance / longer length``, in 0..1; 1 for two empty texts."""
    longer = max(len(one), len(other))
    return 1.0 - edit_distance(one, other) / longer if longer else 1.0


def too_long(error: TooLongError) -> Failure:
    """The result for an output that no edit distance can be computed of: it counts as the lowest score."""
    return Failure(stage="scorer", kind="too_long", message=str(error), blame="candidate")


def package() -> str:
    """Package and version that computes edit distances."""
    import rapidfuzz

    return f"rapidfuzz {rapidfuzz.__version__}"


class Levenshtein(AgainstReferences):
    """``levenshtein``: similarity by single-character edits, computed by rapidfuzz."""

    def __init__(self, params: Params) -> None:
        super().__init__(params, version=package())

    def compare(self, text: str, references: Sequence[str]) -> ScoreResult:
        """The best similarity."""
        try:
            value, nearest = max((text_similarity(text, reference), reference) for reference in references)
        except TooLongError as error:
            return too_long(error)
        longer = max(len(text), len(nearest))
        evidence = {"edits": round((1.0 - value) * longer), "longer": longer}
        return Score(value=value, reason=f"nearest reference {shown(nearest)}, got {shown(text)}", evidence=evidence)


class MaxEdits(AgainstReferences):
    """``max_edits``: at most so many single-character edits away."""

    binary = asserts = True

    def __init__(self, params: Params) -> None:
        self._most = params.integer("max", low=0)
        super().__init__(params, version=package())

    def compare(self, text: str, references: Sequence[str]) -> Score:
        """Whether the nearest reference is near enough."""
        from rapidfuzz.distance import Levenshtein as Distance

        cutoff = self._most  # beyond it the distance comes out as cutoff + 1, and an endless output costs nothing
        edits, nearest = min((int(Distance.distance(text, r, score_cutoff=cutoff)), r) for r in references)
        seen = f"more than {cutoff}" if edits > cutoff else str(edits)
        return self.verdict(edits <= cutoff, f"{seen} edits from {shown(nearest)} to {shown(text)}", {"within": cutoff})


_ARTICLES: Final = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)


def squad_words(text: str) -> list[str]:
    """A text as SQuAD compares it: lower case, ASCII punctuation dropped, then a, an, the, then split at white space."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


class SquadMatch(AgainstReferences):
    """``squad_em``: equal after SQuAD's normalisation."""

    binary = asserts = True
    numbers_too = True

    def compare(self, text: str, references: Sequence[str]) -> Score:
        """Equality with any reference."""
        words = squad_words(text)
        place = next((place for place, r in enumerate(references) if words == squad_words(r)), None)
        evidence = {"references": len(references), "equals": place}
        return self.verdict(place is not None, f"expected {alternatives(references)}, got {shown(text)}", evidence)


class SquadF1(AgainstReferences):
    """``squad_f1``: F1 of the bags of words after SQuAD's normalisation, best reference."""

    numbers_too = True

    def compare(self, text: str, references: Sequence[str]) -> Score:
        """The best F1."""
        words = squad_words(text)
        value, nearest = max((bag_f1(words, squad_words(reference)), reference) for reference in references)
        expected = squad_words(nearest)
        common = sum((Counter(words) & Counter(expected)).values())
        evidence = {"words": len(words), "reference_words": len(expected), "common": common}
        return Score(value=value, reason=f"nearest reference {shown(nearest)}, got {shown(text)}", evidence=evidence)


def bag_f1(words: Sequence[str], reference: Sequence[str]) -> float:
    """Harmonic mean of precision and recall of words as bags; 1 when both are empty, 0 when one is."""
    if not words or not reference:
        return 1.0 if not words and not reference else 0.0
    common = sum((Counter(words) & Counter(reference)).values())
    if not common:
        return 0.0
    precision, recall = common / len(words), common / len(reference)
    return 2 * precision * recall / (precision + recall)


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {
    "levenshtein": Levenshtein,
    "max_edits": MaxEdits,
    "squad_em": SquadMatch,
    "squad_f1": SquadF1,
}
