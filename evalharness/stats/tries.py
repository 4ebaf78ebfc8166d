"""Several candidates on one pull request: what the error rates say then (gate-exact.md B6)."""

from __future__ import annotations


def any_pass_bound(tries: int, alpha_pass: float = 0.05) -> float:
    """Return the largest chance that one of so many candidates passes although each drops by the margin.

    min(1, k alpha), true however the tries depend on each other. The 5 % is per candidate, not per pull request.

    Args:
        tries: Number k of distinct candidates that received at least one scored case.
        alpha_pass: Chance of a single one to pass.

    Raises:
        ValueError: If an argument is outside its range.
    """
    _check(tries, alpha_pass)
    return min(1.0, tries * alpha_pass)


def spent_alpha(number: int, alpha_pass: float = 0.05) -> float:
    """Return the alpha of one try under ``tries = "spend"``: alpha / (k (k + 1)), which sums to at most alpha.

    Args:
        number: k, 1 for the first try.
        alpha_pass: Chance of all tries together.

    Raises:
        ValueError: If an argument is outside its range.
    """
    _check(number, alpha_pass)
    return alpha_pass / (number * (number + 1))


def _check(tries: int, alpha: float) -> None:
    if tries < 1 or not 0.0 < alpha < 1.0:
        raise ValueError(f"tries must be at least 1 and alpha inside (0, 1), got {tries!r} and {alpha!r}")
