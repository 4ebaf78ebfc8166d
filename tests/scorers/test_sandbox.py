from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evalharness.core.results import Failure
from evalharness.scorers import sandbox, worker
from evalharness.scorers.sandbox import Sandbox


@pytest.fixture
def box() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


def test_one_process_answers_many_jobs(box: Sandbox) -> None:
    assert box.call("search", "b+", 0, "abb") == [1, 3]
    process = box._process
    assert box.call("search", "z", 0, "abb") is None
    assert box._process is process


def test_surrogates_and_long_texts_travel(box: Sandbox) -> None:
    assert box.call("search", "\ud800", 0, "a\ud800") == [1, 2]
    assert box.call("search", "b", 0, "a" * 2_000_000 + "b") == [2_000_000, 2_000_001]


def test_over_the_time_limit_the_process_is_replaced(box: Sandbox) -> None:
    result = box.call("search", "(a+)+$", 0, "a" * 40 + "b")
    assert isinstance(result, Failure)
    assert (result.kind, result.blame) == ("timeout", "candidate")
    assert box._process is None
    assert box.call("search", "a", 0, "a") == [0, 1]


def test_a_worker_that_gets_no_time_is_the_infrastructures(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 0.05)
    result = box.call("search", "(a+)+$", 0, "a" * 40 + "b")
    assert isinstance(result, Failure)
    assert (result.kind, result.blame) == ("timeout", "infrastructure")
    assert box.call("search", "a", 0, "a") == [0, 1]


def test_over_the_memory_limit_it_is_the_candidates(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform == "darwin":
        pytest.skip("macOS sets no limit on address space")
    monkeypatch.setattr(sandbox, "CPU_SECONDS", 60.0)
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 60.0)
    result = box.call("schema_problem", "{}", True, "[" + "{}," * 16_000_000 + "{}]")
    assert isinstance(result, Failure)
    assert (result.kind, result.blame) == ("memory", "candidate")
    assert box.call("search", "a", 0, "a") == [0, 1]


def test_a_broken_job_is_a_failure_and_the_process_goes_on(box: Sandbox) -> None:
    result = box.call("search", "(", 0, "a")
    assert isinstance(result, Failure)
    assert result.kind == "broken"
    assert result.blame == "infrastructure"
    assert "unterminated" in result.message
    result = box.call("no such job")
    assert isinstance(result, Failure)
    assert box.call("search", "a", 0, "a") == [0, 1]


def test_an_endless_reference_is_a_failure(box: Sandbox) -> None:
    result = box.call("schema_problem", '{"$ref": "#"}', True, "{}")
    assert isinstance(result, Failure)
    assert result.kind == "recursion"


def test_a_killed_process_is_a_crash_and_is_replaced(box: Sandbox) -> None:
    box.call("search", "a", 0, "a")
    assert box._process is not None
    box._process.kill()
    box._process.wait()
    result = box.call("search", "a", 0, "a")
    assert isinstance(result, Failure)
    assert result.kind == "crashed"
    assert box.call("search", "a", 0, "a") == [0, 1]


def test_threads_share_it(box: Sandbox) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: box.call("search", str(n), 0, f"x{n}"), range(40)))
    assert found == [[1, 1 + len(str(n))] for n in range(40)]


