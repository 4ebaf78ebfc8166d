"""A replay reads the run before it in blocks, and never takes what was replaced meanwhile."""

import sqlite3

import pytest

from evalharness.core.errors import StoreError
from evalharness.store import ahead
from evalharness.store.ahead import ReadAhead
from evalharness.store.store import open_store
from tests.store.store_samples import key, output, play


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(ahead, "BLOCK", 4)


def counted(reader, monkeypatch):
    asked = []
    rows = reader.rows
    monkeypatch.setattr(reader, "rows", lambda sql, values=(): asked.append(sql) or rows(sql, values))
    return asked


def test_a_replay_makes_two_queries_a_block(tmp_path, monkeypatch):
    with open_store(tmp_path) as store:
        play(store, "aa01", 11)
    with open_store(tmp_path) as store:
        asked = counted(store.reader, monkeypatch)
        assert play(store, "bb02", 11) == 0
        blocks = [sql for sql in asked if "FROM run_cases" in sql or "FROM answers" in sql]
        assert len(blocks) <= 2 * 4
        assert [r.trials[0].output for r in store.load_run("bb02").results.values()] == [output(n) for n in range(11)]


def test_answers_come_in_any_order_and_once(tmp_path):
    with open_store(tmp_path) as store:
        play(store, "aa01", 6)
        soon = ReadAhead(store.reader, 1)
        assert soon.answer(bytes.fromhex(key(2))) == output(2)
        assert soon.answer(bytes.fromhex(key(2))) is None  # the reader has it
        assert soon.answer(bytes.fromhex(key(5))) is None  # a block further
        assert [soon.answer(bytes.fromhex(key(n))) for n in (0, 1, 3)] == [output(n) for n in (0, 1, 3)]
        assert soon.answer(bytes.fromhex(key(5))) == output(5)
        assert soon.answer(bytes.fromhex(key(99))) is None


def test_cases_are_found_wherever_one_looks(tmp_path):
    with open_store(tmp_path) as store:
        play(store, "aa01", 14)
        soon = ReadAhead(store.reader, 1)
        for place in (0, 13, 1, 5, 5, 12, 2):
            assert soon.case(place) == store.reader.case(1, place)
        assert soon.case(14) is None
        assert soon.case(99) is None


def test_a_case_that_differs_from_the_run_before_is_written(tmp_path):
    with open_store(tmp_path) as store:
        play(store, "aa01", 9)
        play(store, "bb02", 9, value=0.5)
        values = [r.trials[0].scores["exact"].value for r in store.load_run("bb02").results.values()]
        assert set(values) == {0.5}
        assert {r.trials[0].scores["exact"].value for r in store.load_run("aa01").results.values()} == {1.0}


def test_a_stopped_run_that_goes_on_compares_with_what_it_wrote_itself(tmp_path):
    with open_store(tmp_path) as store:
        play(store, "aa01", 9, upto=6, stopped="interrupted")
    with open_store(tmp_path) as store:
        assert play(store, "aa01", 9) == 3
        assert len(store.load_run("aa01").results) == 9


def test_a_damaged_answer_is_refused_in_a_block_too(tmp_path):
    with open_store(tmp_path) as store:
        play(store, "aa01", 6)
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("UPDATE answers SET body = x'007b7d' WHERE key=?", (bytes.fromhex(key(1)),))
    with open_store(tmp_path) as store, pytest.raises(StoreError, match="checksum"):
        play(store, "bb02", 6)
