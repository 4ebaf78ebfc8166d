"""What GitHub Actions shows and takes: annotations in the log, the step summary, outputs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from evalharness.config.model import Config
from evalharness.core.errors import DiskFailed
from evalharness.core.masking import without_secrets
from evalharness.core.verdicts import Comparison, Verdict, WorstCase
from evalharness.report.markdown import verdict_markdown
from evalharness.report.sinks import github_command

MOST_WARNINGS: Final = 9
"""Warnings on case lines; a step shows 10 annotations of a kind."""
_PLACE: Final = re.compile(r"(.+?):(\d+)(?::.*)?", re.DOTALL)


def announce(
    verdict: Verdict, comparisons: Sequence[Comparison], config: Config, env: Mapping[str, str]
) -> tuple[str, ...]:
    """Write the step summary and the outputs, and give the annotation lines to print.

    Args:
        verdict: The verdict.
        comparisons: Each gate with its cases.
        config: For the places of gates and cases.
        env: GITHUB_STEP_SUMMARY and GITHUB_OUTPUT name the files, GITHUB_WORKSPACE the folder that paths start from.

    Returns:
        Lines for the log, the most important first. They hold enums, numbers, ids and cleaned sentences, never a
        model's answer.

    Raises:
        DiskFailed: If a file could not be written.
    """
    _append(env.get("GITHUB_STEP_SUMMARY"), verdict_markdown(verdict, comparisons, answers=False))
    _append(env.get("GITHUB_OUTPUT"), f"outcome={verdict.outcome}\nexit_code={verdict.exit_code}\n")
    return log_lines(comparisons, config, workspace=env.get("GITHUB_WORKSPACE", ""))


def log_lines(comparisons: Sequence[Comparison], config: Config, *, workspace: str = "") -> tuple[str, ...]:
    """One ``::error`` per gate that blocks, on its line in the config, then at most 9 ``::warning`` on case lines."""
    errors: list[str] = []
    warnings: list[str] = []
    for comparison in comparisons:
        gate = comparison.gate
        if not gate.exit_code:
            continue
        known = config.gates.get(gate.gate)
        place = known.where if known is not None and known.where else config.path
        if gate.error is not None and _PLACE.fullmatch(gate.error.get("where", "")):
            place = gate.error["where"]
        file, line = _place(place, workspace)
        errors.append(
            github_command("error", f"{gate.outcome}: {gate.reason}", file=file, line=line, title=f"evalh {gate.gate}")
        )
        room = MOST_WARNINGS - len(warnings)
        warnings += _case_warnings(comparison, config, workspace, most=room)
    return (*errors, *warnings)


def is_public(env: Mapping[str, str]) -> bool:
    """Whether the repository of this workflow run is public; when that cannot be told it counts as public.

    Outside GitHub Actions nothing is published by itself: False.
    """
    if env.get("GITHUB_ACTIONS") != "true":
        return False
    try:
        event = json.loads(Path(env["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
        return event["repository"]["private"] is not True
    except (KeyError, TypeError, OSError, ValueError):
        return True


def _case_warnings(comparison: Comparison, config: Config, workspace: str, *, most: int) -> list[str]:
    worst: dict[str, WorstCase] = {}
    for case in comparison.gate.worst_cases:
        worst.setdefault(case.id, case)
    chosen = dict(list(worst.items())[:most])
    known = config.evalsets.get(str(comparison.gate.evalset.get("name", "")))
    path = config.root / known.path if known is not None else None
    lines = lines_of_cases(path, chosen) if path is not None and chosen else {}
    file = "" if path is None else _relative(str(path), workspace)
    return [
        github_command(
            "warning",
            f"{case.scorer} {case.baseline:.3g} -> {case.candidate:.3g}",
            file=file if case_id in lines else "",
            line=lines.get(case_id, 0),
            title=f"{comparison.gate.gate} {case_id}",
        )
        for case_id, case in chosen.items()
    ]


def lines_of_cases(path: Path, ids: Mapping[str, object]) -> dict[str, int]:
    """The line (from 1) of each of a few cases in an eval set; those not found are left out."""
    found: dict[str, int] = {}
    marks = {case_id: case_id.encode() for case_id in ids}
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                for case_id, mark in marks.items():
                    if mark in raw and case_id not in found and _id_of(raw) == case_id:
                        found[case_id] = number
                if len(found) == len(marks):
                    break
    except OSError:
        return found  # an annotation without its line is better than no verdict
    return found


def _id_of(raw: bytes) -> object:
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    return line.get("id") if isinstance(line, dict) else None


def _place(where: str, workspace: str) -> tuple[str, int]:
    match = _PLACE.fullmatch(where)
    file, line = (match.group(1), int(match.group(2)[:9])) if match else (where, 0)
    return _relative(file, workspace), line


def _relative(path: str, workspace: str) -> str:
    """A path as GitHub wants it: from the repository's root, when it lies inside."""
    if not workspace:
        return path
    inside = os.path.relpath(os.path.abspath(path), workspace)
    return path if inside.startswith(os.pardir) else inside


def _append(path: str | None, text: str) -> None:
    if not path:
        return
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(without_secrets(text))
    except OSError as error:
        raise DiskFailed(f"could not be written: {error.strerror}", where=path) from error
