"""Assertions on text: equality, substrings, words.

What is expected comes from ``value`` (or ``values``: one or a list, it is the same parameter), else from the case's
``target``; several references are alternatives. Texts are compared as they are: nothing is stripped, folded or
normalised unless an option says so. A case with neither is ``Unscored``; an output without text is 0 and failed.

| word | parameters | value |
| --- | --- | --- |
| ``equals`` | ``value`` (any JSON value; ``values``: alternatives) | 1 when the output is the text, or, for a value that is no text, when the output is JSON for an equal value (key order does not count, ``true`` is not 1) |
| ``contains`` ``icontains`` | ``value`` | 1 when any reference occurs in the output |
| ``contains_any`` ``icontains_any`` | ``value`` | the same, for lists |
| ``contains_all`` ``icontains_all`` | ``value`` | 1 when every reference occurs |
| ``starts_with`` ``ends_with`` | ``value`` | 1 when the output starts (ends) with any reference |
| ``exact_match`` | ``value``, ``case = true``, ``strip = false``, ``nfc = false``, ``json = true`` | 1 when the texts are equal under the options, or both are JSON objects or lists and equal as such |
| ``word_count`` | ``value`` (exactly), or ``min``, ``max`` | 1 when the number of words (runs without white space) is in range |

The ``i`` words ignore case by ``str.casefold``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from evalharness.core import strictjson
from evalharness.core.cases import Case
from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Output, Score, ScoreResult, Unscored
from evalharness.core.specs import canonical_json, thaw
from evalharness.scorers.base import Scorer, shown
from evalharness.scorers.parameters import Params
from evalharness.scorers.references import (
    NO_TARGET,
    AgainstReferences,
    alternatives,
    given_key,
    json_equal,
    reference_text,
)


class Equals(Scorer):
    """``equals``: the output is the expected text, or JSON for the expected value."""

    binary = asserts = True

    def __init__(self, params: Params) -> None:
        key = given_key(params)
        self._given: tuple[Any, ...] | None = None
        if key is None:
            self.needs = frozenset({"target"})
        else:
            value = params.value(key)
            if key == "values" and not isinstance(value, (tuple, list)):
                params.refuse(key, "a list of alternatives", value)
            self._given = tuple(value) if key == "values" else (value,)
            params.note(key, canonical_json(thaw(value)))
        super().__init__(params)

    def measure(self, output: Output, case: Case, /) -> ScoreResult:
        """Compare with each reference."""
        references = self._given if self._given is not None else case.references
        if not references:
            return NO_TARGET
        text = output.text or ""
        place = next((place for place, reference in enumerate(references) if self._same(text, reference)), None)
        expected = " or ".join(shown(reference_text(reference), 80) for reference in references[:3])
        evidence = {"references": len(references), "equals": place}
        return self.verdict(place is not None, f"expected {expected}, got {shown(text)}", evidence)

    def _same(self, text: str, reference: Any) -> bool:
        if isinstance(reference, str):
            return text == reference
        try:
            return json_equal(strictjson.loads(text), reference)
        except strictjson.StrictJSONError:
            return False


class ExactMatch(AgainstReferences):
    """``exact_match``: equal under stated options."""

    binary = asserts = True
    numbers_too = True

    def __init__(self, params: Params) -> None:
        self._case = params.flag("case", default=True)
        self._strip = params.flag("strip")
        self._nfc = params.flag("nfc")
        self._json = params.flag("json", default=True)
        super().__init__(params)

    def _read(self, params: Params) -> tuple[str, ...] | None:
        key = given_key(params)
        if key is None:
            return None
        value = params.value(key)
        params.note(key, canonical_json(thaw(value)))
        return tuple(map(reference_text, value)) if key == "values" else (reference_text(value),)

    def compare(self, text: str, references: Sequence[str]) -> Score:
        """Equality with any reference."""
        # No composition shrinks a text to a sixteenth, and composing has quadratic cases: an endless output differs.
        endless = self._nfc and len(text) > 16 * (1 + max(map(len, references)))
        place = None if endless else self._equal_to(text, references)
        evidence = {"references": len(references), "equals": place}
        return self.verdict(place is not None, f"expected {alternatives(references)}, got {shown(text)}", evidence)

    def _equal_to(self, text: str, references: Sequence[str]) -> int | None:
        """Place of the first reference that the text equals."""
        plain = self._plain(text)
        same = (plain == self._plain(r) or (self._json and _same_json(text, r)) for r in references)
        return next((place for place, equal in enumerate(same) if equal), None)

    def _plain(self, text: str) -> str:
        text = text.strip() if self._strip else text
        text = unicodedata.normalize("NFC", text) if self._nfc else text
        return text if self._case else text.casefold()


def _same_json(text: str, reference: str) -> bool:
    """True when both are JSON objects or lists and equal; cheap when either is not."""
    if not text.lstrip(_BLANKS).startswith(("{", "[")) or not reference.lstrip(_BLANKS).startswith(("{", "[")):
        return False
    try:
        return json_equal(strictjson.loads(text), strictjson.loads(reference))
    except strictjson.StrictJSONError:
        return False


_BLANKS: Final = " \t\r\n"


class Contains(AgainstReferences):
    """The ``contains`` words and ``starts_with``, ``ends_with``: an empty reference is refused, for all contain it."""

    binary = asserts = True
    numbers_too = True
    fold: ClassVar[bool] = False
    every: ClassVar[bool] = False
    relation: ClassVar[str] = "contain"

    def _read(self, params: Params) -> tuple[str, ...] | None:
        given = super()._read(params)
        if given is not None and "" in given:
            params.refuse("value" if params.has("value") else "values", "a text that is not empty", "")
        return given

    def compare(self, text: str, references: Sequence[str]) -> ScoreResult:
        """Look for the references."""
        if "" in references:
            return Unscored(reason="a reference is empty, and every text contains it")
        folded = text.casefold() if self.fold else text
        missing = [r for r in references if not self.found(folded, r.casefold() if self.fold else r)]
        holds = not missing if self.every else len(missing) < len(references)
        seen = [reference for reference in references if reference not in missing]
        reason = f"{shown(text)} does {self.relation} {_named(seen)}"
        if not holds:
            reason = f"expected to {self.relation} {alternatives(missing)}, got {shown(text)}"
        return self.verdict(holds, reason, {"references": len(references), "held": len(seen), "first": _first(seen)})

    def found(self, text: str, reference: str) -> bool:
        """Whether the text stands in the relation to one reference."""
        return reference in text


def _named(references: Sequence[str]) -> str:
    more = f" (and {len(references) - 3} more)" if len(references) > 3 else ""
    return " and ".join(shown(reference, 80) for reference in references[:3]) + more


def _first(references: Sequence[str]) -> str | None:
    return references[0][:80] if references else None


class ContainsAll(Contains):
    """``contains_all``."""

    every = True


class IContains(Contains):
    """``icontains``, ``icontains_any``."""

    fold = True


class IContainsAll(IContains):
    """``icontains_all``."""

    every = True


class StartsWith(Contains):
    """``starts_with``."""

    relation = "start with"

    def found(self, text: str, reference: str) -> bool:
        """Whether the text starts with it."""
        return text.startswith(reference)


class EndsWith(Contains):
    """``ends_with``."""

    relation = "end with"

    def found(self, text: str, reference: str) -> bool:
        """Whether the text ends with it."""
        return text.endswith(reference)


class WordCount(Scorer):
    """``word_count``: the number of words is in a range, ends included."""

    binary = asserts = True

    def __init__(self, params: Params) -> None:
        if params.has("value"):
            if params.has("min") or params.has("max"):
                params.refuse("value", "'value', or 'min' and 'max'", params.spec.component.params["value"])
            self._low = self._high = _count(params)
        else:
            params.note("value", None)
            low, high = params.optional_integer("min", low=0), params.optional_integer("max", low=0)
            if low is None and high is None:
                params.refuse("value", "a number of words, or 'min' or 'max'", None)
            self._low = float(low or 0)
            self._high = float("inf") if high is None else float(high)
            if self._low > self._high:
                params.refuse("min", f"at most max = {high}", low)
        super().__init__(params)

    def measure(self, output: Output, _case: Case, /) -> Score:
        """Count the words."""
        count = len((output.text or "").split())
        holds = self._low <= count <= self._high
        wanted = f"{self._low:g}" if self._low == self._high else f"{self._low:g} to {self._high:g}"
        return self.verdict(holds, f"{count} words, expected {wanted}", {"words": count})


def _count(params: Params) -> float:
    value = params.value("value")
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
        params.note("value", value)
        return float(value)
    return float(params.integer("value", low=0))


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {
    "equals": Equals,
    "contains": Contains,
    "icontains": IContains,
    "contains_any": Contains,
    "contains_all": ContainsAll,
    "icontains_any": IContains,
    "icontains_all": IContainsAll,
    "starts_with": StartsWith,
    "ends_with": EndsWith,
    "exact_match": ExactMatch,
    "word_count": WordCount,
}
