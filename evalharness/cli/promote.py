"""``evalh promote``: a whole run of its own becomes the stored baseline."""

from __future__ import annotations

import argparse
from pathlib import Path

from evalharness.cli import console
from evalharness.cli.options import options_from
from evalharness.core.errors import UsageError


def execute(args: argparse.Namespace) -> int:
    """Write the new baselines and say what changed.

    Returns:
        0.
    """
    from evalharness.project.promoting import promote
    from evalharness.project.untrusted import open_project
    from evalharness.report.runs import promoted_text

    if args.run is not None and args.gate is not None and args.run == args.gate:
        raise UsageError(f"{args.run!r} is given twice", where="--gate")
    with open_project(Path.cwd(), config=args.config, options=options_from(args)) as workspace:
        promoted = promote(workspace, args.run, why=args.why, gate=args.gate)
        if args.json:
            console.answer_json(
                {
                    "schema": "evalh.promoted/1",
                    "baselines": [{"gate": p.gate, "path": p.path, "n": p.n, "run": p.run} for p in promoted],
                }
            )
        else:
            console.answer(promoted_text(promoted))
    return 0
