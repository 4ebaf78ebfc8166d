import contextlib
import hashlib
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from evalharness.core.errors import StoreError
from evalharness.store import schema
from evalharness.store.mounts import is_remote
from evalharness.store.schema import connect_reader, connect_writer, create
from evalharness.store.store import open_store
from tests.faults import store_children as children
from tests.store import store_samples as samples


@pytest.fixture
def folder(tmp_path):
    with open_store(tmp_path) as store:
        samples.play(store)
    return tmp_path


def fingerprint(folder):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name.startswith("store.db")
    }


def refused(folder, words):
    before = fingerprint(folder)
    with pytest.raises(StoreError, match=words) as caught:
        open_store(folder)
    assert caught.value.exit_code == 5
    with pytest.raises(StoreError, match=words):
        open_store(folder, read_only=True)
    assert fingerprint(folder) == before


def change(folder, *statements):
    connection = sqlite3.connect(folder / "store.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=DELETE")
    for statement in statements:
        connection.execute(statement)
    connection.close()


def test_a_newer_store_is_refused_untouched(folder):
    change(folder, f"PRAGMA user_version={schema.VERSION + 1}")
    refused(folder, "version 2, this evalh reads up to 1")


def test_a_foreign_database_is_refused_untouched(tmp_path):
    change(tmp_path, "CREATE TABLE answers(x)")
    refused(tmp_path, "not made by evalh")


def test_a_store_without_version_is_foreign(folder):
    change(folder, "PRAGMA user_version=0")
    refused(folder, "not made by evalh")


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"not a database at all" * 20])
def test_a_file_that_is_no_database_is_refused_untouched(tmp_path, content):
    (tmp_path / "store.db").write_bytes(content)
    refused(tmp_path, "not a store")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON answers BEGIN DELETE FROM answers; END",
        "CREATE VIEW v AS SELECT 1",
        "ALTER TABLE answers ADD COLUMN extra",
        "DROP TABLE looks",
        "CREATE INDEX i ON answers(case_id)",
    ],
)
def test_other_tables_are_refused(folder, statement):
    change(folder, statement)
    store = open_store(folder)
    with pytest.raises(StoreError, match="tables of the store"):
        store.find_answer(samples.key(1))
    with pytest.raises(StoreError, match="tables of the store"):
        store.claim()
    store.close()


def test_an_interrupted_creation_is_begun_again(tmp_path):
    for name in ("store.db.new", "store.db.new-journal"):
        (tmp_path / name).write_bytes(b"half")
    with open_store(tmp_path) as store:
        samples.play(store)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", "store.db", "store.lock"]


def test_checked_columns_are_the_tables_columns(folder):
    connection = sqlite3.connect(folder / "store.db")
    for table, columns in schema.CHECKED.items():
        names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        assert set(columns) <= set(names)
        left = set(names) - set(columns) - {"crc"}
        assert left == {"run_cases": {"run", "replayed"}}.get(table, {"id"} - set(columns) if "id" in names else set())
    connection.close()


def test_writer_settings(folder):
    connection = schema.connect_writer(folder / "store.db")
    wanted = {"synchronous": 2, "trusted_schema": 0, "cell_size_check": 1, "mmap_size": 0, "temp_store": 2}
    wanted |= {"fullfsync": 1, "checkpoint_fullfsync": 1, "journal_mode": "wal"}
    assert {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted} == wanted
    connection.close()


def test_readers_cannot_write_and_leave_the_log_alone(folder):
    writer = schema.connect_writer(folder / "store.db")
    writer.execute("DELETE FROM looks")
    writer.execute("INSERT INTO plans VALUES('a', x'00', 0)")
    log = (folder / "store.db-wal").read_bytes()
    assert log
    before = (folder / "store.db").read_bytes()
    reader = schema.connect_reader(folder / "store.db")
    assert reader.execute("SELECT name FROM plans").fetchall() == [("a",)]
    with pytest.raises(sqlite3.OperationalError):
        reader.execute("DELETE FROM plans")
    reader.execute("PRAGMA query_only=OFF")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM plans")
    reader.close()
    assert (folder / "store.db-wal").read_bytes() == log
    assert (folder / "store.db").read_bytes() == before
    writer.close()


def test_network_folder_uses_a_rollback_journal(folder, monkeypatch):
    monkeypatch.setattr(schema, "is_remote", lambda _: True)
    with open_store(folder) as store:
        assert samples.play(store, "bb01", seed=8) == 0
        store.flush()
        assert store.reader.rows("PRAGMA journal_mode") == [("delete",)]
        assert store._hold._connection.execute("PRAGMA synchronous").fetchone() == (3,)
        assert len(store.load_run("bb01").results) == 5
    assert sorted(path.name for path in folder.iterdir()) == [".gitignore", "store.db", "store.lock"]


