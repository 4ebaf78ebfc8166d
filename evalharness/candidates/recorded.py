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


_MOST_KNOWN = 1024
"""Answers whose canonical text is kept while the digest is made."""


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
        self._first = {
            case_id: answer for (case_id, epoch, attempt), answer in answers.items() if not (epoch or attempt)
        }
        """By case id: most recordings have nothing else, and a million keys of three parts take a lot of room."""
        self._further = {key: answer for key, answer in answers.items() if key[1] or key[2]}
        self.digest = _answers_digest(answers)

    def lookup(self, case: Case, *, epoch: int, attempt: int) -> Output | Failure | None:
        """The recorded answer; None when this (case, epoch, attempt) was never recorded."""
        if epoch or attempt:
            return self._further.get((case.id, epoch, attempt))
        return self._first.get(case.id)


def _answers_digest(answers: Answers) -> str:
    """SHA-256 over the answers alone, in key order: the same answers in another file are the same candidate."""
    sha = hashlib.sha256()
    known: dict[int, str] = {}
    for key in sorted(answers):
        case_id, epoch, attempt = key
        answer = answers[key]
        said = known.get(id(answer))  # one object may stand for many answers
        if said is None:
            said = canonical_json(answer.to_json())
            if len(known) < _MOST_KNOWN:
                known[id(answer)] = said
        sha.update(f"[{canonical_json(case_id)},{epoch},{attempt},{said}]\n".encode())
    return sha.hexdigest()
