"""Several answers to one case: how likely one of k is right, and how likely all k are.

| word | parameters | value (n epochs, c of them right) |
| --- | --- | --- |
| ``pass_at_k`` | ``k`` (required), ``of = { use = "equals" }`` | 1 - C(n-c, k) / C(n, k): at least one of k answers drawn without repetition is right |
| ``pass_hat_k`` | the same | C(c, k) / C(n, k): all k are |

``of`` is a scorer table (or just its word) that says which answers are right: those that it passes. A gate asks n =
``epochs`` times; n must be at least k, for with fewer the first formula gives 1.0 to an answer that was never right. An
answer that the candidate failed to give is wrong; one that the infrastructure lost leaves the case without a score.

Both are exact fractions, rounded once. Source: Chen et al. 2021 (pass@k); Yao et al. 2024, tau-bench (pass^k).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import comb
from typing import Final

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.results import Failure, Output, Score, ScoreResult, Unscored
from evalharness.scorers.base import Facts
from evalharness.scorers.parameters import Params


class OverEpochs(Facts):
    """A number about all answers to a case; subclasses give the formula."""

    def __init__(self, params: Params) -> None:
        self._k = params.integer("k", low=1)
        self._where = params.place("k")
        self._right = params.part("of", default={"use": "equals"})
        self.needs = self._right.needs
        super().__init__(params)

    def score_epochs(self, outputs: Sequence[Output | Failure], case: Case) -> ScoreResult:
        """The number over the epochs of a case.

        Raises:
            ConfigError: If there are fewer epochs than k.
        """
        if len(outputs) < self._k:
            raise ConfigError(
                f"{self.use} with k = {self._k} needs at least {self._k} answers to a case, there are {len(outputs)}",
                where=self._where,
                tip=f"set epochs = {self._k} or more in the gate",
            )
        right = 0
        for output in outputs:
            verdict = self._is_right(output, case)
            if not isinstance(verdict, bool):
                return verdict
            right += verdict
        value = self.chance(len(outputs), right)
        reason = f"{right} of {len(outputs)} answers are right"
        return self.finish(Score(value=value, reason=reason, evidence={"n": len(outputs), "right": right}))

    def chance(self, n: int, right: int) -> float:
        """The value from the number of answers and of right ones."""
        raise NotImplementedError

    def _is_right(self, output: Output | Failure, case: Case) -> bool | Unscored | Failure:
        result = output if isinstance(output, Failure) else self._right.score(output, case)
        if isinstance(result, Failure):
            return False if result.blame == "candidate" else result
        if isinstance(result, Score) and result.passed is None:
            return Failure(
                stage="scorer", kind="bad_check", message=f"{self._right.use} only measures; give 'of' a threshold"
            )
        return result if isinstance(result, Unscored) else bool(result.passed)


class PassAtK(OverEpochs):
    """``pass_at_k``."""

    def chance(self, n: int, right: int) -> float:
        """At least one of k is right."""
        return float(1 - Fraction(comb(n - right, self._k), comb(n, self._k)))


class PassHatK(OverEpochs):
    """``pass_hat_k``."""

    def chance(self, n: int, right: int) -> float:
        """All of k are right."""
        return float(Fraction(comb(right, self._k), comb(n, self._k)))


FAMILY: Final[Mapping[str, Callable[[Params], OverEpochs]]] = {"pass_at_k": PassAtK, "pass_hat_k": PassHatK}
