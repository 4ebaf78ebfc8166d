"""What a pull request changes about its own judging comes first in every report: nobody should read past it."""

from __future__ import annotations

from typing import Final

from evalharness.core.verdicts import Verdict, Warned

TITLE: Final = "This pull request and its own judging"
CODES: Final = frozenset(
    {"untrusted", "gate_changed", "baseline_moved", "evalset_changed", "rubric_changed", "answers_changed", "ignored"}
)
"""Warnings of ``project.proposed`` and ``project.untrusted``."""


def proposed(verdict: Verdict) -> tuple[str, ...]:
    """The sentences, in the order in which they were found."""
    return tuple(warned.message for warned in verdict.warnings if warned.code in CODES)


def other_warnings(verdict: Verdict) -> tuple[Warned, ...]:
    """All warnings but those."""
    return tuple(warned for warned in verdict.warnings if warned.code not in CODES)
