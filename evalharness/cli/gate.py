"""``evalh gate``: compare with the baseline and give a verdict."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from evalharness.cli.options import options_from
from evalharness.cli.verdicts import finish
from evalharness.config.model import Config
from evalharness.core.errors import UsageError


def execute(args: argparse.Namespace) -> int:
    """Judge the named gates, or all of them.

    Returns:
        The exit code of the verdict.
    """
    from evalharness.project.baseref import enter_base
    from evalharness.project.gating import gate_all
    from evalharness.project.untrusted import open_project
    from evalharness.report.write import check_endings

    check_endings(args.output)
    options = options_from(args)
    with open_project(Path.cwd(), config=args.config, options=options) as workspace:
        enter_base(workspace)  # before the flags: what the operator types wins over both sides' configs
        workspace.config = _with_policy(workspace.config, args)
        if options.dry_run:
            from evalharness.cli.plan import print_plan

            return print_plan(workspace, args.gates, args)
        if args.all and args.gates:
            raise UsageError("--all and gate names exclude one another", where="--all")
        verdict, comparisons = gate_all(
            workspace, args.gates, baseline=args.baseline, rerun_baseline=args.rerun_baseline
        )
        return finish(args, workspace, verdict, comparisons)


def _with_policy(config: Config, args: argparse.Namespace) -> Config:
    """Flags win over the config: what an inconclusive or incomplete verdict exits with."""
    given = {
        key: value
        for key, value in (("inconclusive", args.inconclusive), ("incomplete", args.incomplete))
        if value is not None
    }
    if not given:
        return config
    return replace(config, gates={name: replace(gate, **given) for name, gate in config.gates.items()})
