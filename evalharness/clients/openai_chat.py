"""The one way to a chat endpoint. The only file that imports the openai package, and only at the first call.

The client is used through its documented generic ``post``, which skips building response models, with its aiohttp
transport. Its retries and redirects are off and its timeouts unused: they are per read, so a dripping server outlasts
them. One deadline of ours stands around the whole call instead.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from evalharness.clients.completion import BadReply, bad_reply, completion
from evalharness.clients.keys import KeyRule, key_rule
from evalharness.core.endpoints import Address, shown
from evalharness.core.http_status import status_failure
from evalharness.core.masking import mask
from evalharness.core.options import RunOptions
from evalharness.core.results import Failure, Output
from evalharness.core.specs import EMPTY

MAX_BYTES: Final = 8_000_000
"""Longest reply that is read, in bytes."""
_PATH: Final = "/chat/completions"
_OPTIONS: Final[Any] = MappingProxyType({"idempotency_key": ""})
"""No key is sent (there is no agreed one), so the client need not draw a random one for each call."""


class OpenAIChat:
    """Posts chat-completions bodies to one endpoint.

    Args:
        address: Where it is.
        key: Permission to send a key there.
        price: (input, output) US dollars per million tokens; None when unknown.
        finished: Whether a reply without ``finish_reason`` counts as cut off (Ollama sends none on whole replies).
    """

    def __init__(
        self, address: Address, key: KeyRule, *, price: tuple[float, float] | None = None, finished: bool = True
    ) -> None:
        self.address = address
        self._key = key
        self._price = price
        self._finished = finished
        self._client: Any = None
        self._url = address.url + _PATH

    def ready(self) -> None:
        """Raise ``KeyMissing`` when a call could not be made for want of a key."""
        self._key.value()

    async def chat(self, body: Mapping[str, Any], *, timeout_s: float) -> Output | Failure:
        """POST one body and validate the reply.

        Args:
            body: A chat-completions body in plain JSON values.
            timeout_s: Seconds for the whole call, from connecting to the last byte.

        Returns:
            The answer, or a Failure. One attempt; nothing that a server does raises.

        Raises:
            KeyMissing: Before the first call, when there is no key.
        """
        reply = await self._post(self._url, body, timeout_s)
        if isinstance(reply, Failure):
            return reply
        raw, seconds = reply
        return completion(raw, latency_s=seconds, price=self._price, finished=self._finished)

    async def embed(self, body: Mapping[str, Any], *, timeout_s: float) -> Output | Failure:
        """POST one embeddings body; as :meth:`chat`. The output's text is the JSON list of vectors.

        Args:
            body: ``model`` and ``input``, a list of texts.
            timeout_s: Seconds for the whole call.

        Raises:
            KeyMissing: Before the first call, when there is no key.
        """
        from evalharness.clients.embedding import embedding

        reply = await self._post(f"{self.address.url}/embeddings", body, timeout_s)
        if isinstance(reply, Failure):
            return reply
        raw, seconds = reply
        price = None if self._price is None else self._price[0]
        return embedding(raw, wanted=len(body["input"]), latency_s=seconds, price=price)

    async def _post(self, url: str, body: Mapping[str, Any], timeout_s: float) -> tuple[bytes, float] | Failure:
        """The body of an HTTP 200 and the seconds it took, or why there is none."""
        import asyncio

        import openai

        client = self._client or self._open()
        started = time.monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                raw: bytes = await client.post(url, body=body, cast_to=bytes, options=_OPTIONS)
        except TimeoutError:
            return Failure(stage="candidate", kind="timeout", message=f"no answer in {timeout_s:g} s", retryable=True)
        except openai.APIStatusError as error:
            response = error.response
            headers = {name.lower(): value for name, value in response.headers.items()}
            return status_failure(response.status_code, headers, response.text, self._key.secrets())
        except BadReply as error:
            return bad_reply(str(error))
        except Exception as error:  # noqa: BLE001  the transports below raise kinds that the client does not declare
            return self._lost(error)
        return raw, time.monotonic() - started

    async def close(self) -> None:
        """Give back the connections; the next call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _open(self) -> Any:
        import openai

        key = self._key.value()
        sent = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "User-Agent": "evalharness",
        }

        class Plain(openai.AsyncOpenAI):
            """Sends these headers alone.

            Not those of OPENAI_* variables, nor a dozen about this machine: none of them is meant for this host, and
            each costs time in every call.
            """

            default_headers: Any = sent
            auth_headers: Any = EMPTY

        transport = openai.DefaultAioHttpClient(
            follow_redirects=False,
            timeout=None,
            trust_env=not self.address.loopback,  # a proxy is no way to this machine
            event_hooks={"response": [limit_size]},
        )
        transport.headers.clear()  # those of the call say it all
        self._client = Plain(api_key=key, base_url=self.address.url, max_retries=0, timeout=None, http_client=transport)
        return self._client

    def _lost(self, error: BaseException) -> Failure:
        names = []
        while True:  # the innermost cause says what happened; the layers above rename it (a reset becomes a time-out)
            names.append(type(error).__name__)
            if error.__cause__ is None:
                break
            error = error.__cause__
        unreachable = any(name.startswith("ClientConnector") or name == "ConnectError" for name in names)
        return Failure(
            stage="candidate",
            kind="unreachable" if unreachable else "connection",
            message=f"no whole reply from {self.address.place}: "
            + shown(mask(f"{type(error).__name__}: {error}", self._key.secrets())),
            retryable=True,
        )


async def limit_size(response: Any) -> None:
    """Response hook: refuse a reply that is too long or compressed, before it is read.

    Raises:
        BadReply: If the reply says that it is; a reply that does not say is counted while it is read.
    """
    known = {name.lower(): value.decode("latin-1") for name, value in response.headers.raw}
    encoding = known.get(b"content-encoding", "identity")
    if encoding.lower() != "identity":
        raise BadReply(f"the reply is compressed ({shown(encoding, 20)}), which was not asked for")
    length = known.get(b"content-length")
    if length is None:
        response.stream = _counted(response.stream)
    elif not length.isdecimal() or len(length) > 12 or int(length) > MAX_BYTES:
        raise BadReply(f"the reply has {shown(length, 20)} bytes, more than {MAX_BYTES:,}")


def _counted(stream: Any) -> Any:
    """The stream, ending in ``BadReply`` when it is too long.

    The transport's own base class is found on the stream, so that no module of it has to be named: it was renamed
    between versions of the openai package.
    """
    base = next(kind for kind in type(stream).__mro__ if kind.__name__ == "AsyncByteStream")

    async def chunks(_self: Any) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in stream:
            size += len(chunk)
            if size > MAX_BYTES:
                raise BadReply(f"the reply is longer than {MAX_BYTES:,} bytes")
            yield chunk

    async def aclose(_self: Any) -> None:
        await stream.aclose()

    return type("CountedStream", (base,), {"__aiter__": chunks, "aclose": aclose})()


def connector(options: RunOptions, environ: Mapping[str, str]) -> Callable[..., OpenAIChat]:
    """What makes the clients of a command: ``connect(place, key_env=, price=, finished=, where=)``.

    Args:
        options: Flags: hosts that may have keys, and whether keys are given out at all.
        environ: The environment.
    """

    def connect(
        place: Address, *, key_env: str | None, price: tuple[float, float] | None, finished: bool, where: str
    ) -> OpenAIChat:
        rule = key_rule(
            key_env,
            place,
            environ=environ,
            key_hosts=options.key_hosts,
            untrusted=options.untrusted,
            where=where,
        )
        return OpenAIChat(place, rule, price=price, finished=finished)

    return connect
