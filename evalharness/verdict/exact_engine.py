"""The exact path behind the face that a track expects."""

from __future__ import annotations

from typing import Final, Literal

from evalharness.stats.exact import ExactPlan, ExactState, exact_plan
from evalharness.stats.rule import Decision, Rule
from evalharness.stats.sequential import LogE

_REASONS: Final = {
    "not_worse": "not worse by {margin:g} or more",
    "worse_than_margin": "worse than the margin of {margin:g}",
    "drop_proven": "a drop is proven, that it is within the margin is not",
    "undecided": "the data cannot tell",
}


class ExactEngine:
    """One 0/1 metric on the exact path (``stats.exact``).

    Args:
        rule: The rule; margin, planned, alphas and ``proven_drop`` are used.
    """

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self.plan: ExactPlan = exact_plan(
            rule.planned, rule.margin, alpha_pass=rule.alpha_pass, alpha_block=rule.alpha_block
        )
        self._state: ExactState = self.plan.start(proven_drop=rule.proven_drop)
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

    def update(
        self, difference: float | None, worst: float | None = None, best: float | None = None, *, size: float = 1.0
    ) -> None:
        """Take the next case; PASS sees its worst value, FAIL and drop its best.

        Raises:
            ValueError: If a difference is missing without bounds, or is not -1, 0 or 1.
        """
        least = difference if worst is None else worst
        most = difference if best is None else best
        if least is None or most is None or size != 1.0:
            raise ValueError("the exact path takes single cases with a difference or both of its bounds")
        self._seen.append((round(least), round(most)))
        self._state.update(round(least), round(most))
        self.verdict = self._state.verdict()

    def finish(self) -> Decision:
        """Decide with what is in; at the planned last case the bar drops to what is left of alpha."""
        end = self._state.finish()
        early = f", shown after {self._state.n} of {self._rule.planned}" if self.verdict is not None else ""
        best = self._state.best
        return Decision(
            verdict=end.verdict,
            method="exact",
            reason=_REASONS[end.reason].replace("{margin:g}", f"{self._rule.margin:g}") + early,
            n_used=self._state.n,
            planned=self._rule.planned,
            log_e_pass=best.pass_,
            log_e_fail=best.fail,
            log_e_drop=best.drop,
            drop_proven=self._state.drop_proven or end.reason == "drop_proven",
        )

    def interval(self) -> tuple[float, float]:
        """(L, U) by test inversion, coherent with the verdict (gate-exact, section 2, step 7)."""
        from evalharness.stats.exact_interval import exact_interval

        return exact_interval(
            self.plan,
            [least for least, _ in self._seen],
            self._state.finish(),
            block_differences=[most for _, most in self._seen],
        )
