import sqlite3
import threading

import pytest

from evalharness.core.errors import DiskFailed, EvalhError, StoreError
from evalharness.store import diagnosis, writer
from evalharness.store.faults import FaultPlan
from evalharness.store.store import open_store
from tests.store import store_samples as samples
from tests.store.store_samples import key, output, request


class Failing:
    """A connection whose statements fail from a moment on, as a disk does."""

    def __init__(self, connection, word, code):
        self.connection, self.word, self.code, self.tries = connection, word, code, 0

    def execute(self, sql, values=()):
        if sql.startswith(self.word):
            self.tries += 1
            error = sqlite3.OperationalError("made to fail")
            error.sqlite_errorcode = self.code
            raise error
        return self.connection.execute(sql, values)


def failing_store(folder, word, code):
    store = open_store(folder)
    store.put_answer(key(1), output(1), request(1))
    store.flush()
    store._hold.writer._connection = Failing(store._hold._connection, word, code)
    return store


@pytest.mark.parametrize("word", ["BEGIN", "INSERT", "COMMIT"])
def test_the_first_disk_error_is_final(tmp_path, word):
    store = failing_store(tmp_path, word, sqlite3.SQLITE_IOERR_FSYNC)
    store.put_answer(key(2), output(2), request(2))
    with pytest.raises(DiskFailed, match=r"could not be written \(made to fail; file 0\.\d MB, \d+\.\d MB free"):
        store.flush()
    failed = store._hold.writer._connection
    store._hold.writer._connection = store._hold._connection  # the disk is well again: it is not asked any more
    for _ in range(3):
        with pytest.raises(DiskFailed) as caught:
            store.put_answer(key(3), output(3), request(3))
        assert (caught.value.exit_code, caught.value.where) == (4, str(tmp_path / "store.db"))
    with pytest.raises(DiskFailed):
        store.flush()
    assert store.find_answer(key(1)) == output(1)
    with pytest.raises(DiskFailed):
        store.close()
    assert failed.tries == 1
    assert b"failed" in (tmp_path / "store.lock").read_bytes()
    with open_store(tmp_path) as again:
        assert again.find_answer(key(1)) == output(1)
        assert again.find_answer(key(2)) is None
        again.put_answer(key(2), output(2), request(2))
        again.flush()
        assert again.find_answer(key(2)) == output(2)
    assert (tmp_path / "store.lock").read_bytes() == b""


def test_the_check_after_a_failure_finds_damage_and_stays_due(tmp_path, monkeypatch):
    store = failing_store(tmp_path, "COMMIT", sqlite3.SQLITE_FULL)
    store.put_answer(key(2), output(2), request(2))
    with pytest.raises(DiskFailed):
        store.close()
    monkeypatch.setattr("evalharness.store.hold.quick_check", lambda *_: (_ for _ in ()).throw(StoreError("bad")))
    for _ in range(2):
        with open_store(tmp_path) as again, pytest.raises(StoreError, match="bad"):
            again.claim()
    monkeypatch.undo()
    with open_store(tmp_path) as again:
        again.claim()


def test_a_failed_store_does_not_hide_the_error_that_came_first(tmp_path):
    store = failing_store(tmp_path, "COMMIT", sqlite3.SQLITE_FULL)
    store.put_answer(key(2), output(2), request(2))
    with pytest.raises(KeyError), store:
        raise KeyError("first")


def test_a_failed_last_group_is_told_at_close(tmp_path):
    store = failing_store(tmp_path, "COMMIT", sqlite3.SQLITE_FULL)
    with pytest.raises(DiskFailed), store:
        store.put_answer(key(2), output(2), request(2))


def test_a_failed_merge_at_close_is_told(tmp_path):
    store = failing_store(tmp_path, "PRAGMA wal_checkpoint", sqlite3.SQLITE_IOERR)
    with pytest.raises(DiskFailed):
        store.close()
    with open_store(tmp_path) as again:
        assert again.find_answer(key(1)) == output(1)


def test_damage_while_writing_is_a_store_error(tmp_path):
    store = failing_store(tmp_path, "INSERT", sqlite3.SQLITE_CORRUPT_INDEX)
    store.put_answer(key(2), output(2), request(2))
    with pytest.raises(StoreError, match="damaged") as caught:
        store.flush()
    assert "doctor --check" in caught.value.tip
    with pytest.raises(StoreError):
        store.close()


