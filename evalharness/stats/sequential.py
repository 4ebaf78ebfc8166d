"""The general rule of one metric, one unit at a time (gate.md section 1; gate-exact.md section 4 where it differs)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal, NamedTuple, SupportsFloat

from evalharness.stats.betting import Betting, FiniteBetting
from evalharness.stats.last_look import final_look_counts
from evalharness.stats.ranges import TOLERANCE, Side, in_range
from evalharness.stats.rule import Decision, Rule


class LogE(NamedTuple):
    """Three log capitals."""

    pass_: float
    """Against "worse by the margin or more"."""
    fail: float
    """Against "not worse than the margin"."""
    drop: float
    """Against "no drop"."""


class Sequential:
    """The rule's state after a prefix of the seeded order.

    Feed units in that order. Once ``verdict`` is not None the state is frozen: later units are not looked at, so
    ``log_e_now`` stays what it was at the stop, which is what merging needs. Constant time per unit.

    Args:
        rule: The rule, fixed before the first case.
    """

    __slots__ = ("_looked", "_rule", "_units", "drop", "fail", "pass_", "verdict")

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self.pass_ = _Question("pass", rule.pass_null, rule)
        self.fail = _Question("fail", rule.fail_null, rule)
        self.drop = _Question("fail", 0.0, rule)
        self._units = 0
        self._looked = _Proof(passed=False, failed=False, dropped=False)
        self.verdict: Literal["pass", "fail"] | None = None
        """The running verdict; None while undecided."""

    @property
    def n_used(self) -> int:
        """Units so far, up to the verdict."""
        return self._units

    @property
    def log_e_now(self) -> LogE:
        """The current log capitals: e-values that may be merged over metrics (never merge the running maxima)."""
        return LogE(self.pass_.bet.log_e, self.fail.bet.log_e, self.drop.bet.log_e)

    @property
    def bars(self) -> tuple[float, float]:
        """The log capitals at which PASS and FAIL are proven while running."""
        return self._rule.pass_bar, self._rule.block_bar

    @property
    def log_e_best(self) -> LogE:
        """The largest log capitals so far."""
        return LogE(self.pass_.bet.best, self.fail.bet.best, self.drop.bet.best)

    @property
    def drop_proven(self) -> bool:
        """True when a drop was proven while running, or at an earlier look."""
        return self._looked.dropped or self.drop.bet.best >= self._rule.block_bar

    def update(
        self,
        difference: SupportsFloat | None,
        worst: SupportsFloat | None = None,
        best: SupportsFloat | None = None,
        *,
        size: float = 1.0,
    ) -> None:
        """Take the next unit.

        Args:
            difference: Paired difference, + is better (a cluster's mean difference); None if it is missing.
            worst: Least value the difference can have, seen by PASS; the difference by default.
            best: Largest value the difference can have, seen by FAIL and drop; the difference by default.
            size: Cases in the cluster (or the unit's weight), at most ``rule.largest``; ignored where that is None.

        Raises:
            ValueError: If a value is outside the range or NaN, the difference is missing without both bounds, the
                bounds are in the wrong order, the size is not in (0, largest], or all planned units are in.
        """
        if self.verdict is not None:
            return
        if self._units >= self._rule.planned:
            raise ValueError(f"all {self._rule.planned} planned units are in")
        least = self._bound(difference, worst)
        most = self._bound(difference, best)
        if least > most:
            raise ValueError(f"worst {least!r} is above best {most!r}")
        share = self._share(size)
        self.pass_.update(least, share)
        self.fail.update(most, share)
        self.drop.update(most, share)
        self._units += 1
        self.verdict = self._running() if self._rule.estimand == "population" else self._running_finite()
        if self.verdict is None and self._units in self._rule.looks:
            self.verdict = self._earlier_look()

    def finish(self) -> Decision:
        """Decide with what is in: the last look if that is all planned units, else the running evidence alone.

        Changes nothing, so it may be asked at any time.
        """
        rule = self._rule
        if self.verdict is not None:
            return self._decision(self.verdict, self._early_reason())
        if rule.estimand == "eval_set":
            return self._undecided()
        if self._units < rule.planned or rule.running_share == 1:
            return self._end(_Proof(passed=False, failed=self._fail_crossed(), dropped=self.drop_proven))
        return self._end(self._look())

    def _look(self) -> _Proof:
        """The sharp test of a planned number of units, at the share of alpha that this look has."""
        rule, level = self._rule, self._rule.look_level(self._units)
        p_pass, p_fail, p_drop = self.pass_.p_value(), self.fail.p_value(), self.drop.p_value()
        return _Proof(
            passed=p_pass <= level * rule.alpha_pass,
            failed=self._fail_crossed() or p_fail <= level * rule.alpha_block,
            dropped=self.drop_proven or p_drop <= level * rule.alpha_block,
            p_values=(p_pass, p_fail, p_drop),
        )

    def _earlier_look(self) -> Literal["pass", "fail"] | None:
        """A declared look before the last: a drop that it proves is kept, and alone ends nothing before the end."""
        if self._rule.look_level(self._units) <= 0:
            return None
        self._looked = self._look()
        if self._looked.dropped and (self._looked.failed or self._rule.proven_drop == "stop"):
            return "fail"
        return "pass" if self._looked.passed else None

    def _bound(self, difference: SupportsFloat | None, bound: SupportsFloat | None) -> float:
        low, high = self._rule.low, self._rule.high
        if difference is not None and difference is not bound:
            seen = in_range(difference, low, high)
            return seen if bound is None else in_range(bound, low, high)
        if bound is None:
            raise ValueError("a missing difference needs both its worst and its best value")
        return in_range(bound, low, high)

    def _share(self, size: float) -> float:
        largest = self._rule.largest
        if largest is None:
            return 1.0
        if not 0 < size <= largest:
            raise ValueError(f"cluster size must lie in (0, {largest:g}], got {size!r}")
        return size / largest

    def _fail_crossed(self) -> bool:
        return self._looked.failed or self.fail.bet.best >= self._rule.block_bar

    def _running(self) -> Literal["pass", "fail"] | None:
        # FAIL before PASS. With unequal clusters "worse than the margin" does not imply a proven drop path by path, so
        # it must have proven that too; elsewhere the condition is always met.
        if self._fail_crossed() and self.drop_proven:
            return "fail"
        if self._rule.proven_drop == "stop" and self.drop_proven:
            return "fail"
        return "pass" if self.pass_.bet.best >= self._rule.pass_bar else None

    def _running_finite(self) -> Literal["pass", "fail"] | None:
        left = self._rule.planned - self._units
        if self.fail.surely_below(left):
            return "fail"
        if self.pass_.surely_not_below(left):
            return "pass"
        if self._fail_crossed():
            return "fail"
        return "pass" if self.pass_.bet.best >= self._rule.pass_bar else None

    def _end(self, proof: _Proof) -> Decision:
        rule = self._rule
        worse = proof.failed and proof.dropped
        if worse and rule.fail_null < 0:
            return self._decision("fail", f"worse than the margin of {rule.margin:g}, shown at the last look", proof)
        if proof.dropped and (rule.proven_drop == "stop" or worse):
            return self._decision("fail", "a drop is proven", proof)
        if proof.passed:
            return self._decision("pass", f"{self._passed()}, shown at the last look", proof)
        if proof.dropped and rule.proven_drop == "fail":
            return self._decision("fail", "a drop is proven, that it is within the margin is not", proof)
        return self._undecided(proof)

    def _passed(self) -> str:
        if self._rule.pass_null < 0:
            return f"not worse by {self._rule.margin:g} or more"
        return f"better by more than {self._rule.margin:g}" if self._rule.pass_null > 0 else "better"

    def _early_reason(self) -> str:
        rule = self._rule
        after = f"after {self._units} of {rule.planned}"
        if rule.estimand == "eval_set":
            below = "below" if self.verdict == "fail" else "not below"
            return f"the mean of all {rule.planned} planned cases is {below} {rule.pass_null:g}, shown {after}"
        if self.verdict == "pass":
            return f"{self._passed()}, shown {after}"
        if self._fail_crossed() and rule.fail_null < 0:
            return f"worse than the margin of {rule.margin:g}, shown {after}"
        return f"a drop is proven, shown {after}"

    def _undecided(self, proof: _Proof | None = None) -> Decision:
        dropped = self.drop_proven if proof is None else proof.dropped
        said = "a drop is proven, whether it is within the margin is not" if dropped else "the data cannot tell"
        if self._units < self._rule.planned:
            said += f"; stopped after {self._units} of {self._rule.planned}"
        return self._decision("inconclusive", said, proof)

    def _decision(
        self, verdict: Literal["pass", "fail", "inconclusive"], reason: str, proof: _Proof | None = None
    ) -> Decision:
        best = self.log_e_best
        p_pass, p_fail, p_drop = proof.p_values if proof is not None else (None, None, None)
        return Decision(
            verdict=verdict,
            method="general",
            reason=reason,
            n_used=self._units,
            planned=self._rule.planned,
            log_e_pass=best.pass_,
            log_e_fail=best.fail,
            log_e_drop=best.drop,
            p_pass=p_pass,
            p_fail=p_fail,
            p_drop=p_drop,
            drop_proven=proof.dropped if proof is not None else self.drop_proven,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proof:
    """What is proven when the cases run out."""

    passed: bool
    failed: bool
    dropped: bool
    p_values: tuple[float, float, float] | tuple[None, None, None] = (None, None, None)


class _Question:
    """One null: its bets while running and its values for the last look.

    Clusters become z = (n_g / n_max)(mean - q) against 0, which keeps the case-weighted mean as the estimand.
    """

    __slots__ = ("_counts", "_high", "_low", "_null", "_shift", "_side", "_total", "bet")

    def __init__(self, side: Side, null: float, rule: Rule) -> None:
        self._side: Side = side
        self._shift = null if rule.largest is not None else 0.0
        self._null = null - self._shift
        self._low, self._high = rule.low - self._shift, rule.high - self._shift
        self._counts: Counter[float] = Counter()
        self._total = 0.0
        ends = (self._low, self._high)
        self.bet = (
            FiniteBetting(side, self._null, rule.design_effect, rule.planned, *ends)
            if rule.estimand == "eval_set"
            else Betting(side, self._null, rule.design_effect, *ends)
        )

    def update(self, difference: float, share: float) -> None:
        value = share * (difference - self._shift)
        self._counts[value] += 1
        self._total += value
        self.bet.take(value)

    def p_value(self) -> float:
        return final_look_counts(self._counts, self._null, self._side, low=self._low, high=self._high)

    def surely_below(self, left: int) -> bool:
        """True when the mean of all planned units is below the null whatever the remaining ones are."""
        planned = self.bet.n + left
        return self._total + left * self._high < planned * (self._null - TOLERANCE)

    def surely_not_below(self, left: int) -> bool:
        """True when the mean of all planned units is at or above the null whatever the remaining ones are."""
        planned = self.bet.n + left
        return self._total + left * self._low >= planned * (self._null - TOLERANCE)
