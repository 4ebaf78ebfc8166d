"""What is fixed before the first case (the rule) and what comes out at the end (the decision)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import log
from typing import Literal, TypeAlias, get_args

from evalharness.stats.looks import look_shares
from evalharness.stats.ranges import check_range, check_share

ProvenDrop: TypeAlias = Literal["fail", "stop", "inconclusive"]
Estimand: TypeAlias = Literal["population", "eval_set"]
Outcome: TypeAlias = Literal["pass", "fail", "inconclusive"]
Method: TypeAlias = Literal["exact", "general"]

SMALL_PLAN = 300
"""Up to so many planned cases betting gets the smaller share of alpha (gate-exact.md section 1)."""
EFFECT_WITHOUT_MARGIN = 0.05
"""Design effect g0 of the bets where the margin is 0."""


def default_split(planned: int) -> float:
    """Return the share of alpha that is spent while running: 0.25 for at most 300 planned cases, else 0.5."""
    return 0.25 if planned <= SMALL_PLAN else 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The decision rule of one metric, fixed before the first case.

    Raises:
        ValueError: If a field is outside its range.
    """

    margin: float
    """Largest drop of the mean that is tolerated, >= 0 and inside the range; with ``improve``, the gain to be shown."""
    planned: int
    """Number N of units (cases, or whole clusters)."""
    alpha_pass: float = 0.05
    """Chance to pass a drop of the margin, at most."""
    alpha_block: float = 0.025
    """Chance to fail a candidate that is not worse, at most."""
    split: float | None = None
    """Share of each alpha that is spent while running, 0..1; the rest buys the last look. 1 = strict, betting only."""
    low: float = -1.0
    """Lower end of the differences' range."""
    high: float = 1.0
    """Upper end of the differences' range."""
    effect: float | None = None
    """Design effect g0 of the bets, > 0; the margin by default, 0.05 where that is 0."""
    proven_drop: ProvenDrop = "fail"
    """What a proven drop within the margin means: FAIL at the end, FAIL at once, or nothing."""
    estimand: Estimand = "population"
    """``population``: the mean over cases like these; ``eval_set``: the mean of exactly the planned cases."""
    largest: float | None = None
    """Size n_max of the largest cluster (or weight) of the whole plan; None: every unit is one case."""
    improve: bool = False
    """True: PASS when the mean is shown to be above +margin; only a proven drop fails."""
    looks: tuple[int, ...] = ()
    """Declared earlier looks: growing numbers of units below ``planned``; they share alpha with the last one."""

    def __post_init__(self) -> None:
        """Check every field; see the class."""
        check_range(self.low, self.high)
        if not self.low < 0 < self.high:
            raise ValueError(f"the range of differences must hold 0 inside, got [{self.low:g}, {self.high:g}]")
        if not (self.margin >= 0 and self.low < self.pass_null < self.high):
            raise ValueError(f"margin must be at least 0 and inside the range of differences, got {self.margin!r}")
        if self.planned < 1:
            raise ValueError(f"planned must be at least 1, got {self.planned!r}")
        check_share("alpha_pass", self.alpha_pass)
        check_share("alpha_block", self.alpha_block)
        check_share("split", self.running_share, zero=True, one=True)
        for name, value in (("effect", self.effect), ("largest", self.largest)):
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be a positive number, got {value!r}")
        check_word("proven_drop", self.proven_drop, get_args(ProvenDrop))
        check_word("estimand", self.estimand, get_args(Estimand))
        ends = (0, *self.looks, self.planned)
        if any(after <= before for before, after in pairwise(ends)):
            raise ValueError(f"looks must be growing and below planned ({self.planned}), got {self.looks!r}")

    @property
    def pass_null(self) -> float:
        """The mean that PASS must beat."""
        return self.margin if self.improve else -self.margin

    @property
    def fail_null(self) -> float:
        """The mean that FAIL must be below; with ``improve`` and at margin 0 that is no difference at all."""
        return 0.0 if self.improve else -self.margin

    @property
    def design_effect(self) -> float:
        """The bets' g0."""
        return self.effect if self.effect is not None else self.margin or EFFECT_WITHOUT_MARGIN

    @property
    def running_share(self) -> float:
        """The split in force: the bets of ``eval_set`` spend everything, for there the last case settles the rest."""
        if self.estimand == "eval_set":
            return 1.0
        return default_split(self.planned) if self.split is None else self.split

    @property
    def pass_bar(self) -> float:
        """Log of the capital at which PASS is proven while running."""
        return _bar(self.running_share * self.alpha_pass)

    @property
    def block_bar(self) -> float:
        """Log of the capital at which FAIL, or a drop, is proven while running."""
        return _bar(self.running_share * self.alpha_block)

    @property
    def last_pass(self) -> float:
        """Level of the last look for PASS: what betting and earlier looks leave of alpha."""
        return self.look_level(self.planned) * self.alpha_pass

    @property
    def last_block(self) -> float:
        """Level of the last look for FAIL and for a drop."""
        return self.look_level(self.planned) * self.alpha_block

    def look_level(self, units: int) -> float:
        """Share of alpha that the look after so many units has to itself; 0 where none is due.

        The shares of all looks and of betting add up to 1, so the error rates hold by the union bound.
        """
        sizes = (*self.looks, self.planned)
        if units not in sizes:
            return 0.0
        place = sizes.index(units)
        shares = (0.0, *look_shares(len(sizes)))
        return (1 - self.running_share) * (shares[place + 1] - shares[place])


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the rule said about one metric."""

    verdict: Outcome
    method: Method
    reason: str
    """One plain sentence."""
    n_used: int
    """Units (cases, or whole clusters) that entered the decision."""
    planned: int
    """Units that were planned."""
    log_e_pass: float
    """Largest log capital against "worse by the margin or more"."""
    log_e_fail: float
    """Largest log capital against "not worse than the margin"."""
    log_e_drop: float
    """Largest log capital against "no drop"."""
    p_pass: float | None = None
    """p-values of the last look; None where there was none."""
    p_fail: float | None = None
    p_drop: float | None = None
    drop_proven: bool = False
    """True when a drop, of whatever size, is proven."""


def check_word(name: str, value: str, known: tuple[str, ...]) -> None:
    """Raise ValueError unless the value is one of the known words."""
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}; got {value!r}")


def _bar(alpha: float) -> float:
    return -log(alpha) if alpha > 0 else float("inf")
