"""The end of ``gate`` and ``compare``: reports to files, the screen or the JSON object, the exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalharness.cli import console

if TYPE_CHECKING:
    from evalharness.core.verdicts import Comparison, Verdict
    from evalharness.project.workspace import Workspace
    from evalharness.report.terminal import Screen


def screen_of(args: argparse.Namespace) -> Screen:
    """What stdout can show."""
    from evalharness.report.terminal import Screen

    return Screen(
        width=max(40, console.width(sys.stdout)),
        unicode=console.wants_unicode(sys.stdout),
        color=console.wants_color(args.color, sys.stdout),
        quiet=bool(args.quiet),
        verbose=bool(args.verbose),
    )


def finish(
    args: argparse.Namespace,
    workspace: Workspace,
    verdict: Verdict,
    comparisons: Sequence[Comparison],
    *,
    more: Mapping[str, Any] | None = None,
) -> int:
    """Write what was asked for and print the verdict.

    Args:
        args: The command line.
        workspace: The opened project.
        verdict: What is printed.
        comparisons: What is behind it.
        more: Further keys of the JSON object.

    Returns:
        The verdict's exit code.
    """
    if args.output:
        from evalharness.report.github import is_public
        from evalharness.report.write import write_reports

        write_reports(args.output, verdict, comparisons, comment_answers=not is_public(workspace.env))
    in_actions = args.github or workspace.env.get("GITHUB_ACTIONS") == "true"
    if in_actions:
        from evalharness.report.github import announce

        for line in announce(verdict, comparisons, workspace.config, workspace.env):
            console.command(line)
    if not console.is_terminal(sys.stdout):
        _say_errors(comparisons)
    if args.json:
        console.answer_json({**verdict.to_json(), **(more or {})})
    else:
        from evalharness.report.terminal import verdict_text

        text = verdict_text(verdict, comparisons, screen_of(args))
        console.answer(_inert(text) if in_actions else text, styled=True, stopped=in_actions)
    return verdict.exit_code


def _say_errors(comparisons: Sequence[Comparison]) -> None:
    """In a log each refusal is one line that a person or an editor can jump from: ``FILE:LINE: field: problem``."""
    for comparison in comparisons:
        error = comparison.gate.error
        if error is not None:
            console.say(f"{error['where']}: {error['message']}" if error["where"] else f"evalh: {error['message']}")


def _inert(text: str) -> str:
    """Model text in the log of a workflow must not be taken for its commands."""
    import secrets

    from evalharness.report.sinks import github_stopped

    return github_stopped(text, secrets.token_hex(16))
