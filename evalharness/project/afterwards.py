"""What is said and kept once a verdict is there: warnings, tries, the price of merging by hand, the look that was taken."""

from __future__ import annotations

from evalharness.config.model import GateConfig
from evalharness.core.protocols import Candidate, Recording
from evalharness.core.specs import canonical_json
from evalharness.core.verdicts import GateVerdict, Warned
from evalharness.project.gitfacts import pull_request
from evalharness.project.workspace import Workspace
from evalharness.verdict.facts import missed_if_merged
from evalharness.verdict.judge import GateCase, GateJudge


def merge_note(judge: GateJudge, verdict: GateVerdict) -> tuple[str, ...]:
    """With every INCONCLUSIVE: what merging it by hand would let through."""
    if verdict.outcome != "inconclusive":
        return ()
    open_tracks = [track for track in judge.guards() if track.decided is None]
    chances = [chance for track in open_tracks if (chance := missed_if_merged(track)) is not None]
    if not chances:
        return ()
    passed, undecided = max(chances, key=sum)
    return (
        (
            f"if every inconclusive result were merged, a drop of the margin would get through in "
            f"{passed + undecided:.0%} of cases ({passed:.0%} PASS, {undecided:.0%} INCONCLUSIVE)"
        ),
    )


def tries_note(
    workspace: Workspace, setup: GateCase, candidate: Candidate | Recording, judge: GateJudge
) -> tuple[str, ...]:
    """Count this candidate on this pull request, and say what pushing until PASS does to the error rate."""
    request = pull_request(workspace.env)
    store = workspace.store() if request and judge.used else None
    if store is None:
        return ()
    store.record_try(request, setup.gate.name, candidate.digest)
    tries = store.count_tries(request, setup.gate.name)
    if tries < 2:
        return ()
    chance = min(1.0, tries * setup.gate.alpha_pass)
    return (
        (
            f"Try {tries} on this pull request: if every try were a drop of the margin, the chance that at least one passes "
            f"is at most {chance:.0%}"
        ),
    )


def keep_verdict(workspace: Workspace, run_id: str, setup: GateCase, verdict: GateVerdict) -> None:
    """The verdict goes into the store beside its run, and the look at the holdout is counted."""
    store = workspace.store()
    if store is not None:
        store.put_verdict(run_id, canonical_json(verdict.to_json()))
        store.record_look(setup.gate.name, setup.baseline.run, run_id)


def warnings_of(gate: GateConfig, setup: GateCase) -> tuple[Warned, ...]:
    """What a reader must know before believing the verdict."""
    found = []
    if gate.order_seed is not None:
        message = "order_seed is set by hand: trying seeds voids the stated error rates"
        found.append(Warned(code="order_seed", message=message))
    unpaired = len(setup.pairing.edited) + len(setup.pairing.added)
    if unpaired:
        message = (
            f"{len(setup.pairing.added)} added and {len(setup.pairing.edited)} edited cases have no baseline "
            "and are not judged: promote to include them"
        )
        found.append(Warned(code="unpaired", message=message))
    return tuple(found)
