"""What is measured: each arm asks a mock server so many questions, in a process of its own.

    python benchmarks/runner/arms.py ARM URL CASES JOBS

prints one JSON object: CPU seconds of the process and wall seconds. ``evalh`` itself is measured as a command, see
``project.py``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

CORE = 0
"""The core that every measured process stays on; the server has the other one."""


def body(number: int) -> dict[str, Any]:
    """The question with a number."""
    return {"model": "mock", "messages": [{"role": "user", "content": f"question {number:07d}"}], "seed": number}


def score(text: str) -> int:
    """What the two scorers of the project say: equal to the target, contains a letter."""
    return (text == "Paris") + ("a" in text)


async def each(cases: int, jobs: int, ask: Callable[[int], Awaitable[str]]) -> int:
    """Ask everything with so many calls in flight; the sum of the scores."""
    numbers = iter(range(cases))

    async def work() -> int:
        return sum([score(await ask(number)) for number in numbers])

    return sum(await asyncio.gather(*(work() for _ in range(min(jobs, cases)))))


async def plain(url: str, cases: int, jobs: int) -> int:
    """A bare loop over AsyncOpenAI: nothing is kept, nothing tried again."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(api_key="no-key", base_url=url, max_retries=0) as client:

        async def ask(number: int) -> str:
            reply = await client.chat.completions.create(**body(number))
            return reply.choices[0].message.content or ""

        return await each(cases, jobs, ask)


async def post(url: str, cases: int, jobs: int) -> int:
    """The same client through its generic ``post`` and its aiohttp transport."""
    import openai

    transport = openai.DefaultAioHttpClient(timeout=None)
    async with openai.AsyncOpenAI(api_key="no-key", base_url=url, max_retries=0, http_client=transport) as client:

        async def ask(number: int) -> str:
            reply: Any = await client.post("/chat/completions", body=body(number), cast_to=object)
            return str(reply["choices"][0]["message"]["content"])

        return await each(cases, jobs, ask)


async def transport(url: str, cases: int, jobs: int) -> int:
    """aiohttp alone, without the openai package: what no user of that package can go below."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session:

        async def ask(number: int) -> str:
            async with session.post(f"{url}/chat/completions", data=json.dumps(body(number)).encode()) as response:
                reply = json.loads(await response.read())
            return str(reply["choices"][0]["message"]["content"])

        return await each(cases, jobs, ask)


ARMS = {"plain": plain, "post": post, "transport": transport}


def stay_on(core: int) -> None:
    """Keep this process, and those it starts, on one core, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


def main() -> None:
    name, url, cases, jobs = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    stay_on(CORE)
    started = time.monotonic()
    total = asyncio.run(ARMS[name](url, cases, jobs))
    times = os.times()
    print(json.dumps({"cpu": times.user + times.system, "wall": time.monotonic() - started, "scores": total}))


if __name__ == "__main__":
    main()
