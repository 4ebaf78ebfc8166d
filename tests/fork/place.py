"""A repository whose main branch is trusted, a fork's checkout of it, a server that listens, and the real command line between them."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

N = 80
"""Cases; at main all are right, the fork's candidate loses every fourth."""
KEY = "sk-FAKE-4f8a1b2c3d4e5f60718293a4"
LONGEST = 240
"""Seconds after which a command counts as one that never ends, on a machine with much else to do too."""
MARK = "HXPWN"
"""A file of this name anywhere means that something of the fork's was run."""
CONFIG = """
version = 1
defaults = { max_cost = 0.50, jobs = 4 }
[evalsets]
s = { path = "evalsets/s.jsonl" }
[candidates]
bot = { recorded = "recorded/new.jsonl" }
old = { recorded = "recorded/old.jsonl" }
live = { model = "gpt-5-mini", prompt = "prompts/p.md", base_url = "https://api.openai.com/v1" }
[scorers]
exact = { use = "equals" }
[prices]
"gpt-5-mini" = { input = 0.25, output = 2.0 }
[gates.g]
candidate = "bot"
evalset = "s"
limits = { exact = { margin = 0.05 } }
[gates.side]
candidate = "bot"
baseline = "old"
evalset = "s"
limits = { exact = { margin = 0.05 } }
[gates.paid]
candidate = "live"
baseline = "old"
evalset = "s"
limits = { exact = { margin = 0.05 } }
"""


@dataclass
class Listener:
    """An HTTP server of the attacker's on this machine: it answers everything and remembers what it was sent."""

    seen: list[str] = field(default_factory=list)
    url: str = ""

    def __enter__(self) -> Listener:
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            def do_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
                seen.append(f"{self.requestline}\n{self.headers}\n{body}")
                message = {"role": "assistant", "content": "yes"}
                reply = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": {}, "text": "yes"}
                data = json.dumps(reply).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_any

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def cases() -> list[dict[str, Any]]:
    return [{"id": f"c{i:03d}", "input": f"question {i} {i * i}", "target": "yes"} for i in range(N)]


def answers(right: Callable[[int], bool]) -> list[dict[str, Any]]:
    return [{"id": f"c{i:03d}", "output": "yes" if right(i) else "no"} for i in range(N)]


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True)


def make_main(root: Path) -> None:
    """The trusted repository: everything right, baselines promoted, one commit on ``main``; then the fork's worse candidate."""
    root.mkdir(parents=True)
    (root / "evalh.toml").write_text(CONFIG)
    jsonl(root / "evalsets/s.jsonl", cases())
    jsonl(root / "recorded/new.jsonl", answers(lambda _: True))
    jsonl(root / "recorded/old.jsonl", answers(lambda _: True))
    (root / "prompts").mkdir()
    (root / "prompts/p.md").write_text("Answer: {{ input }}\n")
    (root / "rubrics").mkdir()
    (root / "rubrics/note.md").write_text("a rubric lies here\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "start")
    assert evalh(root, "promote", "--gate", "g", "--why", "what is trusted", env=plain()).returncode == 0
    (root / ".gitignore").write_text(".evalh/\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "main")
    shutil.rmtree(root / ".evalh", ignore_errors=True)
    git(root, "checkout", "-q", "-b", "fork")
    jsonl(root / "recorded/new.jsonl", answers(lambda i: i % 4 != 0))


def plain() -> dict[str, str]:
    """The environment without CI, keys and whatever else could decide a run."""
    dropped = ("CI", "GITHUB_", "GITLAB_", "EVALH_", "OPENAI_", "FORCE_COLOR", "NO_COLOR", "COLUMNS", "PYTEST_")
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(dropped) and "_API_KEY" not in name
    }
    return kept | {"LC_ALL": "C.UTF-8", "HOME": os.devnull}


def fork_env(folder: Path) -> dict[str, str]:
    """What a careless workflow gives a fork's pull request: the event says fork, and the keys lie in the environment."""
    event = folder / "event.json"
    event.write_text(
        json.dumps(
            {"pull_request": {"head": {"repo": {"full_name": "stranger/repo"}}}, "repository": {"private": False}}
        )
    )
    return plain() | {
        "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request_target", "GITHUB_EVENT_PATH": str(event),
        "GITHUB_BASE_REF": "main", "GITHUB_REPOSITORY": "us/repo", "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"), "GITHUB_OUTPUT": str(folder / "output"),
        "OPENAI_API_KEY": KEY, "MY_API_KEY": KEY, "EVALH_MAX_COST": "0.50",
    }  # fmt: skip


def evalh(root: Path, *words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The installed command, as a workflow calls it."""
    program = Path(sys.executable).parent / "evalh"
    return subprocess.run(
        [program, *words],
        cwd=root,
        env=env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=LONGEST,
        check=False,
    )


@dataclass(frozen=True)
class Came:
    """What came of an attack."""

    code: int
    outcome: str
    reason: str
    key: bool
    """The key reached the listener, or stands in something that was printed or written."""
    ran: bool
    calls: int
    said: frozenset[str]
    """Codes of the verdict's warnings."""

    @property
    def won(self) -> list[str]:
        """What the attacker got."""
        spent = self.calls > 0 or self.outcome == "no end"
        found = (("key", self.key), ("run", self.ran), ("spend", spent), ("pass", self.code == 0))
        return [what for what, got in found if got]


def attack(folder: Path, root: Path, listener: Listener, words: tuple[str, ...], env: dict[str, str]) -> Came:
    """Run the gate over a fork's checkout and look at everything that it left."""
    before = len(listener.seen)
    reports = [word for form in ("html", "md", "xml", "csv", "jsonl") for word in ("-o", str(folder / f"out.{form}"))]
    try:
        done = evalh(root, *words, "--json", *reports, env=env)
    except subprocess.TimeoutExpired:
        return Came(code=-1, outcome="no end", reason="", key=False, ran=False, calls=0, said=frozenset())
    asked = listener.seen[before:]
    written = [path.read_text("utf-8", "replace") for path in folder.iterdir() if path.is_file()]
    told = "\n".join([*asked, done.stdout, done.stderr, *written])
    verdict = json.loads(done.stdout)
    reason = verdict["gates"][0]["reason"] if verdict["gates"] else verdict["error"]["message"]
    return Came(
        code=done.returncode,
        outcome=verdict["outcome"],
        reason=reason,
        key=any(form in told for form in forms(KEY)),
        ran=any(folder.parent.rglob(MARK)),
        calls=len(asked),
        said=frozenset(warned["code"] for warned in verdict["warnings"]),
    )


def forms(secret: str) -> tuple[str, ...]:
    raw = secret.encode()
    return (
        secret,
        secret[8:],
        secret[::-1],
        base64.b64encode(raw).decode()[:24],
        raw.hex(),
        urllib.parse.quote(secret, safe=""),
    )
