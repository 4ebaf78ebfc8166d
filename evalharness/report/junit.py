"""JUnit XML: gates as one suite, cases as another. Read again after writing, so that a broken file is never handed out."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from evalharness.core.results import Failure, Run, Score
from evalharness.core.verdicts import Comparison
from evalharness.report.sinks import xml_text
from evalharness.report.view import answer_text

_CUT = 4000


def verdict_xml(comparisons: Sequence[Comparison]) -> str:
    """The verdict as JUnit XML.

    Args:
        comparisons: Each gate with its cases.

    Raises:
        ValueError: If the text does not read back with the same counts (a fault of ours, never of the data).
    """
    gates = [_gate_case(comparison) for comparison in comparisons]
    cases = [row for comparison in comparisons for row in _worse_cases(comparison)]
    red = sum(1 for comparison in comparisons if comparison.gate.exit_code)
    return _document(
        [_suite("evalh gates", gates, red), _suite("evalh cases", cases, len(cases))], len(gates) + len(cases)
    )


def runs_xml(runs: Sequence[Run]) -> str:
    """Runs as JUnit XML: a case fails when a scorer says so or its answer is missing."""
    rows, failed = [], 0
    for run in runs:
        for case_id, result in run.results.items():
            trial = result.trials[0]
            why = [
                f"{name}: {score.reason}"
                for name, score in trial.scores.items()
                if isinstance(score, Score) and score.passed is False
            ]
            why += [trial.output.message] if isinstance(trial.output, Failure) else []
            failed += bool(why)
            name = str(run.header.candidate.get("name", ""))
            rows.append(_testcase(case_id, f"evalh.{name}", "; ".join(why), answer_text(result) or ""))
    return _document([_suite("evalh run", rows, failed)], len(rows))


def _gate_case(comparison: Comparison) -> str:
    gate = comparison.gate
    lines = [f"{s.scorer}: {s.reason}" for s in gate.scorers]
    message = f"{gate.outcome}: {gate.reason}" if gate.exit_code else ""
    return _testcase(gate.gate, "evalh.gate", message, "\n".join(lines), seconds=gate.seconds)


def _worse_cases(comparison: Comparison) -> list[str]:
    gate = comparison.gate
    if not gate.exit_code:
        return []
    return [
        _testcase(
            case.id,
            f"evalh.{gate.gate}",
            f"{case.scorer} {case.baseline:.3g} -> {case.candidate:.3g}",
            answer_text(comparison.candidate.get(case.id)) or "",
        )
        for case in gate.worst_cases
    ]


def _testcase(name: str, group: str, failure: str, text: str, *, seconds: float = 0.0) -> str:
    head = f'<testcase name="{xml_text(name)}" classname="{xml_text(group)}" time="{seconds:.3f}"'
    if not failure:
        return head + "/>"
    return f'{head}><failure message="{xml_text(failure, 500)}">{xml_text(text, _CUT)}</failure></testcase>'


def _suite(name: str, cases: Sequence[str], failures: int) -> str:
    counts = f'tests="{len(cases)}" failures="{failures}" errors="0" skipped="0"'
    return f'<testsuite name="{xml_text(name)}" {counts}>{"".join(cases)}</testsuite>'


def _document(suites: Sequence[str], cases: int) -> str:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>{"".join(suites)}</testsuites>\n'
    # Our own text, escaped above, with no entity or DTD in it: reading it back proves that no data broke the file.
    found = len(ET.fromstring(text.encode("utf-8")).findall("./testsuite/testcase"))  # noqa: S314
    if found != cases:
        raise ValueError(f"wrote {cases} test cases, read back {found}")
    return text
