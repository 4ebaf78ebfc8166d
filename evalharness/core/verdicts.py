"""The verdict as values: what the gate decided, about what, and why. Reports read these and compute nothing.

Field names and meanings are those of ``evalh gate --json`` (contract, section 5). Differences are signed so that +
is better, whatever the scorer's direction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from evalharness.core.cases import Case
from evalharness.core.errors import EXIT_CODES
from evalharness.core.results import CallCounts, CaseResult
from evalharness.core.specs import EMPTY, thaw

Outcome: TypeAlias = Literal[
    "pass", "regression", "refused", "inconclusive", "incomplete", "store", "interrupted", "bug"
]
Role: TypeAlias = Literal["guard", "improve", "report", "hard"]

SCHEMA = "evalh.verdict/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """A warning that matters, one line."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCounts:
    """How the cases of the two arms met."""

    planned: int = 0
    """Paired cases the gate planned to use (N)."""
    used: int = 0
    """Cases of the contiguous prefix that entered the decision."""
    edited: int = 0
    """Same id, other meaning: not paired."""
    added: int = 0
    """In the eval set, not in the baseline."""
    removed: int = 0
    """In the baseline, not in the eval set any more (or deprecated)."""
    unscored: int = 0
    """Paired, but a scorer gave no number on one side."""
    failed: int = 0
    """Answers that the infrastructure lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededCases:
    """About how many cases a decision would take; None when no affordable number would settle it."""

    if_unchanged: int | None = None
    if_as_seen: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerVerdict:
    """One scorer's part of a gate's verdict."""

    scorer: str
    role: Role = "guard"
    outcome: Outcome = "pass"
    reason: str = ""
    n: int = 0
    """Units in the decision."""
    baseline_mean: float | None = None
    candidate_mean: float | None = None
    difference: float | None = None
    """Mean paired difference, + is better; in the scorer's unit."""
    interval: tuple[float, float] | None = None
    interval_level: float | None = None
    margin: float | None = None
    alpha_pass: float | None = None
    alpha_block: float | None = None
    method: str = "general"
    log_e_pass: float | None = None
    log_e_fail: float | None = None
    log_e_drop: float | None = None
    p_pass: float | None = None
    p_fail: float | None = None
    p_drop: float | None = None
    needed_cases: NeededCases | None = None
    """None once decided."""
    worse: int = 0
    better: int = 0
    same: int = 0
    signature: str = ""
    unit: str = ""
    """``s`` or ``USD`` for latency and cost, ``points`` (x 100) for 0..1 scores; how to print values."""
    details: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """More facts for reports (flakes, variance parts, N_min); JSON values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceVerdict:
    """The same numbers within one slice of the cases."""

    field: str
    value: str
    n: int = 0
    guard: bool = False
    """Declared guard slices can veto; the others are only listed."""
    scorers: tuple[ScorerVerdict, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HardVerdict:
    """A zero-tolerance check."""

    scorer: str
    attempts: int = 2
    flips: tuple[str, ...] = ()
    """Case ids where the baseline passed and the candidate failed every attempt (or, for ``absolute``, failed)."""
    confirmed_as_recorded: bool = False
    """True when answers are recorded and have one attempt: flips are confirmed as they stand."""
    baseline_failed: tuple[str, ...] = ()
    """Case ids whose baseline failed or is absent: listed, not judged."""
    judged: int = 0
    """Cases with a result."""
    unknown: tuple[str, ...] = ()
    """Case ids without a result: the answer was lost, or the scorer broke."""
    signature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstCase:
    """A case that got worse, for the eye."""

    id: str
    scorer: str
    baseline: float
    candidate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVerdict:
    """The decision of one gate (or one ``compare``)."""

    gate: str
    outcome: Outcome
    reason: str
    """One sentence."""
    evalset: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """``{name, version, digest}``."""
    candidate: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """``{name, digest}``."""
    baseline: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """``{name, digest, created}`` and ``commit`` when known."""
    pairs: PairCounts = field(default_factory=PairCounts)
    scorers: tuple[ScorerVerdict, ...] = ()
    slices: tuple[SliceVerdict, ...] = ()
    hard: tuple[HardVerdict, ...] = ()
    run: str = ""
    epochs: int = 1
    worst_cases: tuple[WorstCase, ...] = ()
    calls: CallCounts = field(default_factory=CallCounts)
    order_seed: str = ""
    error: Mapping[str, str] | None = None
    """``{code, message, where, tip}`` when refused, incomplete or broken."""
    notes: tuple[str, ...] = ()
    """Sentences a person should read: unchanged, N below N_min, tries, missed-regression chance if merged."""
    warnings: tuple[Warned, ...] = ()
    """Warnings of this gate; ``Verdict.warnings`` collects them."""
    exit_outcome: Outcome | None = None
    """Differs from ``outcome`` where the config says inconclusive or incomplete may pass; None = the same."""
    seconds: float = 0.0
    """Wall time of the gate."""

    @property
    def exit_code(self) -> int:
        """Exit code of this gate alone."""
        return EXIT_CODES[self.exit_outcome or self.outcome]

    def to_json(self) -> dict[str, Any]:
        """The gate object of the contract."""
        data: dict[str, Any] = _plain(self)
        for internal in ("warnings", "exit_outcome"):
            data.pop(internal)
        if self.error is None:
            data.pop("error")
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision of one command over all its gates."""

    outcome: Outcome
    exit_code: int
    gates: tuple[GateVerdict, ...] = ()
    warnings: tuple[Warned, ...] = ()
    error: Mapping[str, str] | None = None

    def __bool__(self) -> bool:
        return self.exit_code == 0

    def to_json(self) -> dict[str, Any]:
        """The one object that ``--json`` prints."""
        data: dict[str, Any] = {
            "schema": SCHEMA,
            "outcome": self.outcome,
            "exit_code": self.exit_code,
            "warnings": [_plain(warned) for warned in self.warnings],
            "gates": [gate.to_json() for gate in self.gates],
        }
        if self.error is not None:
            data["error"] = thaw(self.error)
        return data


