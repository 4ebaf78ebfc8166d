"""``evalh show``: look at a run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli import console
from evalharness.cli.verdicts import screen_of
from evalharness.core.errors import UsageError

if TYPE_CHECKING:
    from evalharness.project.history import History
    from evalharness.project.showing import Shown
    from evalharness.project.workspace import Workspace


def execute(args: argparse.Namespace) -> int:
    """Print what was asked for.

    Returns:
        0.
    """
    from evalharness.cli.options import looking
    from evalharness.project.workspace import open_workspace

    with open_workspace(Path.cwd(), config=args.config, options=looking()) as workspace:
        if args.list:
            return _list(workspace, args)
        from evalharness.project.showing import restore, shown_run

        shown = _meant(workspace, args)
        if args.restore is not None:
            for path in restore(shown, Path(args.restore)):
                console.answer(str(path))
            return 0
        if args.drift is not None:
            return _drift(shown_run(workspace, args.drift), shown, args)
        _check_cases(shown, args.cases)
        if args.output:
            from evalharness.report.write import write_shown

            write_shown(args.output, shown)
        if args.explain:
            return _explain(workspace, shown, args)
        return _print(shown, args)


def _meant(workspace: Workspace, args: argparse.Namespace) -> Shown:
    """The run that is meant; ``show CASE`` means a case of the latest run."""
    from evalharness.project.recorded_words import is_run
    from evalharness.project.showing import shown_run

    if args.run is None:
        return shown_run(workspace, "latest")
    try:
        return shown_run(workspace, args.run)
    except UsageError:
        if workspace.reader().runs(limit=1):
            latest = shown_run(workspace, "latest")
            if args.run in latest.run.results:
                args.cases = [args.run, *args.cases]
                return latest
        if is_run(args.run) or args.run.endswith(".jsonl") or args.run.startswith("baseline"):
            raise
        tip = "evalh show --list lists the runs, evalh show RUN its cases"
        raise UsageError(f"{args.run!r} is neither a run nor a case of the latest run", tip=tip) from None


def _explain(workspace: Workspace, shown: Shown, args: argparse.Namespace) -> int:
    from evalharness.project.explaining import explain
    from evalharness.report.shown import explain_text

    if not args.cases:
        raise UsageError("--explain needs a case", tip="evalh show RUN CASE --explain")
    texts = (explain_text(shown, case_id, explain(workspace, shown, case_id)) for case_id in args.cases)
    console.answer("\n\n".join(texts))
    return 0


def _list(workspace: Workspace, args: argparse.Namespace) -> int:
    from evalharness.project.history import history_of
    from evalharness.report.shown import history_text

    history = history_of(workspace)
    rows = history.runs
    if args.output or args.open or args.format == "html":
        return _history_page(history, args)
    if args.json:
        fields = ("run_id", "purpose", "gate", "evalset", "candidate", "created", "complete", "stopped", "outcome")
        console.answer_json(
            {"schema": "evalh.runs/1", "runs": [{name: getattr(row, name) for name in fields} for row in rows]}
        )
    else:
        console.page(history_text(history, screen_of(args)))
    return 0


def _history_page(history: History, args: argparse.Namespace) -> int:
    from evalharness.report.html.history import history_page
    from evalharness.report.write import form_of, write_texts

    for path in args.output:
        if form_of(path) != "html":
            raise UsageError(
                f"{path!r}: the list of runs is written as .html", where="-o", tip="evalh show --list --json"
            )
    text = history_page(history)
    write_texts(dict.fromkeys(args.output, text))
    if args.open:
        return _open(text, "history")
    if not args.output:
        console.answer(text.rstrip("\n"), styled=True)
    return 0


def _check_cases(shown: Shown, cases: list[str]) -> None:
    for case_id in cases:
        if case_id not in shown.run.results:
            from evalharness.core.nearest import nearest

            near = nearest(case_id, shown.run.results)
            raise UsageError(
                f"run {shown.run.header.run_id[:6]} has no case {case_id!r}",
                tip=f"did you mean {near!r}?" if near else "evalh show RUN lists its cases",
            )


def _print(shown: Shown, args: argparse.Namespace) -> int:
    from evalharness.report.shown import case_text, run_text

    screen = screen_of(args)
    if args.format not in (None, "text") or args.json or args.open:
        from evalharness.report.write import shown_as

        form = "html" if args.open else args.format or "json"
        text = shown_as(shown, form, args.cases)
        if args.open:
            return _open(text, shown.run.header.run_id)
        console.answer(text, styled=True)
        return 0
    if args.cases:
        console.page("\n\n".join(case_text(shown, case_id, screen) for case_id in args.cases))
    else:
        console.answer(run_text(shown, screen), styled=True)
    return 0


def _drift(before: Shown, now: Shown, args: argparse.Namespace) -> int:
    """How answers and scores moved from one run to another."""
    import sys

    from evalharness.project.drifting import drift_between, seen_of
    from evalharness.report.drift import drift_text

    drift = drift_between(seen_of(before.run.results), seen_of(now.run.results))
    if args.json:
        console.answer_json(drift.to_json())
    else:
        console.answer(drift_text(drift, unicode=console.wants_unicode(sys.stdout)))
    return 0


def _open(text: str, name: str) -> int:
    """Write the page into reports/out and open it."""
    import webbrowser

    from evalharness.core.files import write_atomic

    folder = Path("reports/out")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.html"
    write_atomic(path, text.encode("utf-8"))
    console.answer(str(path))
    webbrowser.open(path.resolve().as_uri())
    return 0
