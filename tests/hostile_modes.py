"""What an endpoint can do that it should not: whole replies that are wrong, and connections that break or never end.

Two servers serve these modes: ``tests/clients/hostile_server.py`` in a thread (the mode is a part of the path), and
``tests/e2e/mock_server.py`` as a process (``--fail MODE:WHEN``). ``docs/faults.md`` says what each one ends in.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import struct

GOOD = {
    "model": "real-model",
    "choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "odd": "x"},
}
WRONG = json.dumps(GOOD | {"choices": [{"message": {"content": "a stray reply"}, "finish_reason": "stop"}]}).encode()
"""A whole answer that no question of a test asks for."""


def reply(message, reason="stop", **more):
    return json.dumps(GOOD | {"choices": [{"message": message, "finish_reason": reason}]} | more).encode()


def http(status, body, extra=""):
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode("latin-1") + body


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
    "blank": b"",
    "twice": json.dumps(GOOD).encode() * 2,
    "utf16": json.dumps(GOOD).encode("utf-16"),
    "stream": b'data: {"choices":[{"delta":{"content":"hel"}}]}\n\ndata: [DONE]\n\n',
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
"""Mode -> body of an HTTP 200."""
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
"""Mode -> HTTP status and body."""
RAW = {
    "gzip": http(200, gzip.compress(b" " * 100_000_000), extra="Content-Encoding: gzip\r\n"),
    "hugelength": b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n{",
    "neglength": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
    "twolengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 999\r\n\r\n{}",
    "badchunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "cutbody": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n" + BODIES["ok"],
    "cutchunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + BODIES["ok"][:64] + b"\r\n",
    "garbage": b"\x00\x01SSH-2.0-nope\r\n\r\n",
    "bighead": b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1_000_000 + b"\r\n\r\n{}",
    "manyheads": b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(50_000)) + b"\r\n{}",
}
"""Mode -> everything that is sent before the connection is closed."""
KEPT = {
    "redirect": http(307, b"", extra="Location: http://127.0.0.1:9/v1\r\n"),
    "stray": http(500, b"oops") + http(200, WRONG),
    "late": http(200, BODIES["null"]) + b"HTTP/1.1 200 OK\r\nContent-Le",
}
"""Mode -> what is sent on a connection that stays open. ``stray`` and ``late`` send an answer to a question that nobody asked
behind theirs: the next question must not get it."""


async def slow_body(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    await _drip(writer, b" ")


async def slow_head(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    await _drip(writer, b"x")


async def slow_spaces(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    await _drip(writer, b"1\r\n \r\n")


async def _drip(writer, drop):
    while True:
        writer.write(drop)
        await writer.drain()
        await asyncio.sleep(0.02)


async def never(_writer):
    await asyncio.sleep(86400)  # (an event that nobody holds would be collected as garbage, and the task with it)


async def reset(writer):
    linger = struct.pack("ii", 1, 0)  # for zero seconds: the kernel sends RST instead of FIN
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def close(writer):
    writer.close()


async def huge(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    block = b"%x\r\n" % 100_000 + b"x" * 100_000 + b"\r\n"
    while True:
        writer.write(block)
        await writer.drain()


BREAKS = {
    "slow_body": slow_body,
    "slow_head": slow_head,
    "slow_spaces": slow_spaces,
    "never": never,
    "reset": reset,
    "close": close,
    "huge": huge,
}
"""Mode -> what is done to the connection, which ends with it."""
MODES = frozenset({*BODIES, *STATUSES, *RAW, *KEPT, *BREAKS})


async def misbehave(mode, writer):
    """Serve one request in a mode; False when the connection ends."""
    if mode in BODIES or mode in STATUSES:
        writer.write(http(200, BODIES[mode]) if mode in BODIES else http(*STATUSES[mode]))
        await writer.drain()
        return True
    if mode in BREAKS:
        await BREAKS[mode](writer)
        return False
    writer.write(RAW[mode] if mode in RAW else KEPT[mode])
    await writer.drain()
    return mode in KEPT
