"""A chat endpoint that costs next to nothing, so that what is measured is the client beside it.

    python benchmarks/runner/mock_server.py [--latency-ms 100] [--cpu 1]

prints its base URL and serves until its standard input ends. It reads a request no further than it must (its length),
and answers from a table of whole replies: which one depends on the bytes of the request alone, so that runs can be compared.
``GET /stats`` gives ``{"calls": N, "most": M, "first": T, "last": T}``: requests so far, the most in flight at once, when the first
one since the last look came, and when the last one was answered (monotonic seconds). Standard library only; for measuring, not
for testing: it checks nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
import zlib

WORDS = ("Paris", "Oslo and a river", "Lima", "an answer of several words, as models give them, with a comma")
"""What it answers, in turn by checksum of the request."""


def reply(text: str) -> bytes:
    """A whole HTTP response with a completion."""
    completion = {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": "mock",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", "logprobs": None}
        ],
        "usage": {"prompt_tokens": 24, "completion_tokens": 12, "total_tokens": 36},
    }
    return framed(json.dumps(completion).encode())


def framed(body: bytes) -> bytes:
    """A body as an HTTP response."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


REPLIES = [reply(text) for text in WORDS]


class Counts:
    """What arrived."""

    calls = 0
    in_flight = 0
    most = 0
    first: float | None = None
    last: float | None = None


class Connection(asyncio.Protocol):
    """One kept-alive connection; requests come one after the other."""

    def __init__(self, latency_s: float, counts: Counts) -> None:
        self._latency_s = latency_s
        self._counts = counts
        self._waiting = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        end = self._waiting.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._waiting[:end].lower()
        start = head.find(b"content-length:")
        length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
        body = self._waiting[end + 4 :]
        if len(body) < length:
            return
        self._waiting = body[length:]
        self._answer(head, body[:length])

    def _answer(self, head: bytes, body: bytes) -> None:
        counts = self._counts
        if head.startswith(b"get "):
            seen = {"calls": counts.calls, "most": counts.most, "first": counts.first, "last": counts.last}
            counts.first = None
            self._write(framed(json.dumps(seen).encode()))
            return
        counts.calls += 1
        if counts.first is None:
            counts.first = time.monotonic()
        answer = REPLIES[zlib.crc32(body) % len(REPLIES)]
        if self._latency_s == 0:
            self._write(answer)
            return
        counts.in_flight += 1
        counts.most = max(counts.most, counts.in_flight)
        asyncio.get_running_loop().call_later(self._latency_s, self._late, answer)

    def _late(self, answer: bytes) -> None:
        self._counts.in_flight -= 1
        self._counts.last = time.monotonic()
        self._write(answer)

    def _write(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


async def serve(port: int, latency_s: float) -> None:
    """Listen on loopback until the standard input ends."""
    loop = asyncio.get_running_loop()
    counts = Counts()
    server = await loop.create_server(lambda: Connection(latency_s, counts), "127.0.0.1", port, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 (default): any free port")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="from a request's last byte to its answer")
    parser.add_argument("--cpu", type=int, help="core to stay on")
    given = parser.parse_args()
    if given.cpu is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {given.cpu})
    asyncio.run(serve(given.port, given.latency_ms / 1000))


if __name__ == "__main__":
    main()