MOUNTS = """\
22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/nas rw - nfs4 host:/x rw
31 22 0:41 / /mnt/my\\040disk rw - fuse.sshfs host rw
32 22 0:42 / /mnt/nas/local rw - tmpfs tmpfs rw
33 22 0:43 / /over rw - tmpfs tmpfs rw
34 22 0:44 / /over rw - cifs //host/x rw
broken line
40 22 0:45 / /mnt/none rw -
"""


@pytest.mark.parametrize(
    ("folder", "remote"),
    [
        ("/home/x", False),
        ("/mnt/nas", True),
        ("/mnt/nas/deep/er", True),
        ("/mnt/nasty", False),
        ("/mnt/my disk/x", True),
        ("/mnt/nas/local/x", False),
        ("/over/x", True),
        ("/mnt/none", False),
    ],
)
def test_is_remote(folder, remote):
    assert is_remote(Path(folder), MOUNTS) is remote


def test_is_remote_here(tmp_path, monkeypatch):
    assert not is_remote(tmp_path)
    monkeypatch.setattr("evalharness.store.mounts._MOUNTS", tmp_path / "absent")
    assert not is_remote(tmp_path)


SHOW = """
import os, sys
from pathlib import Path
from evalharness.store.store import open_store
os.setuid(65534)
with open_store(Path(sys.argv[1]), read_only=True) as store:
    print(len(store.load_run("aa01").results))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who cannot write the folder")
def test_a_store_in_a_folder_that_cannot_be_written_can_be_shown():
    """``show`` in a read-only checkout."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open_store(folder) as store:
            samples.play(store)
        folder.chmod(0o755)
        (folder / "store.db").chmod(0o644)
        found = subprocess.run([sys.executable, "-c", SHOW, name], check=False, capture_output=True, text=True)
    assert found.stdout == "5\n", found.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who cannot write the folder")
def test_with_a_log_that_cannot_be_merged_nothing_old_is_shown():
    """The log holds commits that the file lacks; without room for shared memory they cannot be read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = open_store(folder)
        samples.play(store)
        assert (folder / "store.db-wal").stat().st_size
        copies = folder / "copies"
        copies.mkdir()
        for end in ("", "-wal"):
            (copies / f"store.db{end}").write_bytes((folder / f"store.db{end}").read_bytes())
            (copies / f"store.db{end}").chmod(0o644)
        store.close()
        folder.chmod(0o755)
        copies.chmod(0o755)
        found = subprocess.run([sys.executable, "-c", SHOW, str(copies)], check=False, capture_output=True, text=True)
    assert found.returncode == 1
    assert "StoreError" in found.stderr


def half_written(folder, target):
    """A store of a network folder as a crash in the middle of a commit leaves it: pages in the file, and the journal to undo them."""
    with contextlib.closing(connect_writer(folder / "store.db")) as connection:
        connection.execute("PRAGMA cache_size=1")
        connection.execute("BEGIN IMMEDIATE")
        rows = ((f"p{n}", bytes(3000), 0) for n in range(200))
        connection.executemany("INSERT INTO plans VALUES (?,?,?)", rows)
        target.mkdir()
        for name in ("store.db", "store.db-journal"):
            (target / name).write_bytes((folder / name).read_bytes())


def test_what_a_crash_left_half_written_is_put_back_before_it_is_read(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(schema, "is_remote", lambda _folder: True)
    crashed = tmp_path / "crashed"
    half_written(folder, crashed)
    with contextlib.closing(connect_reader(crashed / "store.db")) as connection:
        assert connection.execute("SELECT count(*) FROM plans WHERE name LIKE 'p%'").fetchone() == (0,)
    assert not (crashed / "store.db-journal").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who may not write")
def test_what_is_half_written_in_a_folder_that_cannot_be_written_is_not_shown(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(schema, "is_remote", lambda _folder: True)
    crashed = tmp_path / "crashed"
    half_written(folder, crashed)
    own = [place for place in crashed.parents if "pytest-" in str(place)]  # one more of them under xdist
    for place in (*own, crashed, *crashed.iterdir()):
        place.chmod(0o755)

    def look(say):
        try:
            connect_reader(crashed / "store.db")
        except sqlite3.OperationalError as error:
            say(error)

    assert children.end(children.start(look, user=65534)) == (0, ["attempt to write a readonly database"])


def test_negative_control_a_reader_alone_cannot_put_it_back(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(schema, "is_remote", lambda _folder: True)
    monkeypatch.setattr(schema, "roll_back", lambda _path: None)
    crashed = tmp_path / "crashed"
    half_written(folder, crashed)
    with pytest.raises(sqlite3.OperationalError):
        connect_reader(crashed / "store.db")


def test_a_new_store_is_in_its_journal_mode_from_the_first_moment(tmp_path):
    create(tmp_path / "store.db")
    assert (tmp_path / "store.db").read_bytes()[18:20] == b"\x02\x02"  # 2: WAL, in SQLite's file format
    assert [path.name for path in tmp_path.iterdir()] == ["store.db"]
