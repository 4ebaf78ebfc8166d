"""A small, fast stand-in for an OpenAI-compatible server, with faults on request. Standard library only, loopback only.

    python tests/e2e/mock_server.py --port 0 --latency-ms 5 --fail 500:0.05 --fail 429:first1

prints its base URL (``http://127.0.0.1:PORT/v1``) and serves until it is ended. ``POST .../chat/completions`` and
``POST .../completions`` are answered with a pure function of the request, so that two runs can be compared;
``GET /stats`` tells what arrived, ``POST /reset`` forgets it, ``GET /health`` says that it stands. ``POST /hold/N`` keeps
every call after the N-th waiting until ``POST /release``: a test that looks at a process in the middle of its run holds it
there, instead of hoping to be faster. ``POST /kill/PID/N`` ends a process (SIGKILL) the moment its N-th call arrives.

A fault is ``KIND:WHEN``. KIND is an HTTP status (``429`` carries Retry-After) or one of

    reset       the connection is cut without an answer        hang        no answer, ever
    cut         fewer bytes come than Content-Length promises  slow        half of the body, a pause, the rest
    malformed   200 whose body is not whole JSON               error200    200 whose body is an error object
    nochoices   200 with an empty list of choices              html        200 with a web page
    huge        200 with an answer of --huge-mb megabytes      length      200, the answer cut at its token limit

or ``429=Header:value`` (that header instead of Retry-After), or one of the modes of ``tests/hostile_modes.py``. WHEN is a share
(``0.05``: that part of the calls, drawn from the request and how often it came, so runs repeat), call numbers (``@3,7-9``,
counted from 1), ``first2`` (the first two times each distinct request comes), ``~TEXT`` (the first time that each request
with this text comes) or ``=TEXT`` (every time).
The first fault that applies wins.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests import hostile_modes  # (found through the line above, so that this file also works as a script)

KINDS = ("reset", "hang", "cut", "slow", "malformed", "error200", "nochoices", "html", "huge", "length")
MANY_VALUES = 50
MEGABYTE = 1 << 20


def chance(*parts: object) -> float:
    """A number in [0, 1) that depends only on ``parts``."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:6]) / (1 << 48)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to misbehave, and when."""

    kind: str
    share: float = 0.0
    calls: frozenset[int] = frozenset()
    first: int = 0
    text: str = ""
    every_time: bool = True

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read ``KIND:WHEN``; raises ArgumentTypeError (or ValueError for a bad number) on anything else."""
        kind, _, when = text.rpartition(":")
        is_status = kind.isdecimal() and 400 <= int(kind) <= 599
        if kind not in (*KINDS, *hostile_modes.MODES) and not is_status and not kind.startswith("429="):
            raise argparse.ArgumentTypeError(
                f"unknown fault {kind!r}: expected an HTTP error status, one of {', '.join(KINDS)}, or a hostile mode"
            )
        if when[:1] in ("~", "="):
            return cls(kind=kind, text=when[1:], every_time=when[0] == "=")
        if when.startswith("@"):
            spans = [part.partition("-") for part in when[1:].split(",")]
            numbers = (n for low, _, high in spans for n in range(int(low), int(high or low) + 1))
            return cls(kind=kind, calls=frozenset(numbers))
        if when.startswith("first"):
            return cls(kind=kind, first=int(when.removeprefix("first")))
        share = float(when)
        if not 0 <= share <= 1:
            raise argparse.ArgumentTypeError(f"a share is between 0 and 1, not {when}")
        return cls(kind=kind, share=share)

    def applies(self, call: int, body: str, attempt: int, content: str) -> bool:
        """Whether this fault strikes the ``call``-th call, the ``attempt``-th with this body (both from 1)."""
        if self.text:
            return self.text in content and (self.every_time or attempt == 1)
        return call in self.calls or attempt <= self.first or chance(self.kind, body, attempt) < self.share


@dataclasses.dataclass(slots=True)
class Seen:
    """What arrived since the start or the last reset."""

    calls: int = 0
    answered: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    faults: Counter[str] = dataclasses.field(default_factory=Counter)
    bodies: Counter[str] = dataclasses.field(default_factory=Counter)
    headers: dict[str, set[str]] = dataclasses.field(default_factory=dict)

    def note(self, headers: dict[str, str], body: str) -> tuple[int, int]:
        """Count a call; returns its number and how often this body has come by now."""
        self.calls += 1
        self.bodies[body] += 1
        for name, value in headers.items():
            values = self.headers.setdefault(name, set())
            if len(values) < MANY_VALUES:
                values.add(value)
        return self.calls, self.bodies[body]

    def to_json(self) -> dict[str, Any]:
        """Counts, with bodies as SHA-256 digests and header values as sorted lists."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return values | {"headers": {name: sorted(found) for name, found in sorted(self.headers.items())}}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the server behaves; the fields are the command line's options."""

    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    fail: tuple[Fault, ...] = ()
    retry_after: str = "0"
    slow_s: float = 2.0
    huge_mb: int = 64
    model: str | None = None
    answers: dict[str, str] = dataclasses.field(default_factory=dict)

    def answer(self, text: str) -> str:
        """The table's answer for ``text`` or for the longest key inside it, else a word made from its digest."""
        if text in self.answers:
            return self.answers[text]
        inside = [key for key in self.answers if key in text]
        return (
            self.answers[max(inside, key=len)] if inside else f"answer-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        )


def last_user_text(request: dict[str, Any]) -> str:
    """Prompt of a completion, or the last user message of a chat as text."""
    if "messages" not in request:
        return str(request.get("prompt", ""))
    contents = [message.get("content") for message in request["messages"] if message.get("role") == "user"]
    content = contents[-1] if contents else ""
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, sort_keys=True)


