"""``evalh run``: answer the cases and score the answers."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli import console
from evalharness.cli.options import options_from
from evalharness.core.errors import EXIT_CODES, worst

if TYPE_CHECKING:
    from evalharness.project.running import RunSummary


def execute(args: argparse.Namespace) -> int:
    """Run the named candidates.

    Returns:
        0, or 4 when anything is unanswered or unscored.
    """
    from evalharness.project.running import run_candidates
    from evalharness.project.untrusted import open_project, trust_notes
    from evalharness.report.write import check_endings

    check_endings(args.output)
    options = options_from(args)
    with open_project(Path.cwd(), config=args.config, options=options) as workspace:
        if options.dry_run:
            from evalharness.cli.plan import print_run_plan

            return print_run_plan(workspace, args.candidates, args)
        for note in trust_notes(workspace):
            console.say(f"evalh: {note.message}")
        summaries = run_candidates(workspace, args.candidates, args.set)
        outcome = worst(summary.outcome for summary in summaries)
        _write(args, summaries)
        if args.json:
            from evalharness.report.runs import runs_json

            console.answer_json(runs_json(summaries, outcome))
        else:
            from evalharness.cli.verdicts import screen_of
            from evalharness.report.runs import runs_text

            console.answer(runs_text(summaries, screen_of(args)), styled=True)
        return EXIT_CODES[outcome]


def _write(args: argparse.Namespace, summaries: Sequence[RunSummary]) -> None:
    if args.output:
        from evalharness.report.write import write_runs

        write_runs(args.output, summaries)
