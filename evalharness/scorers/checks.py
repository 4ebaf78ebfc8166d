"""``checks``: the scorer tables that a case brings along form one hard scorer.

| word | parameters | value |
| --- | --- | --- |
| ``checks`` | | 1 when every check of the case holds, else 0; ``parts`` has each check's own score by its name |

A check is a scorer table such as ``{"use": "contains", "value": "14 days"}``; ``name`` names its part, else its position and
word do (``1:contains``). A check holds when it passed; one that only measures (``rougeL``) needs a ``threshold``. A failed
check decides; else a check that broke makes the case's result that ``Failure``. Cases are data: their checks
may name no function, no file and no plug-in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.protocols import CaseScorer, ScorerFacts
from evalharness.core.results import Failure, Output, Score, ScoreResult, Unscored
from evalharness.core.specs import canonical_json
from evalharness.scorers.base import Scorer
from evalharness.scorers.parameters import Params

KEPT: Final = 1_024
"""Built checks that are kept for the next case (or arm) with the same table."""


class Checks(Scorer):
    """All of a case's checks hold."""

    binary = asserts = True
    reads_text = False
    needs = frozenset({"checks"})

    def __init__(self, params: Params) -> None:
        build = params.build_check
        assert build is not None
        self._built = lru_cache(maxsize=KEPT)(lambda table: build(json.loads(table)))
        super().__init__(params)

    def measure(self, output: Output, case: Case, /) -> ScoreResult:
        """Score every check, then judge."""
        if not case.checks:
            return Unscored(reason="the case has no checks")
        try:
            checks = {name: self._built(canonical_json(table)) for name, table in named_checks(case).items()}
        except ConfigError as error:
            return Failure(stage="scorer", kind="bad_check", message=f"case {case.id}: {error.message}")
        return _judged({name: _holds(check, output, case) for name, check in checks.items()})


def named_checks(case: Case) -> dict[str, Mapping[str, Any]]:
    """The case's checks by the names of their parts, in order, each table without its ``name``.

    Raises:
        ConfigError: If two have one name: one of them would be lost.
    """
    named: dict[str, Mapping[str, Any]] = {}
    for position, table in enumerate(case.checks, start=1):
        name = table.get("name", f"{position}:{table.get('use')}")
        if not isinstance(name, str) or name in named:
            raise ConfigError(f"check {position}: its name is no text, or another check's", where=str(name)[:80])
        named[name] = {key: value for key, value in table.items() if key != "name"}
    return named


def _holds(check: ScorerFacts, output: Output, case: Case) -> Score | Failure:
    if not isinstance(check, CaseScorer):
        return Failure(stage="scorer", kind="bad_check", message=f"{check.use} does not score a single output")
    result = check.score(output, case)
    if isinstance(result, Unscored):
        return Failure(stage="scorer", kind="bad_check", message=f"check {check.use} does not apply: {result.reason}")
    if isinstance(result, Score) and result.passed is None:
        return Failure(
            stage="scorer", kind="bad_check", message=f"check {check.use} only measures; give it a threshold"
        )
    return result


def _judged(results: Mapping[str, Score | Failure]) -> ScoreResult:
    parts = {name: result for name, result in results.items() if isinstance(result, Score)}
    failed = {name: part for name, part in parts.items() if not part.passed}
    broken = [result for result in results.values() if isinstance(result, Failure)]
    if broken and not failed:
        return broken[0]
    reasons = "; ".join(f"{name}: {part.reason}" for name, part in failed.items())
    reason = (
        f"{len(failed)} of {len(results)} checks failed: {reasons}" if failed else f"all {len(results)} checks hold"
    )
    return Score(value=0.0 if failed else 1.0, passed=not failed, reason=reason, parts=parts)


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {"checks": Checks}
