"""``evalh calibrate``: a judge against people."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from evalharness.cli import console
from evalharness.cli.options import options_from
from evalharness.core.errors import EXIT_CODES, ConfigError


def execute(args: argparse.Namespace) -> int:
    """Measure a judge.

    Returns:
        0 when it may block, 3 when it may only advise.
    """
    from evalharness.project.calibrating import calibrate_judge
    from evalharness.project.workspace import open_workspace, without_config
    from evalharness.report.calibration import calibration_json, calibration_text

    options = options_from(args)
    try:
        workspace = open_workspace(Path.cwd(), config=args.config, options=options)
    except ConfigError as error:
        if error.code != "no_config":
            raise
        workspace = without_config(Path.cwd(), options)
    with workspace:
        found = calibrate_judge(workspace, args.rubric, args.labels, attack=args.attack)
    if args.json:
        console.answer_json(calibration_json(found))
    elif args.quiet:
        console.answer("may block" if found.may_block else f"advisory: {'; '.join(found.why_not)}")
    else:
        console.answer(calibration_text(found, unicode=console.wants_unicode(sys.stdout)))
    return EXIT_CODES["pass" if found.may_block else "inconclusive"]
