"""Kind ``recorded``: answers that already exist, from a file that any program can write."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from evalharness.core.cases import Case
from evalharness.core.results import Failure, Output
from evalharness.core.specs import EMPTY, canonical_json, freeze

Answers: TypeAlias = Mapping[tuple[str, int, int], Output | Failure]
"""(case id, epoch, attempt) -> what was recorded."""
LoadAnswers: TypeAlias = Callable[[Path], Answers]
"""Reads an answers file; ``evalset.jsonl.load_answers`` is the one that ships."""


class Recorded:
    """A system as it was recorded. It calls nobody and invents nothing.

    Args:
        name: Name in the config.
        answers: What was recorded; keys may also stand for errors.
        source: File it came from, for the run header.
    """

    kind = "recorded"

    def __init__(self, name: str, answers: Answers, *, source: str = "") -> None:
        self.name = name
        self.description: Mapping[str, Any] = freeze({"recorded": source}) if source else EMPTY
        self._answers = answers
        self.digest = _answers_digest(answers)

    def lookup(self, case: Case, *, epoch: int, attempt: int) -> Output | Failure | None:
        """The recorded answer; None when this (case, epoch, attempt) was never recorded."""
        return self._answers.get((case.id, epoch, attempt))


def _answers_digest(answers: Answers) -> str:
    """SHA-256 over the answers alone, in key order: the same answers in another file are the same candidate."""
    sha = hashlib.sha256()
    for key in sorted(answers):
        sha.update(canonical_json([*key, answers[key].to_json()]).encode("utf-8") + b"\n")
    return sha.hexdigest()
