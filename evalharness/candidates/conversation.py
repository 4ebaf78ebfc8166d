"""Scripted conversations: user turns that nobody has answered yet are answered one after the other.

The case brings what the user says; each reply of the candidate joins the messages that the next turn is asked with. One
conversation is one answer: its last reply, with the whole trace beside it. A turn that fails fails the conversation: no reply is
made up, and nothing is asked after it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from evalharness.core.cases import Case, open_turns
from evalharness.core.results import Failure, Output
from evalharness.core.specs import freeze

Messages: TypeAlias = Sequence[Mapping[str, Any]]


def turns_of(case: Case) -> int:
    """How many times a candidate is asked for one answer to a case, at least once."""
    return max(1, len(open_turns(case.input))) if isinstance(case.input, tuple) else 1


async def converse(
    messages: Messages,
    ask: Callable[[Messages], Awaitable[Output | Failure]],
    *,
    turns: Sequence[int],
    paid: Callable[[Output, Messages], float] = lambda output, _sent: output.cost_usd or 0.0,
) -> Output | Failure:
    """Have a conversation.

    Args:
        messages: The script.
        turns: Places of the user messages that are to be answered, at least one.
        ask: Answers the messages so far, of which the last is the user's.
        paid: US dollars that a reply cost, from it and what was sent.

    Returns:
        The last reply with the whole trace and the sums; or the failure of the first turn that failed, which says which turn
        it was and what the replies before it cost.
    """
    trace: list[Mapping[str, Any]] = []
    replies: list[Output] = []
    start, spent = 0, 0.0
    for turn in turns:
        trace.extend(messages[start : turn + 1])
        start = turn + 1
        output = await ask(tuple(trace))
        if isinstance(output, Failure):
            message = f"turn {len(replies) + 1} of {len(turns)}: {output.message}"
            return replace(output, message=message, cost_usd=spent or None)
        spent += paid(output, trace)
        replies.append(output)
        trace.extend(_new_messages(output, trace))
    return _whole(replies, trace)


async def in_turns(case: Case, ask: Callable[[Case], Awaitable[Output | Failure]]) -> Output | Failure:
    """An answer to a case, whose open user turns are asked one after the other.

    Args:
        case: Any case.
        ask: Answers a case whose input ends with the turn that is to be answered.
    """
    if turns_of(case) == 1:
        return await ask(case)
    return await converse(case.input, lambda messages: ask(replace(case, input=messages)), turns=open_turns(case.input))


def _new_messages(output: Output, sent: Messages) -> Messages:
    """What a reply adds: its messages (also where they begin with all that was sent), else its text."""
    if not output.messages:
        return ({"role": "assistant", "content": output.text or ""},)
    return output.messages[len(sent) :] if output.messages[: len(sent)] == freeze(tuple(sent)) else output.messages


def _whole(replies: Sequence[Output], trace: Messages) -> Output:
    """A conversation as one output: the last reply, the whole trace, the sums; what one reply does not know is not known."""
    usage: dict[str, int] = {}
    for reply in replies:
        for name, count in reply.usage.items():
            if isinstance(count, int):
                usage[name] = usage.get(name, 0) + count
    return replace(
        replies[-1],
        messages=tuple(trace),
        usage=usage,
        latency_s=_sum([reply.latency_s for reply in replies]),
        cost_usd=_sum([reply.cost_usd for reply in replies]),
    )


def _sum(numbers: Sequence[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
