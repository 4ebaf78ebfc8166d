"""What surrounds the process fails: disk, store, files, memory, streams, locale, clock, terminal. ``evalh`` says it, and loses nothing."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e import mock_server
from tests.e2e.house import COMMAND, Done, clean_env, comparable, jsonl
from tests.faults import power
from tests.faults.conftest import Site

Sites = Callable[..., Site]


def nightly(*values: object) -> list[object]:
    """Further values that are tried at night only: each costs a process or more."""
    return [
        pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.slow) for value in values
    ]


Limits = tuple[tuple[int, int], ...]
GATE = ("gate", "--json")


def run(
    site: Site, *words: str, limits: Limits = (), shell: str = "", before: tuple[str, ...] = (), **env: str
) -> Done:
    """A command under resource limits, behind other words, or with the shell's redirections; output decoded as Latin-1."""
    command = ["bash", "-c", f'"$@" {shell}', "bash", *COMMAND, *words] if shell else [*before, *COMMAND, *words]

    def limit() -> None:
        for what, most in limits:
            resource.setrlimit(what, (most, most))

    done = subprocess.run(
        command, cwd=site.root, env=clean_env(**env), stdin=subprocess.DEVNULL, capture_output=True,
        preexec_fn=limit, check=False, timeout=120,
    )  # fmt: skip
    return Done(code=done.returncode, out=done.stdout.decode("latin-1"), err=done.stderr.decode("latin-1"))


def message(done: Done) -> str:
    """What an error says and where, from the object of ``--json``."""
    error = done.json["error"]
    return f"{error['where']}: {error['message']}; {error['tip']}"


# --- disk -------------------------------------------------------------------------------------------------------------


def stopped_by_the_disk(site: Site, done: Done) -> int:
    """Check the message; gives the answers that are kept, each of them sound."""
    assert done.code == 4, done
    assert re.search(
        r"store\.db: .*could not be written \(.*file [\d.]+ MB, [\d.]+ MB free\); make room", message(done)
    )
    assert site.evalh("doctor", "--check").code == 0
    return site.answers()


def goes_on(site: Site, n: int, kept: int) -> None:
    """With room again everything is answered, and what was kept is not asked again."""
    before = site.calls()
    assert run(site, *GATE).code == 0
    assert site.answers() == n
    assert site.calls() - before == n - kept


def test_the_disk_fills_up(site: Sites) -> None:
    """A limit on the size of files: the write fails in the same call as on a full disk, and no root is needed."""
    here = site("--latency-ms", "5").prepared(300)
    done = run(here, *GATE, limits=((resource.RLIMIT_FSIZE, 1_000_000),))
    kept = stopped_by_the_disk(here, done)
    print(f"stopped after {here.calls()} of 300 calls, {kept} answers kept")
    assert 0 < kept <= here.calls() < 300
    goes_on(here, 300, kept)


@contextlib.contextmanager
def mounted(place: Path, *options: str) -> Iterator[None]:
    """A small file system of its own; the test is skipped where it may not be made."""
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", *options, "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a file system of its own cannot be mounted here: {done.stderr.strip()[:200]}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
def test_a_small_file_system_is_full(site: Sites, tmp_path: Path) -> None:
    here = site("--latency-ms", "5").prepared(300)
    (here.root / ".evalh").symlink_to(tmp_path / "small")  # (only so that the helpers find the store)
    with mounted(tmp_path / "small", "-o", "size=2m"):
        done = run(here, *GATE, EVALH_DIR=str(tmp_path / "small"))
        assert done.code == 4, done
        assert "0.0 MB free" in message(done)
        kept = here.answers()
        subprocess.run(["mount", "-o", "remount,size=300m", str(tmp_path / "small")], check=True)
        before = here.calls()
        assert run(here, *GATE, EVALH_DIR=str(tmp_path / "small")).code == 0
        assert here.calls() - before == 300 - kept < 300


@pytest.mark.skipif(bool(power.why_not()), reason=power.why_not())
def test_the_disk_fails_once(site: Sites) -> None:
    """One EIO, and the disk is well again: the run has ended all the same, and the next one looks the file over first."""
    here = site("--latency-ms", "2").prepared(200)
    words = ("strace", "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf", "-e", "trace=fdatasync")
    done = run(here, *GATE, before=(*words, "-e", "inject=fdatasync:error=EIO:when=14"))
    kept = stopped_by_the_disk(here, done)
    assert b"failed" in (here.root / ".evalh/store.lock").read_bytes()
    before = here.calls()
    assert run(here, *GATE).code == 0
    assert here.calls() - before == 200 - kept
    assert (here.root / ".evalh/store.lock").read_bytes() == b""


