"""A user's project in a temporary folder, and ``evalh`` as a process of its own in it: what acceptance tests work with."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "evalharness")
NOT_OURS = ("CI", "GITHUB_", "GITLAB_", "EVALH_", "OPENAI_", "FORCE_COLOR", "NO_COLOR", "COLUMNS", "PYTHONDONT")


def clean_env(**more: str) -> dict[str, str]:
    """The environment of a person at a plain shell: no CI, no keys, no settings of ours."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS) and "_API_KEY" not in name
    }
    return kept | more


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Stdout as exactly one JSON object; anything more on it fails."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    @property
    def gate(self) -> dict[str, Any]:
        """The only gate of a verdict."""
        (found,) = self.json["gates"]
        return dict(found)

    @property
    def text(self) -> str:
        """Everything a person saw, on one line, so that wrapping does not matter."""
        return " ".join((self.out + " " + self.err).split())


def evalh(*words: str, cwd: Path, timeout: float = 120.0, **env: str) -> Done:
    """Run one command to its end. It never gets a terminal."""
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=cwd,
        env=clean_env(**env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)


def ask_server(base_url: str, method: str, path: str) -> dict[str, Any]:
    """One question to the test server itself, outside the API that is tested."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(base_url).netloc, timeout=10)
    try:
        connection.request(method, path)
        found: dict[str, Any] = json.loads(connection.getresponse().read())
        return found
    finally:
        connection.close()


def comparable(verdict: dict[str, Any]) -> dict[str, Any]:
    """A verdict without what may differ after a kill: the run's random id, times, and the calls that were paid.

    Times are wall seconds, and when the recorded baseline was read. A call that was paid and not saved is booked, or not.
    """
    (gate,) = verdict["gates"]
    kept = {name: value for name, value in gate.items() if name not in ("run", "seconds")}
    kept["baseline"] = {name: value for name, value in gate["baseline"].items() if name != "created"}
    kept["calls"] = {name: value for name, value in gate["calls"].items() if name not in ("made", "cost_usd")}
    return verdict | {"gates": [kept]}


def jsonl(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as a JSONL text."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@dataclass(frozen=True, kw_only=True)
class House:
    """One project: ``bot`` answers ``s`` through a prompt that starts with a word; the server knows what follows it."""

    root: Path
    url: str = ""
    kept: Path | None = None
    """Where promoted projects are kept, to start further tests from."""

    def cases(self, n: int, *, start: int = 0, **more: Any) -> None:
        """``n`` cases whose right answers are ``yes-0000``, ``yes-0001``, ..; the first twelve are tagged ``low``."""
        rows = [
            {"id": f"c{i:04d}", "input": f"case {i:04d}", "target": f"yes-{i:04d}", "tags": ["low"] if i < 12 else []}
            | more
            for i in range(start, start + n)
        ]
        self.write("evalsets/s.jsonl", jsonl(rows))

    def write(self, path: str, text: str) -> Path:
        """Write a file of the project."""
        found = self.root / path
        found.parent.mkdir(parents=True, exist_ok=True)
        found.write_text(text, encoding="utf-8")
        return found

    def config(
        self,
        word: str = "GOOD",
        *,
        bot: str = "",
        limits: str = "exact = { margin = 0.1 }",
        gate: str = "",
        scorers: str = "",
        more: str = "",
    ) -> None:
        """Write evalh.toml; ``word`` begins the prompt and so decides how good the candidate is."""
        self.write(
            "evalh.toml",
            f"""version = 1
defaults = {{ jobs = 8 }}
[evalsets]
s = {{ path = "evalsets/s.jsonl" }}
[candidates]
bot = {{ model = "m-1", prompt = "{word} {{{{ input }}}}", base_url = "{self.url}", temperature = 0{bot} }}
[scorers]
exact = {{ use = "equals" }}
{scorers}
[gates.g]
candidate = "bot"
evalset = "s"
limits = {{ {limits} }}
{gate}
{more}
""",
        )

    def evalh(self, *words: str, timeout: float = 120.0, **env: str) -> Done:
        """Run a command in the project."""
        return evalh(*words, cwd=self.root, timeout=timeout, **env)

    def promoted(self, n: int = 200, word: str = "GOOD", **config: str) -> House:
        """Cases, config and a stored baseline; the server's counts start at 0 afterwards."""
        name = hashlib.sha256(repr((n, word, sorted(config.items()), self.url)).encode()).hexdigest()[:16]
        if self.kept is not None and (self.kept / name).exists():
            shutil.copytree(self.kept / name, self.root, dirs_exist_ok=True)
            self.forget_calls()
            return self
        self.cases(n)
        self.config(word, **config)
        done = self.evalh("promote", "--why", "the start")
        assert done.code == 0, done
        self.forget_calls()
        if self.kept is not None:
            shutil.copytree(self.root, self.kept / name)
        return self

    def calls(self) -> int:
        """Calls that reached the server since the counts were last set to 0."""
        return int(ask_server(self.url, "GET", "/stats")["calls"])

    def forget_calls(self) -> None:
        """Set the server's counts to 0."""
        ask_server(self.url, "POST", "/reset")

    def hold_calls(self, after: int) -> None:
        """Keep every call after so many waiting until ``release_calls``: no run gets past them meanwhile."""
        ask_server(self.url, "POST", f"/hold/{after}")

    def release_calls(self) -> None:
        """Answer the calls that wait, and hold no more."""
        ask_server(self.url, "POST", "/release")

    def baseline_lines(self, gate: str = "g") -> list[dict[str, Any]]:
        """The stored baseline, header first."""
        text = (self.root / f"reports/baselines/{gate}.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


def server_answers(n: int) -> dict[str, str]:
    """What the mock server knows: word of the prompt and case -> answer.

    ``SURE`` is always right, ``GOOD`` wrong on every tenth case, ``EVEN`` wrong on another tenth, ``DROP`` wrong on four
    of ten, ``SHAKY`` wrong on every tenth and on one case more, ``BAD`` always wrong.
    """
    wrong = {
        "SURE": lambda i: False,
        "GOOD": lambda i: i % 10 == 9,
        "EVEN": lambda i: i % 10 == 4,
        "DROP": lambda i: i % 10 >= 6,
        "SHAKY": lambda i: i % 10 == 9 or i == 7,
        "BAD": lambda i: True,
    }
    return {
        f"{word} case {i:04d}": f"no-{i:04d}" if fails(i) else f"yes-{i:04d}"
        for word, fails in wrong.items()
        for i in range(n)
    }
