"""A server that does everything a chat endpoint should not, on loopback, in a thread of the test's own process.

The mode is the first part of the path: ``http://127.0.0.1:PORT/MODE/v1``. What arrived is in ``HostileServer.seen``.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import struct
import threading
from urllib.parse import unquote

GOOD = {
    "model": "real-model",
    "choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "odd": "x"},
}


def reply(message, reason="stop", **more):
    return json.dumps(GOOD | {"choices": [{"message": message, "finish_reason": reason}]} | more).encode()


BODIES = {
    "ok": json.dumps(GOOD).encode(),
    "error200": b'{"error": {"message": "overloaded", "code": 500}}',
    "html": b"<html><body>Welcome to the hotel network</body></html>",
    "nochoices": b'{"choices": []}',
    "nomessage": b'{"choices": [{"finish_reason": "stop"}]}',
    "null": reply({"role": "assistant", "content": None}),
    "cutjson": json.dumps(GOOD).encode()[:-20],
    "badutf8": json.dumps(GOOD).encode().replace(b"hello", b"hel\xfflo"),
    "surrogate": json.dumps(GOOD).encode().replace(b"hello", b"\\ud800"),
    "nan": json.dumps(GOOD).encode().replace(b"10", b"NaN"),
    "duplicate": json.dumps(GOOD).encode().replace(b'"model"', b'"model": "x", "model"'),
    "deep": b'{"choices":' + b"[" * 500 + b"]" * 500 + b"}",
    "list": b"[1, 2]",
    "nofinish": reply({"role": "assistant", "content": "hel"}, None),
    "filtered": reply({"role": "assistant", "content": ""}, "content_filter"),
    "lengthempty": reply({"role": "assistant", "content": ""}, "length"),
    "length": reply({"role": "assistant", "content": "half an ans"}, "length"),
    "empty": reply({"role": "assistant", "content": ""}),
    "refusal": reply({"role": "assistant", "content": None, "refusal": "I cannot help."}),
    "numbers": reply({"role": "assistant", "content": 42}),
    "badtools": reply({"role": "assistant", "content": None, "tool_calls": [{"function": {"name": 7}}]}),
    "tools": reply(
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "find", "arguments": '{"q": 1}'}}],
        },
        "tool_calls",
    ),
    "usagelies": reply({"role": "assistant", "content": "x"}, usage={"prompt_tokens": -5, "completion_tokens": True}),
}
STATUSES = {
    "500": (500, b"oops"),
    "503": (503, b'{"error": "warming up"}'),
    "401": (
        401,
        b'{"error": {"message": "Incorrect API key provided: sk-verysecretvalue", "code": "invalid_api_key"}}',
    ),
    "404": (404, b'{"error": {"message": "model not found"}}'),
    "400": (400, b'{"error": {"message": "the prompt is over the context size"}}'),
    "azurefilter": (400, b'{"error": {"message": "filtered", "code": "content_filter"}}'),
    "quota": (429, b'{"error": {"message": "no money left", "code": "insufficient_quota"}}'),
    "418": (418, b"teapot"),
}


class HostileServer:
    def __init__(self):
        self.seen = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self):
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()

    def url(self, mode):
        return f"http://127.0.0.1:{self.port}/{mode}/v1"

    async def _serve(self):
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._handle, "127.0.0.1", 0, limit=1 << 24)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._done.wait()
        server.close()

    async def _handle(self, reader, writer):
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                    path = head.split(" ")[1]
                    headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                    body = await reader.readexactly(int(headers.get("content-length", 0)))
                    self.seen.append((path, headers, body))
                    if not await self._answer(unquote(path.split("/")[1]), writer):
                        break
        finally:
            with contextlib.suppress(OSError):
                writer.close()

    async def _answer(self, mode, writer):
        """Serve one request; False when the connection ends."""
        if mode in BODIES:
            writer.write(http(200, BODIES[mode]))
        elif mode in STATUSES:
            writer.write(http(*STATUSES[mode]))
        elif mode.startswith("429="):  # 429=Header-Name:value
            writer.write(http(429, b'{"error": {"message": "slow down"}}', extra=mode.removeprefix("429=") + "\r\n"))
        elif mode == "redirect":
            writer.write(http(307, b"", extra=f"Location: http://127.0.0.1:{self.port}/thief/v1\r\n"))
        elif mode == "thief":
            writer.write(http(200, b"{}"))
        elif mode == "gzip":
            writer.write(http(200, gzip.compress(b" " * 100_000_000), extra="Content-Encoding: gzip\r\n"))
        elif mode == "hugelength":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n{")
        else:
            await getattr(self, "_" + mode)(writer)
            return False
        await writer.drain()
        return True

    async def _slow_body(self, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def _slow_head(self, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def _never(self, writer):
        await self._done.wait()

    async def _reset(self, writer):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _close(self, writer):
        writer.close()

    async def _cutbody(self, writer):
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n" + BODIES["ok"]
        )
        await writer.drain()
        writer.close()

    async def _garbage(self, writer):
        writer.write(b"\x00\x01SSH-2.0-nope\r\n\r\n")
        await writer.drain()
        writer.close()

    async def _huge(self, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        block = b"%x\r\n" % 100_000 + b"x" * 100_000 + b"\r\n"
        while True:
            writer.write(block)
            await writer.drain()

    async def _chunked(self, writer):
        body = BODIES["ok"]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"".join(b"1\r\n" + body[n : n + 1] + b"\r\n" for n in range(len(body))) + b"0\r\n\r\n")
        await writer.drain()


def http(status, body, extra=""):
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode("latin-1") + body
