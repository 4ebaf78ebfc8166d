"""``turns``: what another scorer says of each reply in a scripted conversation.

| word | parameters | value |
| --- | --- | --- |
| ``turns`` | ``of`` (required), ``turn = "all"`` or a number: 1 is the first scripted turn, -1 the last | mean value of ``of`` over the replies; passed when each passed |

The scripted turns of a case are the user messages of its input that nobody has answered (a plain text is one turn). The reply to
a turn is what the assistant said, and the calls it made, before the user spoke again. ``of`` is given that reply alone; a case whose target is
``{"turns": [...]}`` has one expectation a turn, null where a turn has none and is left out.

A reply that is missing is the candidate's doing: the lowest value. An answer of several turns without messages says nothing about its earlier
replies and is unscored, but for ``turn = -1``, which is its text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from evalharness.core.cases import Case, open_turns
from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Failure, Output, Score, ScoreResult, Unscored
from evalharness.scorers.base import Scorer, shown
from evalharness.scorers.parameters import Params
from evalharness.scorers.references import json_equal

_ALL: Final = "all"
_ANSWERS: Final = ("assistant", "model", None)
"""Roles of what a candidate says."""


class Turns(Scorer):
    """The replies of a conversation, one by one."""

    reads_text = False

    def __init__(self, params: Params) -> None:
        if not params.has("of"):
            params.refuse("of", 'a scorer table such as { use = "length", max = 40 }', None)
        self._part = params.part("of")
        if (self._part.low, self._part.high) != (0.0, 1.0) or self._part.direction != "higher":
            params.refuse("of", "a scorer on 0..1 where more is better", self._part.use)
        self._turn = params.value("turn", default=_ALL)
        if self._turn != _ALL and (type(self._turn) is not int or self._turn == 0):
            params.refuse("turn", '"all", or a number: 1 is the first turn, -1 the last', self._turn)
        self.needs = self._part.needs
        super().__init__(params)

    def measure(self, output: Output, case: Case, /) -> ScoreResult:
        """Score the wanted replies, then judge."""
        scripted = script_of(case)
        expected = _expected(case, len(scripted))
        if isinstance(expected, Failure):
            return expected
        wanted = self._wanted(expected)
        if not wanted:
            return Unscored(reason=f"no turn to look at: {len(scripted)} scripted, turn = {self._turn!r}")
        replies = replies_of(output, case, len(scripted))
        if replies is None and wanted != [len(scripted) - 1]:
            return Unscored(
                reason=f"the answer's messages do not hold the {len(scripted)} turns, so its replies are not known"
            )
        texts = replies if replies is not None else [None] * (len(scripted) - 1) + [output]
        results = {place: self._scored(texts[place], expected[place], case, scripted[place]) for place in wanted}
        return _judged(results, texts)

    def _wanted(self, expected: Sequence[Case]) -> list[int]:
        turns = len(expected)
        if self._turn == _ALL:
            return [
                place for place, case in enumerate(expected) if case.target is not None or "target" not in self.needs
            ]
        place = self._turn - 1 if self._turn > 0 else turns + self._turn
        return [place] if 0 <= place < turns else []

    def _scored(self, reply: Output | None, case: Case, whole: Case, place: int) -> ScoreResult:
        if reply is None:
            return Score(value=0.0, passed=False, reason="no reply")
        chat = isinstance(whole.input, tuple)
        return self._part.score(reply, replace(case, input=whole.input[: place + 1]) if chat else case)


def script_of(case: Case) -> list[int]:
    """Places of the user turns of a case that wait for a reply; where none does, the end of the input is the one turn."""
    if not isinstance(case.input, tuple):
        return [0]
    return open_turns(case.input) or [len(case.input) - 1]


def replies_of(output: Output, case: Case, turns: int) -> list[Output | None] | None:
    """The reply to each scripted turn, None for one without; None in all when the answer does not say.

    Args:
        output: An answer.
        case: Its case.
        turns: How many scripted turns that has.
    """
    if turns == 1:
        return [output]
    said = [message for message in output.messages if message.get("role") in _ANSWERS]
    if len(said) == len(output.messages) == turns:  # the replies alone, one a turn
        return [_reply([message]) for message in said]
    parts = _parts(output.messages, case)
    return [_reply(part) for part in parts] if any(parts) else None


def _parts(messages: Sequence[Mapping[str, Any]], case: Case) -> list[list[Mapping[str, Any]]]:
    """What the trace holds after each scripted turn and before the user's next words."""
    words = [case.input[place].get("content") for place in script_of(case)]
    parts: list[list[Mapping[str, Any]]] = [[] for _ in words]
    turn = -1
    for message in messages:
        if message.get("role") != "user":
            parts[turn].extend([message] if turn >= 0 else [])
        elif turn + 1 < len(words) and json_equal(message.get("content"), words[turn + 1]):
            turn += 1
    return parts


def _reply(messages: Sequence[Mapping[str, Any]]) -> Output | None:
    said = [m for m in messages if m.get("role") in _ANSWERS]
    if not said:
        return None
    texts = [m["content"] for m in said if isinstance(m.get("content"), str)]
    return Output(text=texts[-1] if texts else None, messages=tuple(messages))


def _expected(case: Case, turns: int) -> list[Case] | Failure:
    """The case as each turn sees it: with that turn's own target, where it has them."""
    target = case.target.get("turns") if isinstance(case.target, Mapping) else None
    if target is None:
        return [case] * turns
    if not isinstance(target, tuple) or len(target) != turns:
        seen = len(target) if isinstance(target, tuple) else "no list"
        message = f"case {case.id}: target.turns has {seen} entries, its input {turns} turns to answer"
        return Failure(stage="scorer", kind="bad_case", message=message)
    return [replace(case, target=expected) for expected in target]


def _judged(results: Mapping[int, ScoreResult], replies: Sequence[Output | None]) -> ScoreResult:
    for place, result in results.items():
        if isinstance(result, Unscored):
            return Unscored(reason=f"turn {place + 1}: {result.reason}")
        if isinstance(result, Failure):
            return replace(result, message=f"turn {place + 1}: {result.message}")
    scores = {place: result for place, result in results.items() if isinstance(result, Score)}
    verdicts = [score.passed for score in scores.values()]
    failed = [place for place, score in scores.items() if score.passed is False]
    reason = f"{len(scores) - len(failed)} of {len(scores)} replies hold" if None not in verdicts else ""
    reason += "".join(f"; turn {place + 1}: {scores[place].reason}" for place in failed[:3])
    said = {f"turn {place + 1}": _said(replies[place]) for place in scores}
    return Score(
        value=sum(score.value for score in scores.values()) / len(scores),
        passed=None if None in verdicts else not failed,
        reason=reason,
        evidence={"replies": said},
        parts={f"turn {place + 1}": score for place, score in scores.items()},
    )


def _said(reply: Output | None) -> str:
    return "no reply" if reply is None else shown(reply.text or "", 120)


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {"turns": Turns}
