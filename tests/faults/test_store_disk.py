"""Disk full, I/O errors, folders that cannot be written."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from evalharness.core.errors import ConfigError, DiskFailed
from evalharness.store.care import check
from evalharness.store.store import open_store
from tests.faults import store_children as children
from tests.faults import store_crasher as crasher


def write_until_it_fails(folder, say):
    try:
        crasher.write(folder, 0, 5000, 5, say)
    except DiskFailed as error:
        say(f"failed {error.exit_code} {error}")


@pytest.mark.parametrize("limit", [160_000, 300_000, 1_000_000])
def test_disk_full(tmp_path, limit):
    """A file-size limit stands for the full disk: the write fails in the same call and needs no root."""
    code, words = children.end(children.start(lambda say: write_until_it_fails(tmp_path, say), file_bytes=limit))
    assert code == 0
    said = next(word for word in words if word.startswith("failed"))
    assert re.search(r"failed 4 .*store\.db: the store could not be written \(.*file [\d.]+ MB, [\d.]+ MB free\)", said)
    acknowledged = {int(word) for word in words if word.isdigit()}
    assert words.index(said) == len(acknowledged)  # nothing was acknowledged after it
    with open_store(tmp_path) as store:
        answers = {number: store.find_answer(crasher.key(number)) for number in range(5000)}
    there = {number for number, answer in answers.items() if answer is not None}
    assert acknowledged <= there
    assert all(answers[number] == crasher.output(number) for number in there)
    assert check(tmp_path) == []
    assert crasher.write(tmp_path, 0, len(there) + 5, 5, lambda _: None) == 5  # there is room again


def test_no_room_for_a_store_at_all(tmp_path):
    code, words = children.end(children.start(lambda say: write_until_it_fails(tmp_path, say), file_bytes=4096))
    assert code == 0
    assert words[0].startswith("failed 4")
    assert crasher.write(tmp_path, 0, 5, 5, lambda _: None) == 5


STRACE = shutil.which("strace")


@pytest.mark.skipif(STRACE is None, reason="strace is needed to make fsync fail")
@pytest.mark.parametrize("nth", [15, 18, 25])
def test_the_first_failed_fsync_is_final(tmp_path, nth):
    """The disk is well again after one EIO; nothing may be acknowledged on the strength of that."""
    trace = ["-f", "-qq", "-o", str(tmp_path / "trace"), "-e", "trace=fdatasync,fsync"]
    inject = ["-e", f"inject=fdatasync,fsync:error=EIO:when={nth}"]
    folder = tmp_path / "store"
    script = (
        "import sys, test_store_disk as here\n"
        "here.write_until_it_fails(sys.argv[1], lambda word: print(str(word).splitlines()[0], flush=True))"
    )
    found = subprocess.run(
        [STRACE, *trace, *inject, sys.executable, "-c", script, str(folder)],
        capture_output=True,
        check=False,
        text=True,
        cwd=Path(__file__).parent,
        timeout=60,
    )
    if "PTRACE" in found.stderr or "ptrace" in found.stderr:
        pytest.skip("strace may not trace here")
    words = found.stdout.split("\n")[:-1]
    assert words[-1].startswith("failed 4"), found.stderr
    acknowledged = {int(word) for word in words[:-1]}
    calls = (tmp_path / "trace").read_text()
    assert "(INJECTED)" in calls
    assert not re.search(r"sync\(\d+\) = 0", calls[calls.index("(INJECTED)") :])  # it was not tried again
    with open_store(folder) as store:
        assert all(store.find_answer(crasher.key(number)) == crasher.output(number) for number in acknowledged)
    assert b"failed" in (folder / "store.lock").read_bytes()
    assert crasher.write(folder, 0, 5, 5, lambda _: None) <= 5
    assert (folder / "store.lock").read_bytes() == b""


# --- folders --------------------------------------------------------------------------------------------------------


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(ConfigError, match="cannot be written") as caught:
            open_store(folder)
        assert caught.value.exit_code == 2


def test_a_folder_in_the_place_of_a_file(tmp_path):
    for name in ("store.lock", "store.db"):
        folder = tmp_path / name.replace(".", "-")
        (folder / name).mkdir(parents=True)
        with pytest.raises(ConfigError, match="cannot be written"):
            open_store(folder)


def refused(folder, say):
    try:
        open_store(folder)
    except ConfigError as error:
        say(f"{error.exit_code} {error.message}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who may not write")
@pytest.mark.parametrize("content", ["nothing", "folder", "store"])
def test_a_read_only_folder_is_known_before_anything_is_paid(content):
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        if content != "nothing":
            (place / "store").mkdir(mode=0o755)
        if content == "store":
            crasher.write(place / "store", 0, 5, 5, lambda _: None)
            (place / "store" / "store.lock").chmod(0o666)
        child = children.start(lambda say: refused(place / "store", say), user=65534)
        assert children.end(child) == (0, ["2 the store cannot be written: Permission denied"])
