"""``evalh calibrate``: a judge against people."""

from __future__ import annotations

import argparse

from evalharness.core.errors import UsageError


def execute(args: argparse.Namespace) -> int:
    """Refuse: judges are not in this version.

    Raises:
        UsageError: Always.
    """
    raise UsageError(f"cannot calibrate {args.rubric!r}: this version has no judges yet", tip="see CHANGELOG.md")
