"""Rows of the oracle table that come from recorded data of others: trec_eval's printed output, Cranfield, the peers' tests, IFEval.

What is compared, and how, stands in the tests that hold it (``tests/conformance``, ``tests/scorers/test_ifeval.py``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from oracles import DATA, Row

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("EVALH_TEST_DATA", str(DATA))  # where the tests look

DIFFER = "verdicts that differ"


def all_rows() -> Iterator[Row]:
    """Every row."""
    yield from rankings()
    yield from peers()
    yield from ifeval()


def rankings() -> Iterator[Row]:
    """The run that ships with trec_eval, and nine retrievers over Cranfield."""
    from tests.conformance import test_cranfield, test_trec_eval

    data = DATA / "trec_eval"
    read = test_trec_eval.read_rankings(data), test_trec_eval.read_judgements(data)
    lines = [line for name in ("out.test", "out.test.aq") for line in test_trec_eval.compared(data / name, *read)]
    yield _gaps("recall precision hit mrr map ndcg", "trec_eval's printed output", lines, "printed with four decimals")
    package = f"pytrec-eval-terrier {version('pytrec-eval-terrier')}"
    cranfield = list(test_cranfield.compared(DATA / "cranfield"))
    yield _gaps("the same, Cranfield", package, cranfield, "nine systems, query by query")


def _gaps(metric: str, oracle: str, found: Sequence[tuple[str, float, float]], note: str) -> Row:
    largest = max(abs(ours - theirs) for _, ours, theirs in found)
    return Row(metric=metric, oracle=oracle, compared=len(found), largest=largest, note=note)


def peers() -> Iterator[Row]:
    """Rows of the peers' own tests that any implementation must share."""
    from tests.conformance import test_peer_assertions, test_peer_overlap, test_peer_tools

    rows = test_peer_assertions.read_rows()
    wrong = [row for row in rows if not test_peer_assertions.agreement(test_peer_assertions.answer(row), row)]
    yield _verdicts("assertions", rows, wrong, test_peer_assertions.WE_DIFFER)
    tools = test_peer_tools.rows(*test_peer_tools.TOOL_WORDS)
    wrong = [row for row in tools if not test_peer_tools.agrees(row, test_peer_tools.answer(row))]
    yield _verdicts("tool calls", tools, wrong, test_peer_tools.WE_DIFFER)
    overlap = test_peer_overlap.rows(DATA / "peer_assertions")
    yield _verdicts("bleu, rouge", overlap, [row for row in overlap if not test_peer_overlap.agrees(row)], ())
    similar, unlike = test_peer_tools.similarity_rows()
    yield _verdicts("similar", similar, [*unlike, *test_peer_tools.OVERFLOW], test_peer_tools.OVERFLOW)


def _verdicts(metric: str, rows: Sequence[Any], wrong: Sequence[Any], argued: Iterable[str]) -> Row:
    names = ", ".join(sorted(argued))
    note = f"{DIFFER}{f' ({names}: argued in docs/scorers.md)' if names else ''}"
    return Row(
        metric=f"{metric}, tier shared",
        oracle="promptfoo's, autoevals' and ragas' tests",
        compared=len(rows),
        largest=float(len(wrong)),
        note=note,
    )


def ifeval() -> Iterator[Row]:
    """The 25 instructions under ``compat``, strict and loose, against recorded verdicts."""
    from tests.scorers import test_ifeval

    for names, what in (
        (set(test_ifeval.INSTRUCTIONS) - UNSETTLED, "22 instructions"),
        (UNSETTLED, "response_language, english_lowercase, number_sentences"),
    ):
        compared = unlike = 0
        for name in names:
            counts, found = test_ifeval.disagreements(name, compat=True)
            compared += counts["0"] + counts["1"]
            unlike += len(found)
        note = (
            DIFFER
            if not unlike
            else f"{DIFFER}: texts of fewer than 40 letters, and one of marks alone (docs/ifeval.md)"
        )
        yield Row(
            metric=f"ifeval, {what}",
            oracle="lm-eval 0.4.13",
            compared=compared,
            largest=float(unlike),
            note=note,
        )


UNSETTLED = {
    "language:response_language",
    "change_case:english_lowercase",
    "length_constraints:number_sentences",
}
"""Instructions that ask a language detector, or a trained model of sentences."""
