"""The state of the exact path during a run: three e-values, and the verdict they lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from evalharness.stats.exact_evidence import QUESTIONS, evidence, null_mean

if TYPE_CHECKING:
    from evalharness.stats.exact import ExactPlan

_STEPS = frozenset((-1, 0, 1))

Reason = Literal["not_worse", "worse_than_margin", "drop_proven", "undecided"]
ProvenDrop = Literal["fail", "stop", "inconclusive"]


class LogEs(NamedTuple):
    """Three log e-values."""

    pass_: float
    """Against "worse by the margin or more"."""
    fail: float
    """Against "not worse than the margin"."""
    drop: float
    """Against "no drop"."""


class ExactEnd(NamedTuple):
    """How a run ended, and why."""

    verdict: Literal["pass", "fail", "inconclusive"]
    reason: Reason
    """``not_worse``, ``worse_than_margin``, ``drop_proven`` (whether within the margin is open) or ``undecided``."""


class ExactState:
    """The three e-values along the seeded order, and the verdict they lead to. Constant time per case.

    Once the running rule has decided, the state is frozen: later cases are not looked at, so ``log_e_now`` stays
    what it was at the stop (what merging over metrics needs) and no case can undo a verdict.
    """

    __slots__ = (
        "_bets",
        "_dropped",
        "_plan",
        "_proven_drop",
        "_verdict",
        "_worse",
        "best",
        "block_losses",
        "block_wins",
        "losses",
        "n",
        "now",
        "wins",
    )

    def __init__(self, plan: ExactPlan, *, proven_drop: ProvenDrop = "fail") -> None:
        if proven_drop not in {"fail", "stop", "inconclusive"}:
            raise ValueError(f"proven_drop must be fail, stop or inconclusive; got {proven_drop!r}")
        self._plan = plan
        self._proven_drop = proven_drop
        self._bets = tuple(evidence(null_mean(question, plan.margin)) for question in QUESTIONS)
        self._verdict: Literal["pass", "fail"] | None = None
        self._dropped = self._worse = False
        self.n = 0
        """Cases so far, up to the verdict."""
        self.wins = self.losses = 0
        """As PASS sees them: a missing case at its worst."""
        self.block_wins = self.block_losses = 0
        """As FAIL and drop see them: a missing case at its best."""
        self.now = self.best = LogEs(0.0, 0.0, 0.0)
        """Current log e-values (these may be merged over metrics) and their running maxima (these may not)."""

    def update(self, difference: float, block_difference: float | None = None) -> None:
        """Take the next case of the order.

        Args:
            difference: -1, 0 or 1, as PASS sees it: the candidate's score less the baseline's; of a missing
                case the least it can be.
            block_difference: The same as FAIL and drop see it: of a missing case the most it can be.
                ``difference`` by default.

        Raises:
            ValueError: If a difference is not -1, 0 or 1, or all planned cases are in.
        """
        if self._verdict is not None:
            return
        block = difference if block_difference is None else block_difference
        if not (difference in _STEPS and block in _STEPS):
            raise ValueError(f"differences must be -1, 0 or 1; got {difference!r}, {block!r}")
        if self.n >= self._plan.planned:
            raise ValueError(f"all {self._plan.planned} planned cases are in")
        self.n += 1
        self.wins += difference > 0
        self.losses += difference < 0
        self.block_wins += block > 0
        self.block_losses += block < 0
        passing, failing, dropping = self._bets
        ties = self.n - self.block_wins - self.block_losses
        now = self.now = LogEs(
            passing.log_e(self.wins, self.losses, self.n - self.wins - self.losses),
            failing.log_e(self.block_losses, self.block_wins, ties),
            dropping.log_e(self.block_losses, self.block_wins, ties),
        )
        best = self.best
        self.best = LogEs(max(best.pass_, now.pass_), max(best.fail, now.fail), max(best.drop, now.drop))
        self._verdict = self._running()

    def verdict(self) -> Literal["pass", "fail"] | None:
        """Return the verdict of the running rule, or None while it is open."""
        return self._verdict

    @property
    def drop_proven(self) -> bool:
        """True when a drop was proven while running."""
        return self._dropped or self.best.drop >= self._plan.dropping.bar

    def finish(self) -> ExactEnd:
        """Return the verdict with what is in: the last bars count only if that is all planned cases.

        Missing cases must have been fed at their bounds before. Changes nothing, may be asked at any time.
        """
        worse = self._worse or self.best.fail >= self._plan.failing.bar
        if self._verdict == "pass":
            return ExactEnd("pass", "not_worse")
        if self._verdict == "fail":
            return ExactEnd("fail", "worse_than_margin" if worse else "drop_proven")
        return self._last_look() if self.n == self._plan.planned else self._end(drop=self.drop_proven)

    def _last_look(self) -> ExactEnd:
        plan, counts = self._plan, (self.block_wins, self.block_losses)
        return self._end(
            passed=plan.passing.holds(self.wins, self.losses),
            worse=plan.failing.holds(*counts),
            drop=self.drop_proven or plan.dropping.holds(*counts),
        )

    def _end(self, *, drop: bool, worse: bool = False, passed: bool = False) -> ExactEnd:
        if drop and worse:
            return ExactEnd("fail", "worse_than_margin")
        if passed and not (drop and self._proven_drop == "stop"):
            return ExactEnd("pass", "not_worse")
        if drop:
            return ExactEnd("inconclusive" if self._proven_drop == "inconclusive" else "fail", "drop_proven")
        return ExactEnd("inconclusive", "undecided")

    def _running(self) -> Literal["pass", "fail"] | None:
        # FAIL before PASS. E_FAIL never exceeds E_drop on the same counts, so a FAIL has proven a drop as well.
        if self.now.fail >= self._plan.failing.bar:
            return "fail"
        if self._proven_drop == "stop" and self.now.drop >= self._plan.dropping.bar:
            return "fail"
        if self.now.pass_ >= self._plan.passing.bar:
            return "pass"
        look = self._plan.look_at(self.n) if self._plan.earlier else None
        return self._declared_look(look) if look is not None else None

    def _declared_look(self, look: ExactPlan) -> Literal["pass", "fail"] | None:
        """An earlier look that was declared before the run. A drop that it proves is kept, and ends nothing alone."""
        counts = (self.block_wins, self.block_losses)
        self._dropped = self._dropped or look.dropping.holds(*counts)
        if self.drop_proven and look.failing.holds(*counts):
            self._worse = True
            return "fail"
        if self.drop_proven and self._proven_drop == "stop":
            return "fail"
        return "pass" if look.passing.holds(self.wins, self.losses) else None
