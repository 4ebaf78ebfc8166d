"""``evalh compare``: any two runs, candidates or answers files side by side."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from evalharness.cli.options import options_from
from evalharness.cli.verdicts import finish
from evalharness.core.errors import UsageError


def execute(args: argparse.Namespace) -> int:
    """Compare two sides.

    Returns:
        The verdict's exit code when a margin is in force, else 0.
    """
    from evalharness.api import open_for_compare
    from evalharness.project.comparing import Sides, compare
    from evalharness.report.write import check_endings

    if args.logs is not None:
        raise UsageError("comparing production traces is not part of this version", where="--logs")
    if args.a is None:
        raise UsageError("compare needs A", tip="evalh compare A [B]; see evalh help runs")
    check_endings(args.output)
    options = options_from(args)
    with open_for_compare(Path.cwd(), args.config, options) as workspace:
        sides = Sides(a=args.a, b=args.b, evalset=args.set, scorers=tuple(args.scorer or ()), margin=args.margin)
        comparison, in_force = compare(workspace, sides)
        verdict = comparison.verdict
        assert verdict is not None
        if not in_force:
            verdict = replace(verdict, exit_code=0)
        return finish(args, workspace, verdict, [comparison])
