"""``evalh plan``: what a gate can see and what it will cost. Calls nothing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli import console
from evalharness.core.text import visible

if TYPE_CHECKING:
    from evalharness.project.workspace import Workspace


def execute(args: argparse.Namespace) -> int:
    """Plan the named gates, or all of them.

    Returns:
        0.
    """
    from evalharness.cli.options import looking
    from evalharness.project.untrusted import open_project

    with open_project(Path.cwd(), config=args.config, options=looking()) as workspace:
        return print_selfcheck(workspace, args) if args.selfcheck else print_plan(workspace, args.gates, args)


def print_plan(workspace: Workspace, gates: Sequence[str], args: argparse.Namespace) -> int:
    """Print the plan of some gates: also what ``gate --dry-run`` shows.

    Returns:
        0.
    """
    from evalharness.project.planning import plan_gates
    from evalharness.report.plans import plans_json, plans_text

    margin, power = getattr(args, "margin", None), getattr(args, "power", None)
    plans = plan_gates(workspace, list(gates), margin=margin, power=power)
    if args.json:
        console.answer_json(plans_json(plans))
    else:
        console.answer(plans_text(plans))
    return 0


def print_selfcheck(workspace: Workspace, args: argparse.Namespace) -> int:
    """Measure the gates' error rates on the pairs that the store holds.

    Returns:
        0.
    """
    from evalharness.project.selfchecking import selfcheck
    from evalharness.report.selfcheck import selfcheck_json, selfcheck_text

    checks = selfcheck(workspace, list(args.gates), margin=args.margin, power=args.power)
    if args.json:
        console.answer_json(selfcheck_json(checks))
    else:
        console.answer(selfcheck_text(checks))
    return 0


def print_run_plan(workspace: Workspace, candidates: Sequence[str], args: argparse.Namespace) -> int:
    """What ``run --dry-run`` shows: how many answers are missing, and their cost.

    Returns:
        0.
    """
    from evalharness.project.planning import run_estimates
    from evalharness.report.plans import estimate_lines

    for name, estimate in run_estimates(workspace, candidates, args.set):
        console.answer("\n".join([visible(name), *estimate_lines(estimate)]))
    return 0
