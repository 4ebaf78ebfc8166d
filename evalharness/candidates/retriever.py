"""Kind ``retriever``: ranked documents for the case's text, from a function or from a service."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from evalharness.candidates.answers import read_documents
from evalharness.candidates.function import FunctionCandidate
from evalharness.candidates.http import HttpCandidate, JsonEndpoint
from evalharness.candidates.local import Identity
from evalharness.core.cases import Case
from evalharness.core.protocols import Request
from evalharness.core.results import Failure, Output


class FunctionRetriever(FunctionCandidate):
    """Calls ``function(query, k)``.

    Args:
        identity: Name, digest, time.
        reference: ``package.module:function``; imported when the first answer is needed.
        k: Documents wanted, >= 1; more are cut.
        function: The function itself, when it is at hand.
    """

    def __init__(self, identity: Identity, reference: str, k: int, function: Callable[..., Any] | None = None) -> None:
        super().__init__(identity, reference, function)
        self._k = k

    async def answer(self, request: Request, case: Case) -> Output | Failure:
        """Call the function once. What it raises is a value."""
        del request
        started = time.monotonic()
        found = await self._called(case, case.prompt_text, self._k)
        if isinstance(found, Failure):
            return found
        return cut(read_documents(found, self._reference), self._k, time.monotonic() - started)


class HttpRetriever(HttpCandidate):
    """Asks a service for each ranking.

    Args:
        identity: Name, digest, time.
        endpoint: Where and how.
        k: Documents wanted, >= 1; more are cut.
    """

    def __init__(self, identity: Identity, endpoint: JsonEndpoint, k: int) -> None:
        super().__init__(identity, endpoint)
        self._k = k

    async def answer(self, request: Request, case: Case) -> Output | Failure:
        """Ask once."""
        del request
        started = time.monotonic()
        value = await self._endpoint.ask(case, timeout_s=self.identity.timeout_s)
        if isinstance(value, Failure):
            return value
        return cut(read_documents(value, self._endpoint.address.place), self._k, time.monotonic() - started)


def cut(output: Output | Failure, k: int, latency_s: float) -> Output | Failure:
    """The first ``k`` documents, with the seconds they took."""
    if isinstance(output, Failure):
        return output
    return replace(output, documents=output.documents[:k], latency_s=latency_s)
