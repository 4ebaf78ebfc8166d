"""Verdicts as distributions: the mean of the verdict's probabilities, for rubrics with ``probabilities = true``.

The probabilities are those of the first token in which the allowed words differ, as the server reports them. A server
that reports none, or words that cannot be told apart by it, is an error: never a silent step back to the plain verdict
(G-Eval's weighting, arXiv 2303.16634; what goes wrong when a missing distribution is silently replaced: scorers.md 1.2).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from evalharness.core.results import Output
from evalharness.judging.prompt import Prompt
from evalharness.judging.reply import Opinion
from evalharness.judging.rubric import CANNOT_TELL, Criterion

LEAST_SEEN: Final = 0.5
"""Probability that the allowed words must hold together among those reported."""


class NoProbabilities(ValueError):
    """The server reported no probabilities that can be read."""


def with_distributions(opinions: Mapping[str, Opinion], output: Output, prompt: Prompt) -> dict[str, Opinion]:
    """The same opinions with the distribution of each verdict.

    Args:
        opinions: What the reply said.
        output: The reply with its log-probabilities.
        prompt: What was asked.

    Raises:
        NoProbabilities: If they are missing or cannot be read.
    """
    tokens = _tokens(output)
    return {c.id: _with_distribution(c, opinions[c.id], output.text or "", tokens) for c in prompt.criteria}


def _tokens(output: Output) -> Sequence[Mapping[str, Any]]:
    message = output.messages[0] if output.messages else {}
    logprobs = message.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    if not content:
        raise NoProbabilities("the server sent no log-probabilities")
    return tuple(content)


def _with_distribution(
    criterion: Criterion, opinion: Opinion, text: str, tokens: Sequence[Mapping[str, Any]]
) -> Opinion:
    start = _place_of_verdict(text, criterion.id)
    distribution = _distribution((*criterion.verdicts, CANNOT_TELL), start, tokens)
    if distribution[CANNOT_TELL] > 0.5:
        return replace(opinion, verdict=CANNOT_TELL)
    return replace(opinion, distribution=distribution)


def _place_of_verdict(text: str, name: str) -> int:
    """Where the verdict's first character stands; the reply has been read, so its form is known."""
    at = text.index(json.dumps(name))
    return text.index('"', text.index(":", text.index('"verdict"', at))) + 1


def _distribution(words: Sequence[str], start: int, tokens: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    position = 0
    for token in tokens:
        said = str(token.get("token", ""))
        if position <= start < position + len(said):
            return _over_words(words, token, lead=said[: start - position])
        position += len(said)
    raise NoProbabilities("the tokens do not add up to the reply")


def _over_words(words: Sequence[str], token: Mapping[str, Any], *, lead: str) -> dict[str, float]:
    found = dict.fromkeys(words, 0.0)
    for entry in token.get("top_logprobs") or ():
        text, logprob = str(entry.get("token", "")), entry.get("logprob")
        if not text.startswith(lead) or not isinstance(logprob, (int, float)):
            continue
        start = text[len(lead) :].partition('"')[0]
        meant = [word for word in words if start and word.startswith(start)]
        if len(meant) > 1:
            raise NoProbabilities(f"the token {start!r} begins {' and '.join(meant)}")
        for word in meant:
            found[word] += math.exp(min(0.0, logprob))
    total = sum(found.values())
    if total < LEAST_SEEN:
        raise NoProbabilities("the reported tokens are not the allowed words")
    return {word: share / total for word, share in found.items()}
