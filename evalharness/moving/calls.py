"""A call of a model in production, as every trace format tells it, and what people said about its answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from evalharness.core.specs import EMPTY
from evalharness.moving.fields import mapping, without_none

Thumb: TypeAlias = Literal["up", "down"]
_UP: Final = frozenset(
    {"up", "thumbs_up", "thumbs-up", "thumbsup", "👍", "+1", "1", "true", "positive", "good", "like"}
)
_DOWN: Final = frozenset(
    {"down", "thumbs_down", "thumbs-down", "thumbsdown", "👎", "-1", "0", "false", "negative", "bad", "dislike"}
)
FEEDBACK_NAMES: Final = frozenset(
    {"feedback", "user_feedback", "user-feedback", "userfeedback", "thumbs", "thumb", "user_rating", "thumbs_up_down"}
)
"""Names under which a user's thumb is logged, in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What somebody said about one answer."""

    thumb: Thumb
    source: str
    """Who said it, as the log has it: ``langfuse user-feedback (API)``."""
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One row of a log."""

    place: str
    """Where it stood."""
    fields: Mapping[str, Any]
    """Everything that ``--key`` may name, dots leading into objects."""
    input: Any
    """What the user asked: text, messages without the system's, or an object; None when the log has none."""
    output: Any = None
    """The answer: text, an object, or None."""
    messages: tuple[Mapping[str, Any], ...] = ()
    """The assistant's turn with its tool calls, when it made some."""
    model: str | None = None
    usage: Mapping[str, int] | None = None
    latency_s: float | None = None
    cost_usd: float | None = None
    finish_reason: str | None = None
    error: str | None = None
    at: float | None = None
    """When it began, seconds since 1970."""
    feedback: tuple[Feedback, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=lambda: EMPTY)

    def answer(self, case_id: str) -> dict[str, Any]:
        """As a line of a recorded-answers file."""
        if self.error is not None or (self.output is None and not self.messages):
            return {"id": case_id, "error": self.error or "the log holds no answer"}
        return {
            "id": case_id,
            **without_none(
                {
                    "output": self.output,
                    "messages": [dict(turn) for turn in self.messages] or None,
                    "usage": dict(self.usage) if self.usage else None,
                    "latency_s": self.latency_s,
                    "cost_usd": self.cost_usd,
                    "finish_reason": self.finish_reason,
                    "model": self.model,
                }
            ),
        }

    def key(self, name: str) -> str | None:
        """The value of a field as text, or None: dots lead into objects, a whole name that holds dots comes first."""
        value = _at(self.fields, name)
        if value is None or isinstance(value, (Mapping, list, tuple)) or value == "":
            return None
        return value if isinstance(value, str) else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The calls of a log file."""

    kind: str
    calls: tuple[Call, ...]
    sha256: str
    rows: int
    """Records read, calls of a model or not."""
    counted: int
    counted_by: str
    others: int = 0
    """Records that are no call of a model: tool runs, chains, retrievals."""


def thumb_of(value: Any) -> Thumb | None:
    """A thumb from what logs write for it, or None."""
    word = str(value).strip().lower()
    word = word.removesuffix(".0")
    return "up" if word in _UP else "down" if word in _DOWN else None


def feedback_in(facts: Mapping[str, Any], source: str) -> Iterable[Feedback]:
    """Thumbs among the metadata of a call."""
    for name, value in facts.items():
        if str(name).lower() not in FEEDBACK_NAMES:
            continue
        table = mapping(value)
        said = table.get("value", table.get("score", table.get("thumb"))) if table else value
        thumb = thumb_of(said)
        if thumb is not None:
            comment = table.get("comment")
            yield Feedback(
                thumb=thumb, source=f"{source} {name}", comment=comment if isinstance(comment, str) else None
            )


def _at(fields: Mapping[str, Any], name: str) -> Any:
    if name in fields:
        return fields[name]
    head, dot, rest = name.partition(".")
    while dot:
        inner = fields.get(head)
        if isinstance(inner, Mapping):
            found = _at(inner, rest)
            if found is not None:
                return found
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return None
