"""What the judges of a gate will ask for, and what that costs, before anything is spent: the judges' part of ``plan``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from evalharness.core.cases import Case
from evalharness.core.protocols import ScorerFacts
from evalharness.core.results import CaseResult, Output, Score
from evalharness.judging.judge import Judge
from evalharness.judging.prompt import Prompt
from evalharness.judging.scorer import JudgeScorer
from evalharness.judging.seat import Seat, Took
from evalharness.judging.subject import Subject, pair_of, subject_of
from evalharness.project.standings import anchor_subjects
from evalharness.project.workspace import Workspace

_CHARACTERS: Final = 4
"""Bytes of a prompt per token, where nothing was recorded."""
_LIKELY_SHARE: Final = 0.25
"""Of the longest reply that is allowed, where nothing was recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Calls with what they cost."""

    calls: int
    tokens: tuple[int, int]
    """(in, out)"""
    cost_usd: float | None
    """None where a price is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeCost:
    """One judge of a gate before it is asked."""

    scorer: str
    once: Bill
    """Each answer that has no stored verdict is judged ``repeats.first`` times: nothing differs."""
    most: Bill
    """Every answer differs and is judged ``repeats.on_change`` times in both arms."""
    bound_usd: float | None
    """The same where each reply is asked for as often as it may be and is as long as it may be, a token is a byte, and
    nothing can be told without escalation; None where a price is unknown."""
    anchors: Bill
    """Anchors and canaries, where they are due: once a week."""
    how: str
    """How tokens were estimated."""


def judge_costs(
    workspace: Workspace,
    scorers: Iterable[ScorerFacts],
    cases: Sequence[Case],
    *,
    stored: Mapping[str, CaseResult] | None,
    epochs: int = 1,
) -> tuple[JudgeCost, ...]:
    """What each judge among some scorers will ask for. Calls nothing.

    Args:
        workspace: The opened project.
        scorers: The scorers of a gate.
        cases: Its cases.
        stored: Results of the stored baseline: its answers tell how long answers are, its verdicts what they took. None
            where both arms have to be judged.
        epochs: Answers a case and arm.
    """
    judges = [scorer for scorer in scorers if isinstance(scorer, JudgeScorer)]
    return tuple(_cost(workspace, scorer, cases, stored, epochs) for scorer in judges)


def _cost(
    workspace: Workspace,
    scorer: JudgeScorer,
    cases: Sequence[Case],
    stored: Mapping[str, CaseResult] | None,
    epochs: int,
) -> JudgeCost:
    judge, settings = scorer.judge, scorer.judge.rubric.judge
    took = _recorded(scorer.name, stored or {})
    subjects = [subject for case in cases for subject in _subjects(judge, case, (stored or {}).get(case.id), epochs)]
    known = settings.first if stored is not None else 0
    if judge.rubric.pairwise:
        once = most = settings.first  # a pair is one question
    else:
        once, most = 2 * settings.first - known, 2 * settings.on_change - known
    sizes, worst = _sizes(judge, subjects, took), _sizes(judge, subjects, took, worst=True)
    return JudgeCost(
        scorer=scorer.name,
        once=_bill(judge, judge.seats, sizes, once),
        most=_bill(judge, judge.seats, sizes, most),
        bound_usd=_bill(judge, judge.all_seats, worst, most * (1 + judge.rubric.retries)).cost_usd,
        anchors=_bill(judge, judge.seats, _sizes(judge, anchor_subjects(workspace, scorer), took), 1),
        how=_how(took, stored=stored is not None),
    )


def _how(took: Took, *, stored: bool) -> str:
    if took.calls:
        return f"as {took.calls} recorded judgements took"
    answers = "the baseline's answers" if stored else "the references"
    return f"~ bytes / {_CHARACTERS} of prompts with {answers} in them, and a quarter of the longest replies"


def _recorded(name: str, stored: Mapping[str, CaseResult]) -> Took:
    """What stored verdicts took."""
    took = Took()
    for result in stored.values():
        for trial in result.trials:
            score = trial.scores.get(name)
            if isinstance(score, Score):
                took += Took.from_json(score.evidence.get("took", ()))
    return took


def _subjects(judge: Judge, case: Case, result: CaseResult | None, epochs: int) -> list[Subject]:
    """What will be judged of a case, with stored answers in place of those that are not there yet."""
    trials = result.epoch_trials() if result is not None else ()
    answers = [trial.output for trial in trials if isinstance(trial.output, Output) and trial.output.text is not None]
    stand_in = Output(text=case.target if isinstance(case.target, str) else "as long as this")
    found = []
    for epoch in range(epochs):
        output = answers[epoch % len(answers)] if answers else stand_in
        pairwise = judge.rubric.pairwise
        found.append(
            pair_of(judge.rubric, output, output, case) if pairwise else subject_of(judge.rubric, output, case)
        )
    return found


# --- what it comes to ---------------------------------------------------------------------------------------------------

_Size: TypeAlias = tuple[float, float]
"""(in, out) tokens of one call."""


def _sizes(judge: Judge, subjects: Sequence[Subject], took: Took, *, worst: bool = False) -> list[_Size]:
    """The size of each call that one judgement of these takes, in one order, for one seat."""
    longest = float(judge.rubric.judge.max_output_tokens)
    bytes_in = [float(_bytes(prompt)) for subject in subjects for prompt in judge.prompts(subject)]
    if worst:
        return [(size, longest) for size in bytes_in]
    if took.calls:
        return [(took.tokens_in / took.calls, took.tokens_out / took.calls)] * len(bytes_in)
    return [(size / _CHARACTERS, longest * _LIKELY_SHARE) for size in bytes_in]


def _bill(judge: Judge, seats: Sequence[Seat], sizes: Sequence[_Size], times: int) -> Bill:
    """So many judgements of each, by some seats."""
    each = times * (2 if judge.rubric.pairwise else 1)
    tokens = each * sum(size[0] for size in sizes), each * sum(size[1] for size in sizes)
    costs = [
        None if seat.price is None else (tokens[0] * seat.price[0] + tokens[1] * seat.price[1]) / 1e6 for seat in seats
    ]
    known = [cost for cost in costs if cost is not None]
    return Bill(
        calls=len(sizes) * each * len(seats),
        tokens=(round(tokens[0] * len(seats)), round(tokens[1] * len(seats))),
        cost_usd=sum(known) if len(known) == len(seats) else None,
    )


def _bytes(prompt: Prompt) -> int:
    return len(prompt.text.encode("utf-8", "replace"))
