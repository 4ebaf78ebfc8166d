"""What is said and kept once a verdict is there: warnings, the price of merging by hand, the look that was taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalharness.core.specs import canonical_json
from evalharness.core.verdicts import GateVerdict, Warned
from evalharness.project.workspace import Workspace
from evalharness.verdict.facts import missed_if_merged
from evalharness.verdict.judge import GateCase, GateJudge
from evalharness.verdict.preflight import too_small
from evalharness.verdict.warnings import about_baseline, about_cases, about_looks, about_seeds, about_weights


def merge_note(judge: GateJudge, verdict: GateVerdict) -> tuple[str, ...]:
    """With every INCONCLUSIVE: what merging it by hand would let through."""
    if verdict.outcome != "inconclusive":
        return ()
    open_tracks = [track for track in judge.guards() if track.decided is None]
    chances = [chance for track in open_tracks if (chance := missed_if_merged(track)) is not None]
    if not chances:
        return ()
    passed, undecided, exact = max(chances, key=lambda chance: chance.p_pass + chance.p_inconclusive)
    return (
        (
            f"if every inconclusive result were merged, a drop of the margin would get through in "
            f"{'' if exact else 'about '}{passed + undecided:.0%} of cases ({passed:.0%} PASS, {undecided:.0%} INCONCLUSIVE)"
        ),
    )


def count_look(workspace: Workspace, setup: GateCase, run_id: str) -> int:
    """Count this look at the holdout; how many there were against this baseline, this one included (0: not kept)."""
    store = workspace.store()
    if store is None:
        return 0
    store.record_look(setup.gate.name, setup.baseline.run, run_id)
    return store.count_looks(setup.gate.name, setup.baseline.run)


def look_note(looks: int) -> tuple[str, ...]:
    """Which look at the holdout this was; nothing for the first."""
    return (f"look {looks} at these cases against this baseline",) if looks > 1 else ()


def keep_verdict(workspace: Workspace, run_id: str, verdict: GateVerdict) -> None:
    """The verdict goes into the store beside its run."""
    store = workspace.store()
    if store is not None:
        store.put_verdict(run_id, canonical_json(verdict.to_json()))


def warnings_of(judge: GateJudge, *, description: Mapping[str, Any], looks: int) -> tuple[Warned, ...]:
    """What a reader must know before believing the verdict.

    Args:
        judge: The judge after the run.
        description: The candidate's description.
        looks: Looks at this holdout against this baseline, this one included.
    """
    setup = judge.setup
    arms = {"the candidate": description, "the baseline": setup.baseline.params}
    return (
        *_about_the_rule(setup),
        *too_small(judge),
        *about_cases(setup.pairing.paired),
        *about_weights(judge.units),
        *about_seeds(arms),
        *about_baseline(setup.baseline),
        *about_looks(looks),
    )


def _about_the_rule(setup: GateCase) -> tuple[Warned, ...]:
    found = []
    if setup.gate.order_seed is not None:
        message = "order_seed is set by hand: trying seeds voids the stated error rates"
        found.append(Warned(code="order_seed", message=message))
    unpaired = len(setup.pairing.edited) + len(setup.pairing.added)
    paired_by_some = any(limit.every != "absolute" for limit in setup.gate.limits)
    if unpaired and paired_by_some:
        message = (
            f"{len(setup.pairing.added)} added and {len(setup.pairing.edited)} edited cases have no baseline "
            "and are not judged: promote to include them"
        )
        found.append(Warned(code="unpaired", message=message))
    return tuple(found)