@pytest.mark.parametrize("place", ["/proc/evalh", *nightly("file", "file/deeper")])
def test_no_place_for_the_store_is_known_before_anything_is_paid(site: Sites, place: str) -> None:
    here = site().prepared(10)
    (here.root / "file").write_text("x")
    done = run(here, *GATE, EVALH_DIR=place)
    assert (done.code, here.calls()) == (2, 0)
    assert "the store cannot be written" in message(done)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
def test_a_read_only_file_system_is_known_before_anything_is_paid(site: Sites, tmp_path: Path) -> None:
    here = site().prepared(10)
    with mounted(tmp_path / "small", "-o", "size=3m,ro"):
        done = run(here, *GATE, EVALH_DIR=str(tmp_path / "small"))
    assert (done.code, here.calls()) == (2, 0)
    assert "Read-only file system" in message(done)


# --- the store's file ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept(right_answers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A project with 60 recorded answers, made once."""
    with mock_server.running("--answers", str(right_answers)) as url:
        here = Site(root=tmp_path_factory.mktemp("kept") / "p", url=url).prepared(60)
        assert here.evalh(*GATE).code == 0
        yield here


@pytest.fixture
def recorded(kept: Site, tmp_path: Path) -> Site:
    """A copy of a project with 60 recorded answers."""
    shutil.copytree(kept.root, tmp_path / "p")
    here = Site(root=tmp_path / "p", url=kept.url)
    here.forget_calls()
    return here


def spoil(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "cut":
        del data[len(data) // 2 :]
    elif how == "flipped":
        for place in range(20_000, len(data), 5_000):
            data[place] ^= 16
    elif how == "newer":
        data[60:64] = (99).to_bytes(4, "big")
    elif how == "foreign":
        path.unlink()
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE letters(a)")
        return
    else:
        data[:] = b"these are my notes\n" * 100
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("cut", "evalh doctor --check"),
        ("flipped", "evalh doctor --check"),
        ("newer", "version 99"),
        *nightly(("foreign", "not made by evalh"), ("notes", "not a store")),
    ],
)
def test_a_store_that_cannot_be_trusted_is_refused_untouched(recorded: Site, how: str, words: str) -> None:
    spoil(recorded.db, how)
    before = recorded.db.read_bytes()
    done = run(recorded, *GATE)
    assert (done.code, recorded.calls()) == (5, 0), done
    assert words in message(done)
    if how not in ("cut", "flipped"):
        assert recorded.db.read_bytes() == before
    assert recorded.evalh("doctor", "--check").code != 0


def test_negative_control_the_same_store_unspoiled_is_replayed(recorded: Site) -> None:
    assert run(recorded, *GATE).code == 0
    assert recorded.calls() == 0


# --- files and memory ---------------------------------------------------------------------------------------------------


def test_with_few_files_it_asks_for_fewer_at_a_time(site: Sites) -> None:
    here = site("--latency-ms", "5").prepared(150)
    assert run(here, *GATE, "--jobs", "100", limits=((resource.RLIMIT_NOFILE, 48),)).code == 0
    assert here.attempts() == {"ok": 150}  # not one call failed for want of a file


def test_with_too_few_files_it_is_refused_before_anything_is_paid(site: Sites) -> None:
    here = site().prepared(10)
    done = run(here, *GATE, "--jobs", "100", limits=((resource.RLIMIT_NOFILE, 20),))
    assert (done.code, here.calls()) == (2, 0)
    assert "may have 20 files open" in message(done)
    assert "ulimit -n" in message(done)


def test_little_memory_is_enough(site: Sites) -> None:
    here = site().prepared(300)
    assert run(here, *GATE, limits=((resource.RLIMIT_AS, 512 << 20),)).code == 0
    assert here.answers() == 300


def test_negative_control_the_limit_on_memory_holds() -> None:
    code = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({512 << 20},) * 2); bytearray({512 << 20})"
    assert b"MemoryError" in subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).stderr


@pytest.mark.slow
def test_a_hundred_thousand_cases_in_half_a_gigabyte(site: Sites) -> None:
    here = site().prepared(100_000)
    done = run(here, *GATE, "--jobs", "64", limits=((resource.RLIMIT_AS, 512 << 20),))
    assert done.code in (0, 1), done
    assert here.answers() == 100_000


