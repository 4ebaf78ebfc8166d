"""What GitHub Actions shows: annotations in the log and the step summary."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Final

from evalharness.config.model import Config
from evalharness.core.verdicts import Comparison, Verdict
from evalharness.report.markdown import verdict_markdown
from evalharness.report.sinks import github_command

MOST_WARNINGS: Final = 9
"""Warnings on case lines; a step shows 10 annotations of a kind."""


def announce(verdict: Verdict, comparisons: Sequence[Comparison], config: Config, env: Mapping[str, str]) -> None:
    """Print one ``::error`` per failed gate on its line, a few ``::warning`` on worse cases, and the step summary.

    Args:
        verdict: The verdict.
        comparisons: Each gate with its cases.
        config: For the places of gates in the config file.
        env: GITHUB_STEP_SUMMARY names the file of the summary.
    """
    for line in commands(comparisons, config):
        sys.stderr.write(line + "\n")
    path = env.get("GITHUB_STEP_SUMMARY")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(verdict_markdown(verdict, comparisons, answers=False))


def commands(comparisons: Sequence[Comparison], config: Config) -> list[str]:
    """The annotation lines: enums, numbers and cleaned sentences only, never a model's answer."""
    lines = []
    for comparison in comparisons:
        gate = comparison.gate
        if not gate.exit_code:
            continue
        known = config.gates.get(gate.gate)
        file, _, line = (known.where if known is not None else config.path).partition(":")
        number = int(line) if line.isdigit() else 0
        lines.append(github_command("error", f"{gate.outcome}: {gate.reason}", file=file, line=number, title=gate.gate))
        lines.extend(
            github_command("warning", f"{case.scorer} {case.baseline:.3g} -> {case.candidate:.3g}", title=case.id)
            for case in gate.worst_cases[:MOST_WARNINGS]
        )
    errors = [line for line in lines if line.startswith("::error")]
    warnings = [line for line in lines if not line.startswith("::error")]
    return errors + warnings[:MOST_WARNINGS]
