"""Every reader refuses or reads, whatever comes: a short coverage-guided search with a fixed seed. .ci/run has atheris go on."""

from __future__ import annotations

import pytest

from tests.fuzz.loop import explore
from tests.fuzz.targets import SEEDS, TARGETS, once

RUNS = 250


@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_reads_or_refuses(name: str) -> None:
    assert explore(lambda data: once(name, data), SEEDS[name], runs=RUNS) > 15


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_reads_or_refuses_at_length(name: str, seed: int) -> None:
    explore(lambda data: once(name, data), SEEDS[name], runs=8_000, seed=seed)


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_read(name: str) -> None:
    """A seed that is refused at once leads nowhere; the second ones are faulty on purpose."""
    TARGETS[name](SEEDS[name][0])


def test_negative_control_a_reader_with_a_hole_is_found() -> None:
    def hole(data: bytes) -> None:
        if data.startswith(b"{") and b"null" in data and len(data) > 12:
            raise RecursionError

    with pytest.raises(RecursionError):
        explore(hole, [b'{"a":1}'], runs=5_000)
