"""promptfoo's assertions as scorer tables.

Three things can come of an assertion: a *check* of its case, a reference (``target``) with a scorer that waits for a
person (``similar``, graded by a model), or nothing, with the reason. Templates in values are filled with the test's
variables by plain substitution; nothing of a config is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from evalharness.core.specs import EMPTY

Table = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """What became of one assertion."""

    check: Mapping[str, Any] | None = None
    """Scorer table, or None."""
    changed: str = ""
    """Why it is not quite the same, or empty."""
    dropped: str = ""
    """Why there is nothing, or empty."""
    wish: str = ""
    """``similar``, ``judge``, ``latency`` or ``cost``: what a scorer of the config has to do instead."""
    wanted: Any = None
    """The reference of the wish: a text; None for latency and cost."""
    extra: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """Further keys of the wish's scorer: ``threshold``."""


class Untranslatable(ValueError):
    """An assertion that has no counterpart; the text is the reason."""


_HOLE: Final = re.compile(r"\{\{-?\s*([A-Za-z_][\w.]*)\s*-?\}\}")
_SYNTAX: Final = re.compile(r"\{[{%#]")

_CODE: Final = 'it is code, and code of a config is not run: write a scorer with use = "python"'
_NO_WORD: Final = "there is no such scorer word"
_DROPPED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("javascript", "python", "ruby", "webhook", "assert-set-script"), _CODE),
    **dict.fromkeys(("gleu", "meteor", "perplexity", "perplexity-score", "is-html", "contains-html"), _NO_WORD),
    **dict.fromkeys(("is-xml", "contains-xml", "is-sql", "contains-sql", "guardrails", "moderation"), _NO_WORD),
    **dict.fromkeys(("classifier", "pi", "human", "skill-used", "agent-rubric", "search-rubric"), _NO_WORD),
    **dict.fromkeys(("select-best", "max-score"), "it ranks systems against each other: evalh compare does that"),
    "trajectory:goal-success": _NO_WORD,
    "is-valid-openai-tools-call": "the schema of the tools is not in the assertion: a scorer tool_calls with tools",
    "is-valid-openai-function-call": "the schema of the tools is not in the assertion: a scorer tool_calls with tools",
}
_JUDGED: Final = frozenset(
    {"llm-rubric", "g-eval", "factuality", "model-graded-closedqa", "model-graded-factuality", "closedqa"}
    | {"answer-relevance", "context-recall", "context-relevance", "context-faithfulness", "conversation-relevance"}
)
_SPENT: Final = {"latency": 1000, "cost": 1}
KEYS: Final = frozenset({"type", "value", "threshold", "weight", "metric"})
"""Keys of an assertion that are read; others are named in the account."""


def fill(value: Any, variables: Mapping[str, Any]) -> Any:
    """Put a test's variables into the holes ``{{ name }}`` of a value, to any depth.

    Raises:
        Untranslatable: If a hole names no variable, or there is other template syntax.
    """
    if isinstance(value, str):
        if not _SYNTAX.search(value):
            return value
        filled = _HOLE.sub(lambda hole: _text(_lookup(hole[1], variables)), value)
        if _SYNTAX.search(_HOLE.sub("", value)):
            raise Untranslatable("its template does more than name a variable")
        return filled
    if isinstance(value, list):
        return [fill(item, variables) for item in value]
    if isinstance(value, Mapping):
        return {key: fill(item, variables) for key, item in value.items()}
    return value


def translate(assertion: Mapping[str, Any], variables: Mapping[str, Any]) -> Translated:
    """One assertion for a test with these variables; ``assert-set`` is taken apart by the caller.

    Args:
        assertion: ``{type, value, threshold, weight, metric, ..}``.
        variables: The test's variables.
    """
    try:
        return _translated(assertion, variables)
    except Untranslatable as reason:
        return Translated(dropped=str(reason))


