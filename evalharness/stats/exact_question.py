"""What one question demands: its bars and, at the planned last case, its counts; kept as one line of text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import log
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from evalharness.stats.exact_evidence import QUESTIONS, Question

Rule: TypeAlias = Literal["staircase", "plain", "running"]

SHIPPED = Path(__file__).with_name("exact_plans.txt")
"""Plans made by ``benchmarks/gate/make_plans.py``, one question a line; a test certifies each of them again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionPlan:
    """What one question demands, while running and at the planned last case.

    Raises:
        ValueError: If a field does not fit the others.
    """

    question: Question
    planned: int
    """Number N of cases."""
    bar: float
    """Log of 1/alpha, in force after every case."""
    last_bar: float
    """Log e-value demanded at the planned last case; with a staircase some counts below it count too."""
    rule: Rule
    """``staircase``, ``plain`` (log E >= last_bar) or ``running`` (nothing is given back)."""
    certified: bool
    """True if size <= alpha is proven for every trinomial null."""
    limits: tuple[int, ...]
    """By wins 0..planned. ``pass``: most losses, -1 = none; else: fewest losses, planned + 1 = none suffice."""

    def __post_init__(self) -> None:
        """Check what a reader of a damaged file could get wrong."""
        if self.question not in QUESTIONS or self.rule not in get_args(Rule):
            raise ValueError(f"unknown question {self.question!r} or rule {self.rule!r}")
        if len(self.limits) != self.planned + 1:
            raise ValueError(f"{len(self.limits)} limits for {self.planned} planned cases, expected {self.planned + 1}")
        if not 0.0 <= self.last_bar <= self.bar:
            raise ValueError(f"last bar {self.last_bar!r} is not within 0..{self.bar!r}")

    def holds(self, wins: int, losses: int) -> bool:
        """Return whether the claim is proven at the planned last case with these counts."""
        return losses <= self.limits[wins] if self.question == "pass" else losses >= self.limits[wins]

    def least_ups(self) -> tuple[int, ...]:
        """By downs 0..planned: fewest ups that prove the claim at the last case (up and down: ``exact_evidence``)."""
        if self.question != "pass":
            return self.limits
        # Most losses grow with wins, so one walk over the wins answers for all losses.
        fewest, wins = [], 0
        for losses in range(self.planned + 1):
            while wins <= self.planned and self.limits[wins] < losses:
                wins += 1
            fewest.append(wins if wins <= self.planned - losses else self.planned - losses + 1)
        return tuple(fewest)

    def to_text(self) -> str:
        """Return last bar, rule, first limit and the steps between the limits, as far as they are not implied.

        Raises:
            ValueError: If a step is above 9 (margins near 1), which the text cannot hold.
        """
        own = [limit for wins, limit in enumerate(self.limits) if not self._implied(wins, limit)]
        steps = [after - before for before, after in pairwise(own)]
        if max(steps, default=0) > 9:
            raise ValueError(f"a step of {max(steps)} between limits, expected at most 9")
        return f"{self.last_bar!r} {self.rule} {own[0] if own else '-'} {''.join(map(str, steps)) or '-'}"

    def to_json(self) -> dict[str, object]:
        """Return what a cache must keep; question, plan and alpha are known to its reader."""
        return {"last_bar": self.last_bar, "rule": self.rule, "limits": list(self.limits)}

    def _implied(self, wins: int, limit: int) -> bool:
        """Say whether the limit is where every count (pass) or none (fail, drop) suffices, as for all more wins."""
        return limit == (self.planned - wins if self.question == "pass" else self.planned + 1)


def from_text(text: str, *, question: Question, planned: int, alpha: float) -> QuestionPlan:
    """Read what ``QuestionPlan.to_text`` wrote.

    Raises:
        ValueError: If it is not such a text or does not fit the plan.
    """
    last_bar, rule, first, steps = text.split(" ")
    limits: list[int] = []
    if first != "-":
        limits.append(int(first))
        for step in steps.strip("-"):
            limits.append(limits[-1] + int(step))
    rest = range(len(limits), planned + 1)
    limits.extend((planned - wins if question == "pass" else planned + 1) for wins in rest)
    return QuestionPlan(
        question=question,
        planned=planned,
        bar=log(1.0 / alpha),
        last_bar=float(last_bar),
        rule=rule,  # type: ignore[arg-type]  # __post_init__ checks the word
        certified=True,
        limits=tuple(limits),
    )


def from_json(data: object, *, question: Question, planned: int, alpha: float) -> QuestionPlan:
    """Read what ``QuestionPlan.to_json`` returned.

    Raises:
        ValueError: If it is not such an object or does not fit the plan.
    """
    if not isinstance(data, dict):
        # A damaged cache is a wrong value, not a programming error.
        raise ValueError(f"the plan of {question} must be an object, got {type(data).__name__}")  # noqa: TRY004
    last_bar, rule, limits = data.get("last_bar"), data.get("rule"), data.get("limits")
    if not isinstance(last_bar, float) or not isinstance(limits, list) or not all(type(n) is int for n in limits):
        raise ValueError(f"the plan of {question} needs a number last_bar and whole numbers as limits")
    return QuestionPlan(
        question=question,
        planned=planned,
        bar=log(1.0 / alpha),
        last_bar=last_bar,
        rule=rule,  # type: ignore[arg-type]  # __post_init__ checks the word
        certified=True,
        limits=tuple(limits),
    )


def key(question: Question, planned: int, margin: float, alpha: float) -> str:
    """Return the words that begin the line of a plan; a drop does not depend on the margin."""
    return f"{question} {planned} {0.0 if question == 'drop' else margin:.12g} {alpha:.12g} "


@lru_cache(maxsize=256)
def shipped(question: Question, planned: int, margin: float, alpha: float) -> QuestionPlan | None:
    """Return the plan that is shipped for a question, or None."""
    text = _shipped_text()
    start = key(question, planned, margin, alpha)
    at = text.find("\n" + start)
    if at < 0:
        return None
    line = text[at + 1 + len(start) : text.index("\n", at + 1)]
    return from_text(line, question=question, planned=planned, alpha=alpha)


@lru_cache(maxsize=1)
def _shipped_text() -> str:
    return SHIPPED.read_text(encoding="ascii")
