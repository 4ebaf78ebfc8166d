"""Log-probabilities are handed on where a server sends them, for judges that ask for them."""

from __future__ import annotations

import json
from typing import Any

from evalharness.clients.completion import completion
from evalharness.core.results import Output


def answered(**choice: Any) -> Output:
    message = {"role": "assistant", "content": "met"}
    body = {"choices": [{"message": message, "finish_reason": "stop", **choice}]}
    output = completion(json.dumps(body).encode(), latency_s=0.1, price=None, finished=True)
    assert isinstance(output, Output)
    return output


def test_they_stand_beside_the_text() -> None:
    likely = {"content": [{"token": "met", "logprob": -0.1, "top_logprobs": [{"token": "met", "logprob": -0.1}]}]}
    (message,) = answered(logprobs=likely).messages
    assert message["content"] == "met"
    assert message["logprobs"]["content"][0]["top_logprobs"][0]["token"] == "met"


def test_none_are_made_up() -> None:
    assert answered().messages == ()
    assert answered(logprobs=None).messages == ()
    assert answered(logprobs="high").messages == ()
