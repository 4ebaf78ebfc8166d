"""What a candidate hands back is checked here before anybody believes it: type, size, Unicode."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from evalharness.core.endpoints import shown
from evalharness.core.masking import without_secrets, without_secrets_in
from evalharness.core.results import MOST_AMOUNT, Failure, Output

MAX_CHARS: Final = 8_000_000
"""Longest answer that is kept, in characters."""


def checked(output: Any) -> Output | Failure:
    """The answer if it may go on, else a Failure that the candidate is to blame for.

    Args:
        output: What the candidate gave.
    """
    if isinstance(output, Output):
        fault = _fault(output)
        return _without_secrets(output) if fault is None else _wrong(*fault)
    if isinstance(output, Failure):
        message = without_secrets(output.message)
        return output if message == output.message else replace(output, message=message)
    return _wrong("bad_answer", f"expected an Output, got a {type(output).__name__}")


def _without_secrets(output: Output) -> Output:
    """The answer without any key: an endpoint can hand back what it was sent, and what is kept here is shown later."""
    found = {
        "text": None if output.text is None else without_secrets(output.text),
        "messages": without_secrets_in(output.messages),
        "finish_reason": without_secrets_in(output.finish_reason),
        "model": without_secrets_in(output.model),
    }
    changed = {name: value for name, value in found.items() if value != getattr(output, name)}
    if output.documents and any(without_secrets_in(d.to_json()) != d.to_json() for d in output.documents):
        changed["documents"] = tuple(without_secrets_in(d.to_json()) for d in output.documents)
    return replace(output, **changed) if changed else output


def _fault(output: Output) -> tuple[str, str] | None:
    text = output.text
    if output.error is not None:
        return "reported_error", shown(output.error)
    for name in ("latency_s", "cost_usd"):
        amount = getattr(output, name)
        if amount is not None and not 0 <= amount <= MOST_AMOUNT:  # not a number fails this too
            return "bad_answer", f"the answer has {name} = {amount}, expected a number from 0 to {MOST_AMOUNT:g}"
    if text is not None and len(text) > MAX_CHARS:
        return "too_long", f"the answer has {len(text):,} characters, more than {MAX_CHARS:,}"
    if text is not None and not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return "not_unicode", "the answer holds lone surrogates, which are not Unicode text"
    return None


def _wrong(kind: str, message: str) -> Failure:
    return Failure(stage="candidate", kind=kind, message=message, blame="candidate")
