"""Small arms for the tests of the verdict: cases, results and scorer facts, spelled in a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalharness.config.model import GateConfig, LimitConfig
from evalharness.core.cases import Case, EvalSet
from evalharness.core.results import CaseResult, Failure, Output, Score, ScoreResult, Trial, Unscored
from evalharness.verdict.baseline import Baseline
from evalharness.verdict.judge import GateCase, GateJudge
from evalharness.verdict.pairing import order_seed, pair

LOST = Failure(stage="candidate", kind="timeout", message="no answer in 60 s")
CRASH = Failure(stage="candidate", kind="raised", message="KeyError", blame="candidate")


@dataclass(frozen=True)
class Facts:
    """A scorer as the verdict sees it."""

    name: str = "exact"
    use: str = "exact_match"
    signature: str = "exact_match|evalharness 1"
    low: float = 0.0
    high: float = 1.0
    direction: str = "higher"
    binary: bool = True
    needs: frozenset[str] = frozenset()
    costly: bool = False


@dataclass(frozen=True)
class GroupFacts(Facts):
    """A scorer that gives a whole behaviour group one value."""

    name: str = "invariance"

    def score_group(self, outputs: object, cases: object) -> ScoreResult:
        return Score(value=1.0)


def cases(n: int, **fields: object) -> tuple[Case, ...]:
    return tuple(Case(id=f"c{i:04d}", input="q", **fields) for i in range(n))


def as_result(value: object, name: str) -> tuple[Output | Failure, dict[str, ScoreResult]]:
    """A number is a score; a bool says passed; a Failure is a lost answer; None does not apply."""
    if isinstance(value, Failure) and value.stage == "scorer":
        return Output(text="a"), {name: value}
    if isinstance(value, Failure):
        lowest: dict[str, ScoreResult] = (
            {} if value.blame == "infrastructure" else {name: Score(value=0.0, passed=False)}
        )
        return value, lowest
    if value is None:
        return Output(text="a"), {name: Unscored(reason="does not apply")}
    if value == "broken":
        return Output(text="a"), {name: Failure(stage="scorer", kind="raised", message="boom")}
    if isinstance(value, bool):
        return Output(text="a"), {name: Score(value=float(value), passed=value)}
    return Output(text="a"), {name: Score(value=float(value))}  # type: ignore[arg-type]


def result(case: Case, *attempts: object, name: str = "exact", epochs: Sequence[object] = ()) -> CaseResult:
    """One case: several attempts of the first epoch, or several epochs."""
    planned = [(0, i, v) for i, v in enumerate(attempts)] or [(e, 0, v) for e, v in enumerate(epochs)]
    trials = []
    for epoch, attempt, value in planned:
        output, scores = as_result(value, name)
        trials.append(Trial(case_id=case.id, epoch=epoch, attempt=attempt, output=output, scores=scores))
    return CaseResult(case_id=case.id, case_digest=case.digest, trials=tuple(trials))


def results(some: Sequence[Case], values: Sequence[object], name: str = "exact") -> dict[str, CaseResult]:
    return {case.id: result(case, value, name=name) for case, value in zip(some, values, strict=True)}


def merged(*arms: Mapping[str, CaseResult]) -> dict[str, CaseResult]:
    """One result per case with the scores of all arms (one trial each)."""
    found = {}
    for case_id, first in arms[0].items():
        scores: dict[str, ScoreResult] = {}
        for arm in arms:
            scores.update(arm[case_id].trials[0].scores)
        trial = first.trials[0]
        found[case_id] = CaseResult(
            case_id=case_id,
            case_digest=first.case_digest,
            trials=(Trial(case_id=case_id, output=trial.output, scores=scores),),
        )
    return found


def limit(scorer: str = "exact", **fields: object) -> LimitConfig:
    return LimitConfig(scorer=scorer, **({"margin": 0.05} | fields))  # type: ignore[arg-type]


def gate(*limits: LimitConfig, **fields: object) -> GateConfig:
    return GateConfig(name="g", candidate="new", evalset="s", limits=limits or (limit(),), **fields)  # type: ignore[arg-type]


def baseline(stored: Mapping[str, CaseResult], **fields: object) -> Baseline:
    return Baseline(name="old", digest="d" * 64, run="r1", results=stored, **fields)  # type: ignore[arg-type]


def judge(
    some: Sequence[Case],
    stored: Mapping[str, CaseResult],
    rule: GateConfig | None = None,
    *,
    scorers: Sequence[Facts] = (Facts(),),
    recorded: bool = False,
    slice_fields: tuple[str, ...] = (),
    pinned: Baseline | None = None,
    live: Mapping[str, frozenset[str]] | None = None,
    **fields: object,
) -> GateJudge:
    evalset = EvalSet(name="s", cases=tuple(some))
    return GateJudge(
        GateCase(
            gate=rule or gate(),
            baseline=baseline(stored, **fields),
            pairing=pair(evalset, stored),
            scorers={scorer.name: scorer for scorer in scorers},  # type: ignore[misc]
            order_seed=order_seed(evalset.digest, "r1", ""),
            recorded=recorded,
            cases=evalset.living,
            slice_fields=slice_fields,
            pinned=pinned,
            live=live,
        )
    )


def feed(judged: GateJudge, arm: Mapping[str, CaseResult]) -> int:
    """Feed an arm in the planned order until the judge is settled; how many cases it took."""
    for number, case in enumerate(judged.order(), 1):
        if judged.observe(arm[case.id]):
            return number
    return len(judged.order())