# --- streams and locale -------------------------------------------------------------------------------------------------

STREAMS = {
    "a reader that leaves": ("gate", "| head -c 1; exit ${PIPESTATUS[0]}"),
    "a reader of JSON that is gone": ("gate --json", "| true; exit ${PIPESTATUS[0]}"),
    "a log that is gone": ("gate", "2> >(true)"),
    "stdout closed": ("gate", ">&-"),
    "all streams closed": ("gate", "<&- >&- 2>&-"),
}


@pytest.mark.parametrize(
    "how",
    [
        "a reader that leaves",
        "all streams closed",
        *nightly("a reader of JSON that is gone", "a log that is gone", "stdout closed"),
    ],
)
def test_streams_that_are_gone_change_no_verdict(site: Sites, how: str) -> None:
    words, redirection = STREAMS[how]
    here = site().prepared(60)
    done = run(here, *words.split(), "-o", "page.html", shell=redirection)
    assert (done.code, here.answers()) == (0, 60), done
    assert "Traceback" not in done.out + done.err
    assert (here.root / "page.html").read_text(encoding="utf-8").rstrip().endswith("</html>")


@pytest.mark.parametrize("words", ["gate --json", *nightly("gate", "show --list")])
def test_an_answer_that_cannot_be_written_is_no_verdict(recorded: Site, words: str) -> None:
    """The disk behind stdout is full: never 0 (nobody could read that it passed), never 1 (nothing got worse)."""
    done = run(recorded, *words.split(), shell="> /dev/full")
    assert done.code == 4, done
    assert "stdout" in done.err
    assert "No space left on device" in done.err
    assert "Traceback" not in done.err


