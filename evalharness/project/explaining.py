"""``show --explain``: what the content key of an answer is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from evalharness.core.errors import EvalhError
from evalharness.core.protocols import Candidate
from evalharness.core.results import RunHeader, Trial
from evalharness.core.specs import EMPTY, digest_text
from evalharness.project.showing import Shown
from evalharness.project.workspace import Workspace
from evalharness.store.rows import identity_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One answer of a run, with the request that its key names."""

    epoch: int
    attempt: int
    key: str
    """As the run kept it; empty for a recording."""
    endpoint: str = ""
    """Address that was asked; empty where the candidate has none."""
    version: str = ""
    """The candidate's ``version``."""
    body: Any = None
    """The rendered request with model, messages, parameters and seed; None when it cannot be rendered again."""
    binding: Literal["content", "run", ""] = ""
    """What the key made again from ``body`` says: it is the answer's key; it is, bound to this one run (answers that serve
    no other: ``--fresh``, code that is not declared); or it is another one."""
    why_not: str = ""
    """Why there is no ``body``."""
    facts: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """The candidate's fields, as the run's header keeps them."""


def explain(workspace: Workspace, shown: Shown, case_id: str) -> tuple[Explained, ...]:
    """The request behind each answer of a case, rendered again and compared with the key.

    Args:
        workspace: The opened project.
        shown: The run.
        case_id: One of its cases.
    """
    candidate, why_not = _candidate(workspace, shown, case_id)
    trials = shown.run.results[case_id].trials
    return tuple(_explained(shown, trial, candidate, why_not) for trial in trials)


def _candidate(workspace: Workspace, shown: Shown, case_id: str) -> tuple[Candidate | None, str]:
    """The candidate of the run as the config builds it today, or why it cannot be asked."""
    header = shown.run.header
    if case_id not in shown.cases:
        return None, "the case has changed since, or is gone"
    try:
        found = workspace.candidate(str(header.candidate["name"]), str(header.evalset.get("name")))
    except EvalhError as error:
        return None, f"the candidate cannot be built any more: {error}"
    if found.digest != header.candidate["digest"]:
        return None, "the candidate has changed since"
    return (found, "") if isinstance(found, Candidate) else (None, "its answers are recorded ones: no request was made")


def _explained(shown: Shown, trial: Trial, candidate: Candidate | None, why_not: str) -> Explained:
    header = shown.run.header
    facts = header.candidate.get("params", EMPTY)
    known = Explained(
        epoch=trial.epoch,
        attempt=trial.attempt,
        key=trial.key,
        endpoint=str(facts.get("url", "")),
        version=str(facts.get("version", "")),
        why_not=why_not,
        facts=facts,
    )
    if candidate is None:
        return known
    case = shown.cases[trial.case_id]
    request = candidate.request(case, epoch=trial.epoch, attempt=trial.attempt, run_seed=header.seed)
    return replace(known, body=request.body, binding=_binding(trial.key, request.key, header))


def _binding(kept: str, content: str, header: RunHeader) -> Literal["content", "run", ""]:
    if kept == content:
        return "content"
    own = digest_text(f"{identity_of(header)}\x1f{header.run_id}")
    sides = (content, digest_text(f"candidate\x1f{content}"))  # the second where both arms were asked in one run
    return "run" if kept in [digest_text(f"{own}\x1f{side}") for side in sides] else ""
