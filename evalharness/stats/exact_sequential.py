"""The exact path of one 0/1 metric behind the same face as ``sequential.Sequential``: units in, a ``Decision`` out."""

from __future__ import annotations

from typing import Literal, SupportsFloat

from evalharness.stats.exact import ExactPlan, exact_plan
from evalharness.stats.rule import Decision, Rule
from evalharness.stats.sequential import LogE


class ExactSequential:
    """The rule's state after a prefix of the seeded order, for differences -1, 0 and 1.

    Args:
        rule: Margin, planned, both alphas and ``proven_drop`` are used; single cases, no clusters.
        plan: The rule's plan, where it is known already; else it is shipped or computed.
    """

    __slots__ = ("_rule", "_seen", "_state", "plan", "verdict")

    def __init__(self, rule: Rule, plan: ExactPlan | None = None) -> None:
        self._rule = rule
        self.plan = plan or exact_plan(
            rule.planned,
            rule.margin,
            alpha_pass=rule.alpha_pass,
            alpha_block=rule.alpha_block,
            looks=rule.looks,
        )
        self._state = self.plan.start(proven_drop=rule.proven_drop)
        self._seen: list[tuple[int, int]] = []
        self.verdict: Literal["pass", "fail"] | None = None
        """The running verdict; None while undecided."""

    @property
    def n_used(self) -> int:
        """Cases up to the verdict."""
        return self._state.n

    @property
    def log_e_now(self) -> LogE:
        """Current log e-values."""
        return LogE(*self._state.now)

    @property
    def bars(self) -> tuple[float, float]:
        """The log e-values at which PASS and FAIL are proven while running; those of the last case are lower."""
        return self.plan.passing.bar, self.plan.failing.bar

    def update(
        self,
        difference: SupportsFloat | None,
        worst: SupportsFloat | None = None,
        best: SupportsFloat | None = None,
        *,
        size: float = 1.0,
    ) -> None:
        """Take the next case: PASS sees its worst value, FAIL and drop its best; each -1, 0 or 1 to within 1e-9.

        Raises:
            ValueError: If a difference is missing without both bounds, is another number, is a cluster, or all
                planned cases are in.
        """
        if size != 1.0:
            raise ValueError("the exact method takes single cases, no clusters or weights")
        if len(self._seen) >= self._rule.planned:
            raise ValueError(f"all {self._rule.planned} planned cases are in")
        least = _step(difference if worst is None else worst)
        most = _step(difference if best is None else best)
        self._seen.append((least, most))
        self._state.update(least, most)
        self.verdict = self._state.verdict()

    def finish(self) -> Decision:
        """Decide with what is in; at the planned last case the bar drops to what is left of alpha."""
        state, rule = self._state, self._rule
        end = state.finish()
        said = {
            "not_worse": f"not worse by {rule.margin:g} or more",
            "worse_than_margin": f"worse than the margin of {rule.margin:g}",
            "drop_proven": "a drop is proven"
            + (", whether it is within the margin is not" if not state.verdict() else ""),
            "undecided": "the data cannot tell",
        }[end.reason]
        at_the_end = "at the last look" if state.n == rule.planned else f"stopped after {state.n} of {rule.planned}"
        when = f"shown after {state.n} of {rule.planned}" if state.verdict() else at_the_end
        return Decision(
            verdict=end.verdict,
            method="exact",
            reason=f"{said}; {when}",
            n_used=state.n,
            planned=rule.planned,
            log_e_pass=state.best.pass_,
            log_e_fail=state.best.fail,
            log_e_drop=state.best.drop,
            drop_proven=state.drop_proven or end.reason in {"drop_proven", "worse_than_margin"},
        )

    def interval(self) -> tuple[float, float]:
        """(L, U) of level 1 - alpha_pass - alpha_block, in agreement with the verdict (gate-exact.md 2, step 7)."""
        from evalharness.stats.exact_interval import exact_interval

        least, most = ([row[side] for row in self._seen] for side in (0, 1))
        return exact_interval(self.plan, least, self._state.finish(), block_differences=most)


def _step(value: SupportsFloat | None) -> int:
    if value is None:
        raise ValueError("a missing difference needs both its worst and its best value")
    number = float(value)
    step = round(number) if abs(number) <= 1.5 else 2
    if abs(number - step) > 1e-9 or abs(step) > 1:
        raise ValueError(f"the exact method takes differences -1, 0 and 1, got {number!r}")
    return step
