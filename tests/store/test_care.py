import json
import sqlite3
import time

import pytest

from evalharness.core.errors import StoreError
from evalharness.core.results import CallCounts, Score
from evalharness.store import care
from evalharness.store.care import Removed, check, forget, prune
from evalharness.store.hold import held_connection
from evalharness.store.rows import checksum
from evalharness.store.store import open_store
from tests.store.store_samples import case, header, key, output, play, request


@pytest.fixture
def folder(tmp_path):
    with open_store(tmp_path) as store:
        play(store, "aa01")
    return tmp_path


def change(folder, statement, *values):
    connection = sqlite3.connect(folder / "store.db", isolation_level=None)
    connection.execute(statement, values)
    connection.close()


def age(folder, days, run_id=None):
    """Make rows of a run (or all answers and scores) older."""
    seconds = days * 86400
    with held_connection(folder, wait_s=0) as (connection, reader):
        for row in reader.runs("run_id=?", (run_id,)):
            older = row.__class__(
                **{name: getattr(row, name) for name in row.__slots__}
                | {"created": row.created - seconds, "finished": row.finished and row.finished - seconds}
            )
            care._rewrite(connection, older)
        for table in ("answers", "scores") if run_id is None else ():
            names = care.CHECKED[table]
            for values in reader.rows(f"SELECT {','.join(names)} FROM {table}"):
                changed = [
                    value - seconds if name == "created" else value for name, value in zip(names, values, strict=True)
                ]
                connection.execute(
                    f"UPDATE {table} SET created=?, crc=? WHERE key=?",
                    (changed[names.index("created")], checksum(changed), values[0]),
                )


# --- check ----------------------------------------------------------------------------------------------------------


