"""Judges anchors and canaries when it is time, and remembers in the store what came of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from evalharness.core.files import shown
from evalharness.core.specs import canonical_json, digest_text
from evalharness.judging.agreement import Case, human_verdict, judged
from evalharness.judging.attacks import CANARY_ANSWERS, CANARY_WAYS, attacks
from evalharness.judging.labels import Label, read_labels
from evalharness.judging.rates import Rate
from evalharness.judging.rubric import Rubric
from evalharness.judging.scorer import JudgeScorer
from evalharness.judging.standing import DAYS, Standing, drift
from evalharness.judging.subject import Subject, subject_of_label
from evalharness.project.calibrating import believed, known_bad
from evalharness.project.execution import now
from evalharness.project.labelled import Heard, hear
from evalharness.project.workspace import Workspace

_NAME: Final = "judge-standing"
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
LONG_AGO: Final = "2000-01-01T00:00:00Z"


def standing_of(workspace: Workspace, scorer: JudgeScorer) -> Standing | None:
    """How a judge stands: from the store where that is not older than a week, else its anchors and canaries are judged.

    The judge then uses the era of its standing: verdicts that were stored before it changed are not found any more.

    Args:
        workspace: The opened project.
        scorer: The judge.

    Returns:
        None where the rubric has no anchors, or they cannot be judged now (offline, no key, no money).

    Raises:
        RubricError: If the anchors file is wrong.
        EvalhError: As ``execution.execute``.
    """
    labels = _anchors(scorer.judge.rubric, workspace)
    if not labels:
        return None
    name = _name(scorer, labels)
    before = _kept(workspace, name)
    if before is not None and (_is_young(before) or workspace.options.offline):
        scorer.judge.asker.era = before.era
        return before
    found = _judge_anchors(workspace, scorer, labels)
    if found is None:
        return before
    era = before.era if before is not None else ""
    if before is not None and drift(before, found):
        era = found.at
    found = replace(found, era=era)
    scorer.judge.asker.era = era
    store = workspace.store()
    if store is not None:
        store.cache_put(name, json.dumps(found.to_json()).encode("utf-8"))
    return found


def check_again(workspace: Workspace, scorer: JudgeScorer, standing: Standing) -> None:
    """Let the next run judge the anchors, whatever their age: the server reports a model that they have not seen."""
    store = workspace.store()
    labels = _anchors(scorer.judge.rubric, workspace)
    if store is not None and labels:
        old = replace(standing, at=LONG_AGO)
        store.cache_put(_name(scorer, labels), json.dumps(old.to_json()).encode("utf-8"))


def anchor_calls(workspace: Workspace, scorer: JudgeScorer) -> int:
    """Calls that anchors and canaries of a judge take when they are due, for ``plan``."""
    judge = scorer.judge
    orders = 2 if judge.rubric.pairwise else 1
    asked = sum(len(judge.prompts(subject)) for subject in anchor_subjects(workspace, scorer))
    return asked * len(judge.seats) * orders


def anchor_subjects(workspace: Workspace, scorer: JudgeScorer) -> list[Subject]:
    """What is judged when anchors and canaries of a judge are."""
    rubric = scorer.judge.rubric
    labels = _anchors(rubric, workspace)
    return [subject_of_label(label) for label in (*labels, *_canaries(rubric, labels))]


def _anchors(rubric: Rubric, workspace: Workspace) -> Sequence[Label]:
    """The labelled anchors; in CI those of the base ref, for a pull request must not choose what its judge is tried on."""
    path = rubric.anchors
    if path is None:
        return ()
    trusted = workspace.trusted
    if trusted is not None and trusted.config is not None and path.resolve().is_relative_to(workspace.root.resolve()):
        path = trusted.files / path.resolve().relative_to(workspace.root.resolve())
    return read_labels(path, rubric, shown=shown(path)) if path.is_file() else ()


def _canaries(rubric: Rubric, labels: Sequence[Label]) -> list[Label]:
    bad = known_bad(rubric, labels)[:CANARY_ANSWERS]
    return [label for some in attacks(rubric, bad, CANARY_WAYS).values() for label in some]


def _judge_anchors(workspace: Workspace, scorer: JudgeScorer, labels: Sequence[Label]) -> Standing | None:
    rubric = scorer.judge.rubric
    canaries = _canaries(rubric, labels)
    everything = [*labels, *canaries]
    heard = hear(workspace, scorer, everything, purpose="anchors", fresh=True)
    if any(label.id not in heard.observations for label in everything):
        return None
    return Standing(
        at=now(),
        anchors={label.id: _word(rubric, label, heard) for label in labels},
        canaries=Rate.of(believed(rubric, label, heard.observations[label.id]) for label in canaries),
        reported=tuple(sorted(scorer.judge.reported())),
    )


def _word(rubric: Rubric, label: Label, heard: Heard) -> str:
    case = Case(label=label, seen=heard.observations[label.id], human=human_verdict(rubric, label))
    return {True: "pass", False: "fail", None: "none"}[judged(rubric, case)]


def _name(scorer: JudgeScorer, labels: Sequence[Label]) -> str:
    """Name in the store: another judge or other anchors have another standing."""
    return f"{_NAME}:{scorer.judge.digest}:{_content(labels)}"


def _content(labels: Sequence[Label]) -> str:
    return digest_text("\x1f".join(canonical_json([label.id, label.fields]) for label in labels))[:16]


def _kept(workspace: Workspace, name: str) -> Standing | None:
    store = workspace.store()
    data = store.cache_get(name) if store is not None else None
    return None if data is None else Standing.from_json(json.loads(data))


def _is_young(standing: Standing) -> bool:
    at = datetime.strptime(standing.at, _TIME).replace(tzinfo=UTC)
    return datetime.now(UTC) - at < timedelta(days=DAYS)