def completion(request: dict[str, Any], *, settings: Settings, digest: str, fault: str | None) -> dict[str, Any]:
    """Body of a good answer, or of one that is good HTTP but a bad answer."""
    if fault == "error200":
        return {"error": {"message": "mock: something went wrong", "type": "server_error", "code": None}}
    question = last_user_text(request)
    text = "x" * (settings.huge_mb * MEGABYTE) if fault == "huge" else settings.answer(question)
    count = 0 if fault == "nochoices" else int(request.get("n") or 1)
    chat = "messages" in request
    content = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
    finish = {"logprobs": None, "finish_reason": "length" if fault == "length" else "stop"}
    asked, said = len(question.split()), len(text.split()) * count
    return {
        "id": f"mock-{digest[:12]}",
        "object": "chat.completion" if chat else "text_completion",
        "created": 1,
        "model": settings.model or request.get("model"),
        "choices": [{"index": index, **content, **finish} for index in range(count)],
        "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
    }


def http(status: int, body: bytes, *, kind: str = "application/json", **headers: str) -> tuple[bytes, bytes]:
    """Head and body of an HTTP/1.1 answer; underscores in header names become dashes."""
    lines = [f"HTTP/1.1 {status} Mock", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode(), body


def error(status: int, message: str, **headers: str) -> tuple[bytes, bytes]:
    body = {"error": {"message": message, "type": "mock_error", "param": None, "code": str(status)}}
    return http(status, json.dumps(body).encode(), **headers)


class MockServer:
    """Answers one connection after the other request; keeps connections open."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.seen = Seen()
        self._hold_after: int | None = None
        self._released = asyncio.Event()
        self._kill: tuple[int, int] | None = None

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it leaves or is cut off."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._exchange(reader, writer):
                pass
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if method == "POST" and path.endswith("/completions"):
            open_still = await self._call(headers, body, writer)
        else:
            writer.writelines(self._control(method, path))
            open_still = True
        await writer.drain()
        return open_still and headers.get("connection", "").lower() != "close"

    def _control(self, method: str, path: str) -> tuple[bytes, bytes]:
        match method, path:
            case "GET", "/stats":
                return http(200, json.dumps(self.seen.to_json()).encode())
            case "POST", "/reset":
                self.seen = Seen()
                return http(200, b"{}")
            case "POST", "/release":
                self._hold_after = None
                self._released.set()
                return http(200, b"{}")
            case "POST", _ if path.startswith("/hold/") and path[6:].isdecimal():
                self._hold_after, self._released = int(path[6:]), asyncio.Event()
                return http(200, b"{}")
            case "POST", _ if path.startswith("/kill/"):
                victim, at = path.removeprefix("/kill/").split("/")
                self._kill = int(at), int(victim)
                return http(200, b"{}")
            case "GET", "/health":
                return http(200, b'{"status": "ok"}')
        return error(404, f"no such address: {method} {path}")

    async def _call(self, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer a completion call; False when the connection must end."""
        seen, digest = self.seen, hashlib.sha256(body).hexdigest()
        call, attempt = seen.note(headers, digest)
        content = body.decode("utf-8", "replace")
        fault = next((f.kind for f in self.settings.fail if f.applies(call, digest, attempt, content)), None)
        if self._kill is not None and self._kill[0] == call:
            os.kill(self._kill[1], signal.SIGKILL)
        seen.in_flight += 1
        seen.most_in_flight = max(seen.most_in_flight, seen.in_flight)
        try:
            if self._hold_after is not None and call > self._hold_after:
                await self._released.wait()
            await asyncio.sleep((self.settings.latency_ms + self.settings.jitter_ms * chance(digest, attempt)) / 1000)
            open_still = await self._reply(fault, digest, body, writer)
        finally:
            seen.in_flight -= 1
        seen.faults.update([fault] if fault else [])
        seen.answered += fault is None
        return open_still

    async def _reply(self, fault: str | None, digest: str, body: bytes, writer: asyncio.StreamWriter) -> bool:
        is_own = fault is None or fault in KINDS or fault.isdecimal() or fault.startswith("429=")
        if fault == "reset" or not is_own:
            return bool(await hostile_modes.misbehave(fault, writer))
        if fault == "hang":
            await asyncio.sleep(86400)
        try:
            request = json.loads(body)
        except ValueError:
            writer.writelines(error(400, "the request body is not JSON"))
            return True
        head, content = self._response(fault, request, digest)
        half = len(content) // 2
        if fault == "cut":
            writer.writelines((head, content[:half]))
            return False
        if fault == "slow":
            writer.writelines((head, content[:half]))
            await writer.drain()
            await asyncio.sleep(self.settings.slow_s)
            writer.write(content[half:])
            return True
        writer.writelines((head, content))
        return True

    def _response(self, fault: str | None, request: dict[str, Any], digest: str) -> tuple[bytes, bytes]:
        if fault is not None and fault.isdecimal():
            extra = {"Retry_After": self.settings.retry_after} if fault == "429" else {}
            return error(int(fault), f"mock: status {fault}", **extra)
        if fault is not None and fault.startswith("429="):
            name, _, value = fault.removeprefix("429=").partition(":")
            return error(429, "mock: slow down", **{name: value})
        if fault == "html":
            return http(200, b"<html><body>Please sign in to the guest network.</body></html>", kind="text/html")
        content = json.dumps(completion(request, settings=self.settings, digest=digest, fault=fault)).encode()
        return http(200, content[: len(content) // 2] if fault == "malformed" else content)


async def serve(port: int, settings: Settings) -> None:
    """Listen on loopback, print the base URL, and serve for ever."""
    listener = await asyncio.start_server(MockServer(settings).connection, "127.0.0.1", port, backlog=1024)
    print(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1", flush=True)
    async with listener:
        await listener.serve_forever()


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[str]:
    """Run the server with these command-line arguments as a process of its own; yields its base URL."""
    with subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            base_url = process.stdout.readline().strip()
            if not base_url:
                raise RuntimeError(f"the mock server did not start, exit status {process.wait()}")
            yield base_url
        finally:
            process.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 (default): any free port")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="pause before each answer")
    parser.add_argument("--jitter-ms", type=float, default=0.0, help="further pause up to this, fixed by the request")
    parser.add_argument("--fail", type=Fault.parse, action="append", default=[], metavar="KIND:WHEN")
    parser.add_argument("--retry-after", default="0", help="value of the Retry-After header of a 429")
    parser.add_argument("--slow-s", type=float, default=2.0, help="pause inside a slow body")
    parser.add_argument("--huge-mb", type=int, default=64, help="size of a huge answer")
    parser.add_argument("--model", help="model name to report; default: the one asked for")
    parser.add_argument("--answers", type=Path, help="JSON object: text of the last user message, or a part -> answer")
    options = vars(parser.parse_args())
    port, table = options.pop("port"), options.pop("answers")
    answers = json.loads(table.read_text(encoding="utf-8")) if table else {}
    settings = Settings(**options | {"fail": tuple(options["fail"]), "answers": answers})
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(port, settings))


if __name__ == "__main__":
    main()
