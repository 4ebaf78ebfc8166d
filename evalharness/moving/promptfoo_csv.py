"""promptfoo's tables of tests: a column a variable, and columns with two underscores that are no variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_ASSERT: Final = re.compile(
    r"(?P<type>(?:not-)?(?:[a-z][a-z0-9-]*)(?::(?:cosine|dot|euclidean|tool-[a-z]+))?)"
    r"(?:\((?P<threshold>[0-9.]+)\))?(?::(?P<value>.*))?",
    re.DOTALL,
)
_WORDS: Final = frozenset(
    [
        "equals",
        "contains",
        "icontains",
        "contains-any",
        "contains-all",
        "icontains-any",
        "icontains-all",
        "starts-with",
        "ends-with",
        "regex",
        "is-json",
        "contains-json",
        "is-sql",
        "contains-sql",
        "is-xml",
        "contains-xml",
        "is-html",
        "contains-html",
        "javascript",
        "python",
        "similar",
        "llm-rubric",
        "grade",
        "factuality",
        "g-eval",
        "model-graded-closedqa",
        "model-graded-factuality",
        "answer-relevance",
        "context-recall",
        "context-relevance",
        "context-faithfulness",
        "levenshtein",
        "rouge-n",
        "bleu",
        "gleu",
        "meteor",
        "latency",
        "cost",
        "perplexity",
        "perplexity-score",
        "is-refusal",
        "finish-reason",
        "word-count",
        "webhook",
        "classifier",
        "moderation",
        "select-best",
        "is-valid-openai-tools-call",
        "is-valid-openai-function-call",
        "tool-call-f1",
        "fn",
        "eval",
        "pi",
        "guardrails",
    ]
)
_RENAMED: Final[Mapping[str, str]] = {"grade": "llm-rubric", "fn": "javascript", "eval": "javascript"}
_SIMILAR_IN_CELL: Final = 0.8


def test_of_row(row: Mapping[str, str]) -> dict[str, Any]:
    """A test from one row of a table.

    Args:
        row: Column -> cell.

    Returns:
        The test as it would stand in a config.
    """
    test: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    for column, cell in row.items():
        name = column.strip()
        if not name.startswith("__"):
            variables[name] = cell
        elif cell.strip():
            _special(test, name[2:], cell)
    test["vars"] = variables
    settings = test.pop("__settings", {})
    for index, assertion in enumerate(test.get("assert", []), 1):
        assertion.update(settings.get(str(index), {}))
        assertion.update({k: v for k, v in settings.get("", {}).items() if k not in assertion})
        if "metric" in test:
            assertion.setdefault("metric", test["metric"])
    test.pop("metric", None)
    return test


def _special(test: dict[str, Any], name: str, cell: str) -> None:
    """One column that is no variable."""
    if re.fullmatch(r"expected\d*", name):
        test.setdefault("assert", []).append(assertion_of_cell(cell))
    elif name == "metric":
        test["metric"] = cell
    elif name == "threshold":
        test["threshold"] = _number(cell)
    elif name == "description":
        test["description"] = cell
    elif name == "providerOutput":
        test["providerOutput"] = cell
    elif name.startswith("metadata:"):
        key = name.removeprefix("metadata:")
        is_list = key.endswith("[]")
        value: Any = [part.strip() for part in re.split(r"(?<!\\),", cell)] if is_list else cell
        test.setdefault("metadata", {})[key.removesuffix("[]")] = value
    elif name.startswith("config:"):
        target, _, key = name.removeprefix("config:").rpartition(":")
        number = re.sub(r"\D", "", target) or ""
        test.setdefault("__settings", {}).setdefault(number, {})[key] = _number(cell)
    elif name in ("prefix", "suffix"):
        test.setdefault("options", {})[name] = cell
    else:
        test[f"__{name}"] = cell


def assertion_of_cell(cell: str) -> dict[str, Any]:
    """``contains: Paris``, ``similar(0.8): a city``, ``is-json``, or a plain text, which must be equalled."""
    text = cell.strip()
    match = _ASSERT.fullmatch(text)
    kind = match["type"] if match else ""
    if match is None or kind.removeprefix("not-").partition(":")[0] not in _WORDS:
        return {"type": "equals", "value": text}
    if match["value"] is None and match["threshold"] is None and kind.removeprefix("not-") in ("grade", "contains"):
        return {"type": "equals", "value": text}
    negated = "not-" if kind.startswith("not-") else ""
    word = kind.removeprefix("not-")
    assertion: dict[str, Any] = {"type": negated + _RENAMED.get(word, word)}
    if match["value"] is not None and match["value"].strip():
        assertion["value"] = _value(word, match["value"].strip())
    if match["threshold"] is not None:
        assertion["threshold"] = float(match["threshold"])
    elif word == "similar":
        assertion["threshold"] = _SIMILAR_IN_CELL
    elif word in ("latency", "cost") and "value" in assertion:
        assertion["threshold"] = _number(str(assertion.pop("value")))
    return assertion


def _value(word: str, text: str) -> Any:
    if word in ("is-json", "contains-json"):
        from evalharness.core.strictjson import StrictJSONError, loads

        try:
            return loads(text)
        except StrictJSONError:
            return text
    return text


def _number(cell: str) -> Any:
    try:
        return float(cell)
    except ValueError:
        return cell
