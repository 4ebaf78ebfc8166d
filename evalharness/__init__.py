"""evalharness: did this change to a prompt, a model or a retriever make things worse? With a stated error rate.

Everything here is lazy: importing the package loads nothing. Values live in ``core``, functions in ``api``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from evalharness import aio, stats
    from evalharness.api import compare, evaluate, gate, load_evalset, score
    from evalharness.core.cases import Case, EvalSet
    from evalharness.core.errors import EvalhError, Incomplete, Interrupted, Refused, StoreError
    from evalharness.core.results import Failure, Output, Run, Score, Unscored
    from evalharness.core.verdicts import Comparison, Verdict
    from evalharness.stats import decide
    from evalharness.stats.rule import Decision

_HOMES = {
    "Case": "core.cases",
    "Comparison": "core.verdicts",
    "Decision": "stats.rule",
    "EvalSet": "core.cases",
    "EvalhError": "core.errors",
    "Failure": "core.results",
    "Incomplete": "core.errors",
    "Interrupted": "core.errors",
    "Output": "core.results",
    "Refused": "core.errors",
    "Run": "core.results",
    "Score": "core.results",
    "StoreError": "core.errors",
    "Unscored": "core.results",
    "Verdict": "core.verdicts",
    "compare": "api",
    "decide": "stats",
    "evaluate": "api",
    "gate": "api",
    "load_evalset": "api",
    "score": "api",
}

__all__ = [
    "Case",
    "Comparison",
    "Decision",
    "EvalSet",
    "EvalhError",
    "Failure",
    "Incomplete",
    "Interrupted",
    "Output",
    "Refused",
    "Run",
    "Score",
    "StoreError",
    "Unscored",
    "Verdict",
    "aio",
    "compare",
    "decide",
    "evaluate",
    "gate",
    "load_evalset",
    "score",
    "stats",
]


def __getattr__(name: str) -> object:
    if name in ("aio", "stats"):
        return import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