def test_a_fault_of_ours_does_not_hang_the_callers(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(threading, "excepthook", said.append)
    store = open_store(tmp_path)
    store.claim()
    store._hold.writer.put("plans", ("a\udcff", b"", 0))
    with pytest.raises(EvalhError, match="fault of evalh") as caught:
        store.flush()
    assert caught.value.exit_code == 70
    assert said[0].exc_type is UnicodeEncodeError
    with pytest.raises(EvalhError):
        store._hold.close()


def test_many_threads_and_back_pressure(tmp_path):
    with open_store(tmp_path) as store:
        store.claim()

        def work(start):
            for number in range(start, start + 300):
                store.put_answer(key(number), output(number, 10), request(number))

        threads = [threading.Thread(target=work, args=(300 * part,)) for part in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.flush()
        assert not store._hold.writer.unsaved
        assert all(store.find_answer(key(number)) == output(number, 10) for number in range(1200))


def put_many(store):
    for number in range(2, 40):
        store.put_answer(key(number), output(number), request(number))


def test_waiting_givers_are_woken_by_a_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "WAITING_RECORDS", 3)
    store = failing_store(tmp_path, "COMMIT", sqlite3.SQLITE_FULL)
    with pytest.raises(DiskFailed):
        put_many(store)
    with pytest.raises(DiskFailed):
        store.close()


def test_statements_keep_their_place_among_rows(tmp_path):
    with open_store(tmp_path) as store:
        store.cache_put("a", b"1")
        store._hold.writer.run_sql("DELETE FROM plans")
        store.cache_put("b", b"2")
        store.flush()
        assert (store.cache_get("a"), store.cache_get("b")) == (None, b"2")


def test_rows_of_any_count_are_written_in_order(tmp_path):
    with open_store(tmp_path) as store:
        for count in (1, 3, 4, 5, 63, 64, 99):
            samples.play(store, f"run{count}", count=count, seed=count)
            assert len(store.load_run(f"run{count}").results) == count


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (sqlite3.SQLITE_FULL, DiskFailed, "could not be written"),
        (sqlite3.SQLITE_IOERR_WRITE, DiskFailed, "could not be written"),
        (sqlite3.SQLITE_READONLY, DiskFailed, "could not be written"),
        (sqlite3.SQLITE_CANTOPEN, DiskFailed, "could not be written"),
        (sqlite3.SQLITE_BUSY, StoreError, "another program"),
        (sqlite3.SQLITE_CORRUPT, StoreError, "damaged"),
        (sqlite3.SQLITE_NOTADB, StoreError, "damaged"),
        (sqlite3.SQLITE_ERROR, StoreError, "cannot be read"),
        (None, StoreError, "cannot be read"),
    ],
)
def test_diagnosis(tmp_path, code, kind, words):
    error = sqlite3.OperationalError("x")
    if code is not None:
        error.sqlite_errorcode = code
    found = diagnosis.store_failure(error, tmp_path / "nowhere" / "store.db")
    assert type(found) is kind
    assert words in found.message


def test_fault_words(monkeypatch):
    killed = []
    monkeypatch.setattr("os.kill", lambda pid, number: killed.append(number))
    for word in ("", "kill@commit:x", "kill@report:1", "fail@commit:1", "kill@commit"):
        FaultPlan(word).reached("commit")
    assert not killed
    plan = FaultPlan("kill@insert:5")
    plan.reached("commit")
    plan.reached("insert", 4)
    assert not killed
    plan.reached("insert", 4)
    assert killed == [9]
    monkeypatch.setenv("EVALH_FAULT", "kill@ack:1")
    FaultPlan.from_environment().reached("ack")
    assert killed == [9, 9]


def test_of_rows_that_replace_each_other_the_newest_is_written_once(tmp_path):
    with open_store(tmp_path) as store:
        samples.play(store, "aa01", 50, finish=False)
        store.flush()
        assert store.spent("aa01").calls == 50
        statements = []
        store._hold.writer._connection = Spy(store._hold._connection, statements)
        for number in range(40):
            store.note_attempt("aa01", key(number), "timeout", 0.5, None)
        store.flush()
        calls, cost = store.reader.spent(store._logs["aa01"].number)
        assert (calls, cost) == (90, pytest.approx(0.05 + 20.0))
        assert 1 <= sum("INTO spend" in sql for sql in statements) < 10


class Spy:
    def __init__(self, connection, statements):
        self.connection, self.statements = connection, statements

    def execute(self, sql, values=()):
        self.statements.append(sql)
        return self.connection.execute(sql, values)


def test_a_row_that_was_taken_is_not_replaced_but_followed(tmp_path):
    with open_store(tmp_path) as store:
        samples.play(store, "aa01", 1, finish=False)
        for number in range(3):  # each committed before the next
            store.note_attempt("aa01", key(number), "timeout", 1.0, None)
            store.flush()
            assert store.reader.spent(store._logs["aa01"].number)[0] == number + 2


def test_after_a_failure_no_newer_row_is_taken(tmp_path):
    store = failing_store(tmp_path, "COMMIT", sqlite3.SQLITE_FULL)
    samples.play(store, "aa01", 0, finish=False)
    with pytest.raises(DiskFailed):
        store.flush()
    with pytest.raises(DiskFailed):
        store._hold.writer.put_newest("spend", (1, 1, 0.0, 0), name="spend")
    with pytest.raises(DiskFailed):
        store.close()
