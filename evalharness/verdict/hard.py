"""Hard checks: zero tolerance, no statistics. A flip counts once every attempt has failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from evalharness.config.model import LimitConfig
from evalharness.core.errors import ConfigError
from evalharness.core.results import CaseResult, Score, Trial, Unscored
from evalharness.core.verdicts import HardVerdict
from evalharness.verdict.measure import passes

ONE_ATTEMPT_CASES: Final = 20
"""Cases up to which a single attempt may decide although it is not known how the answers vary."""


@dataclass(slots=True, kw_only=True)
class HardCheck:
    """The state of one ``every`` limit: which cases flipped, which could not be judged."""

    limit: LimitConfig
    signature: str
    recorded: bool
    """The candidate's answers are recorded: one attempt, a flip is confirmed as it stands."""
    flips: list[str] = field(default_factory=list)
    baseline_failed: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Cases without a result: the infrastructure lost the answer, or the scorer broke."""
    judged: int = 0
    passed: int = 0

    @property
    def attempts(self) -> int:
        """Attempts that must all fail."""
        return 1 if self.recorded else self.limit.attempts

    @property
    def absolute(self) -> bool:
        """True when every case must pass whatever the baseline did."""
        return self.limit.every == "absolute"

    def guards(self, baseline: CaseResult | None) -> bool:
        """Whether this check looks at a case: its baseline passed, or the check asks no baseline."""
        return not self._excused(baseline)

    def refuse_one_attempt(self, cases: int, *, stored: int) -> None:
        """One attempt against one stored answer blocks an unchanged candidate that flakes at all (gate-exact B5).

        Args:
            cases: Paired cases.
            stored: Stored answers per case that must all have passed.

        Raises:
            ConfigError: If a single attempt decides on many cases, and nothing is known of how the answers vary.
        """
        if self.absolute or self.recorded or self.attempts > 1 or stored > 1 or cases <= ONE_ATTEMPT_CASES:
            return
        raise ConfigError(
            f"{self.limit.scorer!r} with attempts = 1 on {cases} cases would block an unchanged candidate that fails now "
            "and then",
            where=self.limit.where,
            tip="attempts = 2 (the default), or a baseline of several epochs",
        )

    def wants_attempt(self, result: CaseResult, baseline: CaseResult | None) -> bool:
        """True when this case failed so far, the baseline passed, and attempts are left."""
        if self._excused(baseline):
            return False
        verdicts = [passes(trial, self.limit.scorer) for trial in result.trials]
        return 0 < len(verdicts) < self.attempts and all(verdict is False for verdict in verdicts)

    def observe(self, result: CaseResult, baseline: CaseResult | None) -> None:
        """Take the complete attempts of the next case."""
        if all(_not_applicable(trial, self.limit.scorer) for trial in result.trials):
            return
        if self._excused(baseline):
            self.baseline_failed.append(result.case_id)
            return
        verdicts = [passes(trial, self.limit.scorer) for trial in result.trials][: max(self.attempts, 1)]
        if any(verdicts):
            self.judged += 1
            self.passed += 1
        elif all(verdict is False for verdict in verdicts):
            self.judged += 1
            self.flips.append(result.case_id)
        else:
            self.unknown.append(result.case_id)

    def verdict(self) -> HardVerdict:
        """What reports show."""
        return HardVerdict(
            scorer=self.limit.scorer,
            attempts=self.attempts,
            flips=tuple(self.flips),
            confirmed_as_recorded=self.recorded and bool(self.flips),
            baseline_failed=tuple(self.baseline_failed),
            judged=self.judged,
            unknown=tuple(self.unknown),
            signature=self.signature,
        )

    def _excused(self, baseline: CaseResult | None) -> bool:
        """A case whose baseline failed, or has no result, is listed and not judged (unless the check is absolute)."""
        if self.absolute:
            return False
        if baseline is None:
            return True
        verdicts = [passes(trial, self.limit.scorer) for trial in baseline.epoch_trials()]
        return not verdicts or not all(verdicts)


def _not_applicable(trial: Trial, name: str) -> bool:
    result = trial.scores.get(name)
    return isinstance(result, Unscored) and not isinstance(result, Score)
