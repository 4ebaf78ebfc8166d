"""What all scorers have in common: facts, ``threshold``, ``not``, the range, and how absence is said.

A scorer is a class that reads its parameters and measures one output:

    class Contains(Scorer):
        asserts = binary = True                            # value is 1 or 0, and says passed or failed

        def __init__(self, params: Params) -> None:
            self._value = params.text("value")             # typed, checked, part of the signature
            super().__init__(params)                       # refuses what is left over

        def measure(self, output: Output, case: Case, /) -> ScoreResult:
            return self.verdict(self._value in (output.text or ""), "...")

    FAMILY = {"contains": Contains}                        # word -> factory; registry.py lists the word
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.protocols import Direction
from evalharness.core.results import Failure, Output, Score, ScoreResult
from evalharness.core.specs import EMPTY
from evalharness.scorers.parameters import Params

OWN: Final = "evalharness 1"
"""Version word of scorers computed by this package's own code. It is raised for a scorer when its numbers change, not
with every release: a release that computes the same numbers must not void a baseline."""

CUT: Final = 200
"""Characters of expected and seen text that a reason shows at most."""

SNAP: Final = 1e-9
"""Values this near to a bound of the range are the bound (contract, section 2)."""


class Facts:
    """What every scorer of ours states, and how a plain score becomes the one that is handed out.

    Args:
        params: The parameters, all read by the subclass before it calls this.
        version: Package and version that computes the value.

    Raises:
        ConfigError: If the table holds an unknown parameter, or ``not`` on a scorer whose values are not 0..1.
    """

    low: float = 0.0
    high: float = 1.0
    direction: Direction = "higher"
    binary: bool = False
    needs: frozenset[str] = frozenset()
    costly: bool = False

    def __init__(self, params: Params, *, version: str = OWN) -> None:
        params.done()
        spec = params.spec
        if spec.negate and (self.low, self.high) != (0.0, 1.0):
            raise ConfigError(
                f"'not' goes with scorers whose values are 0..1, not with {spec.component.use}",
                where=params.place("not"),
                tip="set a threshold, or a cap in the gate",
            )
        self.name: str = spec.component.name
        self.use: str = spec.component.use
        self.signature: str = params.signature(version)
        self._threshold = spec.threshold
        self._negate = spec.negate

    def finish(self, result: ScoreResult) -> ScoreResult:
        """Apply the range, ``threshold`` and ``not`` to what ``measure`` (or a batch) gave, and sign it."""
        if not isinstance(result, Score):
            return result
        value = self._in_range(result.value)
        if value is None:
            return Failure(
                stage="scorer", kind="bad_value", message=f"{self.use} gave {result.value!r}, outside its own range"
            )
        if (
            self._threshold is None
            and not self._negate
            and result.signature == self.signature
            and value is result.value
        ):
            return result  # signed already: making a second one takes longer than many a measure
        passed = result.passed
        if self._threshold is not None:
            passed = value >= self._threshold if self.direction == "higher" else value <= self._threshold
        reason = result.reason
        if self._negate:
            value, passed = 1.0 - value, None if passed is None else not passed
            reason = f"not: {reason}" if reason else ""
        return Score(
            value=value,
            passed=passed,
            reason=reason,
            evidence=result.evidence,
            parts=result.parts,
            signature=self.signature,
        )

    def _in_range(self, value: float) -> float | None:
        if self.low <= value <= self.high and value != float("inf"):
            return float(value)
        if self.low - SNAP <= value < self.low:
            return self.low
        if self.high < value <= self.high + SNAP:
            return self.high
        return None  # NaN and infinity come here too


class Scorer(Facts):
    """A case scorer. Subclasses set the facts, read their parameters and write ``measure``."""

    asserts: ClassVar[bool] = False
    """True when the scorer itself says passed or failed."""
    reads_text: ClassVar[bool] = True
    """True when an output without text gets the lowest value before ``measure`` is asked (also under ``not``)."""

    def score(self, output: Output, case: Case) -> ScoreResult:
        """The score of one output, ``Unscored`` where it does not apply, a ``Failure`` where the scorer broke."""
        if output.text is None and self.reads_text:
            return self._without_text()
        return self.finish(self.measure(output, case))

    def measure(self, output: Output, case: Case, /) -> ScoreResult:
        """The plain score, before ``not`` and ``threshold``; subclasses write it."""
        raise NotImplementedError

    def verdict(self, holds: bool, reason: str, evidence: Mapping[str, Any] = EMPTY) -> Score:  # noqa: FBT001 - the verdict itself
        """The score of an assertion: 1 and passed, or 0 and failed."""
        value = 1.0 if holds else 0.0
        return Score(value=value, passed=holds, reason=reason, evidence=evidence, signature=self.signature)

    def _without_text(self) -> ScoreResult:
        if self.direction == "lower":  # the lowest value would be the best one
            return Failure(stage="scorer", kind="no_text", message="the output has no text", blame="candidate")
        failed = False if self.asserts or self._threshold is not None else None
        return Score(value=self.low, passed=failed, reason="the output has no text", signature=self.signature)


def shown(text: str, limit: int = CUT) -> str:
    """A text for a reason: quoted, one line, cut to ``limit`` characters."""
    cut = text if len(text) <= limit else text[: limit - 3] + "..."
    return repr(cut)