def test_a_sound_store_and_no_store(folder, tmp_path):
    assert check(folder) == []
    assert check(tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


def test_check_needs_no_lock(folder):
    with open_store(folder) as store:
        store.claim()
        assert check(folder) == []


@pytest.mark.parametrize("table", sorted(care.CHECKED))
def test_a_changed_row_of_any_table_is_found(folder, table):
    with open_store(folder) as store:
        store.put_score(key(1), Score(value=1.0))
        store.record_look("g", "b", "r")
        store.record_try("1", "g", "c")
        store.cache_put("p", b"x")
    change(folder, f"UPDATE {table} SET crc=crc+1")
    found = check(folder)
    assert len(found) == 1
    assert found[0].startswith(f"{table}: ")


def test_lost_references_are_found(folder):
    with open_store(folder) as store:
        play(store, "aa02")
    change(folder, "DELETE FROM runs WHERE run_id='aa01'")
    change(folder, "DELETE FROM case_sets")
    assert check(folder) == [
        "1 runs point to a run that is gone",
        "1 runs have lost their case digests",
        "5 cases belong to no run",
    ]


def test_damaged_pages_are_found(folder):
    data = bytearray((folder / "store.db").read_bytes())
    for start in range(16384 * 3, len(data), 16384):
        data[start : start + 8] = b"\xff" * 8
    (folder / "store.db").write_bytes(data)
    assert check(folder)


def test_a_first_page_that_cannot_be_read_is_found(folder):
    data = bytearray((folder / "store.db").read_bytes())
    data[100:400] = b"\xff" * 300
    (folder / "store.db").write_bytes(data)
    found = check(folder)
    assert len(found) == 1
    assert "cannot be opened" in found[0]


# --- prune ----------------------------------------------------------------------------------------------------------


def test_prune_of_nothing(folder, tmp_path):
    assert prune(tmp_path / "none", 1) == Removed()
    assert prune(folder, 1) == Removed()
    with open_store(folder) as store:
        assert len(store.load_run("aa01").results) == 5


def test_prune_deletes_old_runs_and_what_only_they_used(folder):
    with open_store(folder) as store:
        play(store, "bb02", count=7, seed=2, upto=3)
        store.put_answer(key(9), output(9), request(9))
        store.put_score(key(9), Score(value=1.0))
        store.record_look("g", "b", "aa01")
        store.record_try("1", "g", "c")
    age(folder, 40)
    age(folder, 40, "aa01")
    size = (folder / "store.db").stat().st_size
    assert prune(folder, 30) == Removed(runs=1, cases=5, answers=3, scores=1)
    assert check(folder) == []
    assert (folder / "store.db").stat().st_size <= size
    with open_store(folder) as store:
        assert [run.run_id for run in store.runs()] == ["bb02"]
        assert [store.find_answer(key(number)) is not None for number in range(10)] == [True] * 3 + [False] * 7
        assert len(store.load_run("bb02").results) == 3
        assert store.count_looks("g", "b") == store.count_tries("1", "g") == 1
        assert store.spent("aa01").calls == 0
        assert play(store, "cc03", count=7, seed=2, upto=3) == 0


def test_prune_keeps_young_answers_of_old_runs(folder):
    age(folder, 40, "aa01")
    assert prune(folder, 30) == Removed(runs=1, cases=5)
    with open_store(folder) as store:
        assert store.find_answer(key(1)) is not None


def test_prune_hands_the_rows_to_a_run_that_replayed_them(folder):
    with open_store(folder) as store:
        play(store, "aa02", upto=2, stopped="verdict")
        play(store, "aa03")
        play(store, "aa04")
    age(folder, 40, "aa01")
    assert prune(folder, 30) == Removed(runs=1)
    assert check(folder) == []
    with open_store(folder) as store:
        assert [(run.run_id, run.same_as) for run in store.runs()] == [("aa04", "aa03"), ("aa03", ""), ("aa02", "aa03")]
        assert [len(store.load_run(name).results) for name in ("aa02", "aa03", "aa04")] == [2, 5, 5]
        trials = [result.trials[0] for result in store.load_run("aa03").results.values()]
        assert all(trial.replayed for trial in trials)
        assert play(store, "aa05") == 0
        assert store.runs()[0].same_as == "aa03"


def test_a_replay_whose_run_is_pruned_meanwhile_is_refused(folder):
    with open_store(folder) as store:
        play(store, "aa02", finish=False)
        age(folder, 40, "aa01")
        prune(folder, 30)
        with pytest.raises(StoreError, match="pruned meanwhile"):
            store.finish_run("aa02", calls=CallCounts(), complete=True, stopped="")


# --- forget ---------------------------------------------------------------------------------------------------------


def test_forget_takes_the_words_out_of_the_file(folder):
    with open_store(folder) as store:
        store.put_score(key(1), Score(value=1.0, reason="quotes c1"), case_id="c1")
        store.put_score(key(2), Score(value=1.0, reason="of no case"))
        store.put_score(key(3), Score(value=1.0, reason="of c3"), case_id="c3")
        play(store, "aa02")
        answer = output(1, size=0)
        store.put_answer(key(50), answer, request(50, "secret"))
        shared = case(1).trials[0].__class__(case_id="c1", output=answer, key=key(50))
        store.start_run(header("bb01", seed=4))
        store.put_case("bb01", 0, case(1).__class__(case_id="secret", case_digest="", trials=(shared,)))
        store.put_case("bb01", 1, case(1).__class__(case_id="twin", case_digest="", trials=(shared,)))
        store.finish_run("bb01", calls=CallCounts(), complete=True, stopped="")
    assert b"answer 1 " in (folder / "store.db").read_bytes()
    assert forget(folder, "secret") == Removed(cases=2, answers=1, scores=1)
    assert b"answer 1 " not in (folder / "store.db").read_bytes()
    assert forget(folder, "c1") == Removed(cases=1, answers=1, scores=1)
    assert check(folder) == []
    with open_store(folder) as store:
        assert store.find_answer(key(1)) is store.find_score(key(1)) is store.find_score(key(2)) is None
        assert store.find_score(key(3)) is not None
        for run_id in ("aa01", "aa02"):
            assert list(store.load_run(run_id).results) == ["c0", "c2", "c3", "c4"]
        assert not store.load_run("bb01").results


def test_forget_nothing(folder, tmp_path):
    assert forget(tmp_path / "none", "c1") == Removed()
    assert forget(folder, "c77") == Removed()


@pytest.mark.parametrize(
    "work", [lambda folder: prune(folder, 1, wait_s=0), lambda folder: forget(folder, "c", wait_s=0)]
)
def test_care_waits_for_the_lock(folder, work):
    with open_store(folder) as store:
        store.claim()
        with pytest.raises(StoreError, match="held by process"):
            work(folder)


def test_prune_of_a_damaged_store_changes_nothing(folder):
    change(folder, "UPDATE run_cases SET crc=crc+1 WHERE position=2")
    before = json.dumps(check(folder))
    with pytest.raises(StoreError, match="damaged"):
        prune(folder, 30)
    assert json.dumps(check(folder)) == before
    with open_store(folder) as store:
        assert len(store.runs()) == 1


def test_prune_days_zero_leaves_an_empty_store(folder):
    time.sleep(0.01)
    assert prune(folder, 0) == Removed(runs=1, cases=5, answers=5)
    with open_store(folder) as store:
        assert store.runs() == []
