"""JUnit XML: gates as one suite, cases as another. Read again after writing: a broken file is never handed out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from xml.etree import ElementTree as ET

from evalharness.core.results import Failure, Run, Score
from evalharness.core.verdicts import Comparison, GateVerdict, Verdict
from evalharness.report.changes import CaseChange, as_comparison, case_changes
from evalharness.report.pull_request import TITLE, proposed
from evalharness.report.sinks import xml_text
from evalharness.report.view import answer_text

if TYPE_CHECKING:
    from evalharness.project.running import RunSummary
    from evalharness.project.showing import Shown

_CUT: Final = 4000
_KINDS: Final = {"failure": "failures", "error": "errors", "skipped": "skipped"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """One ``<testcase>``."""

    name: str
    group: str
    kind: Literal["", "failure", "error", "skipped"] = ""
    message: str = ""
    text: str = ""
    seconds: float = 0.0


def of_verdict(verdict: Verdict, comparisons: Sequence[Comparison]) -> str:
    """The verdict as JUnit XML: red exactly where the exit code is not 0.

    A case is red when its gate found a regression and it is one of the reasons: it got worse under a guard that fell,
    or a hard check flipped on it. In a gate that passes no case is red.
    """
    changes = [
        _Test(name=f"change {n}", group="evalh.pull_request", text=said) for n, said in enumerate(proposed(verdict), 1)
    ]
    return _document(
        ({TITLE: changes} if changes else {})
        | {
            "evalh gates": [_gate(comparison.gate) for comparison in comparisons],
            "evalh cases": [test for comparison in comparisons for test in _cases(comparison)],
        }
    )


def of_runs(summaries: Sequence[RunSummary]) -> str:
    """Runs as JUnit XML: a case is red when a scorer says that it failed."""
    return _document({"evalh run": [test for summary in summaries for test in _run(summary.run)]})


def of_shown(shown: Shown) -> str:
    """A recorded run as JUnit XML: as its verdict when it has one."""
    comparison = as_comparison(shown)
    if comparison is not None:
        return of_verdict(Verdict(outcome=comparison.gate.outcome, exit_code=0), [comparison])
    return _document({"evalh run": _run(shown.run)})


def _gate(gate: GateVerdict) -> _Test:
    kind: Literal["", "failure", "error", "skipped"] = ""
    if gate.exit_code:
        kind = "failure" if gate.outcome in ("regression", "inconclusive") else "error"
    elif gate.outcome != "pass":
        kind = "skipped"  # softened by the config: no verdict, and not red
    tip = (gate.error or {}).get("tip", "")
    lines = [f"{s.scorer}: {s.outcome}: {s.reason}" for s in gate.scorers] + ([f"tip: {tip}"] if tip else [])
    message = f"{gate.outcome}: {gate.reason}" if kind else ""
    return _Test(
        name=gate.gate, group="evalh.gate", kind=kind, message=message, text="\n".join(lines), seconds=gate.seconds
    )


def _cases(comparison: Comparison) -> list[_Test]:
    by_case: dict[str, list[CaseChange]] = {}
    for change in case_changes(comparison):
        by_case.setdefault(change.id, []).append(change)
    return [_case(comparison, changes) for changes in by_case.values()]


def _case(comparison: Comparison, changes: Sequence[CaseChange]) -> _Test:
    gate = comparison.gate
    case_id = changes[0].id
    fell = {s.scorer for s in gate.scorers if s.outcome == "regression"} if gate.outcome == "regression" else set()
    blamed = [c for c in changes if c.outcome == "flip" or (c.outcome == "worse" and c.scorer in fell)]
    lost = [c for c in changes if c.outcome == "failed"]
    group = f"evalh.{gate.gate}"
    if blamed:
        message = "; ".join(f"{c.scorer} {_number(c.before)} -> {_number(c.after)}" for c in blamed)
        text = answer_text(comparison.candidate.get(case_id)) or ""
        return _Test(name=case_id, group=group, kind="failure", message=message, text=text)
    if all(c.outcome == "not asked" for c in changes):
        return _Test(name=case_id, group=group, kind="skipped", message="not asked: the verdict was certain before")
    if lost:
        kind: Literal["error", "skipped"] = "error" if gate.outcome == "incomplete" and gate.exit_code else "skipped"
        return _Test(name=case_id, group=group, kind=kind, message=f"{lost[0].scorer}: no score: {lost[0].reason}")
    return _Test(name=case_id, group=group)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _run(run: Run) -> list[_Test]:
    group = f"evalh.{run.header.candidate.get('name', '')}"
    tests = []
    for case_id, result in run.results.items():
        trial = result.trials[0]
        said = [
            f"{name}: {score.reason or 'failed'}"
            for name, score in trial.scores.items()
            if isinstance(score, Score) and score.passed is False
        ]
        if isinstance(trial.output, Failure):
            tests.append(_Test(name=case_id, group=group, kind="error", message=trial.output.message))
        elif said:
            text = answer_text(result) or ""
            tests.append(_Test(name=case_id, group=group, kind="failure", message="; ".join(said), text=text))
        else:
            tests.append(_Test(name=case_id, group=group))
    return tests


def _document(suites: dict[str, list[_Test]]) -> str:
    """The whole document, checked by reading it back.

    Raises:
        ValueError: If it does not read back with the same counts (a fault of ours, never of the data).
    """
    body = "\n".join(_suite(name, tests) for name, tests in suites.items())
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{body}\n</testsuites>\n'
    # Our own text, escaped above, with no entity or DTD in it: reading it back proves that no data broke the file.
    found = [_counts_of(suite) for suite in ET.fromstring(text.encode("utf-8"))]  # noqa: S314
    wrote = [_counts(tests) for tests in suites.values()]
    if found != wrote:
        raise ValueError(f"wrote test cases {wrote}, read back {found}")
    return text


def _suite(name: str, tests: Sequence[_Test]) -> str:
    counts = " ".join(f'{key}="{count}"' for key, count in _counts(tests).items())
    lines = "\n".join(_testcase(test) for test in tests)
    return f'<testsuite name="{xml_text(name)}" {counts}>\n{lines}\n</testsuite>'


def _counts(tests: Sequence[_Test]) -> dict[str, int]:
    found = {word: sum(1 for test in tests if test.kind == kind) for kind, word in _KINDS.items()}
    return {"tests": len(tests), **found}


def _counts_of(suite: ET.Element) -> dict[str, int]:
    found = {word: len(suite.findall(f"./testcase/{kind}")) for kind, word in _KINDS.items()}
    return {"tests": len(suite.findall("./testcase")), **found}


def _testcase(test: _Test) -> str:
    head = f'<testcase classname="{xml_text(test.group)}" name="{xml_text(test.name)}" time="{test.seconds:.3f}"'
    if not test.kind:
        return (
            f"{head}/>" if not test.text else f"{head}><system-out>{xml_text(test.text, _CUT)}</system-out></testcase>"
        )
    inside = f'<{test.kind} message="{xml_text(test.message, 500)}">{xml_text(test.text, _CUT)}</{test.kind}>'
    return f"{head}>{inside}</testcase>"
