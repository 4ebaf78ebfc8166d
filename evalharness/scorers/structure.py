"""JSON in outputs: is it, does it hold some, does it follow a schema, how near is it to another.

JSON is strict JSON (RFC 8259): no NaN, no duplicate keys, no nesting deeper than 64, nothing before or after it.

| word | parameters | value |
| --- | --- | --- |
| ``is_json`` | ``schema``, ``formats = true`` | 1 when the whole output is JSON (and valid under the schema) |
| ``contains_json`` | ``schema``, ``formats = true`` | 1 when some part of the output is a JSON object (and valid); with a schema, lists count too |
| ``json_schema`` | ``schema`` (required: table or file), ``formats = true`` | 1 when the whole output is JSON and valid |
| ``json_diff`` | ``value``, ``tol = 0``, ``min = 1`` | similarity in 0..1; passes from ``min`` on |

Schemas are draft 2020-12 unless they name their own by ``$schema``; ``format`` is asserted unless ``formats = false``; see
``schemas.py`` for where they run. ``json_diff`` compares the output, parsed (as a plain text when it is no JSON), with
``value`` or the target, a text of JSON being parsed too; the best of several references. Objects: mean over the union of
their keys, 0 for a key that one lacks. Lists: mean over positions, the longer length. Numbers: 1 - |a - b| / (|a| + |b|), and
1 within ``tol``. Texts: 1 - Levenshtein distance / longer length. All else: equal 1, unequal 0.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from evalharness.core import strictjson
from evalharness.core.cases import Case
from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Failure, Output, Score, ScoreResult
from evalharness.core.specs import canonical_json, thaw
from evalharness.scorers.base import Scorer, shown
from evalharness.scorers.closeness import TooLongError, package, text_similarity, too_long
from evalharness.scorers.numerals import near, relative_similarity
from evalharness.scorers.parameters import Params
from evalharness.scorers.references import NO_TARGET, given_key
from evalharness.scorers.schemas import read_schema

SCANNED: Final = 20_000_000
"""Characters that ``contains_json`` reads at most while it tries where a JSON value could begin."""


class IsJson(Scorer):
    """``is_json`` and ``json_schema``: the whole output is JSON, and valid where there is a schema."""

    binary = asserts = True
    schema_required: ClassVar[bool] = False

    def __init__(self, params: Params) -> None:
        self._schema = read_schema(params, required=self.schema_required)
        super().__init__(params)

    def measure(self, output: Output, _case: Case, /) -> ScoreResult:
        """Parse, then validate."""
        text = output.text or ""
        try:
            value = strictjson.loads(text)
        except strictjson.StrictJSONError as error:
            return self.verdict(False, f"{error}: {shown(text)}", {"json": False, "problem": str(error)[:200]})  # noqa: FBT003
        problem = None if self._schema is None else self._schema.problem(value, text)
        if isinstance(problem, Failure):
            return problem
        evidence = {"json": True, "problem": None if problem is None else problem[:200]}
        return self.verdict(problem is None, problem or f"{shown(text)} is valid JSON", evidence)


class JsonSchema(IsJson):
    """``json_schema``."""

    schema_required = True


class ContainsJson(Scorer):
    """``contains_json``: some part of the output is a JSON object (or list, with a schema), and valid."""

    binary = asserts = True

    def __init__(self, params: Params) -> None:
        self._schema = read_schema(params, required=False)
        super().__init__(params)

    def measure(self, output: Output, _case: Case, /) -> ScoreResult:
        """Try the parts in order until one is good."""
        text = output.text or ""
        seen = "no JSON"
        for part in json_parts(text, openers="{" if self._schema is None else "{["):
            if self._schema is None:
                return _holding(self, part)
            problem = self._schema.problem(json.loads(part), part)
            if isinstance(problem, Failure):
                return problem
            if problem is None:
                return _holding(self, part)
            seen = problem
        return self.verdict(False, f"{seen} in {shown(text)}", {"part": None, "problem": seen[:200]})  # noqa: FBT003


def _holding(scorer: Scorer, part: str) -> Score:
    return scorer.verdict(True, f"holds {shown(part)}", {"part": part[:200]})  # noqa: FBT003


_DECODER: Final = json.JSONDecoder()


def json_parts(text: str, *, openers: str = "{[") -> Iterator[str]:
    """The parts of a text that are strict JSON, in order; after a list also those inside it.

    At most ``SCANNED`` characters are read, for a text of brackets alone would take the square of its length.
    """
    position, left = 0, SCANNED
    while left > 0:
        starts = [start for opener in openers if (start := text.find(opener, position)) >= 0]
        if not starts:
            return
        start = min(starts)
        position = start + 1
        try:
            _, end = _DECODER.raw_decode(text, start)
            strictjson.loads(text[start:end])
        except json.JSONDecodeError as error:
            left -= error.pos - start + error.pos // 20 + 50  # the error counts the lines before it
        except RecursionError:
            left -= 20_000
        except strictjson.StrictJSONError:
            left -= len(text) - start
        else:
            left -= end - start
            yield text[start:end]
            position = end if text[start] == "{" else position


class JsonDiff(Scorer):
    """``json_diff``: similarity of two JSON values."""

    asserts = True

    def __init__(self, params: Params) -> None:
        key = given_key(params)
        self._given: tuple[Any, ...] | None = None
        if key is None:
            self.needs = frozenset({"target"})
        else:
            value = params.value(key)
            self._given = tuple(value) if key == "values" else (value,)
            params.note(key, canonical_json(thaw(value)))
        self._tol = Decimal(repr(params.number("tol", default=0.0, low=0.0)))
        self._least = params.number("min", default=1.0, low=0.0, high=1.0)
        super().__init__(params, version=package())

    def measure(self, output: Output, case: Case, /) -> ScoreResult:
        """The best similarity with any reference."""
        references = self._given if self._given is not None else case.references
        if not references:
            return NO_TARGET
        seen = _parsed(output.text or "")
        try:
            values = [json_similarity(seen, _parsed(reference), tol=self._tol) for reference in references]
        except TooLongError as error:
            return too_long(error)
        value = max(values)
        nearest = values.index(value)
        reason = f"expected {shown(canonical_json(thaw(references[nearest])))}, got {shown(output.text or '')}"
        evidence = {"references": len(references), "nearest": nearest}
        return Score(value=value, passed=value >= self._least, reason=reason, evidence=evidence)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return strictjson.loads(value)
    except strictjson.StrictJSONError:
        return value


def json_similarity(one: Any, other: Any, *, tol: Decimal = Decimal(0)) -> float:
    """How alike two JSON values are, in 0..1; the rule is at the top of this file."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = one.keys() | other.keys()
        both = one.keys() & other.keys()
        return sum(json_similarity(one[key], other[key], tol=tol) for key in both) / len(keys) if keys else 1.0
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        longer = max(len(one), len(other))
        pairs = zip(one, other, strict=False)
        return sum(json_similarity(a, b, tol=tol) for a, b in pairs) / longer if longer else 1.0
    if isinstance(one, str) and isinstance(other, str):
        return text_similarity(one, other)
    if _is_number(one) and _is_number(other):
        a, b = Decimal(repr(one)), Decimal(repr(other))
        return 1.0 if near(a, b, abs_tol=tol, rel_tol=Decimal(0)) else relative_similarity(a, b)
    return 1.0 if type(one) is type(other) and one == other else 0.0


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {
    "is_json": IsJson,
    "contains_json": ContainsJson,
    "json_schema": JsonSchema,
    "json_diff": JsonDiff,
}
