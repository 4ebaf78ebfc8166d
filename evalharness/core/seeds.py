"""Seeds of answers: one per (run seed, case, epoch, attempt), never shared between cases.

One seed for every case would make the cases' errors correlated, which no interval over cases can see.
"""

from __future__ import annotations

from hashlib import sha256


def derive_seed(run_seed: int, case_id: str, *, epoch: int, attempt: int) -> int:
    """The seed of one answer.

    Args:
        run_seed: Seed of the run.
        case_id: Id of the case.
        epoch: 0 .. epochs-1.
        attempt: 0, or 1.. for another try.

    Returns:
        The first 63 bits of SHA-256 over the four, joined by 0x1f: fits a signed 64-bit integer.
    """
    name = f"evalh-seed-v1\x1f{run_seed}\x1f{case_id}\x1f{epoch}\x1f{attempt}"
    return int.from_bytes(sha256(name.encode("utf-8")).digest()[:8], "big") >> 1