def _translated(assertion: Mapping[str, Any], variables: Mapping[str, Any]) -> Translated:
    kind = assertion.get("type")
    if not isinstance(kind, str):
        raise Untranslatable("it has no type")
    negated = kind.startswith("not-")
    word = kind.removeprefix("not-")
    if word in _DROPPED:
        raise Untranslatable(_DROPPED[word])
    value = fill(assertion.get("value"), variables)
    if isinstance(value, str) and value.startswith("file://"):
        raise Untranslatable(f"its value is in {value}: write it into the config, or a scorer by hand")
    if word in _JUDGED or word.partition(":")[0] == "similar":
        return _wish(word, value, assertion, negated=negated)
    if word in _SPENT:
        return _spent(word, assertion, negated=negated)
    maker = _MAKERS.get(word)
    if maker is None:
        raise Untranslatable(_NO_WORD)
    table, changed = maker(value, assertion)
    if assertion.get("weight") == 0:
        raise Untranslatable("weight 0: it never failed a test, so it is no check; make it a scorer to report it")
    common = {key: assertion[key] for key in ("weight", "metric") if assertion.get(key) is not None}
    return Translated(check={**table, **common, **({"not": True} if negated else {})}, changed=changed)


def _spent(word: str, assertion: Mapping[str, Any], *, negated: bool) -> Translated:
    """Time and money: a scorer of all cases, for a recorded answer does not know them and one slow answer is chance."""
    if negated or assertion.get("threshold") is None:
        raise Untranslatable("it has no threshold, or is negated")
    limit = _number(assertion["threshold"]) / _SPENT[word]
    unit = " (milliseconds became seconds)" if word == "latency" else ""
    why = f"a scorer of all cases with the largest threshold{unit}, for the report; give it a cap to make it a guard"
    return Translated(wish=word, extra={"threshold": limit}, changed=why)


def _wish(word: str, value: Any, assertion: Mapping[str, Any], *, negated: bool) -> Translated:
    if negated:
        raise Untranslatable("its negation is no scorer: word the rubric the other way round")
    if word.startswith("similar"):
        threshold = _number(assertion.get("threshold", 0.75))
        extra = {"threshold": threshold}
        if word not in {"similar", "similar:cosine"}:
            raise Untranslatable("similar measures the cosine only")
        wanted = value if isinstance(value, list) else _text(value)
        why = "value became the target; the scorer similar needs a model for embeddings: named in the config, switched off"
        return Translated(wish="similar", wanted=wanted, extra=extra, changed=why)
    wanted = " ".join(map(_text, value)) if isinstance(value, list) else "" if value is None else _text(value)
    why = "its text became the target of a rubric; the judge is switched off until calibrated: evalh calibrate"
    return Translated(wish="judge", wanted=wanted, changed=why, extra={"kind": word})


# --- one assertion type each: (value, assertion) -> (table, what changed) ---------------------------------------------


def _plain(word: str) -> Callable[[Any, Mapping[str, Any]], tuple[Table, str]]:
    def make(value: Any, _: Mapping[str, Any]) -> tuple[Table, str]:
        if value is None or value == "":
            raise Untranslatable("it has no value")
        return {"use": word, "value": value if word == "equals" or isinstance(value, list) else _text(value)}, ""

    return make


def _several(word: str) -> Callable[[Any, Mapping[str, Any]], tuple[Table, str]]:
    def make(value: Any, _: Mapping[str, Any]) -> tuple[Table, str]:
        items = [_text(item) for item in value] if isinstance(value, list) else _split(_text(value))
        if not items or "" in items:
            raise Untranslatable("it has no value, or an empty one")
        return {"use": word, "value": items}, ""

    return make


def _regex(value: Any, _: Mapping[str, Any]) -> tuple[Table, str]:
    pattern = _text(value)
    try:
        re.compile(re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern))
    except re.error as error:
        raise Untranslatable(f"the pattern is none in Python's syntax: {error}") from None
    return {"use": "regex", "pattern": pattern}, ""


def _json(word: str) -> Callable[[Any, Mapping[str, Any]], tuple[Table, str]]:
    def make(value: Any, _: Mapping[str, Any]) -> tuple[Table, str]:
        if value is None:
            return {"use": word}, ""
        if not isinstance(value, Mapping):
            raise Untranslatable("its schema is no object")
        return {"use": word, "schema": value}, ""

    return make


