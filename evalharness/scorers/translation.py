"""BLEU, chrF and TER: sacrebleu's tokens and formulas (this is the only file that knows the package), counted here.

| word | parameters | value |
| --- | --- | --- |
| ``bleu`` | ``effective_order = true``, ``tokenize = "13a" | "intl" | "zh" | "char" | "none"``, ``lowercase = false``, ``smooth_method = "exp" | "floor" | "add-k" | "none"`` | BLEU / 100 |
| ``chrf`` | ``char_order = 6``, ``word_order = 0`` (2: chrF++), ``beta = 2`` | chrF / 100 |
| ``ter`` | ``normalized = false``, ``no_punct = false``, ``case_sensitive = false``, ``asian_support = false`` | edits with shifts / mean reference length; lower is better, above 1 is possible |

All take ``level = "case" | "corpus"``; references as in ``text.py``. Several references are sacrebleu's own
multi-reference: the best match of each n-gram and the nearest length (BLEU), the best F (chrF), the fewest edits over the
mean length (TER). Tokenizers that fetch a model or need another package are not offered.

``evidence["stats"]`` holds what adds up over cases: BLEU [length, reference length, 4 matches, 4 totals]; chrF [in output,
in reference, shared] for each order; TER [edits, mean reference length]. With ``level = "corpus"`` the scorer has
``aggregate``, which gives sacrebleu's corpus score from the sums; an output without text then counts as an empty one.

Source: Post 2018 (sacrebleu); Papineni et al. 2002; Popović 2015 and 2017; Snover et al. 2006.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, reduce
from operator import or_
from typing import Any, Final

from evalharness.core.protocols import CaseScorer, Direction
from evalharness.core.results import Failure, Score, ScoreResult
from evalharness.scorers.ngrams import paired, runs, shared_characters
from evalharness.scorers.parameters import Params
from evalharness.scorers.references import AgainstReferences

MOST_TER_WORDS: Final = 1_000
"""Words in an output for which shifts are still searched for."""

MOST_TER_ROWS: Final = 100_000
"""Rows of edit-distance tables that the search for shifts may fill: about three seconds. A hundred words in any order
need no more; a thousand with some shifts do not either, a thousand shuffled ones would take a minute."""


class TooLongError(ValueError):
    """The search for shifts went on for too long. Counted in rows, not seconds: no machine changes a score."""


class Sacrebleu(AgainstReferences):
    """One of sacrebleu's metrics on single cases; subclasses name the metric and read its parameters."""

    def __init__(self, params: Params) -> None:
        from importlib.metadata import version

        self._options = self.options(params)
        super().__init__(params, version=f"sacrebleu {version('sacrebleu')}")

    def options(self, params: Params) -> Mapping[str, Any]:
        """The metric's own options, read from the parameters."""
        raise NotImplementedError

    def build(self) -> Any:
        """The metric."""
        raise NotImplementedError

    def explain(self, stats: Sequence[float]) -> str:
        """The statistics in words."""
        raise NotImplementedError

    def compare(self, text: str, references: Sequence[str]) -> ScoreResult:
        """The metric of one case, with the statistics that add up."""
        stats = self.statistics(text, references)
        evidence = {"stats": list(stats)}
        return Score(
            value=self.of_stats(stats), reason=self.explain(stats), evidence=evidence, signature=self.signature
        )

    def statistics(self, text: str, references: Sequence[str]) -> Sequence[float]:
        """What adds up over cases, as sacrebleu counts it."""
        # sacrebleu has no public way to the statistics of chrF, and its sentence_score goes this way too.
        found: list[float] = self._metric._extract_corpus_statistics([text], [[r] for r in references])[0]  # noqa: SLF001
        return found

    def of_stats(self, stats: Sequence[float]) -> float:
        """The value from statistics, of one case or summed; 100.00000000000004 is 1."""
        value = float(self._metric._compute_score_from_stats(list(stats)).score) / 100  # noqa: SLF001 - as above
        return min(value, self.high)

    @cached_property
    def _metric(self) -> Any:
        return self.build()


