import errno
import os
import stat

import pytest

from evalharness.core.errors import DiskFailed
from evalharness.core.files import atomic_file, shown, write_atomic


def test_a_file_is_made_and_replaced(tmp_path):
    path = tmp_path / "a.txt"
    write_atomic(path, b"one")
    write_atomic(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


def test_the_mode_of_an_existing_file_stays(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"")
    path.chmod(0o640)
    write_atomic(path, b"two")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_failing_block_leaves_the_old_content_and_no_rest(tmp_path):
    path = tmp_path / "a.txt"
    write_atomic(path, b"old")

    def fail():
        with atomic_file(path) as file:
            file.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("call", ["fsync", "open"])
def test_a_full_disk_leaves_the_old_content_and_is_named(tmp_path, monkeypatch, call):
    path = tmp_path / "a.txt"
    write_atomic(path, b"old")
    real = os.fsync

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full) if call == "fsync" else monkeypatch.setattr("pathlib.Path.open", full)
    with pytest.raises(DiskFailed, match="No space left on device") as caught:
        write_atomic(path, b"new")
    monkeypatch.undo()
    assert real is os.fsync
    assert caught.value.where.endswith("a.txt")
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_content_is_on_the_disk_before_the_name_moves(tmp_path, monkeypatch):
    """The order that makes it atomic: fsync of the file, rename, fsync of the folder."""
    steps = []
    sync, move = os.fsync, os.replace
    monkeypatch.setattr(
        os, "fsync", lambda handle: (steps.append(stat.S_ISDIR(os.fstat(handle).st_mode)), sync(handle))
    )
    monkeypatch.setattr(os, "replace", lambda *names: (steps.append("rename"), move(*names)))
    write_atomic(tmp_path / "a.txt", b"x")
    assert steps == [False, "rename", True]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DiskFailed, match="No such file or directory"):
        write_atomic(tmp_path / "none" / "a.txt", b"x")


def test_a_name_of_the_greatest_length_can_be_written(tmp_path):
    path = tmp_path / ("a" * 255)
    write_atomic(path, b"x")
    assert path.read_bytes() == b"x"


def test_paths_are_shown_relative_inside_the_working_folder_only(tmp_path, monkeypatch):
    inside = tmp_path / "work"
    inside.mkdir()
    monkeypatch.chdir(inside)
    assert shown(inside / "a" / "b.jsonl") == "a/b.jsonl"
    assert shown(tmp_path / "b.jsonl") == str(tmp_path / "b.jsonl")
    assert shown("../b.jsonl") == "../b.jsonl"
