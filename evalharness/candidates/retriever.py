"""Kind ``retriever``: ranked documents for the case's text, from a function or from a service."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from evalharness.candidates.answers import read_documents
from evalharness.candidates.code import call, failure_of, load_function, refuse_untrusted
from evalharness.candidates.http import JsonEndpoint
from evalharness.candidates.local import Identity, Local
from evalharness.core.cases import Case
from evalharness.core.protocols import Request
from evalharness.core.results import Failure, Output


class FunctionRetriever(Local):
    """Calls ``function(query, k)``.

    Args:
        identity: Name, digest, time.
        reference: ``package.module:function``; imported when the first answer is needed.
        k: Documents wanted, >= 1; more are cut.
        function: The function itself, when it is at hand.
    """

    def __init__(self, identity: Identity, reference: str, k: int, function: Callable[..., Any] | None = None) -> None:
        super().__init__(identity)
        self._reference = reference
        self._k = k
        self._function = function

    def check(self, _case: Case) -> None:
        """Import the function.

        Raises:
            ConfigError: If that fails, or only data is trusted.
        """
        if self.identity.untrusted:
            raise refuse_untrusted(f"candidate {self.name!r} runs Python code", where=self.identity.where)
        if self._function is None:
            self._function = load_function(self._reference, self.identity.root, where=self.identity.where)

    async def answer(self, request: Request, case: Case) -> Output | Failure:
        """Call the function once. What it raises is a value."""
        import asyncio

        del request
        self.check(case)
        assert self._function is not None
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.identity.timeout_s):
                found = await call(self._function, case.prompt_text, self._k)
        except Exception as error:  # noqa: BLE001  a project's function may raise anything
            return failure_of(error, self._reference)
        return cut(read_documents(found, self._reference), self._k, time.monotonic() - started)


class HttpRetriever(Local):
    """Asks a service for each ranking.

    Args:
        identity: Name, digest, time.
        endpoint: Where and how.
        k: Documents wanted, >= 1; more are cut.
    """

    def __init__(self, identity: Identity, endpoint: JsonEndpoint, k: int) -> None:
        super().__init__(identity)
        self._endpoint = endpoint
        self._k = k

    def check(self, case: Case) -> None:
        """Render the body once.

        Raises:
            ConfigError: If a template cannot be rendered, or only data is trusted.
        """
        if self.identity.untrusted:
            raise refuse_untrusted(f"candidate {self.name!r} calls an address", where=self.identity.where)
        self._endpoint.rendered(case)

    async def answer(self, request: Request, case: Case) -> Output | Failure:
        """Ask once."""
        del request
        started = time.monotonic()
        value = await self._endpoint.ask(case, timeout_s=self.identity.timeout_s)
        if isinstance(value, Failure):
            return value
        return cut(read_documents(value, self._endpoint.address.place), self._k, time.monotonic() - started)

    async def close(self) -> None:
        """Give back the connections."""
        await self._endpoint.close()


def cut(output: Output | Failure, k: int, latency_s: float) -> Output | Failure:
    """The first ``k`` documents, with the seconds they took."""
    if isinstance(output, Failure):
        return output
    return replace(output, documents=output.documents[:k], latency_s=latency_s)