def _edits(value: Any, assertion: Mapping[str, Any]) -> tuple[Table, str]:
    if not isinstance(value, str):
        raise Untranslatable("its value is no text")
    limit = _number(assertion.get("threshold", 5))
    return {"use": "max_edits", "value": value, "max": int(limit)}, ""


def _overlap(word: str, default: float, note: str) -> Callable[[Any, Mapping[str, Any]], tuple[Table, str]]:
    def make(value: Any, assertion: Mapping[str, Any]) -> tuple[Table, str]:
        references = value if isinstance(value, list) else _text(value)
        return {"use": word, "value": references, "threshold": _number(assertion.get("threshold", default))}, note

    return make


def _words(value: Any, _: Mapping[str, Any]) -> tuple[Table, str]:
    if isinstance(value, Mapping):
        return {"use": "word_count", **{key: int(_number(value[key])) for key in ("min", "max") if key in value}}, ""
    return {"use": "word_count", "value": int(_number(value))}, ""


def _finish(value: Any, _: Mapping[str, Any]) -> tuple[Table, str]:
    return {"use": "finish_reason", "value": "stop" if value is None else _text(value)}, ""


def _refusal(_: Any, __: Mapping[str, Any]) -> tuple[Table, str]:
    return {"use": "refusal"}, "openings of refusals in seven languages, not promptfoo's list of phrases"


def _tool_f1(value: Any, assertion: Mapping[str, Any]) -> tuple[Table, str]:
    names = value if isinstance(value, list) else _split(_text(value))
    tools = [{"name": _text(name)} for name in names]
    threshold = _number(assertion.get("threshold", 1))
    return (
        {"use": "tool_call_f1", "value": tools, "threshold": threshold},
        "calls are counted, so a call made twice counts twice",
    )


def _tools_used(value: Any, _: Mapping[str, Any]) -> tuple[Table, str]:
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) for name in names):
        raise Untranslatable("patterns and counts of tool names have no counterpart")
    return {"use": "tool_calls", "value": [{"name": name} for name in names], "extra": "allow"}, ""


def _tool_order(value: Any, _: Mapping[str, Any]) -> tuple[Table, str]:
    table = value if isinstance(value, Mapping) else {"steps": value}
    steps = table.get("steps")
    if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
        raise Untranslatable("its steps are no list of tool names")
    order = "strict" if table.get("mode") == "exact" else "in_order"
    return {"use": "tool_sequence", "value": [{"name": step} for step in steps], "order": order}, ""


_MAKERS: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], tuple[Table, str]]]] = {
    "equals": _plain("equals"),
    "contains": _plain("contains"),
    "icontains": _plain("icontains"),
    "starts-with": _plain("starts_with"),
    "ends-with": _plain("ends_with"),
    "contains-any": _several("contains_any"),
    "contains-all": _several("contains_all"),
    "icontains-any": _several("icontains_any"),
    "icontains-all": _several("icontains_all"),
    "regex": _regex,
    "is-json": _json("is_json"),
    "contains-json": _json("contains_json"),
    "levenshtein": _edits,
    "rouge-n": _overlap("rouge1", 0.75, "ROUGE-1 is rouge-score's F1"),
    "bleu": _overlap("bleu", 0.5, "BLEU is sacrebleu's, with its tokens and smoothing"),
    "word-count": _words,
    "finish-reason": _finish,
    "is-refusal": _refusal,
    "tool-call-f1": _tool_f1,
    "trajectory:tool-used": _tools_used,
    "trajectory:tool-sequence": _tool_order,
}


def _lookup(name: str, variables: Mapping[str, Any]) -> Any:
    value: Any = variables
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise Untranslatable(f"its template names {name!r}, which is no variable of the test")
        value = value[part]
    return value


def _split(text: str) -> list[str]:
    """A comma-separated value, cells may be quoted."""
    import csv

    cells = next(csv.reader([text], skipinitialspace=True), [])
    return [cell.strip() for cell in cells]


def _text(value: Any) -> str:
    from evalharness.core.specs import canonical_json

    return value if isinstance(value, str) else canonical_json(value)


def _number(value: Any) -> float:
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return float(value)
        except ValueError:
            pass
    raise Untranslatable(f"seen {value!r} where a number belongs")
