"""Splits what an itemised criterion looks at: by code, so that the judge does not choose the denominator.

Sentences are those of ``core/sentences.py``; passages are taken as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalharness.core.sentences import sentences


def split_items(source: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The numbered items of a criterion.

    Args:
        source: ``output.sentences``, ``reference.sentences`` or ``context.chunks``.
        fields: What the judge sees, by field.

    Returns:
        The items in order; none when the field is missing or blank.
    """
    field, _, kind = source.partition(".")
    value = fields.get(field)
    if value is None:
        return ()
    if kind == "chunks":
        chunks = [value] if isinstance(value, str) else list(value)
        return tuple(text for chunk in chunks if (text := chunk_text(chunk)).strip())
    texts = [value] if isinstance(value, str) else [chunk_text(part) for part in _parts(value)]
    return tuple(sentence for text in texts for sentence in sentences(text))


def chunk_text(chunk: Any) -> str:
    """The text of a passage: a string, or the ``text`` of an object."""
    if isinstance(chunk, Mapping):
        return str(chunk.get("text", ""))
    return str(chunk)


def _parts(value: Any) -> Sequence[Any]:
    return value if isinstance(value, Sequence) else (value,)
