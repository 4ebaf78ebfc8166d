"""Reads what an OpenAI-compatible endpoint sent for ``/embeddings``: one vector for each text, or a typed failure."""

from __future__ import annotations

import math
from typing import Any

from evalharness.clients.completion import BadReply, bad_reply
from evalharness.core.endpoints import shown
from evalharness.core.http_status import error_text
from evalharness.core.results import MOST_AMOUNT, Failure, Output
from evalharness.core.specs import canonical_json
from evalharness.core.strictjson import StrictJSONError, loads


def embedding(raw: bytes, *, wanted: int, latency_s: float, price: float | None) -> Output | Failure:
    """The vectors in the body of an HTTP 200.

    Args:
        raw: The whole body.
        wanted: How many texts were sent.
        latency_s: Seconds the call took.
        price: US dollars per million input tokens; None when unknown.

    Returns:
        An output whose text is the JSON list of the vectors, in the order of the texts; a Failure of the infrastructure
        when the reply is anything else.
    """
    try:
        data = loads(raw.decode("utf-8"))
        vectors = _vectors(data, wanted)
    except (UnicodeDecodeError, StrictJSONError) as error:
        return bad_reply(f"the reply is not JSON: {shown(str(error))}")
    except BadReply as error:
        return bad_reply(str(error))
    usage = data.get("usage")
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    counted = tokens if type(tokens) is int and 0 <= tokens <= MOST_AMOUNT else None
    model = data.get("model")
    return Output(
        text=canonical_json(vectors),
        usage={} if counted is None else {"prompt_tokens": counted, "completion_tokens": 0},
        latency_s=latency_s,
        cost_usd=_cost(counted, price),
        finish_reason="stop",
        model=model if isinstance(model, str) else None,
    )


def _cost(tokens: int | None, price: float | None) -> float | None:
    if price == 0:
        return 0.0
    return None if tokens is None or price is None else tokens * price / 1e6


def _vectors(data: Any, wanted: int) -> list[list[float]]:
    if not isinstance(data, dict) or data.get("error"):
        told = error_text(data["error"]) if isinstance(data, dict) else "not an object"
        raise BadReply(f"no embeddings: {shown(told)}")
    rows = data.get("data")
    if not isinstance(rows, list) or len(rows) != wanted or not all(isinstance(row, dict) for row in rows):
        raise BadReply(f"expected {wanted} embeddings")
    placed = {row.get("index", place): row.get("embedding") for place, row in enumerate(rows)}
    vectors = [placed.get(place) for place in range(wanted)]
    if not all(isinstance(vector, list) and vector and all(map(_is_number, vector)) for vector in vectors):
        raise BadReply("an embedding is no list of numbers")
    if len({len(vector) for vector in vectors if vector is not None}) > 1:
        raise BadReply("the embeddings differ in length")
    return [vector for vector in vectors if vector is not None]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