def test_the_worker_sees_no_environment_but_what_python_needs(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    box.call("search", "a", 0, "a")
    assert box._process is not None
    environment = Path(f"/proc/{box._process.pid}/environ")
    if not environment.exists():
        pytest.skip("no /proc on this platform")
    assert b"sk-secret" not in environment.read_bytes()


def test_a_forked_child_starts_its_own(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    box.call("search", "a", 0, "a")
    parents = box._process
    monkeypatch.setattr(sandbox.os, "getpid", lambda: -1)
    assert box.call("search", "a", 0, "a") == [0, 1]
    childs = box._process
    assert childs is not parents
    monkeypatch.undo()
    box.close()  # as the parent: the child's process is not its own to end
    assert childs is not None
    assert childs.poll() is None
    for process in (parents, childs):
        assert process is not None
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def test_nothing_starts_before_it_is_needed() -> None:
    code = "import evalharness.scorers.sandbox as s, sys; print(s._SHARED._process, 'subprocess' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=os.getcwd())
    assert done.stdout.split() == ["None", "False"]


# --- the jobs themselves --------------------------------------------------------------------------------------------


def test_answers_are_tagged() -> None:
    assert worker.answer({"do": "search", "args": ["a", 0, "ba"]}) == {"ok": [1, 2]}
    assert worker.answer({"do": "load_schemas", "args": []}) == {"ok": None}
    assert worker.answer({"do": "search", "args": ["(", 0, ""]})["error"] == "broken"
    assert worker.answer({"do": "schema_problem", "args": ['{"$ref": "#"}', True, "{}"]})["error"] == "recursion"


def test_memory_errors_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise MemoryError

    monkeypatch.setitem(worker._JOBS, "load_schemas", full)  # type: ignore[arg-type]
    assert worker.answer({"do": "load_schemas", "args": []})["error"] == "memory"


FORMATS = [
    ("date-time", "2021-08-29T10:00:00Z", "2021-08-29 at ten"),
    ("date-time", "2021-08-29t10:00:00.25+02:00", "2021-13-29T10:00:00Z"),
    ("date", "2021-08-29", "29.8.2021"),
    ("time", "10:00:00Z", "25:00:00Z"),
    ("hostname", "a-b.example", "-a.example"),
    ("uri", "https://a.example/x?y#z", "no uri"),
    ("email", "a@b", "ab"),
    ("ipv4", "127.0.0.1", "256.0.0.1"),
]


@pytest.mark.parametrize(("name", "good", "bad"), FORMATS)
def test_formats_are_asserted(name: str, good: str, bad: str) -> None:
    schema = f'{{"format": "{name}"}}'
    assert worker.instance_problem(schema, True, good) is None
    assert worker.instance_problem(schema, True, bad) is not None
    assert worker.instance_problem(schema, False, bad) is None
    assert worker.instance_problem(schema, True, 5) is None


def test_an_endless_error_is_cut() -> None:
    problem = worker.instance_problem('{"properties": {"a": {"const": 1}}}', True, {"a": "x" * 10_000})
    assert problem is not None
    assert problem.startswith("at a: ")
    assert len(problem) < 220


# --- what a worker process may do: compute ----------------------------------------------------------------------------

TRIES = {
    "a connection": "import socket; socket.create_connection(('127.0.0.1', 9))",
    "a look-up": "import socket; socket.getaddrinfo('localhost', 80)",
    "a program": "import subprocess; subprocess.run(['true'])",
    "a shell": "import os; os.system('true')",
    "a fork": "import os; os.fork() or os._exit(0)",
    "a file": "open('/tmp/evalh-worker', 'w')",
    "a low-level file": "import os; os.open('/tmp/evalh-worker', os.O_RDWR | os.O_CREAT)",
    "reading elsewhere": "open('/etc/passwd').read()",
    "removing": "import os; os.remove('/tmp/evalh-worker')",
    "a library of the system": "import ctypes; ctypes.CDLL(None)",
}


def tried(lock: str, folder: Path) -> dict[str, str]:
    """What came of each try, all of them in one process."""
    code = f"""
import ctypes, json, os, socket, subprocess, sys
from evalharness.scorers import worker
{lock}
found = {{}}
for what, code in json.loads(sys.argv[1]).items():
    try:
        exec(code)
        found[what] = "done"
    except Exception as error:
        found[what] = f"{{type(error).__name__}}: {{error}}"
print(json.dumps(found))
"""
    tries = {what: code.replace("/tmp/", f"{folder}/") for what, code in TRIES.items()}
    done = subprocess.run([sys.executable, "-c", code, json.dumps(tries)], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def test_only_computing_is_left_to_a_worker(tmp_path: Path) -> None:
    lock = "sys.addaudithook(worker.only_compute((sys.prefix, sys.base_prefix, *filter(None, sys.path))))"
    assert {what for what, came in tried(lock, tmp_path).items() if "a worker process" not in came} == set()
    assert list(tmp_path.iterdir()) == []


def test_negative_control_without_the_lock_they_are_done(tmp_path: Path) -> None:
    found = tried("", tmp_path)
    refused = {what for what, came in found.items() if came != "done"}
    assert refused == {"a connection"}, "nobody listens there"


def test_the_real_worker_is_locked(box: Sandbox) -> None:
    assert box.call("search", "a", 0, "a") == [0, 1]
    # A schema library that imports, reads its own files and works under the lock says that reading is still allowed.
    assert box.call("schema_problem", '{"type": "string"}', True, "3") is not None
    assert box.call("render_template", "{{ input|upper }}", {"input": "x"}) == ["X", "", None]


def test_a_strangers_template_is_stopped(box: Sandbox) -> None:
    loops = "{% for a in input %}{% for b in input %}{% for c in input %}{{ a }}{% endfor %}{% endfor %}{% endfor %}"
    result = box.call("render_template", loops, {"input": ["x"] * 2000})
    assert isinstance(result, Failure)
    assert result.kind == "timeout"
    text, problem, line = box.call("render_template", "a\n{{ input.__class__.__mro__ }}", {"input": "x"})
    assert (text, line) == ("", 2)
    assert "unsafe" in problem
    assert box.call("render_template", "{% if %}", {})[1:] == [
        "Expected an expression, got 'end of statement block'",
        1,
    ]
