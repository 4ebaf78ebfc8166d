"""A desk without a runner, and judges on scripted endpoints: what the tests of judging ask with."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from evalharness.clients.replay import ScriptedChat
from evalharness.core.protocols import Request
from evalharness.core.results import Failure, Output, ScoreResult
from evalharness.judging.judge import Inquiry, Judge
from evalharness.judging.rubric import Rubric
from evalharness.judging.seat import Asker, Seat

Say = Callable[[Mapping[str, Any]], Any]
"""From the body of a call to the reply: text, Output, Failure, or a JSON value."""


class PlainDesk:
    """Keeps verdicts in a dict and makes calls at once."""

    def __init__(self) -> None:
        self.kept: dict[str, ScoreResult] = {}
        self.calls: list[Request] = []

    def find(self, key: str) -> ScoreResult | None:
        return self.kept.get(key)

    def keep(self, key: str, result: ScoreResult, *, case_id: str) -> None:
        assert case_id
        self.kept[key] = result

    async def call(
        self,
        send: Callable[[], Awaitable[Output | Failure]],
        request: Request,
        *,
        host: str,
        price: tuple[float, float] | None,
    ) -> Output | Failure:
        del host, price
        self.calls.append(request)
        return await send()


def reply_of(said: Any) -> Any:
    return said if isinstance(said, (str, Output, Failure)) else json.dumps(said)


def judge_of(rubric: Rubric, *says: Say, escalation: Say | None = None, era: str = "") -> Judge:
    """A judge whose seats reply as scripted."""
    asker = Asker(rubric.judge, digest="d", retries=rubric.retries, era=era)
    seats = [seat_of(f"m{number}", say) for number, say in enumerate(says)]
    return Judge(rubric, asker, seats, None if escalation is None else seat_of("big", escalation))


def seat_of(model: str, say: Say) -> Seat:
    return Seat(model=model, client=ScriptedChat(lambda body: reply_of(say(body))), host="h")


def inquiry(desk: PlainDesk | None = None, *, calls: bool = True) -> Inquiry:
    return Inquiry(desk=desk or PlainDesk(), case_id="c-1", calls=calls)


def material(body: Mapping[str, Any]) -> Any:
    """What stands between the marks of a call."""
    text = body["messages"][-1]["content"]
    found = re.search(r"BEGIN MATERIAL ([0-9a-f]{32})\n(.*)\nEND MATERIAL \1$", text, re.DOTALL)
    assert found, text
    return json.loads(found[2])
