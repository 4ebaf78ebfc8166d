"""Hard checks: the chance that a check without tolerance blocks an unchanged candidate (gate-exact.md B5)."""

from __future__ import annotations


def hard_check_block_rate(attempts: int, stored: int) -> float:
    """Return the worst chance, over every flake rate, that one unchanged case blocks.

    A case is guarded only if it passed all B stored attempts and blocks if it fails all A new ones. With flake rate
    f that is (1 - f)^B f^A, largest at f = A / (A + B). It comes on top of ``alpha_block``, and adds up over cases.

    Args:
        attempts: A, attempts of the candidate, at least 1.
        stored: B, attempts of the baseline that must all have passed, at least 0.

    Returns:
        (A / (A + B))^A (B / (A + B))^B; 1.0 without stored attempts.

    Raises:
        ValueError: If a number is too small.
    """
    if attempts < 1 or stored < 0:
        raise ValueError(f"attempts must be at least 1 and stored at least 0, got {attempts!r} and {stored!r}")
    total = attempts + stored
    return float((attempts / total) ** attempts * (stored / total) ** stored)


def hard_checks_block_rate(cases: int, attempts: int, stored: int) -> float:
    """Return the worst chance that any of so many unchanged cases blocks: the sum over cases, at most 1.

    Raises:
        ValueError: If a number is too small.
    """
    if cases < 0:
        raise ValueError(f"cases must be at least 0, got {cases!r}")
    return min(1.0, cases * hard_check_block_rate(attempts, stored))