class Bleu(Sacrebleu):
    """``bleu``."""

    def options(self, params: Params) -> Mapping[str, Any]:
        """Order, tokenizer, case and smoothing."""
        return {
            "effective_order": params.flag("effective_order", default=True),
            "tokenize": params.choice("tokenize", ("13a", "intl", "zh", "char", "none")),
            "lowercase": params.flag("lowercase"),
            "smooth_method": params.choice("smooth_method", ("exp", "floor", "add-k", "none")),
        }

    def build(self) -> Any:
        """The BLEU of sacrebleu."""
        from sacrebleu.metrics.bleu import BLEU

        return BLEU(**self._options)

    def statistics(self, text: str, references: Sequence[str]) -> Sequence[float]:
        """Lengths, matches and totals: sacrebleu's tokens, counted here in a third of the time."""
        split, orders = self._metric._preprocess_segment, range(1, 5)  # noqa: SLF001 - it has no public way
        ours, theirs = split(text).split(), [split(reference).split() for reference in references]
        length = min(map(len, theirs), key=lambda size: (abs(size - len(ours)), size))
        matches = [paired(runs(ours, order), _most([Counter(runs(t, order)) for t in theirs])) for order in orders]
        return [len(ours), length, *matches, *(max(0, len(ours) - order + 1) for order in orders)]

    def explain(self, stats: Sequence[float]) -> str:
        """Matches of each order and lengths."""
        matches = ", ".join(f"{right:g}/{total:g}" for right, total in zip(stats[2:6], stats[6:10], strict=True))
        return f"n-grams matched {matches}; length {stats[0]:g}, reference {stats[1]:g}"


class Chrf(Sacrebleu):
    """``chrf``."""

    def options(self, params: Params) -> Mapping[str, Any]:
        """Orders and the weight of recall."""
        return {
            "char_order": params.integer("char_order", default=6, low=1),
            "word_order": params.integer("word_order", default=0, low=0),
            "beta": params.integer("beta", default=2, low=1),
        }

    def build(self) -> Any:
        """The chrF of sacrebleu."""
        from sacrebleu.metrics.chrf import CHRF

        return CHRF(**self._options)

    def statistics(self, text: str, references: Sequence[str]) -> Sequence[float]:
        """In output, in reference and shared, of the reference with the best F: sacrebleu's counts, by sorting."""
        # The first of equals, as sacrebleu; its F is no public call.
        best: Callable[[list[float]], float] = self._metric._compute_f_score  # noqa: SLF001
        return max((self._against(text, reference) for reference in references), key=best)

    def _against(self, text: str, reference: str) -> list[float]:
        orders = self._options["char_order"]
        ours, theirs = ("".join(each.split()) for each in (text, reference))
        shared = shared_characters(ours, theirs, orders)
        if shared is None:  # a thousand unlike characters and more
            return list(super().statistics(text, [reference]))
        stats: list[float] = []
        for order, common in enumerate(shared, 1):
            sizes = [max(0, len(each) - order + 1) for each in (ours, theirs)]
            stats += [sizes[0] if sizes[1] else 0, sizes[1], common]
        ours_words, their_words = (self._metric._remove_punctuation(each) for each in (text, reference))  # noqa: SLF001
        for order in range(1, self._options["word_order"] + 1):
            bags = [Counter(runs(words, order)) for words in (ours_words, their_words)]
            stats += self._metric._get_match_statistics(*bags)  # noqa: SLF001 - as above
        return stats

    def explain(self, stats: Sequence[float]) -> str:
        """Characters shared."""
        return f"characters shared {stats[2]:g}, in output {stats[0]:g}, in reference {stats[1]:g}"


