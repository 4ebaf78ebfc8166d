"""Several candidates on one pull request: counting them, saying what that does to the error rate, or paying for it.

The 5 % is per candidate, not per pull request (gate-exact.md B6). ``tries = "count"`` says so with every verdict;
``tries = "spend"`` gives the k-th candidate alpha / (k (k + 1)), so that all of them together keep the stated rate.
"""

from __future__ import annotations

from dataclasses import replace

from evalharness.config.model import GateConfig
from evalharness.project.gitfacts import pull_request
from evalharness.project.workspace import Workspace
from evalharness.stats.tries import any_pass_bound, spent_alpha

SUGGEST_RESERVE = 3
"""Tries from which a fresh run on reserve cases is worth its money."""


def try_number(workspace: Workspace, gate: str, digest: str) -> int | None:
    """Which try on this pull request a candidate is; None outside of pull requests, or where nothing is kept."""
    request = pull_request(workspace.env)
    store = workspace.store() if request else None
    return None if store is None else store.try_number(request, gate, digest)


def under_tries(gate: GateConfig, number: int | None) -> GateConfig:
    """The gate with the alpha that this try may spend; outside of a pull request it is the first try."""
    if gate.tries != "spend":
        return gate
    return replace(gate, alpha_pass=spent_alpha(number or 1, gate.alpha_pass))


def count_try(workspace: Workspace, gate: str, digest: str) -> None:
    """Count a candidate that got a scored case, also when its run was cut off afterwards. Never taken back."""
    request = pull_request(workspace.env)
    store = workspace.store() if request else None
    if store is not None:
        store.record_try(request, gate, digest)


def tries_note(gate: GateConfig, number: int | None) -> tuple[str, ...]:
    """What pushing until PASS does to the error rate.

    Args:
        gate: The gate as configured.
        number: Which try this is.
    """
    if gate.tries == "spend":
        own = spent_alpha(number or 1, gate.alpha_pass)
        said = (
            f"Try {number or 1} spends {own:.4f} of alpha_pass {gate.alpha_pass:g}: however many tries, a drop of the margin "
            f"passes with a chance of at most {gate.alpha_pass:.0%}"
        )
        return (said,)
    if number is None or number < 2:
        return ()
    chance = any_pass_bound(number, gate.alpha_pass)
    reserve = (
        f"; a fresh run on reserve cases that this pull request has not seen is again {gate.alpha_pass:.0%}"
        if number >= SUGGEST_RESERVE
        else ""
    )
    said = (
        f"Try {number} on this pull request: if every try were a drop of the margin, the chance that at least one passes "
        f"is at most {chance:.0%}{reserve}"
    )
    return (said,)
