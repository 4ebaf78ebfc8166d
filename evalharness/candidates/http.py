"""Kind ``http``: a service answers; and the JSON endpoint that HTTP retrievers share.

The only file that imports aiohttp, which comes with the openai package's extra.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from evalharness.candidates.answers import bad_body, pick, read_output
from evalharness.candidates.code import refuse_untrusted
from evalharness.candidates.local import Identity, Replies
from evalharness.candidates.templates import Template
from evalharness.core.cases import Case
from evalharness.core.endpoints import Address, shown
from evalharness.core.http_status import status_failure
from evalharness.core.masking import mask
from evalharness.core.protocols import Request
from evalharness.core.results import Failure, Output
from evalharness.core.specs import EMPTY
from evalharness.core.strictjson import StrictJSONError, loads

MAX_BYTES: Final = 8_000_000
"""Longest reply that is read, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonEndpoint:
    """An address that takes JSON and gives JSON."""

    address: Address
    body: Any
    """JSON value whose strings are ``Template``."""
    pointer: str = ""
    """Where the answer stands in the reply; empty: the reply is the answer."""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    sessions: list[Any] = field(default_factory=list, repr=False, compare=False)
    """The open session, if any."""

    def rendered(self, case: Case) -> Any:
        """The body for a case.

        Raises:
            ConfigError: If a template cannot be rendered.
        """
        return _rendered(self.body, case)

    async def ask(self, case: Case, *, timeout_s: float) -> Any:
        """Send the body and read the part of the reply that is wanted.

        Args:
            case: For the body.
            timeout_s: Seconds for the whole call.

        Returns:
            A JSON value, or a Failure. One attempt; nothing that a server does raises.
        """
        import asyncio

        import aiohttp

        try:
            async with asyncio.timeout(timeout_s):
                raw = await self._send(self.rendered(case))
        except TimeoutError:
            return Failure(stage="candidate", kind="timeout", message=f"no answer in {timeout_s:g} s", retryable=True)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            unreachable = isinstance(error, aiohttp.ClientConnectorError)
            return Failure(
                stage="candidate",
                kind="unreachable" if unreachable else "connection",
                message=f"no whole reply from {self.address.place}: {shown(mask(f'{type(error).__name__}: {error}'))}",
                retryable=True,
            )
        return raw if isinstance(raw, Failure) else self._part(raw)

    async def _send(self, body: Any) -> bytes | Failure:
        from aiohttp import ClientTimeout

        session = self._session()
        async with session.request(
            self.method, self.address.url, json=body, allow_redirects=False, timeout=ClientTimeout(total=None)
        ) as response:
            raw = bytearray()
            async for chunk in response.content.iter_chunked(65536):
                raw += chunk
                if len(raw) > MAX_BYTES:
                    return bad_body(f"{self.address.place} sent more than {MAX_BYTES:,} bytes")
            if response.status != 200:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return status_failure(response.status, headers, raw.decode("utf-8", "replace"))
            if response.headers.get("Content-Encoding", "identity") != "identity":
                return bad_body(f"{self.address.place} sent a compressed reply, which was not asked for")
            return bytes(raw)

    def _session(self) -> Any:
        import aiohttp

        if not self.sessions:
            headers = {"Accept": "application/json", "User-Agent": "evalharness", **self.headers}
            self.sessions.append(
                aiohttp.ClientSession(
                    headers={**headers, "Accept-Encoding": "identity"},
                    auto_decompress=False,
                    trust_env=not self.address.loopback,
                    connector=aiohttp.TCPConnector(limit=0),
                )
            )
        return self.sessions[0]

    def _part(self, raw: bytes) -> Any:
        try:
            return pick(loads(raw.decode("utf-8")), self.pointer)
        except UnicodeDecodeError:
            return bad_body(f"{self.address.place}: the reply is not UTF-8")
        except StrictJSONError as error:
            return bad_body(f"{self.address.place}: the reply is not JSON: {error}")
        except LookupError as error:
            return bad_body(f"{self.address.place}: pick = {self.pointer!r}: {error.args[0]}")

    async def close(self) -> None:
        """Give back the connections."""
        while self.sessions:
            await self.sessions.pop().close()


def templates_in(value: Any, *, where: str) -> Any:
    """A JSON value with each string as a ``Template``.

    Raises:
        ConfigError: If a template is wrong.
    """
    if isinstance(value, str):
        return Template(value, where=where)
    if isinstance(value, Mapping):
        return {key: templates_in(item, where=where) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [templates_in(item, where=where) for item in value]
    return value


def _rendered(value: Any, case: Case) -> Any:
    if isinstance(value, Template):
        return value.render(case)
    if isinstance(value, dict):
        return {key: _rendered(item, case) for key, item in value.items()}
    if isinstance(value, list):
        return [_rendered(item, case) for item in value]
    return value


class HttpCandidate(Replies):
    """Asks a service for each answer.

    Args:
        identity: Name, digest, time.
        endpoint: Where and how.
    """

    def __init__(self, identity: Identity, endpoint: JsonEndpoint) -> None:
        super().__init__(identity)
        self._endpoint = endpoint

    def check(self, case: Case) -> None:
        """Render the body once.

        Raises:
            ConfigError: If a template cannot be rendered, or only data is trusted.
        """
        if self.identity.untrusted:
            raise refuse_untrusted(f"candidate {self.name!r} calls an address", where=self.identity.where)
        self._endpoint.rendered(case)

    async def reply(self, request: Request, case: Case) -> Output | Failure:
        """Ask once."""
        del request
        started = time.monotonic()
        value = await self._endpoint.ask(case, timeout_s=self.identity.timeout_s)
        if isinstance(value, Failure):
            return value
        output = read_output(value, self._endpoint.address.place)
        if isinstance(output, Failure) or output.latency_s is not None:
            return output
        return replace(output, latency_s=time.monotonic() - started)

    async def close(self) -> None:
        """Give back the connections."""
        await self._endpoint.close()
