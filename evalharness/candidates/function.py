"""Kind ``python``: a function of the project answers, ``case -> text | Output | dict``, sync or async."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evalharness.candidates.answers import read_output
from evalharness.candidates.code import call, failure_of, load_function, refuse_untrusted
from evalharness.candidates.local import Identity, Replies
from evalharness.core.cases import Case
from evalharness.core.protocols import Request
from evalharness.core.results import Failure, Output


class FunctionCandidate(Replies):
    """Calls a function with the case.

    Args:
        identity: Name, digest, time.
        reference: ``package.module:function``; imported when the first answer is needed, not for a replay.
        function: The function itself, when it is at hand.
    """

    def __init__(self, identity: Identity, reference: str, function: Callable[..., Any] | None = None) -> None:
        super().__init__(identity)
        self._reference = reference
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

    async def reply(self, request: Request, case: Case) -> Output | Failure:
        """Call the function once. What it raises is a value."""
        del request
        value = await self._called(case, case)
        return value if isinstance(value, Failure) else read_output(value, self._reference)

    async def _called(self, case: Case, *arguments: Any) -> Any:
        """What the function gives for these arguments, or a Failure."""
        import asyncio

        self.check(case)
        assert self._function is not None
        try:
            async with asyncio.timeout(self.identity.timeout_s):
                return await call(self._function, *arguments)
        except Exception as error:  # noqa: BLE001  a project's function may raise anything
            return failure_of(error, self._reference)
