"""Closeness of meaning by a local language model: BERTScore, and the cosine of two texts' mean vectors.

| word | parameters | value |
| --- | --- | --- |
| ``bertscore`` | ``model`` (required: a folder), ``layers``, ``weights``, ``part = "f1" | "precision" | "recall"``, ``baseline``, ``value`` | bert-score's greedy match without idf, best reference, max(0, x) |
| ``similar`` | ``model`` (required: a folder), ``layers``, ``weights``, ``value`` | cosine of the means of the token vectors of output and nearest reference, max(0, x) |

``model`` is a folder with weights (safetensors) and tokenizer; nothing is downloaded. The signature holds the digest of
its files in place of the path, and ``weights = "sha256:..."`` pins it in the config. ``layers`` counts from 1; all when left out.
Texts of more tokens than the model reads (at most 512) are cut there, and ``evidence["cut"]`` says so. An empty or blank
text, on either side, is 0 and costs no call. ``evidence["raw"]`` is x where it was below 0.

``baseline`` is a file of lines LAYER,P,R,F as bert-score ships them: (x - b) / (1 - b) for each part. There is no built-in
one and no silent fallback: without a file nothing is rescaled. idf weights are not offered: with them a case's score would
depend on the other cases.

Vectors are remembered by weights and text, in the project's state folder too (``vectors.py``), so that a second run computes
nothing anew. Source: Zhang et al. 2020, "BERTScore"; values equal bert-score 0.3.13's for one
pair alone to 1e-6 (32-bit floats); in its batches a shorter text's padding counts as a token of cosine 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from evalharness.core.cases import Case
from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Output, Score, ScoreResult
from evalharness.core.specs import digest_text
from evalharness.scorers.base import shown
from evalharness.scorers.language_model import model_of, package_version
from evalharness.scorers.parameters import Params
from evalharness.scorers.references import AgainstReferences
from evalharness.scorers.vectors import VectorCache, cosine, greedy_match

PARTS: Final = ("precision", "recall", "f1")

Baseline = tuple[float, float, float]


class ByModel(AgainstReferences):
    """A scorer over vectors of a local model; subclasses say which vectors and how two texts compare."""

    def __init__(self, params: Params) -> None:
        self._read(params)  # a wrong table is said before a missing package or model
        self._model = model_of(params)
        self._vectors = self.cache(params)
        super().__init__(params, version=package_version())

    def score_many(self, pairs: Sequence[tuple[Output, Case]]) -> Sequence[ScoreResult]:
        """One result per pair, equal to ``score`` on each; unknown texts go through the model together, by length."""
        texts = [text for output, case in pairs for text in (output.text or "", *self.references_of(case))]
        self._vectors.fill([text for text in texts if text.strip()])
        return [self.score(output, case) for output, case in pairs]

    def compare(self, text: str, references: Sequence[str]) -> ScoreResult:
        """The best reference."""
        full = [reference for reference in references if reference.strip()]
        if not text.strip() or not full:
            return Score(value=0.0, reason=f"{shown(text)} or every reference is empty")
        vectors = self._vectors.of([text, *full])
        return self.rate(vectors[text], {reference: vectors[reference] for reference in full})

    def cache(self, params: Params) -> VectorCache:
        """Where the vectors come from."""
        raise NotImplementedError

    def rate(self, candidate: Any, references: Mapping[str, Any]) -> Score:
        """The score from the vectors."""
        raise NotImplementedError


class BertScore(ByModel):
    """``bertscore``."""

    def __init__(self, params: Params) -> None:
        self._part = PARTS.index(params.choice("part", ("f1", "precision", "recall")))
        self._baseline_file = params.optional_text("baseline")
        super().__init__(params)

    def cache(self, params: Params) -> VectorCache:
        """Token vectors."""
        self._baseline = _baseline(params, self._baseline_file, self._model.layers)
        return VectorCache(params.root, f"{self._model.identity}\x1ftokens", self._model.token_vectors)

    def rate(self, candidate: Any, references: Mapping[str, Any]) -> Score:
        """Precision, recall and F1, each the best over the references, as bert-score takes them."""
        rows = [greedy_match(candidate, reference) for reference in references.values()]
        best = [max(column) for column in zip(*rows, strict=True)]
        parts = [(x - b) / (1 - b) for x, b in zip(best, self._baseline, strict=True)]
        evidence: dict[str, Any] = {name: round(part, 9) for name, part in zip(PARTS, parts, strict=True)}
        if self._model.is_full(candidate) or any(map(self._model.is_full, references.values())):
            evidence["cut"] = True
        nearest = list(references)[max(range(len(rows)), key=lambda row: rows[row][self._part])]
        reason = f"precision {parts[0]:.3f}, recall {parts[1]:.3f} against {shown(nearest, 80)}"
        return _clipped(parts[self._part], reason, evidence)


class Similar(ByModel):
    """``similar``."""

    def cache(self, params: Params) -> VectorCache:
        """One vector a text."""
        return VectorCache(params.root, f"{self._model.identity}\x1fmean", self._model.mean_vectors)

    def rate(self, candidate: Any, references: Mapping[str, Any]) -> Score:
        """The nearest reference."""
        value, nearest = max((cosine(candidate[:, :-1], vector[:, :-1]), text) for text, vector in references.items())
        return _clipped(value, f"cosine {value:.3f} with {shown(nearest, 80)}", {})


def _clipped(value: float, reason: str, evidence: Mapping[str, Any]) -> Score:
    raw = {"raw": value} if value < 0 else {}
    return Score(value=min(1.0, max(0.0, value)), reason=reason, evidence={**evidence, **raw})


def _baseline(params: Params, name: str | None, layer: int) -> Baseline:
    """P, R, F of unrelated texts at a layer; zeros without a file, which change nothing."""
    if name is None:
        return 0.0, 0.0, 0.0
    try:
        text = (params.root / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        params.refuse("baseline", "a readable file of LAYER,P,R,F", name, tip=str(error))
    params.note("baseline", digest_text(text))
    found = next((row for line in text.splitlines() if (row := _row(line, layer))), None)
    if found is None:
        params.refuse("baseline", f"a line {layer},P,R,F with numbers below 1", name)
    return found


def _row(line: str, layer: int) -> Baseline | None:
    """P, R, F of a line when it is about the layer."""
    cells = line.replace("\t", ",").split(",")
    if cells[0].strip() != str(layer) or len(cells) != 4:
        return None
    try:
        p, r, f = map(float, cells[1:])
    except ValueError:
        return None
    return (p, r, f) if all(math.isfinite(x) and x < 1 for x in (p, r, f)) else None


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {"bertscore": BertScore, "similar": Similar}