LOCALES = {
    "C": {"LC_ALL": "C"},
    "POSIX, not coerced": {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "one that is not there": {"LC_ALL": "xx_XX.UTF-8"},
    "ISO-8859-1": {"PYTHONIOENCODING": "iso-8859-1"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "Turkish": {"LC_ALL": "tr_TR", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
}


@pytest.fixture(scope="session")
def turkish(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a Turkish locale in ISO-8859-9, made here; empty where it cannot be made."""
    folder = tmp_path_factory.mktemp("locales")
    if shutil.which("localedef") is None:
        return ""
    words = ["localedef", "-i", "tr_TR", "-f", "ISO-8859-9", str(folder / "tr_TR")]
    return str(folder) if subprocess.run(words, capture_output=True, check=False).returncode == 0 else ""


@pytest.mark.parametrize(
    "name", ["POSIX, not coerced", "ISO-8859-1", "Turkish", *nightly("C", "one that is not there", "cp1252")]
)
def test_odd_locales_change_no_file_and_no_verdict(site: Sites, name: str, turkish: str) -> None:
    if name == "Turkish" and not turkish:
        pytest.skip("a Turkish locale cannot be made here: apt-get install locales")
    here = site().prepared(60)
    here.write("evalsets/s.jsonl", jsonl(
        {"id": f"c{i}", "input": f"case {i:04d} İıŞ", "target": f"yes-{i:04d}"} for i in range(60)
    ))  # fmt: skip
    here.write("old.jsonl", jsonl({"id": f"c{i}", "output": f"yes-{i:04d}"} for i in range(60)))
    done = run(here, "gate", "-o", "page.html", **LOCALES[name], LOCPATH=turkish)
    assert done.code == 0, done
    assert "Traceback" not in done.err
    assert "İıŞ" in (here.root / "page.html").read_text(encoding="utf-8")
    assert here.answers() == 60


# --- clock --------------------------------------------------------------------------------------------------------------

CLOCKS = {
    "1970": "lambda now: 0.0",
    "2099": "lambda now: 4.09e9",
    "backwards": "lambda now, at=[2e9]: at.__setitem__(0, at[0] - 3600.0) or at[0]",
    "jumping": "lambda now, n=[0]: n.__setitem__(0, n[0] + 1) or (0.0, 4e9, now, now - 86400.0)[n[0] % 4]",
}


@pytest.mark.parametrize("name", ["jumping", *nightly("1970", "2099", "backwards")])
def test_a_clock_that_jumps_changes_nothing_but_what_is_shown(site: Sites, tmp_path: Path, name: str) -> None:
    """The wall clock lies from the first instruction on; waiting, pauses and deadlines follow another one."""
    (tmp_path / "sitecustomize.py").write_text(
        f"import time\nreal, lie = time.time, {CLOCKS[name]}\ntime.time = lambda: lie(real())\n"
        "time.time_ns = lambda: int(time.time() * 1e9)\n"
    )
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    faults = ("--fail", "500:~case 0001", "--fail", "429=Retry-After-Ms:50:~case 0002", "--fail", "never:~case 0003")
    here = site(*faults).prepared(60, bot=", timeout = 1")
    done = run(here, *GATE, PYTHONPATH=path, TZ="America/New_York")
    again = run(here, *GATE, PYTHONPATH=path)
    assert (done.code, again.code, here.answers()) == (0, 0, 60), done
    assert here.calls() == 60 + here.repeated()
    assert comparable(again.json)["gates"][0]["scorers"] == comparable(done.json)["gates"][0]["scorers"]
    assert run(here, "show", "--list", PYTHONPATH=path).code == 0


# --- a person at a terminal -----------------------------------------------------------------------------------------------


class Terminal:
    """``evalh`` at a terminal of its own, where keys can be pressed."""

    def __init__(self, site: Site, *words: str) -> None:
        self.seen = ""
        self.pid, self._screen = pty.fork()
        if self.pid == 0:
            os.chdir(site.root)
            os.execve(COMMAND[0], [*COMMAND, *words], clean_env(TERM="xterm", COLUMNS="100"))

    def press(self, keys: bytes) -> None:
        os.write(self._screen, keys)

    def read_until(self, words: str) -> None:
        """Read the screen until it shows ``words``; the end of the process ends it."""
        while words not in self.seen:
            part = self._read()
            assert part, f"ended without {words!r}: {self.seen}"

    def end(self) -> int:
        """Read to the end; gives the exit code."""
        while self._read():
            pass
        os.close(self._screen)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self) -> bytes:
        try:
            part = os.read(self._screen, 65536)
        except OSError:  # Linux: the other end is closed
            return b""
        self.seen += part.decode("utf-8", "replace")
        return part


def wait_for_calls(site: Site, n: int) -> None:
    while site.calls() < n:
        pass


@pytest.mark.parametrize("answered", [0, 56, *nightly(30)])
def test_ctrl_c_at_a_terminal(site: Sites, answered: int) -> None:
    """Pressed before the first answer, in the middle, and with the last calls in flight; all of them are saved."""
    here = site().prepared(60)
    here.hold_calls(after=answered)
    screen = Terminal(here, "gate", "--jobs", "4")
    wait_for_calls(here, answered + 4)
    screen.press(b"\x03")
    screen.read_until("stopping")
    here.release_calls()
    assert screen.end() == 130
    assert "evalh gate g" in screen.seen
    assert "Traceback" not in screen.seen
    assert here.answers() == here.calls() == answered + 4
    assert here.rows("SELECT stopped, complete FROM runs ORDER BY id DESC LIMIT 1") == [("interrupted", 0)]
    assert here.evalh(*GATE).code == 0
    assert here.repeated() == 0


def test_ctrl_c_twice_at_a_terminal(site: Sites) -> None:
    here = site().prepared(60)
    here.hold_calls(after=30)
    screen = Terminal(here, "gate", "--jobs", "4")
    wait_for_calls(here, 34)
    screen.press(b"\x03")
    screen.read_until("stopping")
    screen.press(b"\x03")
    assert screen.end() == 130
    assert here.calls() == 34  # it left while the four were still kept: they are not answered to this day
    assert "Traceback" not in screen.seen
    assert here.evalh("doctor", "--check").code == 0
    assert here.answers() == 30


@pytest.mark.parametrize("number", [signal.SIGINT, *nightly(signal.SIGTERM)])
def test_a_signal_while_it_waits_for_another_process(site: Sites, number: signal.Signals) -> None:
    here = site().prepared(60)
    here.hold_calls(after=10)
    holder = subprocess.Popen([*COMMAND, *GATE], cwd=here.root, env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    wait_for_calls(here, 11)
    waiter = subprocess.Popen([*COMMAND, *GATE], cwd=here.root, env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert waiter.stderr is not None
    assert any("waiting for process" in line for line in waiter.stderr)
    waiter.send_signal(number)
    waiter.communicate(timeout=60)
    assert waiter.returncode == 130
    here.release_calls()
    assert holder.wait(timeout=60) == 0
    assert here.repeated() == 0