def gate_from_json(data: Mapping[str, Any]) -> GateVerdict:
    """A gate's verdict from the object that ``to_json`` gave (what the store keeps); unknown keys are ignored.

    Raises:
        TypeError: If a value has another shape than ``to_json`` gives.
    """
    plain: dict[str, Any] = {f.name: data[f.name] for f in fields(GateVerdict) if f.name in data}
    plain["pairs"] = PairCounts(**data["pairs"])
    plain["calls"] = CallCounts(**data["calls"])
    plain["scorers"] = tuple(_scorer_from_json(one) for one in data["scorers"])
    plain["slices"] = tuple(
        SliceVerdict(**{**part, "scorers": tuple(_scorer_from_json(one) for one in part["scorers"])})
        for part in data["slices"]
    )
    plain["hard"] = tuple(
        HardVerdict(**{**check, "flips": tuple(check["flips"]), "baseline_failed": tuple(check["baseline_failed"])})
        for check in data["hard"]
    )
    plain["worst_cases"] = tuple(WorstCase(**case) for case in data["worst_cases"])
    plain["notes"] = tuple(data.get("notes", ()))
    return GateVerdict(**plain)


def _scorer_from_json(data: Mapping[str, Any]) -> ScorerVerdict:
    needed = data["needed_cases"]
    return ScorerVerdict(
        **{
            **data,
            "interval": None if data["interval"] is None else tuple(data["interval"]),
            "needed_cases": None if needed is None else NeededCases(**needed),
        }
    )


class EvidencePoint(NamedTuple):
    """Where a guard's evidence stood after some units, as a share of what proves it while running: 1 is proof."""

    units: int
    """Units (cases, or clusters) used so far."""
    passing: float
    """Log evidence that it is not worse by the margin, over its bar."""
    failing: float
    """Log evidence that it is worse, over its bar."""


class ChancePoint(NamedTuple):
    """What this gate does with this many cases at one true change."""

    change: float
    """True change on the scorer's scale; a loss is negative."""
    passes: float
    """Chance of PASS, 0..1."""
    blocks: float
    """Chance of FAIL, 0..1."""


def no_chances() -> Mapping[str, Sequence[ChancePoint]]:
    """Nothing is known of what the gate would see."""
    return EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One comparison whole: the verdict, and both arms behind it. What reports show cases from; never part of JSON."""

    gate: GateVerdict
    cases: Mapping[str, Case] = field(default_factory=lambda: EMPTY)
    """Case id -> case, paired ones first in the planned order."""
    baseline: Mapping[str, CaseResult] = field(default_factory=lambda: EMPTY)
    """Case id -> the baseline's answers and scores."""
    candidate: Mapping[str, CaseResult] = field(default_factory=lambda: EMPTY)
    """Case id -> the candidate's; cases never asked are absent."""
    verdict: Verdict | None = None
    """The command's verdict when this is its only gate (``evalharness.compare``)."""
    paths: Mapping[str, Sequence[EvidencePoint]] = field(default_factory=lambda: EMPTY)
    """Guard -> how its evidence grew, at no more than a few hundred places."""
    chances: Callable[[], Mapping[str, Sequence[ChancePoint]]] = no_chances
    """Guard -> what it would say at given true changes, worked out when a report asks (up to seconds)."""


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value
