"""Reports to files: the ending says which form. Every file is written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evalharness.core.errors import UsageError
from evalharness.core.files import write_atomic
from evalharness.core.verdicts import Comparison, Verdict

if TYPE_CHECKING:
    from evalharness.project.running import RunSummary
    from evalharness.project.showing import Shown

FORMS: Final = ("html", "json", "jsonl", "md", "xml", "csv")


def form_of(path: str) -> str:
    """The form that a file's ending asks for.

    Raises:
        UsageError: If the ending is none of ours.
    """
    ending = Path(path).suffix.lower().lstrip(".")
    if ending not in FORMS:
        raise UsageError(
            f"{path!r}: unknown kind of report", where="-o", tip=f"endings: {', '.join('.' + form for form in FORMS)}"
        )
    return ending


def write_reports(paths: Sequence[str], verdict: Verdict, comparisons: Sequence[Comparison]) -> None:
    """Write the verdict of a command in every form that was asked for.

    Args:
        paths: Files; all endings are checked before anything is written.
        verdict: The verdict.
        comparisons: Each gate with its cases.

    Raises:
        UsageError: If an ending is unknown.
        DiskFailed: If a file could not be written; the old one is still there then.
    """
    _write_all(paths, lambda form: verdict_as(form, verdict, comparisons))


def verdict_as(form: str, verdict: Verdict, comparisons: Sequence[Comparison]) -> str:
    """The verdict as one text in a form of ``FORMS``."""
    if form == "json":
        return _json(verdict.to_json())
    if form == "jsonl":
        from evalharness.report.rows import answers_jsonl

        return "".join(answers_jsonl(comparison.candidate) for comparison in comparisons)
    if form == "csv":
        from evalharness.report.rows import comparisons_csv

        return comparisons_csv(comparisons)
    if form == "xml":
        from evalharness.report.junit import verdict_xml

        return verdict_xml(comparisons)
    if form == "md":
        from evalharness.report.markdown import verdict_markdown

        return verdict_markdown(verdict, comparisons)
    from evalharness.report.page import verdict_page

    return verdict_page(verdict, comparisons)


def write_runs(paths: Sequence[str], summaries: Sequence[RunSummary]) -> None:
    """Write what ``run`` found.

    ``.jsonl`` is the baseline form of a whole run (one candidate): ``promote FILE`` and ``compare`` take it again.

    Raises:
        UsageError: If an ending is unknown, or ``.jsonl`` is asked for with several candidates.
    """
    if any(form_of(path) == "jsonl" for path in paths) and len(summaries) != 1:
        raise UsageError("a .jsonl file holds the run of one candidate", where="-o", tip="run one candidate at a time")
    _write_all(paths, lambda form: _runs_as(form, summaries))


def _runs_as(form: str, summaries: Sequence[RunSummary]) -> str:
    from evalharness.core.errors import worst
    from evalharness.report import rows
    from evalharness.report.runs import runs_json, runs_text
    from evalharness.report.terminal import Screen

    if form == "json":
        return _json(runs_json(summaries, worst(summary.outcome for summary in summaries)))
    if form == "jsonl":
        return rows.run_jsonl(summaries[0])
    if form == "csv":
        return rows.runs_csv([summary.run for summary in summaries])
    if form == "xml":
        from evalharness.report.junit import runs_xml

        return runs_xml([summary.run for summary in summaries])
    text = runs_text(summaries, Screen())
    if form == "md":
        from evalharness.report.sinks import md_fence

        return md_fence(text) + "\n"
    from evalharness.report.page import text_page

    return text_page("evalh run", text)


def write_shown(paths: Sequence[str], shown: Shown) -> None:
    """Write a recorded run.

    Raises:
        UsageError: If an ending is unknown.
    """
    _write_all(paths, lambda form: shown_as(shown, form, ()))


def shown_as(shown: Shown, form: str, cases: Sequence[str]) -> str:
    """A recorded run as one text.

    Args:
        shown: The run.
        form: One of ``FORMS``.
        cases: Only these cases; all when empty.
    """
    from dataclasses import replace

    from evalharness.report import rows

    results = shown.run.results
    if cases:
        results = {case_id: results[case_id] for case_id in cases}
    run = replace(shown.run, results=results)
    if form == "json":
        return _json(
            {
                "schema": "evalh.run/1",
                "header": run.header.to_json(),
                "complete": run.complete,
                "stopped": run.stopped,
                "verdict": shown.verdict,
                "cases": [rows.case_json(result) for result in results.values()],
            }
        )
    if form == "jsonl":
        return rows.answers_jsonl(results)
    if form == "csv":
        return rows.runs_csv([run])
    if form == "xml":
        from evalharness.report.junit import runs_xml

        return runs_xml([run])
    return _shown_text(replace(shown, run=run), form)


def _shown_text(shown: Shown, form: str) -> str:
    """A recorded run for people: Markdown or a page."""
    from evalharness.report import rows
    from evalharness.report.page import comparison_page, text_page
    from evalharness.report.shown import run_text
    from evalharness.report.sinks import md_fence
    from evalharness.report.terminal import Screen

    text = run_text(shown, Screen())
    if form == "md":
        return md_fence(text) + "\n"
    comparison = rows.shown_comparison(shown)
    return text_page(f"run {shown.run.header.run_id}", text) if comparison is None else comparison_page(comparison)


def _write_all(paths: Sequence[str], content: Callable[[str], str]) -> None:
    forms: Mapping[str, str] = {path: form_of(path) for path in paths}
    for path, form in forms.items():
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(target, content(form).encode("utf-8"))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
