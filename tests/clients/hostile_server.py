"""A server that does everything a chat endpoint should not, on loopback, in a thread of the test's own process.

The mode (``tests/hostile_modes.py``) is the first part of the path: ``http://127.0.0.1:PORT/MODE/v1``. What arrived is in ``HostileServer.seen``.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from urllib.parse import unquote

from tests.hostile_modes import BODIES, MODES, http, misbehave


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
        if mode.startswith("429="):  # 429=Header-Name:value
            writer.write(http(429, b'{"error": {"message": "slow down"}}', extra=mode.removeprefix("429=") + "\r\n"))
        elif mode == "redirect":
            writer.write(http(307, b"", extra=f"Location: http://127.0.0.1:{self.port}/thief/v1\r\n"))
        elif mode == "thief":
            writer.write(http(200, b"{}"))
        elif mode == "chunked":
            writer.write(CHUNKED)
        elif mode in MODES:
            return await self._misbehave(mode, writer)
        else:
            raise ValueError(f"no such mode: {mode}")
        await writer.drain()
        return True

    async def _misbehave(self, mode, writer):
        """In a mode that may never end, until the server does."""
        doing, ended = asyncio.create_task(misbehave(mode, writer)), asyncio.create_task(self._done.wait())
        try:
            await asyncio.wait((doing, ended), return_when=asyncio.FIRST_COMPLETED)
            return doing.done() and doing.result()
        finally:
            doing.cancel()
            ended.cancel()


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"".join(b"1\r\n" + BODIES["ok"][n : n + 1] + b"\r\n" for n in range(len(BODIES["ok"])))
    + b"0\r\n\r\n"
)
"""A good answer, a byte a chunk."""
