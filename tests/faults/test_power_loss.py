"""Simulated power loss: what was acknowledged is on the disk, whatever the disk had not yet been told to keep is lost or torn."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from random import Random

import pytest

from evalharness.core.errors import StoreError
from evalharness.store import schema
from evalharness.store.care import check
from evalharness.store.store import open_store
from tests.faults import power
from tests.faults import store_crasher as crasher

ROOT = Path(__file__).resolve().parents[2]
COUNT, FLUSH_EVERY = 24, 3
needs_strace = pytest.mark.skipif(bool(power.why_not()), reason=power.why_not())
WRITER = """
import sys
from evalharness.store import schema
schema.SYNC_PRAGMAS = schema.REMOTE_PRAGMAS = {pragmas!r}
schema.is_remote = lambda _folder: {remote!r}
from tests.faults import store_crasher
for first in {firsts!r}:
    store_crasher.write(sys.argv[1], first, {count}, {every}, lambda number: print(number, flush=True))
"""
SHIPPED = {"local": schema.SYNC_PRAGMAS, "network": schema.REMOTE_PRAGMAS}


def traced(folder: Path, *, place: str = "local", pragmas: tuple[str, ...] = ()) -> list[power.Call]:
    """Calls of a process that makes a store and writes two runs, the second into the store that it finds.

    Args:
        folder: Where the store and the trace go.
        place: ``local`` or ``network``: which settings the store takes.
        pragmas: Others than those it ships with.
    """
    found = {"pragmas": pragmas or SHIPPED[place], "remote": place == "network"}
    script = WRITER.format(**found, firsts=(0, 1000), count=COUNT, every=FLUSH_EVERY)
    store = folder / "store"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return power.record([sys.executable, "-c", script, str(store)], store, folder / "trace", env=env)


def lost_after(disk: dict[str, bytes], acknowledged: set[int], folder: Path, numbers: range) -> int:
    """Acknowledged answers that are not there after a cut; a wrong answer, or damage, fails the test."""
    folder.mkdir()
    for name, data in disk.items():
        (folder / name).write_bytes(data)
    try:
        with open_store(folder, wait_s=0) as store:
            found = {number: store.find_answer(crasher.key(number)) for number in numbers}
    except StoreError:
        return max(1, len(acknowledged))
    assert all(answer is None or answer == crasher.output(number) for number, answer in found.items())
    there = {number for number, answer in found.items() if answer is not None}
    missing = acknowledged - there
    if not missing:
        assert check(folder) == []
    return len(missing)


def cuts(calls: list[power.Call], moments: list[int], folder: Path, *, seed: int) -> tuple[int, int, int]:
    """Cut at each moment (calls played before it): (cuts, acknowledged answers over all, cuts that lost some)."""
    choose, disk, played = Random(seed), power.Disk(), 0
    folder.mkdir()
    lossy = total = 0
    for trial, moment in enumerate(sorted(moments)):
        for call in calls[played:moment]:
            disk.play(call)
        played = moment
        acknowledged = disk.acknowledged()
        total += len(acknowledged)
        found = disk.cut(choose, whole_prefix=trial % 3 == 0)
        numbers = range(1000 + COUNT) if any(number >= 1000 for number in acknowledged) else range(COUNT)
        lossy += lost_after(found, acknowledged, folder / str(trial), numbers) > 0
    return len(moments), total, lossy


def boundaries(calls: list[power.Call]) -> list[int]:
    """Just before and just after every sync, where most can be lost."""
    syncs = [place for place, call in enumerate(calls) if call.name in power.SYNCS]
    return [moment for place in syncs for moment in (place, place + 1)]


@needs_strace
@pytest.mark.parametrize("place", SHIPPED)
def test_power_loss_at_every_sync_loses_nothing_acknowledged(tmp_path: Path, place: str) -> None:
    calls = traced(tmp_path, place=place)
    assert sum(call.name == "pwrite64" for call in calls) > 100
    moments = boundaries(calls)
    assert len(moments) > 40
    number, acknowledged, lossy = cuts(calls, moments, tmp_path / "cuts", seed=1)
    print(f"{place}: {number} cuts at syncs, {acknowledged} acknowledged answers over all, cuts that lost any: {lossy}")
    assert lossy == 0
    assert acknowledged > 500


@needs_strace
@pytest.mark.parametrize("place", SHIPPED)
def test_power_loss_at_random_calls_loses_nothing_acknowledged(tmp_path: Path, place: str) -> None:
    calls = traced(tmp_path, place=place)
    choose = Random(7)
    moments = [choose.randint(0, len(calls)) for _ in range(100)]
    number, acknowledged, lossy = cuts(calls, moments, tmp_path / "cuts", seed=2)
    print(
        f"{place}: {number} cuts at random calls, {acknowledged} acknowledged answers over all, cuts that lost any: {lossy}"
    )
    assert lossy == 0


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize("place", SHIPPED)
@pytest.mark.parametrize("seed", range(10))
def test_power_loss_at_every_call(tmp_path: Path, place: str, seed: int) -> None:
    """Every call of the trace, with another fate of what was pending for each seed."""
    calls = traced(tmp_path, place=place)
    number, acknowledged, lossy = cuts(calls, list(range(len(calls) + 1)), tmp_path / "cuts", seed=seed)
    print(
        f"{place}: {number} cuts, one at every call, {acknowledged} acknowledged over all, cuts that lost any: {lossy}"
    )
    assert lossy == 0


@needs_strace
@pytest.mark.parametrize("level", ["OFF", "NORMAL"])
def test_a_store_that_does_not_sync_loses(tmp_path: Path, level: str) -> None:
    """Negative control: the same cuts find out a store that syncs less. (kill -9 never does: the kernel keeps what was written.)"""
    calls = traced(tmp_path, pragmas=(f"synchronous={level}",))
    choose = Random(7)
    moments = [choose.randint(len(calls) // 10, len(calls)) for _ in range(60)]
    number, acknowledged, lossy = cuts(calls, moments, tmp_path / "cuts", seed=2)
    print(f"synchronous={level}: {number} cuts, {acknowledged} acknowledged over all, cuts that lost any: {lossy}")
    assert lossy > number // 2


def test_the_model_keeps_what_is_synced_and_no_more() -> None:
    """The disk of the simulation itself, on calls that a test can follow by hand."""
    disk = power.Disk()
    for call in (
        power.Call("create", "store.a"),
        power.Call("pwrite64", "store.a", b"x" * 1024, 0),
        power.Call("fsync", "store.a"),
    ):
        disk.play(call)
    choose = Random(1)
    assert {len(disk.cut(choose, whole_prefix=True)) for _ in range(20)} == {0, 1}  # its name was never synced
    disk.play(power.Call("fsync", ""))
    disk.play(power.Call("pwrite64", "store.a", b"y" * 1024, 0))
    disk.play(power.Call("ftruncate", "store.a", number=512))
    found = {disk.cut(choose, whole_prefix=False)["store.a"] for _ in range(200)}
    assert {len(data) for data in found} == {512, 1024}
    assert {data[:1] + data[512:513] for data in found if len(data) == 1024} == {b"xx", b"xy", b"yx", b"yy"}
    disk.play(power.Call("rename", "store.a", b"store.b"))
    disk.play(power.Call("unlink", "store.b"))
    assert {tuple(disk.cut(choose, whole_prefix=False)) for _ in range(50)} == {("store.a",), ("store.b",), ()}
    disk.play(power.Call("fsync", ""))
    assert disk.cut(choose, whole_prefix=False) == {}
