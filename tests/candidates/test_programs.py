"""Kinds ``python``, ``command``, ``http``, ``retriever`` and ``recorded``, each against the real thing."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from evalharness.candidates.answers import pick, read_documents, read_output
from evalharness.candidates.registry import KINDS, function_candidate
from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.protocols import Candidate, Recording
from evalharness.core.results import Document, Failure, Output

CASE = Case(id="c1", input="hello world", target="secret", relevant={"d": 1}, metadata={"m": 1}, context=("ctx",))


def ask(candidate, case=CASE):
    async def once():
        try:
            return await candidate.answer(candidate.request(case, epoch=0, attempt=0, run_seed=7), case)
        finally:
            await candidate.close()

    return asyncio.run(once())


# --- python ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def module(project, request):
    """Write a module of the project under a name that no other test uses."""
    name = f"app_{abs(hash(request.node.name))}"

    def write(code):
        (project.root / f"{name}.py").write_text(textwrap.dedent(code))
        return name

    yield write
    sys.modules.pop(name, None)
    sys.path[:] = [folder for folder in sys.path if folder != str(project.root.resolve())]


def test_functions_sync_async_and_dict(build, module):
    name = module("""
        from evalharness.core.results import Output
        def plain(case): return case.input.upper()
        async def later(case): return Output(text="later", documents=["d1"])
        def fields(case): return {"output": "x", "documents": [{"id": "d", "score": 1.0}], "latency_s": 0.5}
        class Callable:
            async def __call__(self, case): return "called"
        called = Callable()
        def lazily(case): return later(case)
    """)
    assert ask(build("python", python=f"{name}:plain")).text == "HELLO WORLD"
    assert ask(build("python", python=f"{name}:later")).documents == (Document(id="d1"),)
    assert ask(build("python", python=f"{name}:fields")) == Output(
        text="x", documents=(Document(id="d", score=1.0),), latency_s=0.5
    )
    assert ask(build("python", python=f"{name}:called")).text == "called"
    assert ask(build("python", python=f"{name}:lazily")).text == "later"


def test_sync_functions_run_side_by_side(build, module):
    name = module("""
        import threading
        barrier = threading.Barrier(4)
        def meet(case):
            barrier.wait(5)
            return "met"
    """)
    candidate = build("python", python=f"{name}:meet")

    async def four():
        request = candidate.request(CASE, epoch=0, attempt=0, run_seed=7)
        return await asyncio.gather(*(candidate.answer(request, CASE) for _ in range(4)))

    assert [o.text for o in asyncio.run(four())] == ["met"] * 4


@pytest.mark.parametrize(
    ("error", "kind", "blame"),
    [
        ("ValueError('bad')", "exception", "candidate"),
        ("StopIteration()", "exception", "candidate"),
        ("AssertionError()", "exception", "candidate"),
        ("ConnectionResetError('gone')", "connection", "infrastructure"),
        ("TimeoutError()", "timeout", "infrastructure"),
        ("FileNotFoundError('x')", "connection", "infrastructure"),
    ],
)
@pytest.mark.parametrize("how", ["def", "async def"])
def test_what_a_function_raises_has_a_culprit(build, module, error, kind, blame, how):
    name = module(f"{how} fail(case): raise {error}")
    output = ask(build("python", python=f"{name}:fail"))
    assert (output.kind, output.blame) == (kind, blame)


@pytest.mark.parametrize(
    "value",
    [
        "None",
        "[1]",
        "{'txt': 'x'}",
        "{}",
        "object()",
        "{'text': 5}",
        "{'latency_s': -1}",
        "{'latency_s': float('nan')}",
    ],
)
def test_what_is_no_answer_is_the_candidates_doing(build, module, value):
    name = module(f"def odd(case): return {value}")
    output = ask(build("python", python=f"{name}:odd"))
    assert (output.kind, output.blame) == ("bad_answer", "candidate")


def test_a_function_that_hangs_is_left_behind(build, module):
    name = module("""
        import time
        def hang(case): time.sleep(30)
    """)
    started = time.monotonic()
    output = ask(build("python", python=f"{name}:hang", timeout=0.1))
    assert output.kind == "timeout"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("reference", ["nosuch_module_x:f", "json:nosuch", "json", ":f", "json:__doc__", "json:"])
def test_functions_that_are_not_there(build, reference):
    with pytest.raises(ConfigError, match=":") as caught:
        build("python", python=reference).check(CASE)
    assert caught.value.where == "evalh.toml:7"


def test_code_is_not_imported_for_a_replay_and_never_in_an_untrusted_run(build, module):
    name = module("raise SystemError('imported')")
    candidate = build("python", python=f"{name}:f", untrusted=True)
    candidate.request(CASE, epoch=0, attempt=0, run_seed=7)
    with pytest.raises(ConfigError, match="data only"):
        candidate.check(CASE)
    with pytest.raises(ConfigError, match="SystemError"):
        build("python", python=f"{name}:f").check(CASE)


def test_declared_code_enters_the_digest_and_undeclared_serves_one_run(build, project):
    (project.root / "app").mkdir()
    (project.root / "app/a.py").write_text("1")
    bare = build("python", python="app.a:f")
    assert bare.reuse == "same_run"
    declared = build("python", python="app.a:f", inputs=["app/**/*.py"])
    assert declared.reuse == "always"
    (project.root / "app/a.py").write_text("2")
    changed = build("python", python="app.a:f", inputs=["app/**/*.py"])
    assert changed.digest != declared.digest
    key = [c.request(CASE, epoch=0, attempt=0, run_seed=7).key for c in (declared, changed)]
    assert key[0] != key[1]
    assert build("python", python="app.a:f", version="1").reuse == "always"
    assert (
        build("python", python="app.a:f", version="1").digest != build("python", python="app.a:f", version="2").digest
    )


@pytest.mark.parametrize("pattern", ["../*.py", "/etc/*", "nosuch/*.py"])
def test_inputs_outside_or_nowhere(build, pattern):
    with pytest.raises(ConfigError, match="inputs"):
        build("python", python="a:f", inputs=[pattern])


def test_a_function_at_hand():
    candidate = function_candidate(lambda case: case.id, name="mine")
    assert isinstance(candidate, Candidate)
    assert candidate.reuse == "same_run"
    assert ask(candidate).text == "c1"


# --- command --------------------------------------------------------------------------------------------------------


def program(code, *arguments):
    return [sys.executable, "-c", textwrap.dedent(code), *arguments]


def test_a_program_gets_the_case_without_its_target(build):
    argv = program("import sys; print(sys.stdin.read().strip())")
    told = json.loads(ask(build("command", command=argv)).text)
    assert told["id"] == "c1"
    assert told["input"] == "hello world"
    assert set(told) == {"id", "input", "context", "metadata", "seed"}


def test_a_program_that_speaks_json(build):
    argv = program('print(\'{"text": "x", "documents": ["a"]}\')', "--json")
    assert ask(build("command", command=argv)) == Output(text="x", documents=("a",))
    plain = program('print(\'{"text": "x"}\')')
    assert ask(build("command", command=plain)).text == '{"text": "x"}'


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("import sys; sys.stderr.write('broken: sk-abcdefgh12345678'); sys.exit(3)", "exit", "exit status 3: broken"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "exit", "signal 9"),
        ("import sys; sys.stdout.buffer.write(b'\\xff')", "bad_answer", "UTF-8"),
        ("import sys; sys.stdout.write('x' * 9_000_000)", "bad_answer", "more than"),
        ("import os\nwhile True: os.write(1, b'x' * 65536)", "bad_answer", "more than"),
    ],
)
def test_a_program_that_fails(build, code, kind, said):
    output = ask(build("command", command=program(code)))
    assert (output.kind, output.blame) == (kind, "candidate")
    assert said in output.message
    assert "sk-abcdefgh" not in output.message


def test_broken_json_of_a_program(build):
    output = ask(build("command", command=program("print('{')", "--json")))
    assert (output.kind, output.blame) == ("bad_answer", "candidate")


def test_a_program_may_close_its_stdin_and_write_much_to_stderr(build):
    code = "import sys; sys.stdin.close(); sys.stderr.write('x' * 1_000_000); print('done')"
    case = Case(id="c", input="x" * 1_000_000)
    assert ask(build("command", command=program(code)), case).text == "done"


def test_a_program_that_hangs_dies_with_its_children(build, project):
    code = """
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        open("child.pid", "w").write(str(child.pid))
        time.sleep(60)
    """
    output = ask(build("command", command=program(code), timeout=1.0))
    assert output.kind == "timeout"
    pid = int((project.root / "child.pid").read_text())
    for _ in range(100):
        if not _alive(pid):
            break
        time.sleep(0.02)
    assert not _alive(pid)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_never_a_shell(build, project):
    case = Case(id="c", input="$(touch pwned); `touch pwned`; ' \" | touch pwned")
    text = ask(build("command", command=program("import sys; print(sys.argv[1:])", "$(touch pwned)")), case).text
    assert text == "['$(touch pwned)']"
    assert not (project.root / "pwned").exists()


def test_programs_that_are_not_there(build, project):
    for argv in (["./nosuch"], ["nosuch-program-x"]):
        with pytest.raises(ConfigError, match="no program"):
            build("command", command=argv).check(CASE)
    script = project.root / "run.sh"
    script.write_text("#!/bin/sh\ncat >/dev/null; echo hi\n")
    script.chmod(0o755)
    assert ask(build("command", command=["./run.sh"])).text == "hi"
    with pytest.raises(ConfigError, match="data only"):
        build("command", command=["./run.sh"], untrusted=True).check(CASE)


# --- http -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def echo():
    """A service that gives back what it was sent."""

    class Echo(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = json.dumps(
                {"got": body, "hits": [{"_id": "a"}, {"_id": "b"}, {"_id": "c"}], "text": "said"}
            ).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/answer"
    server.shutdown()
    server.server_close()


def test_a_service_is_sent_a_rendered_body(build, echo):
    body = {"q": "{{ input }}", "n": 3, "list": ["{{ metadata.m }}"], "evil": "{{ context[0] }}"}
    output = ask(
        build("http", http={"url": echo, "body": body, "pick": "/got/q"}),
        Case(id="c", input='a"}{{ 1 }}', metadata={"m": 1}, context=["x"]),
    )
    assert output.text == 'a"}{{ 1 }}'
    assert output.latency_s > 0
    assert ask(build("http", http={"url": echo, "pick": "/text"})).text == "said"


def test_a_retriever_service(build, echo):
    candidate = build("retriever", retriever={"url": echo, "body": {"q": "{{ input }}"}, "pick": "/hits/*/_id"}, k=2)
    assert ask(candidate).documents == (Document(id="a"), Document(id="b"))
    assert candidate.price == (0.0, 0.0)
    assert candidate.reuse == "same_run"


@pytest.mark.parametrize(
    ("mode", "kind", "blame"),
    [
        ("slow_body", "timeout", "infrastructure"),
        ("slow_head", "timeout", "infrastructure"),
        ("reset", "connection", "infrastructure"),
        ("cutbody", "connection", "infrastructure"),
        ("garbage", "connection", "infrastructure"),
        ("500", "server_error", "infrastructure"),
        ("401", "unauthorized", "infrastructure"),
        ("429=Retry-After: 3", "rate_limited", "infrastructure"),
        ("400", "bad_request", "candidate"),
        ("redirect", "redirected", "infrastructure"),
        ("html", "bad_answer", "candidate"),
        ("badutf8", "bad_answer", "candidate"),
        ("nan", "bad_answer", "candidate"),
        ("huge", "bad_answer", "candidate"),
        ("gzip", "bad_answer", "candidate"),
        ("list", "bad_answer", "candidate"),
        ("nochoices", "bad_answer", "candidate"),
    ],
)
def test_a_hostile_service(build, hostile, mode, kind, blame):
    from urllib.parse import quote

    hostile.seen.clear()
    url = f"http://127.0.0.1:{hostile.port}/{quote(mode)}/x"
    output = ask(
        build("http", http={"url": url, "pick": "/choices/0/message/content"}, timeout=0.7 if kind == "timeout" else 60)
    )
    assert (output.kind, output.blame) == (kind, blame), output
    assert not [path for path, _, _ in hostile.seen if "thief" in path]


def test_wrong_endpoints(build):
    for table in (
        {"url": "http://example.com/"},
        {"url": "http://127.0.0.1/", "pick": "text"},
        {"url": "http://127.0.0.1/", "headers": {"A": "b\r\nC: d"}},
    ):
        with pytest.raises(ConfigError):
            build("http", http=table)
    with pytest.raises(ConfigError, match="regoin"):
        build("http", http={"url": "http://127.0.0.1/", "body": {"q": "{{ metadata.regoin }}"}}).check(CASE)
    for use in ("http", "retriever"):
        with pytest.raises(ConfigError, match="data only"):
            build(use, untrusted=True, **{use: {"url": "http://127.0.0.1/"}}).check(CASE)


def test_headers_are_not_shown(build):
    candidate = build("http", http={"url": "http://127.0.0.1/", "headers": {"X-Token": "opensesame123"}})
    assert "opensesame" not in str(candidate.description)


# --- retriever ------------------------------------------------------------------------------------------------------


def test_a_retriever_function(build, module):
    name = module("""
        def ids(query, k): return [f"{word}{k}" for word in query.split()]
        async def scored(query, k): return [{"id": "a", "text": "t", "score": 2}, "b", "c"]
        def twice(query, k): return ["a", "a"]
        def odd(query, k): return "a"
        def wrong(query, k): return [{"name": "a"}]
    """)
    assert [d.id for d in ask(build("retriever", retriever=f"{name}:ids", k=5)).documents] == ["hello5", "world5"]
    assert ask(build("retriever", retriever=f"{name}:scored", k=1)).documents == (Document(id="a", text="t", score=2),)
    for bad in ("twice", "odd", "wrong"):
        output = ask(build("retriever", retriever=f"{name}:{bad}"))
        assert (output.kind, output.blame) == ("bad_answer", "candidate")
    with pytest.raises(ConfigError, match="data only"):
        build("retriever", retriever=f"{name}:ids", untrusted=True).check(CASE)


CORPUS = tuple(
    Document(id=name, text=text)
    for name, text in (
        ("d1", "reset your password token"),
        ("d2", "cats and dogs"),
        ("d3", "the cats"),
        ("d4", "cats and dogs"),
        ("d5", ""),
    )
)


def test_bm25(build):
    candidate = build("retriever", retriever="bm25", corpus=CORPUS, k=3)
    assert isinstance(candidate, Candidate)
    assert candidate.reuse == "always"
    found = ask(candidate, Case(id="q", input="Cats")).documents
    assert [d.id for d in found] == ["d3", "d2", "d4"], "equal scores keep the order of the corpus"
    assert found[1].score == found[2].score > 0
    assert [d.id for d in ask(candidate, Case(id="q", input="password")).documents] == ["d1"]
    for nothing in ("", "zebra", "the", "?!"):
        assert ask(candidate, Case(id="q", input=nothing)).documents == ()
    assert build("retriever", retriever="bm25", corpus=CORPUS, k=3, b=0.1).digest != candidate.digest
    assert build("retriever", retriever="bm25", corpus=CORPUS[1:], k=3).digest != candidate.digest
    build("retriever", retriever="bm25", corpus=CORPUS, untrusted=True)


def test_bm25_by_the_formula(build):
    """Lucene's BM25 by hand: idf = ln(1 + (N - n + .5) / (n + .5)); tf / (tf + k1 (1 - b + b len / mean))."""
    import math

    corpus = (Document(id="x", text="alpha beta"), Document(id="y", text="alpha alpha gamma delta"))
    found = {
        d.id: d.score
        for d in ask(build("retriever", retriever="bm25", corpus=corpus), Case(id="q", input="alpha")).documents
    }
    idf = math.log(1 + 0.5 / 2.5)
    expected = {
        name: idf * tf / (tf + 1.5 * (1 - 0.75 + 0.75 * length / 3)) for name, tf, length in (("x", 1, 2), ("y", 2, 4))
    }
    assert found == pytest.approx(expected, rel=1e-5)


