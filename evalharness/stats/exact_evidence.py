"""The e-value of the exact path: a function of three counts, with bets that never change.

Each question is asked in its own direction: an *up* step speaks for the claim, a *down* step against it.

| question | claim to prove            | up   | down | mean of (up - down) under the null |
| -------- | ------------------------- | ---- | ---- | ---------------------------------- |
| `pass`   | not worse than the margin | win  | loss | -margin                            |
| `fail`   | worse than the margin     | loss | win  | +margin                            |
| `drop`   | worse than before         | loss | win  | 0                                  |

Seen this way the three are one formula with another null mean, and everything built on it (crossing, survival,
last bar, certificate) is written once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp, log
from typing import Literal

Question = Literal["pass", "fail", "drop"]
QUESTIONS: tuple[Question, ...] = ("pass", "fail", "drop")

BETS = (1.0, 0.6, 0.3, 0.12)
WEIGHTS = (1 / 6, 2 / 6, 2 / 6, 1 / 6)
# A bet of 1 would be ruined by one down step; 0.8 of it keeps a fifth of the capital.
CAP = 0.8

Row = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The four fixed bets against one null mean."""

    null: float  # mean of (up - down) that is to be refuted, -1 < null < 1
    rows: tuple[Row, ...]  # a row a bet: log weight, log factor of an up step, of a down step, of a tie

    def log_e(self, ups: int, downs: int, ties: int) -> float:
        """Log of the e-value after so many steps of each kind; 0.0 before the first."""
        (p0, u0, d0, t0), (p1, u1, d1, t1), (p2, u2, d2, t2), (p3, u3, d3, t3) = self.rows
        a = p0 + ups * u0 + downs * d0 + ties * t0
        b = p1 + ups * u1 + downs * d1 + ties * t1
        c = p2 + ups * u2 + downs * d2 + ties * t2
        d = p3 + ups * u3 + downs * d3 + ties * t3
        top = max(a, b, c, d)
        return top + log(exp(a - top) + exp(b - top) + exp(c - top) + exp(d - top))


def against(null: float) -> Evidence:
    """Return the bets against a null mean: each factor is positive, with mean 1 under the null, whatever d's law.

    Raises:
        ValueError: If the null mean is not strictly between -1 and 1.
    """
    if not -1.0 < null < 1.0:
        raise ValueError(f"a null mean must be strictly between -1 and 1, got {null!r}")
    rows = tuple(_row(weight, fraction, null) for weight, fraction in zip(WEIGHTS, BETS, strict=True))
    return Evidence(null=null, rows=rows)


evidence = lru_cache(maxsize=256)(against)
"""``against``, remembered: one object a null mean, so that what is computed from it is remembered too."""


def _row(weight: float, fraction: float, null: float) -> Row:
    bet = CAP * fraction / (1.0 + null)
    return (log(weight), log(1.0 + bet * (1.0 - null)), log(1.0 - CAP * fraction), log(1.0 - bet * null))


def null_mean(question: Question, margin: float) -> float:
    """Mean of (up - down) under the null of a question.

    Raises:
        ValueError: the question is not one of `pass`, `fail`, `drop`.
    """
    means = {"pass": -margin, "fail": margin, "drop": 0.0}
    if question not in means:
        raise ValueError(f"question {question!r}: expected one of {', '.join(QUESTIONS)}")
    return means[question]


def exact_log_e(question: Question, margin: float, wins: int, losses: int, cases: int) -> float:
    """Log e-value of a question after `cases` paired 0/1 differences.

    Args:
        question: `pass`, `fail` or `drop`.
        margin: the tolerated drop, on the 0..1 scale.
        wins: cases with difference +1.
        losses: cases with difference -1.
        cases: all cases, ties included.

    Returns:
        log E. E is a nonnegative martingale at the null mean, so it ever reaches 1/alpha with probability <= alpha
        for any differences in [-1, 1] (Ville).

    Raises:
        ValueError: the counts do not fit together, the margin or the question is not known.
    """
    ties = cases - wins - losses
    if min(wins, losses, ties) < 0:
        raise ValueError(f"wins {wins}, losses {losses}, cases {cases}: expected counts with wins + losses <= cases")
    ups, downs = (wins, losses) if question == "pass" else (losses, wins)
    return evidence(null_mean(question, margin)).log_e(ups, downs, ties)
