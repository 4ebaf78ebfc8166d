"""Amounts that cannot be: a server, a service or a file that names them neither ends a run nor costs less than the worst case."""

from __future__ import annotations

import json
import math

import pytest

from evalharness.candidates.answers import read_output
from evalharness.clients.completion import completion
from evalharness.clients.embedding import embedding
from evalharness.core.results import MOST_AMOUNT, Failure, Output
from evalharness.runner.border import checked

HUGE = 9 * 10**307


def test_a_servers_impossible_usage_is_unknown() -> None:
    for tokens in (HUGE, -HUGE, 10**13):
        reply = {
            "choices": [{"message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": tokens, "completion_tokens": 2},
        }
        found = completion(json.dumps(reply).encode(), latency_s=0.1, price=(1.0, 5.0), finished=True)
        assert isinstance(found, Output)
        assert found.usage == {"completion_tokens": 2}
        assert found.cost_usd is None, "so what was reserved for it stays booked"
        vectors = {"data": [{"embedding": [1.0], "index": 0}], "usage": {"prompt_tokens": tokens}}
        found = embedding(json.dumps(vectors).encode(), wanted=1, latency_s=0.1, price=1.0)
        assert isinstance(found, Output)
        assert (found.usage, found.cost_usd) == ({}, None)


@pytest.mark.parametrize("name", ["latency_s", "cost_usd"])
@pytest.mark.parametrize("amount", [1.7e308, math.inf, math.nan, -1.0, 2 * MOST_AMOUNT])
def test_a_service_or_a_function_that_says_so_has_answered_badly(name: str, amount: float) -> None:
    for found in (read_output({"text": "x", name: amount}, "it"), checked(Output(text="x", **{name: amount}))):
        assert isinstance(found, Failure)
        assert found.blame == "candidate"


def test_amounts_up_to_the_limit_are_taken() -> None:
    assert isinstance(checked(Output(text="x", latency_s=MOST_AMOUNT, cost_usd=0.0)), Output)
