"""Reports to files: the ending says which form. Every file is written whole or not at all.

A form is a module of this folder with ``of_verdict``, ``of_runs`` and ``of_shown``; a new one is a line in ``FORMS``.
Packages outside add theirs through the entry-point group ``evalharness.reports`` (ending -> factory of such an object).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from evalharness.core.errors import DiskFailed, UsageError
from evalharness.core.files import shown as shown_path
from evalharness.core.files import write_atomic
from evalharness.core.masking import without_secrets
from evalharness.core.verdicts import Comparison, Verdict

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from evalharness.project.running import RunSummary
    from evalharness.project.showing import Shown

FORMS: Final[Mapping[str, str]] = {
    "html": "html.page",
    "json": "jsonout",
    "jsonl": "jsonlines",
    "md": "markdown",
    "xml": "junit",
    "csv": "csvout",
}
"""Ending -> module of this folder."""
ENTRY_POINTS: Final = "evalharness.reports"


class Form(Protocol):
    """What a module of ``FORMS`` has."""

    def of_verdict(self, verdict: Verdict, comparisons: Sequence[Comparison]) -> str:
        """The verdict of a command with all its gates."""
        ...

    def of_runs(self, summaries: Sequence[RunSummary]) -> str:
        """What ``run`` found."""
        ...

    def of_shown(self, shown: Shown) -> str:
        """A recorded run."""
        ...


def check_endings(paths: Sequence[str]) -> None:
    """Refuse files whose ending is no form of ours: at the start of a command, before anything is spent.

    Raises:
        UsageError: Naming the known ones.
    """
    for path in paths:
        form_of(path)


def form_of(path: str) -> str:
    """The form that a file's ending asks for.

    Raises:
        UsageError: If the ending is none of ours and no installed package brings it, or two do.
    """
    ending = Path(path).suffix.lower().lstrip(".")
    if ending not in FORMS and _plug_in(ending) is None:
        raise UsageError(
            f"{path!r}: unknown kind of report", where="-o", tip=f"endings: {', '.join('.' + form for form in FORMS)}"
        )
    return ending


def write_reports(
    paths: Sequence[str], verdict: Verdict, comparisons: Sequence[Comparison], *, comment_answers: bool = True
) -> None:
    """Write the verdict of a command in every form that was asked for.

    Args:
        paths: Files; all endings are checked and all texts made before anything is written.
        verdict: The verdict.
        comparisons: Each gate with its cases.
        comment_answers: Whether the Markdown, which goes where anybody reads it, shows what models wrote.

    Raises:
        UsageError: If an ending is unknown.
        DiskFailed: If a file could not be written; the old one is still there then.
    """
    texts = {}
    for path in paths:
        form = form_of(path)
        if form == "md":
            from evalharness.report.markdown import verdict_markdown

            texts[path] = verdict_markdown(verdict, comparisons, answers=comment_answers)
        else:
            texts[path] = _module(form).of_verdict(verdict, comparisons)
    write_texts(texts)


def write_runs(paths: Sequence[str], summaries: Sequence[RunSummary]) -> None:
    """Write what ``run`` found; ``.jsonl`` is taken again by ``compare``, ``--answers`` and ``promote FILE``.

    Raises:
        UsageError: If an ending is unknown, or ``.jsonl`` is asked for with several candidates.
        DiskFailed: If a file could not be written.
    """
    write_texts({path: _module(form_of(path)).of_runs(summaries) for path in paths})


def write_shown(paths: Sequence[str], shown: Shown) -> None:
    """Write a recorded run.

    Raises:
        UsageError: If an ending is unknown.
        DiskFailed: If a file could not be written.
    """
    write_texts({path: _module(form_of(path)).of_shown(shown) for path in paths})


def shown_as(shown: Shown, form: str, cases: Sequence[str]) -> str:
    """A recorded run as one text.

    Args:
        shown: The run.
        form: One of ``FORMS``, or ``text``.
        cases: Only these cases; all when empty.
    """
    if cases:
        run = replace(shown.run, results={case_id: shown.run.results[case_id] for case_id in cases})
        shown = replace(
            shown,
            run=run,
            cases={case_id: case for case_id, case in shown.cases.items() if case_id in run.results},
            baseline={case_id: result for case_id, result in shown.baseline.items() if case_id in run.results},
        )
    if form == "text":
        from evalharness.report.shown import run_text
        from evalharness.report.terminal import Screen

        return run_text(shown, Screen())
    return _module(form).of_shown(shown).rstrip("\n")


def _module(form: str) -> Form:
    if form in FORMS:
        return cast("Form", import_module(f"evalharness.report.{FORMS[form]}"))
    made: Form = cast("EntryPoint", _plug_in(form)).load()()
    return made


def _plug_in(ending: str) -> EntryPoint | None:
    """What an installed package registers for an ending; it is loaded only to write."""
    if not ending:
        return None
    from importlib.metadata import entry_points

    found = list(entry_points(group=ENTRY_POINTS, name=ending))
    if len(found) > 1:
        names = ", ".join(sorted(point.value for point in found))
        raise UsageError(f"two plug-ins write .{ending}: {names}", where="-o", tip="uninstall one of them")
    return found[0] if found else None


def write_texts(texts: Mapping[str, str]) -> None:
    """Write finished texts, path by path, each whole or not at all.

    Raises:
        DiskFailed: If a folder or file could not be written.
    """
    for path, text in texts.items():
        folder = Path(path).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DiskFailed(f"no folder there: {error.strerror}", where=shown_path(path)) from error
        write_atomic(path, without_secrets(text).encode("utf-8"))
