"""A store that was cut or whose bits flipped: what is read is right, or absent, or refused; never wrong."""

import random
import shutil
import sqlite3

import pytest

from evalharness.core.errors import StoreError, UsageError
from evalharness.store.care import check
from evalharness.store.store import open_store
from tests.faults import store_children as children
from tests.faults import store_crasher as crasher

COUNT = 60


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """A store of one file."""
    folder = tmp_path_factory.mktemp("closed")
    crasher.write(folder, 0, COUNT, 10, lambda _: None)
    return folder


@pytest.fixture(scope="module")
def crashed(tmp_path_factory):
    """A store whose last commits are in the log."""
    folder = tmp_path_factory.mktemp("crashed")
    children.end(children.start(lambda say: crasher.write(folder, 0, COUNT, 10, say), fault="kill@ack:7"))
    (folder / "store.db-shm").unlink(missing_ok=True)
    return folder


def copy(source, target, name, change):
    shutil.copytree(source, target)
    data = change(bytearray((target / name).read_bytes()))
    (target / name).write_bytes(data)


def look(folder):
    """(right, absent, refused) reads; a wrong one fails the test."""
    right = absent = refused = 0
    try:
        store = open_store(folder, wait_s=0)
    except StoreError:
        return 0, 0, COUNT
    with store:
        for number in range(COUNT):
            try:
                answer = store.find_answer(crasher.key(number))
            except StoreError:
                refused += 1
                continue
            assert answer is None or answer == crasher.output(number)
            right, absent = right + (answer is not None), absent + (answer is None)
        try:
            for result in store.load_run("run0").results.values():
                number = int(result.case_id[1:])
                assert result == crasher.result(number, answer=crasher.output(number), replayed=False)
        except StoreError:
            refused += 1
        except UsageError:  # the row of the run itself is what was lost
            absent += 1
    return right, absent, refused


def findings(folder):
    try:
        return check(folder)
    except StoreError as error:
        return [str(error)]


@pytest.mark.parametrize("state", ["closed", "crashed"])
def test_the_sound_store_reads_right(state, request, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(request.getfixturevalue(state), folder)
    right, _, refused = look(folder)
    assert refused == 0
    assert right == COUNT if state == "closed" else 0 < right <= COUNT
    assert findings(folder) == []


def test_cut_at_every_4_kb(closed, tmp_path):
    size = (closed / "store.db").stat().st_size
    assert size > 10 * 4096
    for cut in [*range(0, size, 4096), 1, 99, 100, 5000, size - 1]:
        folder = tmp_path / str(cut)
        copy(closed, folder, "store.db", lambda data, cut=cut: data[:cut])
        _, absent, refused = look(folder)
        assert refused > 0
        assert absent == 0
        assert findings(folder)


def test_bit_flips(closed, tmp_path):
    choose = random.Random(5)
    size = (closed / "store.db").stat().st_size
    hurt = 0
    for trial in range(60):
        spots = [choose.randrange(size) for _ in range(choose.choice((1, 4)))]

        def flip(data, spots=spots):
            for spot in spots:
                data[spot] ^= 1 << choose.randrange(8)
            return data

        folder = tmp_path / str(trial)
        copy(closed, folder, "store.db", flip)
        _, absent, refused = look(folder)
        hurt += refused > 0
        if refused or absent:
            assert findings(folder)
    assert hurt > 10


def test_the_error_names_the_doctor(closed, tmp_path):
    copy(closed, tmp_path / "x", "store.db", lambda data: data[: len(data) // 2])
    with open_store(tmp_path / "x") as store, pytest.raises(StoreError, match="evalh doctor --check"):
        [store.find_answer(crasher.key(number)) for number in range(COUNT)]


def test_log_cut_or_flipped_opens_to_the_last_good_state(crashed, tmp_path):
    choose = random.Random(6)
    size = (crashed / "store.db-wal").stat().st_size
    before, _, _ = look_at_copy(crashed, tmp_path / "whole", lambda data: data)
    fewer = 0
    cuts = [0, 31, 32, 33, *(choose.randrange(size) for _ in range(20))]
    changes = [(lambda data, cut=cut: data[:cut]) for cut in cuts]
    changes += [(lambda data, spot=spot: flipped(data, spot)) for spot in (choose.randrange(size) for _ in range(25))]
    for number, change in enumerate(changes):
        right, absent, refused = look_at_copy(crashed, tmp_path / str(number), change)
        assert refused == 0
        assert COUNT <= right + absent <= COUNT + 1
        assert findings(tmp_path / str(number)) == []
        fewer += right < before
    assert fewer > 10


def flipped(data, spot):
    data[spot] ^= 4
    return data


def look_at_copy(source, target, change):
    copy(source, target, "store.db-wal", change)
    return look(target)


def test_without_checksums_a_bad_row_would_be_used(closed, tmp_path, monkeypatch):
    """Negative control: one answer stands where another belongs, and SQLite sees nothing wrong."""
    shutil.copytree(closed, tmp_path / "x")
    seven, eight = (bytes.fromhex(crasher.key(number)) for number in (7, 8))
    connection = sqlite3.connect(tmp_path / "x" / "store.db")
    connection.execute("UPDATE answers SET body=(SELECT body FROM answers WHERE key=?) WHERE key=?", (eight, seven))
    connection.commit()
    connection.close()
    with open_store(tmp_path / "x") as store, pytest.raises(StoreError, match="checksum"):
        store.find_answer(crasher.key(7))
    monkeypatch.setattr("evalharness.store.read.Reader.verify", lambda *_: None)
    with open_store(tmp_path / "x") as store:
        assert store.find_answer(crasher.key(7)) == crasher.output(8)
