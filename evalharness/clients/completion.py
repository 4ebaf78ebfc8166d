"""Reads what an OpenAI-compatible endpoint sent: a whole, valid completion, or a typed failure. Knows no client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from evalharness.core.endpoints import shown
from evalharness.core.http_status import error_text
from evalharness.core.masking import mask
from evalharness.core.results import MOST_AMOUNT, Failure, Output
from evalharness.core.strictjson import StrictJSONError, loads

_USAGE: Final = ("prompt_tokens", "completion_tokens", "total_tokens")


class BadReply(ValueError):
    """A reply that is no completion; the message says what was seen."""


def completion(raw: bytes, *, latency_s: float, price: tuple[float, float] | None, finished: bool) -> Output | Failure:
    """The answer in the body of an HTTP 200.

    Args:
        raw: The whole body.
        latency_s: Seconds the call took.
        price: (input, output) US dollars per million tokens; None when unknown.
        finished: Whether a reply without ``finish_reason`` counts as cut off.

    Returns:
        The output; a Failure that the candidate is to blame for when the model was filtered, refused or used up its
        tokens without a word; an infrastructure Failure when the reply is no whole completion.
    """
    try:
        data = loads(raw.decode("utf-8"))
        message, reason = _choice(data, finished=finished)
        return _answer(message, reason, data, latency_s=latency_s, price=price)
    except UnicodeDecodeError:
        return bad_reply("the reply is not UTF-8")
    except StrictJSONError as error:
        start = shown(raw[:2000].decode("utf-8", "replace"), 60)
        return bad_reply(f"the reply is not JSON ({error}): {start}")
    except BadReply as error:
        return bad_reply(str(error))


def bad_reply(message: str) -> Failure:
    """A reply that cannot be believed; the same call may work later."""
    return Failure(stage="candidate", kind="bad_reply", message=mask(message), retryable=True)


def _choice(data: Any, *, finished: bool) -> tuple[Mapping[str, Any], str | None]:
    if not isinstance(data, dict):
        raise BadReply("the reply is not an object")
    if data.get("error"):
        raise BadReply(f"HTTP 200 with an error: {shown(error_text(data['error']))}")
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise BadReply("the reply has no choices")
    message, reason = choices[0].get("message"), choices[0].get("finish_reason")
    if not isinstance(message, dict):
        raise BadReply("the first choice has no message")
    if not isinstance(reason, str) and (finished or reason is not None):
        raise BadReply("the reply has no finish_reason, so it may be cut off")
    return message, reason


def _answer(
    message: Mapping[str, Any],
    reason: str | None,
    data: Mapping[str, Any],
    *,
    latency_s: float,
    price: tuple[float, float] | None,
) -> Output | Failure:
    text, calls, refusal = message.get("content"), message.get("tool_calls") or [], message.get("refusal")
    if not (text is None or isinstance(text, str)) or not _are_calls(calls):
        raise BadReply("the message has neither text nor well-formed tool calls")
    if not text and not calls:
        if isinstance(refusal, str) and refusal:
            text, reason = refusal, "refusal"
        elif reason == "content_filter":
            return _own("filtered", "the provider filtered the whole answer")
        elif reason == "length":
            return _own("empty", "the token limit was used up before the first word of the answer")
        elif text is None:
            raise BadReply("the message is empty: neither text nor tool calls")
    usage = data.get("usage")
    counts = {name: usage[name] for name in _USAGE if _is_count(usage.get(name))} if isinstance(usage, dict) else {}
    model = data.get("model")
    more = {"tool_calls": calls} if calls else {}
    if isinstance(likely := data["choices"][0].get("logprobs"), dict):  # sent only where they were asked for
        more["logprobs"] = likely
    return Output(
        text=text,
        messages=({"role": "assistant", "content": text, **more},) if more else (),
        usage=counts,
        latency_s=latency_s,
        cost_usd=cost(counts, price),
        finish_reason=reason,
        model=model if isinstance(model, str) else None,
    )


def _is_count(value: Any) -> bool:
    """Whether a reported number of tokens can be one; a count that cannot is unknown, so the worst case stays booked."""
    return type(value) is int and abs(value) <= MOST_AMOUNT


def cost(usage: Mapping[str, Any], price: tuple[float, float] | None) -> float | None:
    """US dollars that a reported usage costs; None when the price or the usage is unknown."""
    if price is None:
        return None
    if price == (0.0, 0.0):
        return 0.0
    if "prompt_tokens" not in usage or "completion_tokens" not in usage:
        return None
    dollars: float = max(0, usage["prompt_tokens"]) * price[0] + max(0, usage["completion_tokens"]) * price[1]
    return dollars / 1e6


def _own(kind: str, message: str) -> Failure:
    return Failure(stage="candidate", kind=kind, message=message, blame="candidate")


def _are_calls(calls: Any) -> bool:
    return isinstance(calls, list) and all(
        isinstance(call, dict)
        and isinstance(call.get("function"), dict)
        and isinstance(call["function"].get("name"), str)
        and isinstance(call["function"].get("arguments", ""), str)
        for call in calls
    )
