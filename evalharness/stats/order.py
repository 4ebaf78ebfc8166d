"""The seeded order in which cases are looked at: results count only as a contiguous prefix of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256

_SEPARATOR = "\x1f"


def order_seed(evalset_digest: str, baseline_run: str, pull_request: str = "") -> str:
    """Return the default seed of the order, 64 lower-case hex digits.

    The candidate is left out on purpose: a change of white space must not draw a new order (gate-exact.md B3).

    Args:
        evalset_digest: Digest of the eval set.
        baseline_run: Id of the baseline's run.
        pull_request: Id of the pull request, or empty.
    """
    parts = ("evalh-order-v1", evalset_digest, baseline_run, pull_request)
    return sha256(_SEPARATOR.join(parts).encode()).hexdigest()


def permutation(case_ids: Iterable[str], seed: str | int, *, clusters: Mapping[str, str] | None = None) -> list[str]:
    """Return the ids in the order of SHA-256(seed 0x1f id).

    Args:
        case_ids: Ids of the cases (or of the clusters), each once.
        seed: Seed of the order; ``order_seed`` makes the default.
        clusters: Cluster of a case, by case id; cases of one cluster then stay together, clusters come in the order
            of their own hashes. A case that is missing here is its own cluster.

    Returns:
        All ids, permuted.

    Raises:
        ValueError: If an id occurs twice.
    """
    ids = [str(case_id) for case_id in case_ids]
    if len(set(ids)) != len(ids):
        raise ValueError("a case id occurs twice")
    if clusters is None:
        return sorted(ids, key=lambda case_id: _place(seed, case_id))
    return sorted(ids, key=lambda case_id: (_place(seed, clusters.get(case_id, case_id)), _place(seed, case_id)))


def _place(seed: str | int, name: str) -> bytes:
    return sha256(f"{seed}{_SEPARATOR}{name}".encode()).digest()