class Ter(Sacrebleu):
    """``ter``."""

    high = float("inf")
    direction: Direction = "lower"

    def options(self, params: Params) -> Mapping[str, Any]:
        """What the words are made of."""
        names = ("normalized", "no_punct", "case_sensitive", "asian_support")
        return {name: params.flag(name) for name in names}

    def build(self) -> Any:
        """The TER of sacrebleu, which gives up on a search that takes too long."""
        from sacrebleu.metrics import lib_ter
        from sacrebleu.metrics.ter import TER

        class Counted(lib_ter.BeamEditDistance):
            rows = 0

            def _edit_distance(self, words_h: Any, start_h: int, cache: Any) -> Any:
                self.count(len(words_h) - start_h)
                return super()._edit_distance(words_h, start_h, cache)

            def count(self, rows: int) -> None:
                self.rows += rows
                if self.rows > MOST_TER_ROWS:
                    raise TooLongError

        class Bounded(TER):
            def _compute_segment_statistics(self, hypothesis: str, ref_kwargs: Any) -> list[float]:
                words, references = hypothesis.split(), ref_kwargs["ref_words"]
                edits = [_edits(lib_ter, words, reference, Counted(reference)) for reference in references]
                return [min(edits), sum(map(len, references)) / len(references)]

        return Bounded(**self._options)

    def compare(self, text: str, references: Sequence[str]) -> ScoreResult:
        """Edits, unless the output is too long to search for shifts."""
        words = len(text.split())
        if words > MOST_TER_WORDS:
            message = f"an output of {words} words is too long for ter (at most {MOST_TER_WORDS})"
            return Failure(stage="scorer", kind="too_long", message=message, blame="candidate")
        try:
            return super().compare(text, references)
        except TooLongError:
            message = f"the search for shifts in an output of {words} words takes too long for ter"
            return Failure(stage="scorer", kind="too_long", message=message, blame="candidate")

    def explain(self, stats: Sequence[float]) -> str:
        """Edits and words."""
        return f"{stats[0]:g} edits, reference {stats[1]:g} words"


def _edits(library: Any, words: Sequence[str], reference: Sequence[str], distance: Any) -> int:
    """Shifts, while they pay, and the edit distance that is left: sacrebleu's search, counted."""
    if not reference:
        return len(words)
    shifts, checked, current = 0, 0, list(words)
    while True:
        distance.count(len(current) * len(reference) // 300)  # looking for equal runs takes time as well
        gain, shifted, checked = library._shift(current, reference, distance, checked)  # noqa: SLF001 - it has no public way
        if gain <= 0 or checked >= library._MAX_SHIFT_CANDIDATES:  # noqa: SLF001 - as above
            return int(shifts + distance(current)[0])
        shifts, current = shifts + 1, shifted


def _most(bags: Sequence[Counter[Any]]) -> Counter[Any]:
    """Each item as often as in the bag that has most of it."""
    return reduce(or_, bags)


class CorpusBleu(Bleu):
    """``bleu`` with ``level = "corpus"``."""

    reads_text = False

    def aggregate(self, totals: Sequence[float]) -> float:
        """BLEU / 100 of the corpus from the summed statistics."""
        return self.of_stats(totals)


class CorpusChrf(Chrf):
    """``chrf`` with ``level = "corpus"``."""

    reads_text = False

    def aggregate(self, totals: Sequence[float]) -> float:
        """The corpus chrF / 100 from the summed statistics."""
        return self.of_stats(totals)


class CorpusTer(Ter):
    """``ter`` with ``level = "corpus"``."""

    reads_text = False

    def aggregate(self, totals: Sequence[float]) -> float:
        """Edits / reference length of the corpus from the summed statistics."""
        return self.of_stats(totals)


def _by_level(case: type[Sacrebleu], corpus: type[Sacrebleu]) -> Callable[[Params], CaseScorer]:
    def build(params: Params) -> CaseScorer:
        return (case if params.choice("level", ("case", "corpus")) == "case" else corpus)(params)

    return build


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {
    "bleu": _by_level(Bleu, CorpusBleu),
    "chrf": _by_level(Chrf, CorpusChrf),
    "ter": _by_level(Ter, CorpusTer),
}
