"""promptfoo's results (``-o results.json``): its tests as cases, each provider and prompt as recorded answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evalharness.core.errors import EvalSetError
from evalharness.core.files import shown
from evalharness.core.specs import canonical_json
from evalharness.moving.answers import Answers
from evalharness.moving.documents import parse, read_source, text_of
from evalharness.moving.fields import amount, first, mapping, sequence, usage
from evalharness.moving.moved import Ledger, Moved
from evalharness.moving.promptfoo_tests import Tests


def read_promptfoo_results(path: Path) -> Moved:
    """Read a results file.

    Args:
        path: JSON file.

    Raises:
        EvalSetError: If it is none.
    """
    data = read_source(path)
    document, nulls = parse(text_of(data, shown(path)), shown(path))
    results = mapping(mapping(document).get("results"))
    rows = sequence(results.get("results"))
    if not rows:
        raise EvalSetError("seen no results.results, expected a promptfoo results file", where=shown(path))
    ledger = Ledger()
    if nulls:
        ledger.change("numbers", "NaN and Infinity became null", f"{nulls} of them")
    tests, answers = Tests(ledger, {}, path.parent), Answers()
    ids: dict[str, str] = {}
    several = len({_prompt(mapping(row)) for row in rows}) > 1
    for index, row in enumerate(rows):
        result = mapping(row)
        case_id = _case(tests, result, index, ids)
        answers.add(_system(result, several=several), case_id, **_answer(result))
        ledger.keep("answer", f"result {index}")
    stats = mapping(results.get("stats"))
    totals = [stats.get(name) for name in ("successes", "failures", "errors")]
    known = all(isinstance(total, int) for total in totals[:2])
    return Moved(
        kind="promptfoo-results",
        sha256=hashlib.sha256(data).hexdigest(),
        cases=tuple(tests.book.cases.values()),
        answers=answers.done(),
        entries=ledger.entries(),
        rows=len(rows),
        counted=sum(total for total in totals if isinstance(total, int)) if known else None,
        counted_by="promptfoo's own totals",
        setup={"wishes": tests.wishes, "has_checks": any(case.checks for case in tests.book.cases.values())},
    )


def _case(tests: Tests, result: Mapping[str, Any], index: int, ids: dict[str, str]) -> str:
    """The id of the test that a result is of; the test becomes a case when it is met first."""
    test = mapping(result.get("testCase"))
    variables = mapping(first(result, "vars") or test.get("vars"))
    key = canonical_json([result.get("testIdx"), variables])
    if key not in ids:
        own = {name: value for name, value in test.items() if name not in ("provider", "providerOutput")}
        whole = {**own, "vars": variables, "options": {"disableVarExpansion": True}}
        ids[key] = tests.add(whole, lambda *_: f"result {index}")[0]
    return ids[key]


def _prompt(result: Mapping[str, Any]) -> str:
    number = result.get("promptIdx")
    return str(number) if number is not None else str(mapping(result.get("prompt")).get("label", ""))


def _system(result: Mapping[str, Any], *, several: bool) -> str:
    provider = result.get("provider")
    name = provider if isinstance(provider, str) else first(mapping(provider), "label", "id") or "provider"
    return f"{name} prompt {_prompt(result)}" if several else str(name)


def _answer(result: Mapping[str, Any]) -> dict[str, Any]:
    response = mapping(result.get("response"))
    output = response.get("output")
    error = first(response, "error") or (result.get("error") if output is None else None)
    if error is not None:
        return {"error": str(error)[:500] or "error"}
    tokens = mapping(response.get("tokenUsage"))
    latency = amount(result.get("latencyMs"))
    finish = response.get("finishReason")
    return {
        "output": output if isinstance(output, (str, dict, list)) or output is None else str(output),
        "usage": usage(tokens.get("prompt"), tokens.get("completion")),
        "latency_s": None if latency is None or response.get("cached") else latency / 1000,
        "cost_usd": amount(first(result, "cost") or response.get("cost")),
        "finish_reason": finish if isinstance(finish, str) else None,
    }
