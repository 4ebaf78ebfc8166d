"""``evalh compare``: any two runs, candidates or answers files side by side."""

from __future__ import annotations

import argparse
import sys
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
        return _logs(args)
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


def _logs(args: argparse.Namespace) -> int:
    """Two logs of production: the verdict on their pairs, and how the answers drifted."""
    from evalharness.api import open_for_compare
    from evalharness.cli import console
    from evalharness.project.comparing import Sides
    from evalharness.project.shadowing import compare_logs
    from evalharness.report.write import check_endings

    if not args.key:
        raise UsageError(
            "which field pairs the rows?", where="--logs", tip="--key FIELD, for example --key metadata.request_id"
        )
    if args.a is not None or args.set is not None:
        raise UsageError("--logs brings its own cases: A, B and --set do not go with it", where="--logs")
    check_endings(args.output)
    with open_for_compare(Path.cwd(), args.config, options_from(args)) as workspace:
        sides = Sides(a=args.logs[0], b=args.logs[1], scorers=tuple(args.scorer or ()), margin=args.margin)
        found = compare_logs(workspace, sides, key=args.key)
        verdict = found.comparison.verdict
        assert verdict is not None
        if args.json:
            facts = {
                "logs": {**found.counts.to_json(), "redacted": dict(found.redacted)},
                "drift": found.drift.to_json(),
            }
            return finish(args, workspace, verdict, [found.comparison], more=facts)
        code = finish(args, workspace, verdict, [found.comparison])
        if not args.quiet:
            from evalharness.report.drift import drift_text

            console.answer("\n" + drift_text(found.drift, unicode=console.wants_unicode(sys.stdout)))
        if found.redacted:
            told = ", ".join(f"{count} {kind}" for kind, count in sorted(found.redacted.items()))
            console.say(f"redacted before anything was written: {told}")
        return code