def test_bm25_wants_a_corpus_and_others_no_bm25_keys(build):
    with pytest.raises(ConfigError, match="corpus"):
        build("retriever", retriever="bm25")
    with pytest.raises(ConfigError, match="bm25"):
        build("retriever", retriever="a:f", k1=1.0)


# --- recorded, registry, readers ------------------------------------------------------------------------------------


def test_recorded(build, project):
    (project.root / "old.jsonl").write_text('{"id": "c1", "output": "x"}\n{"id": "c2", "error": "boom"}\n')
    candidate = build("recorded", recorded="old.jsonl")
    assert isinstance(candidate, Recording)
    assert candidate.lookup(CASE, epoch=0, attempt=0).text == "x"
    assert candidate.lookup(CASE, epoch=1, attempt=0) is None
    (project.root / "same.jsonl").write_text('{"id":"c2","error":"boom"}\n{"output":"x","id":"c1"}\n')
    assert build("recorded", recorded="same.jsonl").digest == candidate.digest


def test_unknown_kinds_are_named(build):
    with pytest.raises(ConfigError, match="no candidate kind 'agent'") as caught:
        build("agent")
    assert all(kind in caught.value.tip for kind in KINDS)


def test_pointers():
    value = {"a/b": [{"c~d": 1}, {"c~d": 2}], "": 3}
    assert pick(value, "") is value
    assert pick(value, "/a~1b/*/c~0d") == [1, 2]
    assert pick(value, "/a~1b/1/c~0d") == 2
    assert pick(value, "/") == 3
    for wrong in ("/x", "/a~1b/7", "/a~1b/-1", "/*", "/a~1b/0/c~0d/x"):
        with pytest.raises(LookupError):
            pick(value, wrong)


def test_readers():
    assert read_output(True, "f").text == "true"
    assert read_output(1.5, "f").text == "1.5"
    assert isinstance(read_output(float("nan"), "f"), Failure)
    assert isinstance(read_output({"messages": None}, "f"), Failure)
    assert isinstance(read_output({"documents": [3]}, "f"), Failure)
    output = Output(documents=("a",))
    assert read_documents(output, "f") is output
