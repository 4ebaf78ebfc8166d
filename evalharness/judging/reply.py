"""Reads a judge's reply whole: exactly one object of the form that was asked for, or it is no verdict at all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from evalharness.core.specs import EMPTY
from evalharness.core.strictjson import StrictJSONError, loads
from evalharness.core.text import visible
from evalharness.judging.prompt import Prompt
from evalharness.judging.rubric import CANNOT_TELL, NOT_MET, Criterion
from evalharness.judging.subject import Subject

MAX_REPLY: Final = 200_000
"""Longest reply that is read, in characters."""
SHOWN: Final = 400
"""Characters of a quote or reason that are kept."""
_SPACE: Final = re.compile(r"\s+")


class Invalid(ValueError):
    """A reply that is no valid verdict; the message says what was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What a judge said about one criterion."""

    verdict: Any
    """A word, a number, or for itemised criteria a tuple with one word an item; ``cannot_tell`` is always allowed."""
    quote: str = ""
    reason: str = ""
    problem: str = ""
    """Why the verdict became ``cannot_tell`` in code; empty when it is the judge's own."""
    distribution: Mapping[str, float] = field(default_factory=lambda: EMPTY)
    """Word -> probability, where the rubric asks for probabilities."""

    def to_json(self) -> dict[str, Any]:
        """JSON object without empty fields."""
        verdict = list(self.verdict) if isinstance(self.verdict, tuple) else self.verdict
        pairs = (
            ("verdict", verdict),
            ("quote", self.quote),
            ("reason", self.reason),
            ("problem", self.problem),
            ("distribution", dict(self.distribution)),
        )
        return {key: value for key, value in pairs if value not in ("", {})}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Opinion:
        """The opposite of :meth:`to_json`."""
        verdict = data["verdict"]
        return cls(**{**data, "verdict": tuple(verdict) if isinstance(verdict, (list, tuple)) else verdict})


def read_reply(text: str | None, prompt: Prompt, subject: Subject) -> dict[str, Opinion]:
    """The opinions in a reply.

    Args:
        text: The whole reply.
        prompt: What was asked.
        subject: What was judged; quotes must be in it.

    Returns:
        Criterion -> opinion, for exactly the criteria that were asked.

    Raises:
        Invalid: If the reply is anything but one object of the schema with closed values.
    """
    if text is None or not text.strip():
        raise Invalid("an empty reply")
    if len(text) > MAX_REPLY:
        raise Invalid(f"a reply of {len(text)} characters")
    try:
        data = loads(text)
    except (StrictJSONError, RecursionError) as error:
        raise Invalid(f"no single JSON object ({error})") from None
    _check(data, prompt.schema, "")
    return {criterion.id: _opinion(criterion, data[criterion.id], subject) for criterion in prompt.criteria}


def _check(value: Any, schema: Mapping[str, Any], place: str) -> None:
    """Hold a value against the small part of JSON Schema that ``prompt.reply_schema`` writes."""
    if "anyOf" in schema:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number and value != CANNOT_TELL:
            raise Invalid(f"{place}: expected a number or cannot_tell")
    elif schema["type"] == "object":
        if not isinstance(value, dict):
            raise Invalid(f"{place or 'the reply'} is no object")
        properties = schema["properties"]
        missing, extra = properties.keys() - value.keys(), value.keys() - properties.keys()
        if missing or extra:
            what = f"without {min(missing)!r}" if missing else f"with a strange key {visible(min(extra), limit=40)!r}"
            raise Invalid(f"{place or 'the reply'} {what}")
        for name, part in properties.items():
            _check(value[name], part, f"{place}.{name}" if place else name)
    elif not isinstance(value, str):
        raise Invalid(f"{place}: expected text")
    elif "enum" in schema and value not in schema["enum"]:
        raise Invalid(f"{place}: {visible(value, limit=40)!r} is none of {', '.join(schema['enum'])}")


def _opinion(criterion: Criterion, data: Mapping[str, Any], subject: Subject) -> Opinion:
    reason = _kept(data.get("reason", ""))
    if criterion.type == "itemised":
        return _of_items(criterion, data["items"], subject, reason)
    verdict, quote = data["verdict"], data.get("quote", "")
    if criterion.type == "numeric" and verdict != CANNOT_TELL:
        low, high = criterion.range
        if not low <= verdict <= high:
            raise Invalid(f"{criterion.id}: {verdict!r} is outside {low:g}..{high:g}")
    problem = _problem(criterion, verdict, quote, subject) if "quote" in data else ""
    return Opinion(verdict=CANNOT_TELL if problem else verdict, quote=_kept(quote), reason=reason, problem=problem)


def _of_items(criterion: Criterion, data: Mapping[str, Any], subject: Subject, reason: str) -> Opinion:
    verdicts, problems, quotes = [], [], []
    for number, entry in data.items():
        problem = _problem(criterion, entry["verdict"], entry["quote"], subject) if "quote" in entry else ""
        verdicts.append((int(number), CANNOT_TELL if problem else entry["verdict"]))
        problems += [f"item {number}: {problem}"] if problem else []
        quotes += [f"{number}: {entry['quote']}"] if entry.get("quote") else []
    return Opinion(
        verdict=tuple(verdict for _, verdict in sorted(verdicts)),
        quote=_kept(" | ".join(quotes)),
        reason=reason,
        problem=_kept("; ".join(problems)),
    )


def _problem(criterion: Criterion, verdict: Any, quote: str, subject: Subject) -> str:
    """Why the evidence does not carry a verdict; empty when it does."""
    if verdict == CANNOT_TELL:
        return ""
    if not any(char.isalnum() for char in quote):
        return "" if _needs_no_quote(criterion, verdict) else "no quote for it"
    return "" if is_quoted(quote, subject.text(criterion.evidence)) else f"the quote is not in {criterion.evidence}"


def _needs_no_quote(criterion: Criterion, verdict: Any) -> bool:
    """True for the verdicts that say that something is absent: there is nothing to copy."""
    if criterion.type == "boolean":
        return bool(verdict == NOT_MET)
    if criterion.type == "numeric":
        return bool(verdict == criterion.range[0])
    if criterion.type == "pairwise":
        return bool(verdict == "tie")
    values = {option.id: option.value for option in criterion.options}
    lowest = min(value for value in values.values() if value is not None)
    return values[verdict] in (None, lowest)


def is_quoted(quote: str, text: str) -> bool:
    """Whether a quote stands in a text, Unicode-composed and with white space folded; as it is, or as it was shown."""
    wanted = _folded(quote)
    return wanted in _folded(text) or wanted in _folded(visible(text, keep_newlines=True))


def _folded(text: str) -> str:
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()


def _kept(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
