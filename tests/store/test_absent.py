"""What is certainly not in the store is not looked for; what may be there is."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from evalharness.store.absent import Absent, Seen
from evalharness.store.store import open_store
from tests.store.store_samples import key, output, play, request

digests = st.binary(min_size=32, max_size=32)


def digest(number):
    return hashlib.sha256(str(number).encode()).digest()


@given(st.lists(digests), st.lists(digests))
def test_what_was_put_is_never_said_to_lack(there, put):
    known = Absent(lambda _: there)
    assert not known.lacks("answers", digest(1)) or digest(1) not in there
    for name in put:
        known.put("answers", name)
    assert not any(known.lacks("answers", name) for name in (*there, *put))


def test_unknown_keys_are_hardly_ever_looked_up_in_vain():
    seen = Seen(digest(number) for number in range(20_000))
    assert sum(digest(-number) in seen for number in range(1, 10_000)) < 20


def test_tables_are_told_apart_and_others_may_write_in_between():
    tables = {"answers": [digest(1)], "scores": []}
    known = Absent(tables.__getitem__)
    assert not known.lacks("answers", digest(1))
    assert known.lacks("scores", digest(1))
    tables["scores"] = [digest(1)]
    assert known.lacks("scores", digest(1))
    known.forget()
    assert not known.lacks("scores", digest(1))


def test_a_table_that_is_too_large_is_asked_each_time():
    assert not Absent(lambda _: None).lacks("answers", digest(1))


def look_ups(store, monkeypatch, numbers):
    """Which of the numbers are found, and how many were looked up in the file."""
    asked = []
    rows = store.reader.rows
    monkeypatch.setattr(store.reader, "rows", lambda sql, values=(): asked.append(sql) or rows(sql, values))
    found = [number for number in numbers if store.find_answer(key(number)) is not None]
    monkeypatch.undo()
    return found, sum("FROM answers WHERE key" in sql for sql in asked)


def test_a_run_does_not_ask_the_file_for_what_is_not_there(tmp_path, monkeypatch):
    with open_store(tmp_path) as store:
        store.put_answer(key(1), output(1), request(1))
        store.flush()
        assert look_ups(store, monkeypatch, range(20)) == ([1], 1)
        store.put_answer(key(2), output(2), request(2))
        assert look_ups(store, monkeypatch, [2, 3]) == ([2], 0)  # still on its way
        store.flush()
        assert look_ups(store, monkeypatch, [2, 3]) == ([2], 1)
    with open_store(tmp_path) as store:
        assert look_ups(store, monkeypatch, [1, 2, 3]) == ([1, 2], 3)  # others may write: nothing is certain


def test_a_large_store_is_asked_each_time(tmp_path, monkeypatch):
    monkeypatch.setattr("evalharness.store.hold.MOST", 3)
    with open_store(tmp_path) as store:
        play(store, "aa01", 5)
    with open_store(tmp_path) as store:
        store.claim()
        assert look_ups(store, monkeypatch, [1, 9]) == ([1], 2)


def test_an_answer_put_by_another_process_in_between_is_found(tmp_path):
    with open_store(tmp_path) as store:
        store.claim()
        assert store.find_answer(key(1)) is None
    with open_store(tmp_path) as other:
        other.put_answer(key(1), output(1), request(1))
    store.claim()
    assert store.find_answer(key(1)) == output(1)
    store.close()
