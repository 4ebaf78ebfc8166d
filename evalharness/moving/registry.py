"""Word of a format -> its reader. To add a format: a file with a reader, and its word here."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

from evalharness.core.errors import UsageError
from evalharness.core.nearest import name_tip
from evalharness.moving.calls import Log
from evalharness.moving.moved import Moved

SETS: Final = {
    "promptfoo": "promptfoo:read_promptfoo",
    "promptfoo-results": "promptfoo_results:read_promptfoo_results",
    "deepeval": "tables:read_deepeval",
    "ragas": "tables:read_ragas",
    "openai-evals": "openai_files:read_openai_evals",
    "openai-batch": "openai_files:read_openai_batch",
    "inspect": "inspect_log:read_inspect",
    "lm-eval": "lm_eval:read_lm_eval",
}
"""Formats of evaluations: word -> ``module:function`` of this room; the function takes a path and gives a Moved."""
LOGS: Final = {
    "otel": "genai_spans:read_otel",
    "openinference": "openinference:read_openinference",
    "langfuse": "langfuse:read_langfuse",
    "litellm": "litellm:read_litellm",
}
"""Formats of production logs: the function takes a path and gives a Log."""
KINDS: Final = (*SETS, *LOGS)


def split_source(source: str) -> tuple[str, str] | None:
    """``("deepeval", "goldens.json")`` of ``deepeval:goldens.json``; None when it begins with no word of ours."""
    word, colon, path = source.partition(":")
    return (word, path) if colon and word in KINDS else None


def read_set(kind: str, path: Path) -> Moved:
    """A file of evaluations by its format's word.

    Raises:
        UsageError: If the word is unknown.
        EvalSetError: If the file is not of this format.
        ExtraMissing: If reading it needs an optional package.
    """
    return cast("Moved", _reader(kind, SETS)(path))


def read_log(kind: str, path: Path) -> Log:
    """A log of production by its format's word.

    Raises:
        UsageError: If the word is unknown.
        EvalSetError: If the file is not of this format.
    """
    return cast("Log", _reader(kind, LOGS)(path))


def kind_of_log(path: Path) -> str:
    """The format of a log, from what only one of them writes in its first bytes.

    Raises:
        UsageError: If it shows none.
        EvalSetError: If it cannot be read.
    """
    from evalharness.moving.documents import read_source

    head = read_source(path)[:2_000_000]
    marks = (
        (b'openinference.span.kind"', b'"span_kind"', "openinference"),
        (b'"gen_ai.', b'"gen_ai"', "otel"),
        (b'"call_type"', b'"standard_logging_object"', "litellm"),
        (b'"traceId"', b'"trace_id"', "langfuse"),
        (b'"calculatedTotalCost"', b'"totalCost"', "langfuse"),
        (b'"sessionId"', b'"session_id"', "langfuse"),
    )
    for one, other, kind in marks:
        if one in head or other in head:
            return kind
    raise UsageError(
        f"{str(path)!r}: cannot tell its form", tip=f"say it: KIND:FILE with KIND one of {', '.join(LOGS)}"
    )


def _reader(kind: str, table: dict[str, str]) -> Callable[[Path], Any]:
    if kind not in table:
        raise UsageError(f"unknown kind {kind!r}", tip=name_tip(kind, tuple(table), title="kinds"))
    module, _, function = table[kind].partition(":")
    return cast("Callable[[Path], Any]", getattr(import_module(f"evalharness.moving.{module}"), function))
