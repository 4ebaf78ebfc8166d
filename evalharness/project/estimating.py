"""Calls, tokens, money and time of a run before it is run: from recorded usage, else from the size of the prompts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from evalharness.core.cases import Case
from evalharness.core.protocols import Candidate, Recording, ScorerFacts
from evalharness.core.results import CaseResult, Output
from evalharness.judging.scorer import JudgeScorer
from evalharness.project.standings import anchor_calls
from evalharness.project.workspace import Workspace

_LIKELY_SHARE = 0.25
"""Of the longest answer that is allowed, where nothing was recorded."""
_CHARACTERS = 4
"""Per token, where nothing was recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an answer of a candidate took on average."""

    answers: int
    """Recorded answers that said so."""
    tokens_in: float
    tokens_out: float
    latency_s: float | None
    """Seconds an answer; None when it was not recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run will ask for."""

    planned: int
    """Answers that are needed in all: cases x epochs."""
    recorded: int
    """Of these, already recorded."""
    judgements: int
    """Calls of judges for the answers, at most: all judged as often as where the arms differ, nothing stored."""
    tokens: tuple[int, int] | None
    """(in, out) that the missing answers likely take; None when nothing tells."""
    cost_usd: tuple[float, float] | None
    """(likely, at most) for what is not recorded; None when the price is unknown."""
    seconds: float | None
    """Likely wall time of the missing answers; None when no latency was recorded."""
    how: str
    """How tokens and cost were estimated."""
    anchors: int = 0
    """Calls that the judges' anchors and canaries take when they are due (once a week)."""
    price_from: str = ""
    """A sentence on where the price is from, where the config does not name it."""

    @property
    def missing(self) -> int:
        """Answers to ask for."""
        return self.planned - self.recorded


def usage_of(results: Iterable[CaseResult]) -> Usage | None:
    """Mean usage of recorded answers; None where none says how many tokens it took."""
    outputs = [trial.output for result in results for trial in result.trials if isinstance(trial.output, Output)]
    counted = [
        (tokens_in, tokens_out, output)
        for output in outputs
        if isinstance(tokens_in := output.usage.get("prompt_tokens"), int)
        and isinstance(tokens_out := output.usage.get("completion_tokens"), int)
    ]
    if not counted:
        return None
    latencies = [output.latency_s for _, _, output in counted if output.latency_s is not None]
    return Usage(
        answers=len(counted),
        tokens_in=fmean(row[0] for row in counted),
        tokens_out=fmean(row[1] for row in counted),
        latency_s=fmean(latencies) if latencies else None,
    )


def estimate(
    workspace: Workspace,
    candidate: Candidate | Recording,
    cases: tuple[Case, ...],
    *,
    epochs: int = 1,
    known: Mapping[str, Output] | None = None,
    usage: Usage | None = None,
    scorers: Iterable[ScorerFacts] = (),
) -> Estimate:
    """What a candidate will ask for on some cases. Looks into the store, calls nothing.

    Args:
        workspace: The opened project.
        candidate: The candidate.
        cases: The cases.
        epochs: Answers a case.
        known: Answers by content key that exist outside the store (the stored baseline's, whose verdicts exist then too).
        usage: What earlier answers took.
        scorers: The scorers; those that call an endpoint are counted.
    """
    planned = len(cases) * epochs
    judges = [scorer for scorer in scorers if scorer.costly]
    judgements = planned * sum(_calls_an_answer(judge, stored=known is not None) for judge in judges)
    anchors = sum(anchor_calls(workspace, judge) for judge in judges if isinstance(judge, JudgeScorer))
    if isinstance(candidate, Recording):
        return Estimate(
            planned=planned,
            recorded=planned,
            judgements=judgements,
            anchors=anchors,
            tokens=(0, 0),
            cost_usd=(0.0, 0.0),
            seconds=0.0,
            how="answers are recorded",
        )
    missing, characters, worst_out = _missing(workspace, candidate, cases, epochs, known or {})
    tokens, how = _tokens(missing, characters, worst_out, usage)
    return Estimate(
        planned=planned,
        recorded=planned - missing,
        judgements=judgements,
        anchors=anchors,
        tokens=tokens,
        cost_usd=_cost(candidate.price, tokens, characters, worst_out),
        seconds=_seconds(missing, usage, workspace.jobs),
        how=how,
        price_from=workspace.price_table.told.get(str(candidate.description.get("model")), ""),
    )


def _calls_an_answer(scorer: ScorerFacts, *, stored: bool) -> int:
    """Calls for one answer in a gate at most: both arms judged again because they differ; a pair is one question."""
    if not isinstance(scorer, JudgeScorer):
        return 1
    settings = scorer.judge.rubric.judge
    if scorer.judge.rubric.pairwise:
        return scorer.judge.calls(settings.first)
    return scorer.judge.calls(2 * settings.on_change - (settings.first if stored else 0))


def _missing(
    workspace: Workspace, candidate: Candidate, cases: tuple[Case, ...], epochs: int, known: Mapping[str, Output]
) -> tuple[int, int, int]:
    """Answers that are not recorded, and the most (input, output) tokens they can take."""
    reader = workspace.reader()
    missing = most_in = most_out = 0
    for case in cases:
        for epoch in range(epochs):
            request = candidate.request(case, epoch=epoch, attempt=0, run_seed=workspace.config.defaults.seed)
            fits = candidate.reuse == "always"
            if fits and (request.key in known or reader.find_answer(request.key) is not None):
                continue
            missing += 1
            most_in += request.worst_tokens[0]
            most_out += request.worst_tokens[1]
    return missing, most_in, most_out


def _tokens(missing: int, most_in: int, most_out: int, usage: Usage | None) -> tuple[tuple[int, int] | None, str]:
    if not missing:
        return (0, 0), "nothing to ask for"
    if usage is not None:
        tokens = round(missing * usage.tokens_in), round(missing * usage.tokens_out)
        return tokens, f"as {usage.answers} recorded answers took"
    if not most_in and not most_out:
        return None, "nothing recorded tells how many tokens it takes"
    # The bound on the way in counts bytes, each a token at worst.
    tokens = round(most_in / _CHARACTERS), round(most_out * _LIKELY_SHARE)
    return tokens, f"~ characters / {_CHARACTERS}, and a quarter of the longest answers"


def _cost(
    price: tuple[float, float] | None, tokens: tuple[int, int] | None, most_in: int, most_out: int
) -> tuple[float, float] | None:
    if price is None:
        return None
    if tokens is None:
        return 0.0, 0.0
    most = (most_in * price[0] + most_out * price[1]) / 1e6
    return min(most, (tokens[0] * price[0] + tokens[1] * price[1]) / 1e6), most


def _seconds(missing: int, usage: Usage | None, jobs: int) -> float | None:
    if not missing:
        return 0.0
    return None if usage is None or usage.latency_s is None else missing * usage.latency_s / min(jobs, missing)
