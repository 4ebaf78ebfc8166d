"""Async twins of the functions of ``evalharness``: the same work in a thread, so that an event loop goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from evalharness import api
from evalharness.stats import decision

P = ParamSpec("P")
T = TypeVar("T")


def _twin(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    @wraps(function)
    async def twin(*args: P.args, **kwargs: P.kwargs) -> T:
        import asyncio

        return await asyncio.to_thread(function, *args, **kwargs)

    return twin


load_evalset = _twin(api.load_evalset)
score = _twin(api.score)
evaluate = _twin(api.evaluate)
gate = _twin(api.gate)
compare = _twin(api.compare)
decide = _twin(decision.decide)
